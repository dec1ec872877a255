// What Python's operators and protocols do with values. All throw Fault where Python raises.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace weld::jinja {

std::string type_name(const Value& value);
/// Throws if the value is undefined: most operations do.
void need_defined(const Value& value);

bool truth(const Value& value);
bool equals(Heap& heap, const Value& a, const Value& b);
/// Negative, zero or positive; `sign` is the operator for the complaint. Nothing compares with NaN.
std::optional<int> compare(Heap& heap, const Value& a, const Value& b, const char* sign);
/// Whether a < b.
bool less(Heap& heap, const Value& a, const Value& b);
size_t hash(Heap& heap, const Value& value);
bool contains(Heap& heap, const Value& container, const Value& element);

/// str() and repr().
Value to_text(Heap& heap, const Value& value);
void write_text(Builder& out, Heap& heap, const Value& value);
void write_repr(Builder& out, Heap& heap, const Value& value);
std::string repr(Heap& heap, const Value& value);

/// len(); nothing where a value has none.
std::optional<size_t> find_length(const Value& value);
size_t length(const Value& value);
/// iter(); null where the value cannot be passed over.
Next find_elements(Heap& heap, const Value& value);
Next elements(Heap& heap, const Value& value);
/// All elements, counted.
std::vector<Value> collect(Heap& heap, const Value& value);

/// `value.name`, which prefers attributes and methods, and `value[key]`, which prefers elements.
/// Undefined where there is neither.
Value get_attribute(Heap& heap, const Value& value, const std::string& name);
Value get_item(Heap& heap, const Value& value, const Value& key);
/// `value[start:stop:step]`, each of which may be none.
Value slice(Heap& heap, const Value& value, const Value& start, const Value& stop,
            const Value& step);

enum class Operator { Add, Sub, Mul, Div, FloorDiv, Mod, Pow };
Value calculate(Heap& heap, Operator op, const Value& a, const Value& b);
Value negate(const Value& value);
/// sum += value, for `sum`.
int64_t checked_add(int64_t a, int64_t b);

/// As Python prints a float.
std::string float_repr(double value);
/// Where an index, which may count from the end, is in so many elements; nothing if outside.
std::optional<size_t> index_in(int64_t index, size_t size);
/// Adds text with `&`, `<`, `>` and both quotes as HTML has them.
void add_escaped(Builder& out, std::string_view text);

}  // namespace weld::jinja
