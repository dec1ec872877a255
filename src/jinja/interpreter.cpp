// Walks the tree. A scope is entered where Jinja has one: by loops, macros, blocks, but not by
// `if`.
#include "jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jinja/functions.h"
#include "jinja/operations.h"

namespace weld::jinja {
namespace {

using Kind = Node::Kind;
using Body = std::vector<const Node*>;

/// What the statements after one are to do.
enum class Flow { Next, Break, Continue };

class Scope : public Object {
 public:
  explicit Scope(Scope* parent) : parent(parent) {}
  const char* type() const override { return "scope"; }

  const Value* find(int id) const {
    for (const auto& [name, value] : variables)
      if (name == id) return &value;
    return nullptr;
  }
  void set(Heap& heap, int id, Value value) {
    for (auto& variable : variables)
      if (variable.first == id) {
        variable.second = std::move(value);
        return;
      }
    heap.take(2 * sizeof variables[0]);
    variables.emplace_back(id, std::move(value));
  }

  Scope* parent;
  std::vector<std::pair<int, Value>> variables;
  bool captured = false;  ///< a macro reads it, whenever it is called
};

class Interpreter;

class Macro : public Callable {
 public:
  Macro(Interpreter& interpreter, const Node& node, Scope& scope)
      : interpreter_(interpreter), node_(node), scope_(scope) {}
  const char* type() const override { return "Macro"; }
  std::optional<Value> attribute(Heap& heap, const std::string& name) override;
  Value call(Heap& heap, Arguments& arguments) override;

 private:
  Interpreter& interpreter_;
  const Node& node_;
  Scope& scope_;
};

/// `loop`, which looks one element ahead when it is asked whether there is one.
class Loop : public Callable {
 public:
  Loop(Interpreter& interpreter, const Node& node, Scope& scope, const Value& iterable, Next next,
       int depth);
  const char* type() const override { return "LoopContext"; }
  std::optional<Value> attribute(Heap& heap, const std::string& name) override;
  /// Another round of a recursive loop.
  Value call(Heap& heap, Arguments& arguments) override;

  bool advance();
  bool changed(Heap& heap, const Arguments& arguments);
  const Value& cycle(const Arguments& arguments) const;

  Value current;

 private:
  bool peek();
  int64_t rounds(Heap& heap);

  Interpreter& interpreter_;
  const Node& node_;
  Scope& scope_;
  Next next_;
  int depth_;
  int64_t index_ = -1;
  std::optional<int64_t> length_;
  std::optional<Value> previous_, after_;
  std::optional<std::vector<Value>> seen_;  ///< what `changed` was last told
};

/// `loop.cycle` and `loop.changed`.
class LoopMethod : public Callable {
 public:
  LoopMethod(Loop& loop, bool changed) : loop_(loop), changed_(changed) {}
  Value call(Heap& heap, Arguments& arguments) override {
    if (changed_) return loop_.changed(heap, arguments);
    return loop_.cycle(arguments);
  }

 private:
  Loop& loop_;
  bool changed_;
};

class Interpreter {
 public:
  Interpreter(Heap& heap, const Program& program) : heap_(heap), program_(program), main_(heap) {
    for (const Literal& literal : program.constants)
      constants_.push_back(std::visit([&](const auto& value) { return to_value(value); }, literal));
  }

  std::string run(const Dict& variables, const std::tm& now) {
    scope_ = heap_.make<Scope>(nullptr);
    for (size_t i = 0; i < program_.names.size(); ++i) {
      const std::string& name = program_.names[i];
      const auto id = static_cast<int>(i);
      if (const Value* value = variables.find(name))
        scope_->set(heap_, id, *value);
      else if (name == "strftime_now")
        scope_->set(heap_, id, make_clock(heap_, now));
      else if (const Builtin* global = find_global(name))
        scope_->set(heap_, id, bind_method(heap_, *global, None{}));
    }
    root_ = scope_;
    run_body(program_.body);
    return main_.bytes();
  }

  Value call_macro(const Node& node, Scope& scope, Arguments& arguments);
  Value run_captured(const Node& loop, Scope& scope, const Value& iterable, int depth);
  const std::string& name(int id) const { return program_.names[static_cast<size_t>(id)]; }

