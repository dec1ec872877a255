// Operators and protocols, each over all the types that have them.
#include "jinja/operations.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/format.h"
#include "jinja/functions.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

constexpr const char* operator_signs[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void overflow() { fault("integer overflow: integers have 64 bits here"); }

/// Exact for integers and floats alike: a long double has 64 bits of mantissa.
long double widen(const Value& value) {
  if (const auto integer = as_int(value)) return static_cast<long double>(*integer);
  return static_cast<long double>(std::get<double>(value));
}

bool is_number(const Value& value) { return as_number(value).has_value(); }

std::optional<int> order(long double a, long double b) {
  if (std::isnan(a) || std::isnan(b)) return std::nullopt;
  return a < b ? -1 : a > b ? 1 : 0;
}

/// How Jinja names what has no such attribute.
std::string owner_name(const Value& value) {
  return is_none(value) ? "None" : type_name(value) + " object";
}

Value undefined_attribute(Heap& heap, const Value& value, const std::string& name) {
  return make_undefined(heap, fmt::format("'{}' has no attribute '{}'", owner_name(value), name));
}

void write_items(Builder& out, Heap& heap, const std::vector<Value>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.add(", ");
    write_repr(out, heap, items[i]);
  }
}

void write_text_repr(Builder& out, std::string_view text) {
  const bool both = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = both ? '"' : '\'';
  out.add({&quote, 1});
  while (!text.empty()) {
    const auto [code, bytes] = first_character(text);
    if (code == static_cast<uint32_t>(quote) || code == '\\')
      out.add(std::string{'\\', static_cast<char>(code)});
    else if (code == '\n')
      out.add("\\n");
    else if (code == '\r')
      out.add("\\r");
    else if (code == '\t')
      out.add("\\t");
    else if (is_printable(code))
      out.add(text.substr(0, bytes));
    else if (code < 0x100)
      out.add(fmt::format("\\x{:02x}", code));
    else if (code < 0x10000)
      out.add(fmt::format("\\u{:04x}", code));
    else
      out.add(fmt::format("\\U{:08x}", code));
    text.remove_prefix(bytes);
  }
  out.add({&quote, 1});
}

void write_object(Builder& out, Heap& heap, Object* object) {
  if (const auto* list = dynamic_cast<List*>(object)) {
    out.add(list->tuple ? "(" : "[");
    write_items(out, heap, list->items);
    if (list->tuple && list->items.size() == 1) out.add(",");
    out.add(list->tuple ? ")" : "]");
  } else if (const auto* dict = dynamic_cast<Dict*>(object)) {
    const char* between = "{";
    for (const Dict::Entry& entry : dict->entries()) {
      out.add(between);
      write_repr(out, heap, entry.key);
      out.add(": ");
      write_repr(out, heap, entry.value);
      between = ", ";
    }
    out.add(dict->entries().empty() ? "{}" : "}");
  } else if (auto* view = dynamic_cast<DictView*>(object)) {
    out.add(fmt::format("{}([", view->type()));
    write_items(out, heap, collect(heap, object));
    out.add("])");
  } else if (const auto* range = dynamic_cast<Range*>(object)) {
    out.add(fmt::format("range({}, {}", range->first, range->last));
    out.add(range->step == 1 ? ")" : fmt::format(", {})", range->step));
  } else if (const auto* space = dynamic_cast<Namespace*>(object)) {
    out.add("<Namespace ");
    write_repr(out, heap, &space->values);
    out.add(">");
  } else {
    out.add(fmt::format("<{} object>", object->type()));
  }
}

Value repeat(Heap& heap, const Value& value, int64_t count) {
  const auto times = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (const Text* text = as_text(value)) {
    Builder out(heap);
    out.add(times, text->bytes);
    return out.finish(text->markup);
  }
  const List& list = *as_list(value);
  if (times > 0 && list.items.size() > heap.limits().memory / sizeof(Value) / times)
    heap.take(SIZE_MAX);
  heap.step(times * list.items.size());
  heap.take(times * list.items.size() * sizeof(Value));
  List* result = heap.make<List>(list.tuple);
  for (size_t i = 0; i < times && !list.items.empty(); ++i)
    result->items.insert(result->items.end(), list.items.begin(), list.items.end());
  return result;
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fault("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  if (base == 0 || base == 1) return exponent == 0 ? int64_t{1} : base;
  if (base == -1) return exponent % 2 == 0 ? int64_t{1} : int64_t{-1};
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(result, base, &result)) overflow();
  return result;
}

