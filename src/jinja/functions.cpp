// Calling builtins, and the global functions.
#include "jinja/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "jinja/operations.h"

namespace weld::jinja {
namespace {

class BoundMethod : public Callable {
 public:
  BoundMethod(const Builtin& method, Value self) : method_(method), self_(std::move(self)) {}
  const char* type() const override { return "builtin_function_or_method"; }
  Value call(Heap& heap, Arguments& arguments) override {
    return call_builtin(heap, method_, self_, arguments);
  }

 private:
  const Builtin& method_;
  Value self_;
};

/// Text the first time nothing, then always the separator.
class Joiner : public Callable {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  const char* type() const override { return "Joiner"; }
  Value call(Heap& heap, Arguments&) override {
    if (used_) return separator_;
    used_ = true;
    return make_text(heap, "");
  }

 private:
  Value separator_;
  bool used_ = false;
};

class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  const char* type() const override { return "Cycler"; }
  std::optional<Value> attribute(Heap&, const std::string& name) override {
    if (name == "current") return items_[at_];
    return std::nullopt;
  }
  Value next() {
    const Value& item = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return item;
  }
  void reset() { at_ = 0; }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

constexpr Builtin cycler_methods[] = {
    {"next", "", [](Call& call) { return as<Cycler>(call.self)->next(); }},
    {"reset", "",
     [](Call& call) {
       as<Cycler>(call.self)->reset();
       return Value(None{});
     }},
};

class Clock : public Callable {
 public:
  explicit Clock(const std::tm& now) : now_(now) {}
  Value call(Heap& heap, Arguments& arguments) override {
    Call call(heap, None{}, arguments);
    call.bind("strftime_now", "format");
    // A result of no bytes cannot be told from one without room: a mark is added.
    const std::string format = call.text(0) + '.';
    std::string result(format.size() + 256, '\0');
    for (int tries = 0; tries < 3; ++tries) {
      heap.take(result.size());
      const size_t size = std::strftime(result.data(), result.size(), format.c_str(), &now_);
      heap.give(result.size());
      if (size > 0) return make_text(heap, std::string_view(result).substr(0, size - 1));
      result.resize(result.size() * 8);
    }
    fault("strftime_now: the date is too long");
  }

 private:
  std::tm now_;
};

Value make_dict(Call& call) {
  Dict* dict = call.heap.make<Dict>(call.heap);
  if (call.arguments.positional.size() > 1) fault("dict expected at most 1 argument");
  for (const Value& source : call.arguments.positional) {
    need_defined(source);
    if (const Dict* other = as_dict(source)) {
      for (const Dict::Entry& entry : other->entries())
        dict->set(call.heap, entry.key, entry.value);
      continue;
    }
    for (const Value& item : collect(call.heap, source)) {
      const std::vector<Value> pair = collect(call.heap, item);
      if (pair.size() != 2) fault("dictionary update sequence element is no pair");
      dict->set(call.heap, pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : call.arguments.named)
    dict->set(call.heap, make_text(call.heap, name), value);
  return dict;
}

Value make_range(Call& call) {
  const int64_t first = call.integer(0, 0);
  const bool one = !call.has(1);
  const int64_t step = call.integer(2, 1);
  if (step == 0) fault("range() arg 3 must not be zero");
  return call.heap.make<Range>(one ? 0 : first, one ? first : call.integer(1, 0), step);
}

constexpr Builtin globals[] = {
    {"range", "start stop? step?", make_range},
    {"dict", "*", make_dict},
    {"namespace", "*",
     [](Call& call) { return Value(call.heap.make<Namespace>(*as_dict(make_dict(call)))); }},
    {"joiner", "sep?",
     [](Call& call) {
       return Value(call.heap.make<Joiner>(call.value(0, make_text(call.heap, ", "))));
     }},
    {"cycler", "*",
     [](Call& call) {
       if (call.arguments.positional.empty()) fault("at least one item has to be provided");
       call.heap.take(call.arguments.positional.size() * sizeof(Value));
       return Value(call.heap.make<Cycler>(call.arguments.positional));
     }},
    {"raise_exception", "message",
     [](Call& call) -> Value {
       Builder message(call.heap);
       write_text(message, call.heap, call[0]);
       fault(message.bytes());
     }},
};

}  // namespace

void Call::bind(std::string_view name, std::string_view parameters) {
  if (parameters == "*") return;
  const size_t given = arguments.positional.size();
  size_t used = 0;
  while (!parameters.empty()) {
    std::string_view parameter = parameters.substr(0, parameters.find(' '));
    parameters.remove_prefix(std::min(parameter.size() + 1, parameters.size()));
    const bool optional = parameter.ends_with('?');
    if (optional) parameter.remove_suffix(1);
    std::optional<Value> named = arguments.take(parameter);
    if (bound_.size() < given) {
      if (named) fault(fmt::format("{}() got multiple values for argument '{}'", name, parameter));
      named = arguments.positional[bound_.size()];
      ++used;
    }
    if (!named && !optional)
      fault(fmt::format("{}() missing required argument '{}'", name, parameter));
    bound_.push_back(std::move(named));
  }
  if (used < given) fault(fmt::format("{}() takes at most {} arguments", name, bound_.size()));
  if (!arguments.named.empty())
    fault(fmt::format("{}() got an unexpected keyword argument '{}'", name,
                      arguments.named.front().first));
}

int64_t Call::integer(size_t i, int64_t otherwise) const {
  if (!has(i)) return otherwise;
  need_defined(*bound_[i]);
  if (const auto integer = as_int(*bound_[i])) return *integer;
  fault(fmt::format("'{}' object cannot be interpreted as an integer", type_name(*bound_[i])));
}

const std::string& Call::text(size_t i) const {
  if (const Text* text = as_text(*bound_[i])) return text->bytes;
  need_defined(*bound_[i]);
  fault(fmt::format("must be str, not {}", type_name(*bound_[i])));
}

bool Call::truth_of(size_t i) const { return truth(*bound_[i]); }

Value call_builtin(Heap& heap, const Builtin& builtin, const Value& self, Arguments& arguments) {
  const Descent descent(heap);
  heap.step();
  Call call(heap, self, arguments);
  call.bind(builtin.name, builtin.parameters);
  return builtin.body(call);
}

Value bind_method(Heap& heap, const Builtin& method, const Value& self) {
  return heap.make<BoundMethod>(method, self);
}

const Builtin* find_global(std::string_view name) {
  const auto* found = std::find_if(std::begin(globals), std::end(globals),
                                   [&](const Builtin& builtin) { return builtin.name == name; });
  return found == std::end(globals) ? nullptr : found;
}

const Builtin* find_cycler_method(const Value& value, std::string_view name) {
  if (!as<Cycler>(value)) return nullptr;
  for (const Builtin& method : cycler_methods)
    if (method.name == name) return &method;
  return nullptr;
}

Value make_clock(Heap& heap, const std::tm& now) { return heap.make<Clock>(now); }

Value apply_filter(Heap& heap, const std::string& name, const Value& self, Arguments arguments) {
  const Builtin* filter = find_filter(name);
  if (!filter) fault(fmt::format("No filter named '{}'.", name));
  return call_builtin(heap, *filter, self, arguments);
}

bool apply_test(Heap& heap, const std::string& name, const Value& self, Arguments arguments) {
  const Builtin* test = find_test(name);
  if (!test) fault(fmt::format("No test named '{}'.", name));
  return truth(call_builtin(heap, *test, self, arguments));
}

}  // namespace weld::jinja
