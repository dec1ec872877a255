// Metadata values: reading validated bytes, and showing them to people.
#include "gguf/value.h"

#include <fmt/format.h>

#include <iterator>

#include "gguf/quoted.h"

namespace weld::gguf {
namespace {

constexpr size_t string_head = 8;     // length
constexpr size_t array_head = 4 + 8;  // element type, count
constexpr uint64_t shown_elements = 8;
constexpr size_t shown_element_bytes = 32;

/// How many of the bytes the value of this type at their front takes.
size_t stored_bytes(ValueType type, std::span<const std::byte> bytes) {
  if (type == ValueType::String) return string_head + load<uint64_t>(bytes.data());
  if (type != ValueType::Array) return fixed_bytes(type);
  ArrayView array = *as_array({type, bytes});
  if (const size_t element = fixed_bytes(array.type)) return array_head + array.count * element;
  while (array.count > 0) take_first(array);
  return bytes.size() - array.bytes.size();
}

/// A number, Bool or string without its type.
std::string content(const Value& value, size_t limit) {
  if (const auto text = as_string(value)) return quoted(*text, limit);
  if (const auto flag = as_bool(value)) return *flag ? "true" : "false";
  if (const auto number = as_int(value)) return fmt::format("{}", *number);
  if (const auto number = as_uint(value)) return fmt::format("{}", *number);
  if (value.type == ValueType::F32) return fmt::format("{}", load<float>(value.bytes.data()));
  return fmt::format("{}", load<double>(value.bytes.data()));
}

std::string array_type(const ArrayView& array) {
  return fmt::format("{}[{}]", value_type_name(array.type), array.count);
}

}  // namespace

const char* value_type_name(ValueType type) {
  static constexpr const char* names[value_type_count] = {"u8",  "i8",  "u16",  "i16",    "u32",
                                                          "i32", "f32", "bool", "string", "array",
                                                          "u64", "i64", "f64"};
  return names[static_cast<uint32_t>(type)];
}

size_t fixed_bytes(ValueType type) {
  static constexpr size_t bytes[value_type_count] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return bytes[static_cast<uint32_t>(type)];
}

std::optional<int64_t> as_int(const Value& value) {
  const std::byte* place = value.bytes.data();
  switch (value.type) {
    case ValueType::U8:
      return load<uint8_t>(place);
    case ValueType::I8:
      return load<int8_t>(place);
    case ValueType::U16:
      return load<uint16_t>(place);
    case ValueType::I16:
      return load<int16_t>(place);
    case ValueType::U32:
      return load<uint32_t>(place);
    case ValueType::I32:
      return load<int32_t>(place);
    case ValueType::I64:
      return load<int64_t>(place);
    case ValueType::U64:
      if (const auto number = load<uint64_t>(place); number <= INT64_MAX)
        return static_cast<int64_t>(number);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> as_uint(const Value& value) {
  if (value.type == ValueType::U64) return load<uint64_t>(value.bytes.data());
  const auto number = as_int(value);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::optional<double> as_float(const Value& value) {
  if (value.type == ValueType::F32) return load<float>(value.bytes.data());
  if (value.type == ValueType::F64) return load<double>(value.bytes.data());
  return std::nullopt;
}

std::optional<bool> as_bool(const Value& value) {
  if (value.type != ValueType::Bool) return std::nullopt;
  return load<uint8_t>(value.bytes.data()) != 0;
}

std::optional<std::string_view> as_string(const Value& value) {
  if (value.type != ValueType::String) return std::nullopt;
  const auto text = value.bytes.subspan(string_head);
  return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

std::optional<ArrayView> as_array(const Value& value) {
  if (value.type != ValueType::Array) return std::nullopt;
  const std::byte* place = value.bytes.data();
  return ArrayView{static_cast<ValueType>(load<uint32_t>(place)), load<uint64_t>(place + 4),
                   value.bytes.subspan(array_head)};
}

Value take_first(ArrayView& array) {
  const size_t bytes = stored_bytes(array.type, array.bytes);
  const Value first{array.type, array.bytes.first(bytes)};
  array.bytes = array.bytes.subspan(bytes);
  --array.count;
  return first;
}

std::string describe(const Value& value) {
  auto array = as_array(value);
  if (!array) return fmt::format("{} {}", value_type_name(value.type), content(value, 80));

  std::string out = array_type(*array) + " {";
  for (uint64_t i = 0; i < shown_elements && array->count > 0; ++i) {
    if (i > 0) out += ", ";
    const Value element = take_first(*array);
    const auto inner = as_array(element);
    out += inner ? array_type(*inner) : content(element, shown_element_bytes);
  }
  return out + (array->count > 0 ? ", ...}" : "}");
}

}  // namespace weld::gguf
