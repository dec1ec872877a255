// Writing a file: the header is put together in memory and read back by the reader's own checks
// before anything is written; the file appears under its name only when it is complete.
#include "gguf/writer.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/name_index.h"
#include "gguf/pending_file.h"
#include "gguf/quoted.h"
#include "gguf/shards.h"

namespace weld::gguf {
namespace {

using Bytes = std::vector<std::byte>;

// Not vector::insert, which GCC 12 takes for a write beyond the end once it is inlined.
void append_bytes(Bytes& out, const void* from, size_t size) {
  if (size == 0) return;
  out.resize(out.size() + size);
  std::memcpy(out.data() + out.size() - size, from, size);
}

template <typename T>
requires std::is_arithmetic_v<T>
void append(Bytes& out, T number) { append_bytes(out, &number, sizeof number); }

void append(Bytes& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  append_bytes(out, text.data(), text.size());
}

template <typename T>
Bytes bytes_of(const T& value) {
  Bytes out;
  append(out, value);
  return out;
}

template <typename T>
Bytes array_of(ValueType type, std::span<const T> values) {
  Bytes out;
  append(out, static_cast<uint32_t>(type));
  append(out, uint64_t{values.size()});
  for (const T& value : values) append(out, value);
  return out;
}

}  // namespace

HeaderBytes::HeaderBytes(uint32_t version, uint64_t tensors, uint64_t entries) {
  for (const char c : std::string_view("GGUF")) bytes_.push_back(static_cast<std::byte>(c));
  append(bytes_, version);
  append(bytes_, tensors);
  append(bytes_, entries);
}

void HeaderBytes::add_entry(std::string_view key, const Value& value) {
  append(bytes_, key);
  append(bytes_, static_cast<uint32_t>(value.type));
  bytes_.insert(bytes_.end(), value.bytes.begin(), value.bytes.end());
}

void HeaderBytes::add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims,
                             uint64_t offset) {
  append(bytes_, name);
  append(bytes_, static_cast<uint32_t>(dims.size()));
  for (const uint64_t dimension : dims) append(bytes_, dimension);
  append(bytes_, static_cast<uint32_t>(type));
  append(bytes_, offset);
}

void Writer::add(std::string_view key, const Value& value) {
  entries_.push_back({std::string(key), value.type, {value.bytes.begin(), value.bytes.end()}});
}

void Writer::add_u32(std::string_view key, uint32_t value) {
  add(key, {ValueType::U32, bytes_of(value)});
}

void Writer::add_i32(std::string_view key, int32_t value) {
  add(key, {ValueType::I32, bytes_of(value)});
}

void Writer::add_u64(std::string_view key, uint64_t value) {
  add(key, {ValueType::U64, bytes_of(value)});
}

void Writer::add_f32(std::string_view key, float value) {
  add(key, {ValueType::F32, bytes_of(value)});
}

void Writer::add_bool(std::string_view key, bool value) {
  add(key, {ValueType::Bool, bytes_of(static_cast<uint8_t>(value))});
}

void Writer::add_string(std::string_view key, std::string_view value) {
  add(key, {ValueType::String, bytes_of(value)});
}

void Writer::add_strings(std::string_view key, std::span<const std::string> values) {
  add(key, {ValueType::Array, array_of(ValueType::String, values)});
}

void Writer::add_i32s(std::string_view key, std::span<const int32_t> values) {
  add(key, {ValueType::Array, array_of(ValueType::I32, values)});
}

void Writer::add_f32s(std::string_view key, std::span<const float> values) {
  add(key, {ValueType::Array, array_of(ValueType::F32, values)});
}

void Writer::add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims,
                        std::span<const std::byte> data) {
  add_tensor(name, type, dims, data.size(), [data](const Sink& sink) { sink(data); });
}

void Writer::add_tensor(std::string_view name, Type type, std::span<const uint64_t> dims,
                        uint64_t bytes, Source source) {
  items_.push_back({std::string(name), type, {dims.begin(), dims.end()}, bytes, std::move(source)});
}

uint64_t Writer::alignment() const {
  for (const Entry& entry : entries_) {
    if (entry.key != alignment_key || entry.bytes.size() != sizeof(uint32_t)) continue;
    uint32_t alignment = 0;
    std::memcpy(&alignment, entry.bytes.data(), sizeof alignment);
    if (is_alignment(alignment)) return alignment;
  }
  return default_alignment;  // also for a value that check() then refuses
}

std::vector<std::byte> Writer::header() const {
  HeaderBytes out(3, items_.size(), entries_.size());
  for (const Entry& entry : entries_) out.add_entry(entry.key, {entry.type, entry.bytes});
  const uint64_t unit = alignment();
  uint64_t offset = 0;
  for (const Item& item : items_) {
    out.add_tensor(item.name, item.type, item.dims, offset);
    offset = align_up(offset + item.bytes, unit);
  }
  return out.bytes();
}

void Writer::check(const std::string& path, std::span<const std::byte> header) const {
  for (const Entry& entry : entries_) check_value(path, entry.key, {entry.type, entry.bytes});
  const Header read = read_header(path, header);
  check_split(path, read);

  std::vector<std::string_view> names;
  for (const Tensor& tensor : read.tensors) names.push_back(tensor.name);
  const std::string shown = plain(path);
  if (const auto twins = NameIndex(names).duplicate())
    fail("{}: tensor {}: the name is used twice", shown, quoted(names[twins->second]));
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].bytes != read.tensors[i].bytes)
      fail("{}: tensor {}: data: must be {} bytes, is {}", shown, quoted(names[i]),
           read.tensors[i].bytes, items_[i].bytes);
  }
}

void Writer::send(const std::string& shown, std::span<const std::byte> header,
                  const Sink& sink) const {
  const uint64_t unit = alignment();
  const Bytes zeros(unit);
  const auto pad = [&](uint64_t size) {
    sink(std::span(zeros).first(align_up(size, unit) - size));
  };
  sink(header);
  pad(header.size());
  for (const Item& item : items_) {
    uint64_t sent = 0;
    item.source([&](std::span<const std::byte> bytes) {
      sink(bytes);
      sent += bytes.size();
    });
    if (sent != item.bytes)
      fail("{}: tensor {}: data: must be {} bytes, is {}", shown, quoted(item.name), item.bytes,
           sent);
    pad(item.bytes);
  }
}

void Writer::write(const std::string& path) const {
  const Bytes head = header();
  check(path, head);
  PendingFile file(path);
  send(plain(path), head, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.finish();
}

void Writer::write(int descriptor, const std::string& shown) const {
  const Bytes head = header();
  check(shown, head);
  send(shown, head, [&](std::span<const std::byte> bytes) { write_all(descriptor, shown, bytes); });
}

}  // namespace weld::gguf
