// The tests, `value is name(argument)`.
#include <fmt/format.h>

#include <iterator>

#include "jinja/functions.h"
#include "jinja/operations.h"

namespace weld::jinja {
namespace {

Value is_equal(Call& call) { return equals(call.heap, call.self, call[0]); }
Value is_unequal(Call& call) { return !equals(call.heap, call.self, call[0]); }

// The two orders of the sides, each with and without equality.
Value is_less(Call& call) { return less(call.heap, call.self, call[0]); }
Value is_greater(Call& call) { return less(call.heap, call[0], call.self); }
Value is_most(Call& call) { return compare(call.heap, call.self, call[0], "<=").value_or(1) <= 0; }
Value is_least(Call& call) {
  return compare(call.heap, call.self, call[0], ">=").value_or(-1) >= 0;
}

/// Whether value % divisor == rest.
bool leaves(Call& call, const Value& divisor, int64_t rest) {
  return equals(call.heap, calculate(call.heap, Operator::Mod, call.self, divisor), rest);
}

bool is_sequence(const Value& value) {
  return is_undefined(value) || as_text(value) || as_list(value) || as_dict(value) ||
         as<Range>(value);
}

/// Python's `is`: the same object, or an equal value of the same type.
Value is_same(Call& call) {
  const Value &a = call.self, &b = call[0];
  if (a.index() != b.index()) return false;
  if (Object* const* object = std::get_if<Object*>(&a)) return *object == std::get<Object*>(b);
  return equals(call.heap, a, b);
}

Value cased(Call& call, const char* method) {
  const Value text = to_text(call.heap, call.self);
  return call_builtin(call.heap, *find_method(text, method), text, call.arguments);
}

template <typename T>
Value holds(Call& call) {
  return std::holds_alternative<T>(call.self);
}

constexpr Builtin tests[] = {
    {"!=", "other", is_unequal},
    {"<", "other", is_less},
    {"<=", "other", is_most},
    {"==", "other", is_equal},
    {">", "other", is_greater},
    {">=", "other", is_least},
    {"boolean", "", holds<bool>},
    {"callable", "",
     [](Call& call) { return Value(is_undefined(call.self) || as<Callable>(call.self)); }},
    {"defined", "", [](Call& call) { return Value(!is_undefined(call.self)); }},
    {"divisibleby", "num", [](Call& call) { return Value(leaves(call, call[0], 0)); }},
    {"eq", "other", is_equal},
    {"equalto", "other", is_equal},
    {"escaped", "",
     [](Call& call) {
       const Text* text = as_text(call.self);
       return Value(text && text->markup);
     }},
    {"even", "", [](Call& call) { return Value(leaves(call, int64_t{2}, 0)); }},
    {"false", "",
     [](Call& call) {
       return Value(std::holds_alternative<bool>(call.self) && !truth(call.self));
     }},
    {"filter", "",
     [](Call& call) {
       const Text* text = as_text(call.self);
       return Value(text && find_filter(text->bytes) != nullptr);
     }},
    {"float", "", holds<double>},
    {"ge", "other", is_least},
    {"greaterthan", "other", is_greater},
    {"gt", "other", is_greater},
    {"in", "seq", [](Call& call) { return Value(contains(call.heap, call[0], call.self)); }},
    {"integer", "", holds<int64_t>},
    {"iterable", "",
     [](Call& call) { return Value(find_elements(call.heap, call.self) != nullptr); }},
    {"le", "other", is_most},
    {"lessthan", "other", is_less},
    {"lower", "", [](Call& call) { return cased(call, "islower"); }},
    {"lt", "other", is_less},
    {"mapping", "", [](Call& call) { return Value(as_dict(call.self) != nullptr); }},
    {"ne", "other", is_unequal},
    {"none", "", holds<None>},
    {"number", "", [](Call& call) { return Value(as_number(call.self).has_value()); }},
    {"odd", "", [](Call& call) { return Value(leaves(call, int64_t{2}, 1)); }},
    {"sameas", "other", is_same},
    {"sequence", "", [](Call& call) { return Value(is_sequence(call.self)); }},
    {"string", "", [](Call& call) { return Value(as_text(call.self) != nullptr); }},
    {"test", "",
     [](Call& call) {
       const Text* text = as_text(call.self);
       return Value(text && find_test(text->bytes) != nullptr);
     }},
    {"true", "",
     [](Call& call) { return Value(std::holds_alternative<bool>(call.self) && truth(call.self)); }},
    {"undefined", "", holds<Undefined>},
    {"upper", "", [](Call& call) { return cased(call, "isupper"); }},
};

}  // namespace

const Builtin* find_test(std::string_view name) {
  for (const Builtin& test : tests)
    if (test.name == name) return &test;
  return nullptr;
}

}  // namespace weld::jinja