 private:
  /// Another scope for as long as it lives.
  class Inside {
   public:
    Inside(Interpreter& interpreter, Scope* scope)
        : interpreter_(interpreter), before_(std::exchange(interpreter.scope_, scope)) {}
    ~Inside() { interpreter_.scope_ = before_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Interpreter& interpreter_;
    Scope* before_;
  };

  /// What is printed goes into a text of its own for as long as it lives.
  class Capture {
   public:
    explicit Capture(Interpreter& interpreter)
        : interpreter_(interpreter),
          text_(interpreter.heap_),
          before_(std::exchange(interpreter.out_, &text_)) {}
    ~Capture() { interpreter_.out_ = before_; }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    Value finish() { return text_.finish(); }

   private:
    Interpreter& interpreter_;
    Builder text_;
    Builder* before_;
  };

  Value to_value(std::monostate) { return None{}; }
  Value to_value(bool value) { return value; }
  Value to_value(int64_t value) { return value; }
  Value to_value(double value) { return value; }
  Value to_value(const std::string& value) { return make_text(heap_, value); }

  // Expressions.

  Value evaluate(const Node& node) {
    const Descent descent(heap_);
    try {
      heap_.step();
      return evaluate_kind(node);
    } catch (Fault& found) {
      if (found.line == 0) found.line = node.line;
      throw;
    }
  }

  Value evaluate_kind(const Node& node) {
    switch (node.kind) {
      case Kind::Constant:
        return constants_[static_cast<size_t>(node.id)];
      case Kind::Name:
        return look_up(node.id);
      case Kind::Tuple:
      case Kind::List:
        return make_list(heap_, evaluate_all(node.items), node.kind == Kind::Tuple);
      case Kind::Dict:
        return evaluate_dict(node);
      case Kind::Attribute:
        return get_attribute(heap_, evaluate(*node.left), name(node.id));
      case Kind::Item: {
        const Value value = evaluate(*node.left);
        return get_item(heap_, value, evaluate(*node.right));
      }
      case Kind::Slice:
        return evaluate_slice(node);
      case Kind::Call:
        return evaluate_call(node, nullptr);
      case Kind::Filter:
        return evaluate_filter(node);
      case Kind::Test:
        return evaluate_test(node);
      case Kind::Not:
        return !truth(evaluate(*node.left));
      case Kind::And:
      case Kind::Or: {
        Value left = evaluate(*node.left);
        return truth(left) == (node.kind == Kind::Or) ? left : evaluate(*node.right);
      }
      case Kind::Negate:
        return negate(evaluate(*node.left));
      case Kind::Plus:
        return negate(negate(evaluate(*node.left)));
      case Kind::Calculate: {
        const Value left = evaluate(*node.left);
        return calculate(heap_, static_cast<Operator>(node.id), left, evaluate(*node.right));
      }
      case Kind::Concat:
        return evaluate_concat(node);
      case Kind::Compare:
        return evaluate_compare(node);
      default:
        return evaluate_choice(node);
    }
  }

  Value look_up(int id) {
    for (const Scope* scope = scope_; scope; scope = scope->parent)
      if (const Value* value = scope->find(id)) return *value;
    return make_undefined(heap_, fmt::format("'{}' is undefined", name(id)));
  }

  std::vector<Value> evaluate_all(const Body& nodes) {
    std::vector<Value> values;
    values.reserve(nodes.size());
    for (const Node* node : nodes) values.push_back(evaluate(*node));
    return values;
  }

  Value evaluate_dict(const Node& node) {
    Dict* dict = heap_.make<Dict>(heap_);
    for (size_t i = 0; i < node.items.size(); i += 2) {
      const Value key = evaluate(*node.items[i]);
      dict->set(heap_, key, evaluate(*node.items[i + 1]));
    }
    return dict;
  }

  Value evaluate_slice(const Node& node) {
    const Value value = evaluate(*node.left);
    Value bounds[3];
    for (size_t i = 0; i < 3; ++i)
      bounds[i] = node.items[i] ? evaluate(*node.items[i]) : Value(None{});
    return slice(heap_, value, bounds[0], bounds[1], bounds[2]);
  }

  Value evaluate_concat(const Node& node) {
    Builder out(heap_);
    for (const Node* item : node.items) write_text(out, heap_, evaluate(*item));
    return out.finish();
  }

