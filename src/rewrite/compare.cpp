// Reading members' bytes through a small buffer, two files side by side or one for a digest.
#include "rewrite/compare.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/quoted.h"
#include "rewrite/original.h"

namespace weld::rewrite {
namespace {

constexpr uint64_t chunk_bytes = 4U << 20U;

/// A file with all its members apart, in the order of their names.
class Members {
 public:
  explicit Members(const gguf::File& file) : file_(file) {
    Original original = read_original(file, Born::Split);
    entries_ = std::move(original.entries);
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    for (const gguf::Shard& shard : file.shards())
      files_.emplace_back(shard.path, DiskFile::Mode::Read);
  }

  const std::vector<Entry>& entries() const { return entries_; }

  /// Reads some of a member's bytes, from `offset` on.
  void read(const Entry& entry, uint64_t offset, std::span<std::byte> bytes) const {
    const gguf::Tensor& tensor = file_.tensors()[entry.source.tensor];
    const DiskFile& file = files_[static_cast<size_t>(tensor.shard)];
    const Slices& source = entry.source;
    if (source.stride == source.bytes) {
      const uint64_t place = tensor.offset + source.offset + offset;
      file.prefetch(place + bytes.size(), chunk_bytes);
      file.read(bytes, place);
      return;
    }
    while (!bytes.empty()) {
      const uint64_t run = offset / source.bytes, inside = offset % source.bytes;
      const uint64_t part = std::min<uint64_t>(bytes.size(), source.bytes - inside);
      file.read(bytes.first(part), tensor.offset + source.offset + run * source.stride + inside);
      bytes = bytes.subspan(part);
      offset += part;
    }
  }

 private:
  const gguf::File& file_;
  std::vector<Entry> entries_;
  std::deque<DiskFile> files_;
};

uint64_t bytes_of(const Entry& entry) { return entry.source.bytes * entry.count; }

/// Metadata that says what the model is, by key.
std::map<std::string_view, gguf::Value> model_metadata(const gguf::File& file) {
  std::map<std::string_view, gguf::Value> metadata;
  for (const gguf::KeyValue& entry : file.metadata())
    if (!entry.key.starts_with(own_prefix) && !entry.key.starts_with("split.") &&
        entry.key != gguf::alignment_key)
      metadata.emplace(entry.key, entry.value);
  return metadata;
}

std::string kind_text(const Entry& entry) {
  return fmt::format("{} {}", gguf::info(entry.type).name, fmt::join(entry.dims, "x"));
}

/// Calls f(name, a, b) for every key of two sorted ranges; the pointer is null where one has none.
template <typename Range, typename Key, typename F>
void walk_both(const Range& a, const Range& b, Key key, F f) {
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    const int order = x == a.end() ? 1 : y == b.end() ? -1 : key(*x).compare(key(*y));
    f(order <= 0 ? &*x : nullptr, order >= 0 ? &*y : nullptr);
    if (order <= 0) ++x;
    if (order >= 0) ++y;
  }
}

class Comparison {
 public:
  Comparison(const gguf::File& a, const gguf::File& b, const Progress& progress)
      : a_(a), b_(b), progress_(progress) {}

  std::vector<std::string> run() {
    walk_both(
        model_metadata(a_), model_metadata(b_), [](const auto& entry) { return entry.first; },
        [&](const auto* x, const auto* y) {
          const std::string name = gguf::plain(x ? x->first : y->first, 80);
          if (!x || !y)
            found("{}: is only in {}", name, gguf::plain((x ? a_ : b_).path()));
          else if (x->second.type != y->second.type ||
                   !std::equal(x->second.bytes.begin(), x->second.bytes.end(),
                               y->second.bytes.begin(), y->second.bytes.end()))
            found("{}: {} and {}", name, gguf::describe(x->second), gguf::describe(y->second));
        });
    const Members left(a_), right(b_);
    walk_both(
        left.entries(), right.entries(),
        [](const Entry& entry) { return std::string_view(entry.name); },
        [&](const Entry* x, const Entry* y) {
          const std::string name = gguf::quoted(x ? x->name : y->name);
          if (!x || !y)
            found("tensor {}: is only in {}", name, gguf::plain((x ? a_ : b_).path()));
          else if (x->type != y->type || x->dims != y->dims)
            found("tensor {}: {} and {}", name, kind_text(*x), kind_text(*y));
          else
            compare_bytes(left, *x, right, *y);
          if (x && (!y || x->type != y->type || x->dims != y->dims)) tell(bytes_of(*x));
        });
    return std::move(differences_);
  }

