// Reading a header. Every byte is untrusted: a length is compared with what is left of the file
// before it is used, and memory grows with entries that were read, never with a count that was
// claimed.
#include "gguf/header.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "fail.h"
#include "gguf/quoted.h"
#include "gguf/value.h"

namespace weld::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "files are read as they lie in memory");

constexpr size_t max_shown_key = 80;

/// What is being read, for messages; formatted only when something is wrong.
struct Subject {
  enum Kind { Whole, KeyValue, Tensor } kind = Whole;
  uint64_t index = 0;
  std::string_view name;  ///< once it is known
};

std::string prefix(const Subject& subject) {
  if (subject.kind == Subject::Whole) return "";
  if (subject.kind == Subject::KeyValue)
    return subject.name.empty() ? fmt::format("metadata entry {}: ", subject.index)
                                : plain(subject.name, max_shown_key) + ": ";
  return subject.name.empty() ? fmt::format("tensor {}: ", subject.index)
                              : fmt::format("tensor {}: ", quoted(subject.name));
}

template <typename... Args>
[[noreturn]] void fail_at(std::string_view path, const Subject& subject,
                          fmt::format_string<Args...> format, Args&&... args) {
  fail("{}: {}{}", plain(path), prefix(subject), fmt::format(format, std::forward<Args>(args)...));
}

/// Walks over a header from front to back, never past its end.
class Cursor {
 public:
  Cursor(std::string_view path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

  void enter(Subject subject) { subject_ = subject; }
  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }
  std::span<const std::byte> since(uint64_t position) const {
    return bytes_.subspan(position, position_ - position);
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    fail_at(path_, subject_, format, std::forward<Args>(args)...);
  }

  const std::byte* take(const char* field, uint64_t count) {
    if (count > remaining())
      fail("{}: needs {} bytes, {} are left at byte {}", field, count, remaining(), position_);
    const std::byte* place = bytes_.data() + position_;
    position_ += count;
    return place;
  }

  template <typename T>
  T number(const char* field) {
    return load<T>(take(field, sizeof(T)));
  }

  std::string_view string(const char* field, uint64_t max_bytes = UINT64_MAX) {
    const auto length = number<uint64_t>(field);
    if (length > max_bytes)
      fail("{}: must have at most {} bytes, has {}", field, max_bytes, length);
    return {reinterpret_cast<const char*>(take(field, length)), length};
  }

  /// A key or a tensor's name.
  std::string_view name(const char* field, uint64_t max_bytes) {
    const std::string_view text = string(field, max_bytes);
    if (text.empty()) fail("{}: is empty", field);
    if (!is_utf8(text)) fail("{}: is not UTF-8: {}", field, quoted(text));
    return text;
  }

  /// A count of entries that take at least so many bytes each.
  uint64_t count(const char* field, uint64_t least_bytes) {
    const auto claimed = number<uint64_t>(field);
    if (claimed > remaining() / least_bytes)
      fail("{}: {} do not fit into the {} bytes that are left", field, claimed, remaining());
    return claimed;
  }

 private:
  std::string_view path_;
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
  Subject subject_;
};

ValueType read_value_type(Cursor& cursor, const char* field) {
  const auto id = cursor.number<uint32_t>(field);
  if (id >= value_type_count)
    cursor.fail("{}: must be from 0 to {}, is {}", field, value_type_count - 1, id);
  return static_cast<ValueType>(id);
}

void skip_value(Cursor& cursor, ValueType type, int depth);

void skip_array(Cursor& cursor, int depth) {
  if (depth > max_array_depth) cursor.fail("value: arrays nest deeper than {}", max_array_depth);
  const ValueType type = read_value_type(cursor, "element type");
  const size_t fixed = fixed_bytes(type);
  const size_t least = fixed != 0 ? fixed : type == ValueType::String ? 8 : 12;
  const uint64_t count = cursor.count("array length", least);
  if (fixed != 0 && type != ValueType::Bool) {
    cursor.take("value", count * fixed);
  } else {
    for (uint64_t i = 0; i < count; ++i) skip_value(cursor, type, depth);
  }
}

