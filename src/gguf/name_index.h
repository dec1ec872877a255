// Finding entries by name, and names that occur twice.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace weld::gguf {

/// An index of names that are stored elsewhere. Sorted, not hashed: no choice of names in an
/// untrusted file can make it slow.
class NameIndex {
 public:
  NameIndex() = default;
  /// The names by their positions; the characters must outlive the index.
  explicit NameIndex(const std::vector<std::string_view>& names);

  std::optional<size_t> find(std::string_view name) const;
  /// The positions of two entries of the same name, the earlier one first; nullopt if all differ.
  std::optional<std::pair<size_t, size_t>> duplicate() const;

 private:
  std::vector<std::pair<std::string_view, size_t>> sorted_;
};

}  // namespace weld::gguf