 private:
  template <typename... Args>
  void found(fmt::format_string<Args...> format, Args&&... args) {
    differences_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void tell(uint64_t bytes) {
    if (!progress_(bytes)) fail("interrupted");
  }

  void compare_bytes(const Members& left, const Entry& x, const Members& right, const Entry& y) {
    const uint64_t total = bytes_of(x);
    bool differs = false;
    for (uint64_t done = 0; done < total;) {
      const uint64_t part = std::min(total - done, chunk_bytes);
      if (!differs) {
        one_.resize(part);
        other_.resize(part);
        left.read(x, done, one_);
        right.read(y, done, other_);
        if (one_ != other_) {
          const auto at = std::mismatch(one_.begin(), one_.end(), other_.begin()).first;
          found("tensor {}: differs from byte {} of {} on", gguf::quoted(x.name),
                done + static_cast<uint64_t>(at - one_.begin()), total);
          differs = true;
        }
      }
      done += part;
      tell(part);
    }
  }

  const gguf::File& a_;
  const gguf::File& b_;
  const Progress& progress_;
  std::vector<std::byte> one_, other_;
  std::vector<std::string> differences_;
};

/// XXH3, 128 bits; what is added is framed, so that no two sequences are the same bytes.
class Digest {
 public:
  Digest() : state_(XXH3_createState(), &XXH3_freeState) {
    if (!state_) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }
  void add(std::span<const std::byte> bytes) {
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }
  void add_number(uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }
  void add_framed(std::span<const std::byte> bytes) {
    add_number(bytes.size());
    add(bytes);
  }
  void add_framed(std::string_view text) { add_framed(std::as_bytes(std::span(text))); }
  /// High half, low half.
  std::pair<uint64_t, uint64_t> result() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

}  // namespace

uint64_t tensor_bytes(const gguf::File& file) {
  uint64_t sum = 0;
  for (const gguf::Tensor& tensor : file.tensors()) sum += tensor.bytes;
  return sum;
}

std::vector<std::string> find_differences(const gguf::File& a, const gguf::File& b,
                                          const Progress& progress) {
  return Comparison(a, b, progress).run();
}

std::string checksum(const gguf::File& file, const Progress& progress) {
  Digest digest;
  const auto metadata = model_metadata(file);
  digest.add_number(metadata.size());
  for (const auto& [key, value] : metadata) {
    digest.add_framed(key);
    digest.add_number(static_cast<uint64_t>(value.type));
    digest.add_framed(value.bytes);
  }
  const Members members(file);
  std::vector<std::byte> buffer;
  digest.add_number(members.entries().size());
  for (const Entry& entry : members.entries()) {
    Digest content;
    const uint64_t total = bytes_of(entry);
    for (uint64_t done = 0; done < total; done += buffer.size()) {
      buffer.resize(std::min(total - done, chunk_bytes));
      members.read(entry, done, buffer);
      content.add(buffer);
      if (!progress(buffer.size())) fail("interrupted");
    }
    digest.add_framed(entry.name);
    digest.add_number(static_cast<uint64_t>(entry.type));
    for (const uint64_t dimension : entry.dims) digest.add_number(dimension);
    const auto [high, low] = content.result();
    digest.add_number(high);
    digest.add_number(low);
  }
  const auto [high, low] = digest.result();
  return fmt::format("{:016x}{:016x}", high, low);
}

}  // namespace weld::rewrite