void skip_value(Cursor& cursor, ValueType type, int depth) {
  if (type == ValueType::String) {
    cursor.string("value");
  } else if (type == ValueType::Array) {
    skip_array(cursor, depth + 1);
  } else if (type == ValueType::Bool) {
    if (const auto flag = cursor.number<uint8_t>("value"); flag > 1)
      cursor.fail("value: a bool must be 0 or 1, is {}", flag);
  } else {
    cursor.take("value", fixed_bytes(type));
  }
}

KeyValue read_key_value(Cursor& cursor) {
  KeyValue entry;
  entry.key = cursor.name("key", max_key_bytes);
  cursor.enter({Subject::KeyValue, 0, entry.key});
  entry.value.type = read_value_type(cursor, "value type");
  const uint64_t start = cursor.position();
  skip_value(cursor, entry.value.type, 0);
  entry.value.bytes = cursor.since(start);
  return entry;
}

uint64_t read_alignment(std::string_view path, const Header& header) {
  const Value* value = header.find(alignment_key);
  if (value == nullptr) return default_alignment;
  if (value->type != ValueType::U32) fail_value(path, alignment_key, "a u32", *value);
  const uint64_t alignment = *as_uint(*value);
  if (!is_alignment(alignment))
    fail_value(path, alignment_key,
               fmt::format("a power of two from {} to {}", min_alignment, max_alignment), *value);
  return alignment;
}

void read_dimensions(Cursor& cursor, Tensor& tensor) {
  const auto rank = cursor.number<uint32_t>("rank");
  if (rank < 1 || rank > max_rank) cursor.fail("rank: must be from 1 to {}, is {}", max_rank, rank);
  tensor.rank = static_cast<int>(rank);
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const auto dimension = cursor.number<uint64_t>("dimensions");
    if (dimension == 0) cursor.fail("dimension {} is 0", i);
    // Below 2^63, so that sizes are safe as signed numbers too.
    if (dimension > INT64_MAX / elements)
      cursor.fail("dimension {}: {} makes 2^63 elements or more", i, dimension);
    elements *= dimension;
    tensor.dims[i] = dimension;
  }
}

Tensor read_tensor(Cursor& cursor, uint64_t index) {
  Tensor tensor;
  tensor.name = cursor.name("name", max_tensor_name_bytes);
  cursor.enter({Subject::Tensor, index, tensor.name});
  read_dimensions(cursor, tensor);

  const auto id = cursor.number<uint32_t>("type");
  const TypeInfo* type = find_type(id);
  if (type == nullptr) cursor.fail("type: {} is not supported", describe_type(id));
  if (tensor.dims[0] % type->block_elements != 0)
    cursor.fail("dimension 0: must be a multiple of {} for {}, is {}", type->block_elements,
                type->name, tensor.dims[0]);
  tensor.type = type->type;
  const uint64_t blocks = tensor.dims[0] / type->block_elements * tensor.rows();
  if (blocks > INT64_MAX / type->block_bytes)
    cursor.fail("size: {} blocks of {} bytes are 2^63 bytes or more", blocks, type->block_bytes);
  tensor.bytes = blocks * type->block_bytes;
  return tensor;
}

void read_version(std::string_view path, Cursor& cursor, Header& header) {
  const std::string_view magic(reinterpret_cast<const char*>(cursor.take("magic", 4)), 4);
  if (is_rewriting_magic(magic))
    cursor.fail("is in the middle of being rewritten in place; `weld recover {}` finishes that",
                plain(path));
  if (magic != "GGUF") cursor.fail("magic: must be \"GGUF\", is {}", quoted(magic));
  header.version = cursor.number<uint32_t>("version");
  if (header.version == 2 || header.version == 3) return;
  // Versions are small: one with nothing in its lower half was written the other way round.
  const bool big_endian = (header.version & 0xFFFFU) == 0 && header.version != 0;
  if (big_endian)
    cursor.fail("version: {:#010x}: big-endian files are not supported", header.version);
  cursor.fail("version: must be 2 or 3, is {}", header.version);
}

}  // namespace

const Value* Header::find(std::string_view key) const {
  const auto position = keys.find(key);
  return position ? &metadata[*position].value : nullptr;
}