Value calculate_ints(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::Add:
      return checked_add(a, b);
    case Operator::Sub:
      if (__builtin_sub_overflow(a, b, &result)) overflow();
      return result;
    case Operator::Mul:
      if (__builtin_mul_overflow(a, b, &result)) overflow();
      return result;
    case Operator::Div:
      if (b == 0) fault("division by zero");
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    case Operator::FloorDiv:
    case Operator::Mod:
      if (b == 0) fault("integer division or modulo by zero");
      if (b == -1) {
        if (op == Operator::Mod) return int64_t{0};
        if (__builtin_sub_overflow(int64_t{0}, a, &result)) overflow();
        return result;
      }
      // Python rounds down; the remainder has the divisor's sign.
      result = a % b;
      if (result != 0 && (result < 0) != (b < 0)) result += b;
      return op == Operator::Mod ? result : (a - result) / b;
    case Operator::Pow:
      return power(a, b);
  }
  return None{};
}

Value calculate_floats(Operator op, double a, double b) {
  const bool divides = op == Operator::Div || op == Operator::FloorDiv || op == Operator::Mod;
  if (divides && b == 0) fault("float division by zero");
  switch (op) {
    case Operator::Add:
      return a + b;
    case Operator::Sub:
      return a - b;
    case Operator::Mul:
      return a * b;
    case Operator::Div:
      return a / b;
    case Operator::FloorDiv:
    case Operator::Mod: {
      double rest = std::fmod(a, b);
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
      if (op == Operator::Mod) return rest == 0 ? std::copysign(0.0, b) : rest;
      return rest == 0 && a == 0 ? std::copysign(0.0, a / b) : std::round((a - rest) / b);
    }
    case Operator::Pow: {
      if (a == 0 && b < 0) fault("0.0 cannot be raised to a negative power");
      if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
        fault("complex numbers are not supported");
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) fault("Result too large");
      return result;
    }
  }
  return None{};
}

/// A slice with its bounds in place, and how many elements it has.
struct Span {
  int64_t start, stop, step, count;
};

Span resolve_slice(size_t size, const Value& start, const Value& stop, const Value& step) {
  const auto bound = [](const Value& value) -> std::optional<int64_t> {
    need_defined(value);
    if (is_none(value)) return std::nullopt;
    if (const auto integer = as_int(value)) return integer;
    fault("slice indices must be integers or None or have an __index__ method");
  };
  const auto begin = bound(start), end = bound(stop);
  const int64_t by = bound(step).value_or(1);
  if (by == 0) fault("slice step cannot be zero");
  const auto n = static_cast<int64_t>(size);
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? n : n - 1;
  const auto clamp = [&](std::optional<int64_t> at, int64_t otherwise) {
    if (!at) return otherwise;
    return std::clamp(*at < 0 ? *at + n : *at, low, high);
  };
  const int64_t from = clamp(begin, by > 0 ? low : high);
  const int64_t to = clamp(end, by > 0 ? high : low);
  const int64_t distance = by > 0 ? to - from : from - to;
  // The absolute value of the least integer is none; a step that long takes one element.
  const int64_t stride = by > 0 ? by : by == INT64_MIN ? INT64_MAX : -by;
  return {from, to, by, distance > 0 ? (distance - 1) / stride + 1 : 0};
}

}  // namespace

std::string type_name(const Value& value) {
  constexpr const char* names[] = {"Undefined", "NoneType", "bool", "int", "float", "str"};
  if (Object* const* object = std::get_if<Object*>(&value)) return (*object)->type();
  if (const Text* text = as_text(value); text && text->markup) return "Markup";
  return names[value.index()];
}

void need_defined(const Value& value) {
  if (const Undefined* undefined = std::get_if<Undefined>(&value))
    fault(undefined->why ? undefined->why->bytes : "undefined");
}

bool truth(const Value& value) {
  if (is_undefined(value) || is_none(value)) return false;
  if (const auto number = as_number(value)) return *number != 0;
  return find_length(value).value_or(1) != 0;
}