  Value evaluate_choice(const Node& node) {
    if (truth(evaluate(*node.right))) return evaluate(*node.left);
    if (node.third) return evaluate(*node.third);
    return make_undefined(heap_,
                          "the inline if-expression evaluated to false and no else section was "
                          "defined.");
  }

  Value evaluate_compare(const Node& node) {
    Value left = evaluate(*node.items[0]);
    for (size_t i = 0; i < node.operators.size(); ++i) {
      Value right = evaluate(*node.items[i + 1]);
      if (!holds(node.operators[i], left, right)) return false;
      left = std::move(right);
    }
    return true;
  }

  bool holds(const std::string& sign, const Value& left, const Value& right) {
    if (sign == "==") return equals(heap_, left, right);
    if (sign == "!=") return !equals(heap_, left, right);
    if (sign == "in") return contains(heap_, right, left);
    if (sign == "not in") return !contains(heap_, right, left);
    const auto order = compare(heap_, left, right, sign.c_str());
    if (!order) return false;
    if (*order == 0) return sign.size() == 2;
    return (*order < 0) == (sign[0] == '<');
  }

  Arguments evaluate_arguments(const Node& node) {
    Arguments arguments{evaluate_all(node.items), {}};
    const auto add = [&](const std::string& key, Value value) {
      for (const auto& argument : arguments.named)
        if (argument.first == key)
          fault(fmt::format("got multiple values for keyword argument '{}'", key));
      heap_.step(arguments.named.size());
      arguments.named.emplace_back(key, std::move(value));
    };
    for (const Keyword& keyword : node.keywords) add(name(keyword.name), evaluate(*keyword.value));
    if (node.star)
      for (Value& value : collect(heap_, evaluate(*node.star)))
        arguments.positional.push_back(std::move(value));
    if (node.stars) {
      const Value more = evaluate(*node.stars);
      need_defined(more);
      const Dict* dict = as_dict(more);
      if (!dict) fault("argument after ** must be a mapping");
      for (const Dict::Entry& entry : dict->entries()) {
        if (!as_text(entry.key)) fault("keywords must be strings");
        add(as_text(entry.key)->bytes, entry.value);
      }
    }
    return arguments;
  }

  /// A call, with the body of a call block as its `caller` where there is one.
  Value evaluate_call(const Node& node, Object* caller) {
    Value self, callee;
    const Builtin* method = nullptr;
    if (node.left->kind == Kind::Attribute) {
      // A method that is called at once needs no object of its own.
      self = evaluate(*node.left->left);
      const std::string& attribute = name(node.left->id);
      method = find_method(self, attribute);
      if (!method) callee = get_attribute(heap_, self, attribute);
    } else {
      callee = evaluate(*node.left);
    }
    Arguments arguments = evaluate_arguments(node);
    if (caller) arguments.named.emplace_back("caller", caller);
    if (method) return call_builtin(heap_, *method, self, arguments);
    need_defined(callee);
    auto* callable = as<Callable>(callee);
    if (!callable) fault(fmt::format("'{}' object is not callable", type_name(callee)));
    return callable->call(heap_, arguments);
  }

  Value evaluate_filter(const Node& node) {
    const Value self = node.left ? evaluate(*node.left) : piped_;
    const Builtin* filter = find_filter(name(node.id));
    if (!filter) fault(fmt::format("No filter named '{}' found.", name(node.id)));
    Arguments arguments = evaluate_arguments(node);
    return call_builtin(heap_, *filter, self, arguments);
  }

  Value evaluate_test(const Node& node) {
    const Value self = evaluate(*node.left);
    const Builtin* test = find_test(name(node.id));
    if (!test) fault(fmt::format("No test named '{}' found.", name(node.id)));
    Arguments arguments = evaluate_arguments(node);
    return truth(call_builtin(heap_, *test, self, arguments));
  }

  // Statements.

  Flow run_body(const Body& body) {
    for (const Node* node : body)
      if (const Flow flow = run_statement(*node); flow != Flow::Next) return flow;
    return Flow::Next;
  }

