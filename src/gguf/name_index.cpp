// Finding entries by name with a binary search.
#include "gguf/name_index.h"

#include <algorithm>

namespace weld::gguf {

NameIndex::NameIndex(const std::vector<std::string_view>& names) {
  sorted_.reserve(names.size());
  for (size_t i = 0; i < names.size(); ++i) sorted_.emplace_back(names[i], i);
  std::sort(sorted_.begin(), sorted_.end());
}

std::optional<size_t> NameIndex::find(std::string_view name) const {
  const auto place = std::lower_bound(sorted_.begin(), sorted_.end(), std::pair{name, size_t{0}});
  if (place == sorted_.end() || place->first != name) return std::nullopt;
  return place->second;
}

std::optional<std::pair<size_t, size_t>> NameIndex::duplicate() const {
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto twin = std::adjacent_find(sorted_.begin(), sorted_.end(), same_name);
  if (twin == sorted_.end()) return std::nullopt;
  return std::pair{twin->second, (twin + 1)->second};
}

}  // namespace weld::gguf