bool equals(Heap& heap, const Value& a, const Value& b) {
  const Descent descent(heap);
  heap.step();
  if (is_number(a) && is_number(b)) return widen(a) == widen(b);
  if (a.index() != b.index()) return false;
  if (const Text* text = as_text(a)) {
    heap.step(text->bytes.size() / 16);
    return text->bytes == as_text(b)->bytes;
  }
  Object* const* object = std::get_if<Object*>(&a);
  if (!object || *object == std::get<Object*>(b)) return true;
  if (const List* x = as_list(a)) {
    const List* y = as_list(b);
    return y && x->tuple == y->tuple && x->items.size() == y->items.size() &&
           std::equal(x->items.begin(), x->items.end(), y->items.begin(),
                      [&](const Value& u, const Value& v) { return equals(heap, u, v); });
  }
  if (const Dict* x = as_dict(a)) {
    const Dict* y = as_dict(b);
    if (!y || x->entries().size() != y->entries().size()) return false;
    return std::all_of(x->entries().begin(), x->entries().end(), [&](const Dict::Entry& entry) {
      const Value* other = y->find(heap, entry.key);
      return other && equals(heap, entry.value, *other);
    });
  }
  const Range *x = as<Range>(a), *y = as<Range>(b);
  return x && y && x->count == y->count && (x->count == 0 || x->first == y->first) &&
         (x->count < 2 || x->step == y->step);
}

std::optional<int> compare(Heap& heap, const Value& a, const Value& b, const char* sign) {
  const Descent descent(heap);
  heap.step();
  need_defined(a);
  need_defined(b);
  if (is_number(a) && is_number(b)) return order(widen(a), widen(b));
  const Text *s = as_text(a), *t = as_text(b);
  if (s && t) {
    heap.step(std::min(s->bytes.size(), t->bytes.size()) / 16);
    return s->bytes.compare(t->bytes);  // UTF-8 sorts as its characters do
  }
  const List *x = as_list(a), *y = as_list(b);
  if (!x || !y || x->tuple != y->tuple)
    fault(fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, type_name(a),
                      type_name(b)));
  for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i)
    if (!equals(heap, x->items[i], y->items[i]))
      return compare(heap, x->items[i], y->items[i], sign);
  return order(static_cast<long double>(x->items.size()),
               static_cast<long double>(y->items.size()));
}

bool less(Heap& heap, const Value& a, const Value& b) {
  return compare(heap, a, b, "<").value_or(0) < 0;
}

size_t hash(Heap& heap, const Value& value) {
  const Descent descent(heap);
  heap.step();
  if (const Text* text = as_text(value)) {
    heap.step(text->bytes.size() / 16);
    return std::hash<std::string>()(text->bytes);
  }
  if (is_number(value)) {
    const long double number = widen(value);
    return std::hash<long double>()(number == 0 ? 0 : number);
  }
  Object* const* object = std::get_if<Object*>(&value);
  if (!object) return value.index();
  const List* list = as_list(value);
  const auto* view = as<DictView>(value);
  if (as_dict(value) || (list && !list->tuple) || (view && view->part != DictView::Part::Values))
    fault(fmt::format("unhashable type: '{}'", type_name(value)));
  if (!list) return std::hash<const void*>()(*object);
  size_t result = list->items.size();
  for (const Value& item : list->items) result = result * 1'000'003 + hash(heap, item);
  return result;
}