  Flow run_statement(const Node& node) {
    const Descent descent(heap_);
    try {
      heap_.step();
      return run_kind(node);
    } catch (Fault& found) {
      if (found.line == 0) found.line = node.line;
      throw;
    }
  }

  Flow run_kind(const Node& node) {
    switch (node.kind) {
      case Kind::Data:
        print(constants_[static_cast<size_t>(node.id)]);
        return Flow::Next;
      case Kind::Print:
        print(evaluate(*node.left));
        return Flow::Next;
      case Kind::For:
        return run_for(node, *scope_, evaluate(*node.right), 0);
      case Kind::If:
        for (size_t i = 0; i < node.items.size(); ++i)
          if (truth(evaluate(*node.items[i]))) return run_body(node.bodies[i]);
        return run_body(node.otherwise);
      case Kind::Set:
        assign(*node.left, evaluate(*node.right));
        return Flow::Next;
      case Kind::SetBlock:
        return run_set_block(node);
      case Kind::Macro:
        scope_->set(heap_, node.id, make_macro(node));
        return Flow::Next;
      case Kind::CallBlock:
        print(evaluate_call(*node.left, make_macro(node)));
        return Flow::Next;
      case Kind::FilterBlock:
        return run_filter_block(node);
      case Kind::With:
        return run_with(node);
      case Kind::Scope: {
        const Inside inside(*this, heap_.make<Scope>(scope_));
        return run_body(node.body);
      }
      case Kind::Break:
        return Flow::Break;
      default:
        return Flow::Continue;
    }
  }

  void print(const Value& value) {
    write_text(*out_, heap_, value);
    if (main_.bytes().size() > heap_.limits().output)
      fault(fmt::format("more than {} bytes of output", heap_.limits().output));
  }

  Object* make_macro(const Node& node) {
    for (Scope* scope = scope_; scope && !scope->captured; scope = scope->parent)
      scope->captured = true;
    return heap_.make<Macro>(*this, node, *scope_);
  }

  void assign(const Node& target, const Value& value) {
    if (target.kind == Kind::Name) return scope_->set(heap_, target.id, value);
    if (target.kind == Kind::NamespaceItem) {
      auto* space = as<Namespace>(look_up(target.left->id));
      if (!space) fault("cannot assign attribute on non-namespace object");
      return space->values.set(heap_, make_text(heap_, name(target.id)), value);
    }
    const std::vector<Value> values = collect(heap_, value);
    const size_t wanted = target.items.size();
    if (values.size() < wanted)
      fault(
          fmt::format("not enough values to unpack (expected {}, got {})", wanted, values.size()));
    if (values.size() > wanted)
      fault(fmt::format("too many values to unpack (expected {})", wanted));
    for (size_t i = 0; i < wanted; ++i) assign(*target.items[i], values[i]);
  }

  /// Runs the body of a node and gives what it prints, unless it ends early.
  Flow capture_body(const Node& node, Value& text) {
    Capture capture(*this);
    const Flow flow = run_body(node.body);
    if (flow == Flow::Next) text = capture.finish();
    // The analyzer does not follow ~Capture, which puts out_ back.
    return flow;  // NOLINT(clang-analyzer-core.StackAddressEscape)
  }

  Flow run_set_block(const Node& node) {
    Value text;
    {
      const Inside inside(*this, heap_.make<Scope>(scope_));
      if (const Flow flow = capture_body(node, text); flow != Flow::Next) return flow;
      if (node.right) text = evaluate_piped(*node.right, text);
    }
    assign(*node.left, text);
    return Flow::Next;
  }

  Flow run_filter_block(const Node& node) {
    const Inside inside(*this, heap_.make<Scope>(scope_));
    Value text;
    if (const Flow flow = capture_body(node, text); flow != Flow::Next) return flow;
    print(evaluate_piped(*node.right, text));
    return Flow::Next;
  }

  /// A chain of filters that begins with a text.
  Value evaluate_piped(const Node& filters, Value text) {
    const Value before = std::exchange(piped_, std::move(text));
    Value result = evaluate(filters);
    piped_ = before;
    return result;
  }

  Flow run_with(const Node& node) {
    Scope* scope = heap_.make<Scope>(scope_);
    for (size_t i = 0; i < node.items.size(); i += 2) {
      const Value value = evaluate(*node.items[i + 1]);
      const Inside inside(*this, scope);
      assign(*node.items[i], value);
    }
    const Inside inside(*this, scope);
    return run_body(node.body);
  }