Header read_header(std::string_view path, std::span<const std::byte> file) {
  // The least an entry takes: a one-byte key with a one-byte value; a one-byte name with one
  // dimension.
  constexpr uint64_t least_key_value = 8 + 1 + 4 + 1;
  constexpr uint64_t least_tensor = 8 + 1 + 4 + 8 + 4 + 8;

  Cursor cursor(path, file);
  Header header;
  read_version(path, cursor, header);
  const uint64_t tensors = cursor.count("tensor count", least_tensor);
  const uint64_t entries = cursor.count("metadata count", least_key_value);

  std::vector<std::string_view> keys;
  for (uint64_t i = 0; i < entries; ++i) {
    cursor.enter({Subject::KeyValue, i, {}});
    header.metadata.push_back(read_key_value(cursor));
    keys.push_back(header.metadata.back().key);
  }
  header.keys = NameIndex(keys);
  if (const auto twins = header.keys.duplicate())
    fail_at(path, {Subject::KeyValue, twins->second, {}}, "key: {} was used by metadata entry {}",
            quoted(keys[twins->second]), twins->first);
  header.alignment = read_alignment(path, header);

  for (uint64_t i = 0; i < tensors; ++i) {
    cursor.enter({Subject::Tensor, i, {}});
    header.tensors.push_back(read_tensor(cursor, i));
    const auto offset = cursor.number<uint64_t>("offset");
    if (offset % header.alignment != 0)
      cursor.fail("offset: must be a multiple of the alignment {}, is {}", header.alignment,
                  offset);
    header.offsets.push_back(offset);
  }
  header.data_start = align_up(cursor.position(), header.alignment);
  return header;
}

void place_tensors(std::string_view path, std::span<const std::byte> file, int shard,
                   Header& header) {
  const uint64_t data_bytes = file.size() - std::min<uint64_t>(header.data_start, file.size());
  const auto fail_tensor = [&](size_t i, const std::string& message) {
    fail_at(path, {Subject::Tensor, i, header.tensors[i].name}, "{}", message);
  };
  for (size_t i = 0; i < header.tensors.size(); ++i) {
    Tensor& tensor = header.tensors[i];
    const uint64_t offset = header.offsets[i];
    if (tensor.bytes > data_bytes || offset > data_bytes - tensor.bytes)
      fail_tensor(i, fmt::format("data: {} bytes at offset {} do not fit into the {} bytes of data",
                                 tensor.bytes, offset, data_bytes));
    tensor.offset = header.data_start + offset;
    tensor.data = file.data() + tensor.offset;
    tensor.shard = shard;
  }

  std::vector<size_t> order(header.tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(header.offsets[a], a) < std::pair(header.offsets[b], b);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const Tensor& before = header.tensors[order[i - 1]];
    if (header.offsets[order[i]] < header.offsets[order[i - 1]] + before.bytes)
      fail_tensor(order[i], fmt::format("offset: {} is inside the data of tensor {}",
                                        header.offsets[order[i]], quoted(before.name)));
  }
}

void check_value(std::string_view path, std::string_view key, const Value& value) {
  Cursor cursor(path, value.bytes);
  cursor.enter({Subject::KeyValue, 0, key});
  if (static_cast<uint32_t>(value.type) >= value_type_count)
    cursor.fail("value type: must be from 0 to {}, is {}", value_type_count - 1,
                static_cast<uint32_t>(value.type));
  skip_value(cursor, value.type, 0);
  if (cursor.remaining() != 0) cursor.fail("value: has {} bytes too many", cursor.remaining());
}

void fail_value(std::string_view path, std::string_view key, std::string_view wanted,
                const Value& value) {
  fail_at(path, {Subject::KeyValue, 0, key}, "must be {}, is {}", wanted, describe(value));
}

std::optional<uint64_t> find_uint(std::string_view path, const Header& header, std::string_view key,
                                  uint64_t max) {
  const Value* value = header.find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = as_uint(*value);
  if (number && *number <= max) return number;
  const std::string limit = max == UINT64_MAX ? "" : fmt::format(" of at most {}", max);
  fail_value(path, key, "a non-negative integer" + limit, *value);
}

}  // namespace weld::gguf