bool contains(Heap& heap, const Value& container, const Value& element) {
  if (const Text* text = as_text(container)) {
    const Text* part = as_text(element);
    need_defined(element);
    if (!part)
      fault(
          fmt::format("'in <string>' requires string as left operand, not {}", type_name(element)));
    heap.step(text->bytes.size() / 16);
    return text->bytes.find(part->bytes) != std::string::npos;
  }
  if (const Dict* dict = as_dict(container)) return dict->find(heap, element) != nullptr;
  const Next next = find_elements(heap, container);
  if (!next) fault(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  Value other;
  while (next(other))
    if (equals(heap, other, element)) return true;
  return false;
}

void write_repr(Builder& out, Heap& heap, const Value& value) {
  const Descent descent(heap);
  heap.step();
  if (const Text* text = as_text(value)) {
    if (text->markup) out.add("Markup(");
    write_text_repr(out, text->bytes);
    if (text->markup) out.add(")");
  } else if (is_undefined(value)) {
    out.add("Undefined");
  } else if (is_none(value)) {
    out.add("None");
  } else if (const bool* truth = std::get_if<bool>(&value)) {
    out.add(*truth ? "True" : "False");
  } else if (const auto integer = as_int(value)) {
    out.add(fmt::format("{}", *integer));
  } else if (const double* number = std::get_if<double>(&value)) {
    out.add(float_repr(*number));
  } else {
    write_object(out, heap, std::get<Object*>(value));
  }
}

void write_text(Builder& out, Heap& heap, const Value& value) {
  if (const Text* text = as_text(value))
    out.add(text->bytes);
  else if (!is_undefined(value))
    write_repr(out, heap, value);
}

Value to_text(Heap& heap, const Value& value) {
  if (as_text(value)) return value;
  Builder out(heap);
  write_text(out, heap, value);
  return out.finish();
}

std::string repr(Heap& heap, const Value& value) {
  Builder out(heap);
  write_repr(out, heap, value);
  return out.bytes();
}

std::optional<size_t> find_length(const Value& value) {
  if (is_undefined(value)) return 0;
  if (const Text* text = as_text(value)) return text->length();
  Object* const* object = std::get_if<Object*>(&value);
  return object ? (*object)->length() : std::nullopt;
}

size_t length(const Value& value) {
  if (const auto size = find_length(value)) return *size;
  fault(fmt::format("object of type '{}' has no len()", type_name(value)));
}

Next find_elements(Heap& heap, const Value& value) {
  if (is_undefined(value)) return [](Value&) { return false; };
  if (const auto* text = std::get_if<std::shared_ptr<const Text>>(&value))
    return [&heap, text = *text, at = size_t{0}](Value& element) mutable {
      if (at == text->bytes.size()) return false;
      heap.step();
      const size_t bytes = first_character(std::string_view(text->bytes).substr(at)).bytes;
      element = make_text(heap, std::string_view(text->bytes).substr(at, bytes));
      at += bytes;
      return true;
    };
  Object* const* object = std::get_if<Object*>(&value);
  Next next = object ? (*object)->elements(heap) : nullptr;
  if (!next) return nullptr;
  return [&heap, next = std::move(next)](Value& element) {
    heap.step();
    return next(element);
  };
}

Next elements(Heap& heap, const Value& value) {
  Next next = find_elements(heap, value);
  if (!next) fault(fmt::format("'{}' object is not iterable", type_name(value)));
  return next;
}

std::vector<Value> collect(Heap& heap, const Value& value) {
  const Next next = elements(heap, value);
  std::vector<Value> items;
  Value element;
  while (next(element)) {
    heap.take(sizeof(Value));
    items.push_back(element);
  }
  return items;
}

Value get_attribute(Heap& heap, const Value& value, const std::string& name) {
  need_defined(value);
  if (Object* const* object = std::get_if<Object*>(&value))
    if (auto attribute = (*object)->attribute(heap, name)) return *attribute;
  if (const Builtin* method = find_method(value, name)) return bind_method(heap, *method, value);
  if (const Dict* dict = as_dict(value))
    if (const Value* found = dict->find(heap, make_text(heap, name))) return *found;
  return undefined_attribute(heap, value, name);
}

Value get_item(Heap& heap, const Value& value, const Value& key) {
  need_defined(value);
  const Text* name = as_text(key);
  if (const Dict* dict = as_dict(value)) {
    if (as_dict(key) || (as_list(key) && !as_list(key)->tuple))
      return make_undefined(heap, "dict object has no such element");
    if (const Value* found = dict->find(heap, key)) return *found;
  } else if (const auto index = as_int(key)) {
    const Text* text = as_text(value);
    const List* list = as_list(value);
    const Range* range = as<Range>(value);
    const auto at = text || list || range ? index_in(*index, length(value)) : std::nullopt;
    if (at && list) return list->items[*at];
    if (at && range) return range->first + static_cast<int64_t>(*at) * range->step;
    if (at && text) {
      const std::string_view rest = std::string_view(text->bytes).substr(text->offset(*at));
      return make_text(heap, rest.substr(0, first_character(rest).bytes), text->markup);
    }
  }
  if (name) return get_attribute(heap, value, name->bytes);
  return make_undefined(heap,
                        fmt::format("{} has no element {}", owner_name(value), repr(heap, key)));
}

Value slice(Heap& heap, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  need_defined(value);
  const Text* text = as_text(value);
  const List* list = as_list(value);
  const Range* range = as<Range>(value);
  if (!text && !list && !range)
    fault(fmt::format("'{}' object cannot be sliced", type_name(value)));
  const Span span = resolve_slice(length(value), start, stop, step);
  heap.step(static_cast<uint64_t>(span.count));
  const auto place = [&](int64_t i) { return static_cast<size_t>(span.start + i * span.step); };
  if (text) {
    Builder out(heap);
    if (span.step == 1) {
      const size_t from = text->offset(place(0));
      out.add(std::string_view(text->bytes).substr(from, text->offset(place(span.count)) - from));
    } else {
      std::vector<std::string_view> characters;
      std::string_view rest = text->bytes;
      heap.take(text->length() * sizeof(std::string_view));
      for (; !rest.empty(); rest.remove_prefix(characters.back().size()))
        characters.push_back(rest.substr(0, first_character(rest).bytes));
      for (int64_t i = 0; i < span.count; ++i) out.add(characters[place(i)]);
    }
    return out.finish(text->markup);
  }
  if (range) {
    const auto at = [range](int64_t i) {
      int64_t result = 0;
      if (__builtin_mul_overflow(i, range->step, &result)) overflow();
      return checked_add(range->first, result);
    };
    int64_t by = 0;
    if (__builtin_mul_overflow(range->step, span.step, &by)) overflow();
    return heap.make<Range>(at(span.start), at(span.stop), by);
  }
  std::vector<Value> items;
  heap.take(static_cast<size_t>(span.count) * sizeof(Value));
  for (int64_t i = 0; i < span.count; ++i) items.push_back(list->items[place(i)]);
  return make_list(heap, std::move(items), list->tuple);
}

int64_t checked_add(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) overflow();
  return result;
}