  /// The elements for which the loop's condition holds.
  Next filtered(const Node& node, Scope& outer, Next next) {
    return [this, &node, &outer, next = std::move(next)](Value& element) {
      Scope* scope = heap_.make<Scope>(&outer);
      const Inside inside(*this, scope);
      while (next(element)) {
        scope->variables.clear();
        assign(*node.left, element);
        if (truth(evaluate(*node.third))) return true;
      }
      return false;
    };
  }

  Flow run_for(const Node& node, Scope& outer, const Value& iterable, int depth) {
    Next next = elements(heap_, iterable);
    if (node.third) next = filtered(node, outer, std::move(next));
    Loop* loop = heap_.make<Loop>(*this, node, outer, node.third ? Value(None{}) : iterable,
                                  std::move(next), depth);
    Scope* scope = heap_.make<Scope>(&outer);
    bool finished = false;
    while (loop->advance()) {
      if (scope->captured) scope = heap_.make<Scope>(&outer);
      scope->variables.clear();
      const Inside inside(*this, scope);
      scope->set(heap_, loop_id(), loop);
      assign(*node.left, loop->current);
      const Flow flow = run_body(node.body);
      if (flow == Flow::Break) break;
      finished = finished || flow == Flow::Next;
    }
    // Jinja takes `else` where no round came to its end, be it that all were broken off.
    if (finished) return Flow::Next;
    const Inside inside(*this, heap_.make<Scope>(&outer));
    return run_body(node.otherwise);
  }

  /// The name `loop`, if the program has it at all.
  int loop_id() {
    if (!loop_id_) {
      const auto found = std::find(program_.names.begin(), program_.names.end(), "loop");
      loop_id_ =
          found == program_.names.end() ? -1 : static_cast<int>(found - program_.names.begin());
    }
    return *loop_id_;
  }

