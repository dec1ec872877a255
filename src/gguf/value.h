// Metadata values: their bytes read as numbers, strings and arrays. Only for values that were
// validated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "gguf/file.h"

namespace weld::gguf {

/// Value types are numbered from 0; this many there are.
inline constexpr uint32_t value_type_count = 13;

/// "u32", "string", ...: how a type is called in messages.
const char* value_type_name(ValueType type);

/// Bytes of a number or a Bool; 0 for strings and arrays, which say their length themselves.
size_t fixed_bytes(ValueType type);

/// The number stored at a place that need not be aligned.
template <typename T>
T load(const std::byte* place) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, place, sizeof value);
  return value;
}

/// An array's elements, one behind the other as the file stores them.
struct ArrayView {
  ValueType type{};
  uint64_t count = 0;
  std::span<const std::byte> bytes;
};

// A value as a C++ value; nullopt where its type or range does not fit.
std::optional<uint64_t> as_uint(const Value& value);
std::optional<int64_t> as_int(const Value& value);
std::optional<double> as_float(const Value& value);
std::optional<bool> as_bool(const Value& value);
std::optional<std::string_view> as_string(const Value& value);
std::optional<ArrayView> as_array(const Value& value);

/// Cuts the first element off the array.
Value take_first(ArrayView& array);

}  // namespace weld::gguf