Value calculate(Heap& heap, Operator op, const Value& a, const Value& b) {
  need_defined(a);
  const Text* text = as_text(a);
  if (text && op == Operator::Mod) return format_percent(heap, *text, b);
  need_defined(b);
  const auto x = as_int(a), y = as_int(b);
  if (x && y) return calculate_ints(op, *x, *y);
  const auto u = as_number(a), v = as_number(b);
  if (u && v) return calculate_floats(op, *u, *v);
  const List *first = as_list(a), *second = as_list(b);
  const Text* other = as_text(b);
  if (op == Operator::Add && text && other) {
    const bool markup = text->markup || other->markup;
    Builder out(heap);
    for (const Text* part : {text, other})
      markup && !part->markup ? add_escaped(out, part->bytes) : out.add(part->bytes);
    return out.finish(markup);
  }
  if (op == Operator::Add && first && second && first->tuple == second->tuple) {
    heap.step(first->items.size() + second->items.size());
    heap.take((first->items.size() + second->items.size()) * sizeof(Value));
    List* sum = heap.make<List>(first->tuple);
    sum->items = first->items;
    sum->items.insert(sum->items.end(), second->items.begin(), second->items.end());
    return sum;
  }
  if (op == Operator::Mul && (text || first) && y) return repeat(heap, a, *y);
  if (op == Operator::Mul && (other || second) && x) return repeat(heap, b, *x);
  if (op == Operator::Add && text)
    fault(fmt::format("can only concatenate str (not \"{}\") to str", type_name(b)));
  fault(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'",
                    operator_signs[static_cast<int>(op)], type_name(a), type_name(b)));
}

Value negate(const Value& value) {
  need_defined(value);
  if (const auto integer = as_int(value)) return calculate_ints(Operator::Sub, 0, *integer);
  if (const double* number = std::get_if<double>(&value)) return -*number;
  fault(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t mark = shortest.find('e');
  int exponent = 0;
  const char* digits = shortest.data() + mark + 1 + (shortest[mark + 1] == '+' ? 1 : 0);
  std::from_chars(digits, end.ptr, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(shortest);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string result(buffer, fixed.ptr);
  return result.find('.') == std::string::npos ? result + ".0" : result;
}

std::optional<size_t> index_in(int64_t index, size_t size) {
  const auto n = static_cast<int64_t>(size);
  if (index < -n || index >= n) return std::nullopt;
  return static_cast<size_t>(index < 0 ? index + n : index);
}

void add_escaped(Builder& out, std::string_view text) {
  while (!text.empty()) {
    const size_t plain = std::min(text.find_first_of("&<>\"'"), text.size());
    out.add(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const char c = text[0];
    out.add(c == '&'   ? "&amp;"
            : c == '<' ? "&lt;"
            : c == '>' ? "&gt;"
            : c == '"' ? "&#34;"
                       : "&#39;");
    text.remove_prefix(1);
  }
}

}  // namespace weld::jinja