  Heap& heap_;
  const Program& program_;
  std::vector<Value> constants_;
  Builder main_;
  Builder* out_ = &main_;
  Scope* scope_ = nullptr;
  Scope* root_ = nullptr;
  Value piped_;  ///< the text of a block on its way through filters
  std::optional<int> loop_id_;
};

Value Interpreter::call_macro(const Node& node, Scope& outer, Arguments& arguments) {
  const Descent descent(heap_);
  const std::string& its_name = name(node.id);
  Scope* scope = heap_.make<Scope>(&outer);
  const Inside inside(*this, scope);
  const size_t parameters = node.items.size();
  const size_t first_default = parameters - node.keywords.size();
  bool found_caller = false;
  std::vector<std::optional<Value>> given(parameters);
  for (size_t i = 0; i < parameters; ++i) {
    const std::string& parameter = name(node.items[i]->id);
    given[i] = i < arguments.positional.size() ? std::optional(arguments.positional[i])
                                               : arguments.take(parameter);
    found_caller = found_caller || parameter == "caller";
  }
  const auto set = [&](const char* special, Value value) {
    const auto found = std::find(program_.names.begin(), program_.names.end(), special);
    scope->set(heap_, static_cast<int>(found - program_.names.begin()), std::move(value));
  };
  if (node.reads_caller && !found_caller)
    set("caller", arguments.take("caller").value_or(make_undefined(heap_, "No caller defined")));
  if (node.reads_kwargs) {
    Dict* named = heap_.make<Dict>(heap_);
    for (const auto& [key, value] : arguments.named)
      named->set(heap_, make_text(heap_, key), value);
    set("kwargs", named);
  } else if (!arguments.named.empty()) {
    fault(fmt::format("macro '{}' takes no keyword argument '{}'", its_name,
                      arguments.named.front().first));
  }
  std::vector<Value>& positional = arguments.positional;
  if (node.reads_varargs) {
    const size_t used = std::min(parameters, positional.size());
    set("varargs",
        make_list(heap_, {positional.begin() + static_cast<ptrdiff_t>(used), positional.end()},
                  true));
  } else if (positional.size() > parameters) {
    fault(fmt::format("macro '{}' takes not more than {} argument(s)", its_name, parameters));
  }
  for (size_t i = 0; i < parameters; ++i) {
    const int id = node.items[i]->id;
    if (given[i])
      scope->set(heap_, id, *given[i]);
    else if (i >= first_default)
      scope->set(heap_, id, evaluate(*node.keywords[i - first_default].value));
    else
      scope->set(heap_, id,
                 make_undefined(heap_, fmt::format("parameter '{}' was not provided", name(id))));
  }
  Capture capture(*this);
  run_body(node.body);
  return capture.finish();
}

Value Interpreter::run_captured(const Node& loop, Scope& scope, const Value& iterable, int depth) {
  const Descent descent(heap_);
  Capture capture(*this);
  run_for(loop, scope, iterable, depth);
  return capture.finish();
}

std::optional<Value> Macro::attribute(Heap& heap, const std::string& name) {
  if (name == "name") return make_text(heap, interpreter_.name(node_.id));
  return std::nullopt;
}

Value Macro::call(Heap&, Arguments& arguments) {
  return interpreter_.call_macro(node_, scope_, arguments);
}

Loop::Loop(Interpreter& interpreter, const Node& node, Scope& scope, const Value& iterable,
           Next next, int depth)
    : interpreter_(interpreter), node_(node), scope_(scope), next_(std::move(next)), depth_(depth) {
  if (const auto size = find_length(iterable)) length_ = static_cast<int64_t>(*size);
}

bool Loop::peek() {
  if (after_) return true;
  Value element;
  if (!next_(element)) return false;
  after_ = std::move(element);
  return true;
}

bool Loop::advance() {
  if (!peek()) return false;
  if (++index_ > 0) previous_ = std::move(current);
  current = std::move(*after_);
  after_.reset();
  return true;
}

int64_t Loop::rounds(Heap& heap) {
  if (length_) return *length_;
  std::vector<Value> rest;
  Value element;
  while (next_(element)) {
    heap.take(sizeof(Value));
    rest.push_back(std::move(element));
  }
  length_ = static_cast<int64_t>(rest.size()) + index_ + 1 + (after_ ? 1 : 0);
  next_ = [rest = std::move(rest), at = size_t{0}](Value& next) mutable {
    if (at == rest.size()) return false;
    next = rest[at++];
    return true;
  };
  return *length_;
}

std::optional<Value> Loop::attribute(Heap& heap, const std::string& name) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "first") return index_ == 0;
  if (name == "last") return !peek();
  if (name == "length") return rounds(heap);
  if (name == "revindex") return rounds(heap) - index_;
  if (name == "revindex0") return rounds(heap) - index_ - 1;
  if (name == "depth") return int64_t{depth_} + 1;
  if (name == "depth0") return int64_t{depth_};
  if (name == "previtem")
    return previous_ ? *previous_ : make_undefined(heap, "there is no previous item");
  if (name == "nextitem") return peek() ? *after_ : make_undefined(heap, "there is no next item");
  if (name == "cycle" || name == "changed") return heap.make<LoopMethod>(*this, name == "changed");
  return std::nullopt;
}

Value Loop::call(Heap&, Arguments& arguments) {
  if (!node_.flag) fault("The loop must have the 'recursive' marker to be called recursively.");
  if (arguments.positional.size() != 1 || !arguments.named.empty())
    fault("loop() takes one argument");
  return interpreter_.run_captured(node_, scope_, arguments.positional[0], depth_ + 1);
}

bool Loop::changed(Heap& heap, const Arguments& arguments) {
  const std::vector<Value>& now = arguments.positional;
  if (seen_ && seen_->size() == now.size() &&
      std::equal(now.begin(), now.end(), seen_->begin(),
                 [&](const Value& a, const Value& b) { return equals(heap, a, b); }))
    return false;
  heap.take(now.size() * sizeof(Value));
  seen_ = now;
  return true;
}

const Value& Loop::cycle(const Arguments& arguments) const {
  if (arguments.positional.empty()) fault("no items for cycling given");
  return arguments.positional[static_cast<size_t>(index_) % arguments.positional.size()];
}

}  // namespace

std::string interpret(Heap& heap, const Program& program, const Dict& variables,
                      const std::tm& now) {
  return Interpreter(heap, program).run(variables, now);
}

}  // namespace weld::jinja
