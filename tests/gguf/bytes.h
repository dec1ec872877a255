// GGUF files put together byte by byte, right or wrong, and a folder to put them in.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include "gguf/file.h"
#include "weld/error.h"

namespace weld::test {

/// A text of bytes that grows by what the format's fields look like.
struct Bytes {
  std::string text;

  Bytes& raw(std::string_view bytes) {
    text += bytes;
    return *this;
  }
  template <typename T>
  Bytes& number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    return raw({bytes, sizeof value});
  }
  Bytes& u8(uint8_t value) { return number(value); }
  Bytes& u16(uint16_t value) { return number(value); }
  Bytes& u32(uint32_t value) { return number(value); }
  Bytes& u64(uint64_t value) { return number(value); }
  Bytes& string(std::string_view value) { return u64(value.size()).raw(value); }
  Bytes& type(gguf::ValueType value) { return u32(static_cast<uint32_t>(value)); }
  Bytes& type(gguf::Type value) { return u32(static_cast<uint32_t>(value)); }
  Bytes& key(std::string_view name, gguf::ValueType value_type) {
    return string(name).type(value_type);
  }
  Bytes& pad(size_t alignment) {
    text.resize((text.size() + alignment - 1) / alignment * alignment, '\0');
    return *this;
  }
};

/// How a file begins.
inline Bytes header(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
  Bytes out;
  out.raw("GGUF").u32(version).u64(tensors).u64(entries);
  return out;
}

/// A valid file with every kind of value and two tensors, which ends with its last tensor's last
/// byte.
inline std::string small_file(uint32_t version = 3) {
  using gguf::Type;
  using gguf::ValueType;
  Bytes out = header(2, 15, version);
  out.key("u8", ValueType::U8).u8(200);
  out.key("i8", ValueType::I8).number(int8_t{-100});
  out.key("u16", ValueType::U16).u16(60000);
  out.key("i16", ValueType::I16).number(int16_t{-30000});
  out.key("u32", ValueType::U32).u32(4000000000U);
  out.key("i32", ValueType::I32).number(int32_t{-2000000000});
  out.key("f32", ValueType::F32).number(1.5F);
  out.key("bool", ValueType::Bool).u8(1);
  out.key("string", ValueType::String).string("abc");
  out.key("u64", ValueType::U64).u64(UINT64_MAX);
  out.key("i64", ValueType::I64).number(INT64_MIN);
  out.key("f64", ValueType::F64).number(-2.25);
  out.key("numbers", ValueType::Array).type(ValueType::I16).u64(3);
  out.number(int16_t{1}).number(int16_t{-2}).number(int16_t{3});
  out.key("words", ValueType::Array).type(ValueType::String).u64(3);
  out.string("one").string("").string("two");
  out.key("nested", ValueType::Array).type(ValueType::Array).u64(2);
  out.type(ValueType::U8).u64(2).u8(1).u8(2);
  out.type(ValueType::Bool).u64(1).u8(1);
  out.string("a").u32(2).u64(32).u64(2).type(Type::Q4_0).u64(0);
  out.string("b").u32(1).u64(3).type(Type::F32).u64(64);
  out.pad(32).raw(std::string(36, 'a')).pad(32).raw(std::string(12, 'b'));
  return out.text;
}

/// A folder of one test's own, empty at first, removed with all in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weld-gguf-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    std::string path = *this / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::string& path) {
  std::string text(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

/// The message of the Error that the action throws; "" (which no Error has) if it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// The message with which a file is refused.
inline std::string refusal(const std::string& path) {
  return error_of([&] { gguf::File::open(path); });
}

}  // namespace weld::test
