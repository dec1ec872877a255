// Lines, replacement and order.
#include "jinja/text.h"

#include <algorithm>
#include <numeric>

#include "jinja/operations.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

bool ends_line(uint32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

}  // namespace

std::vector<std::string_view> lines_of(Heap& heap, std::string_view text, bool keep) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = 0, next = text.size();
    while (end < text.size()) {
      const auto [code, bytes] = first_character(text.substr(end));
      if (ends_line(code)) {
        next = end + (text.substr(end).starts_with("\r\n") ? 2 : bytes);
        break;
      }
      end += bytes;
    }
    heap.step(1 + next / 4);
    heap.take(sizeof(std::string_view));
    lines.push_back(text.substr(0, keep ? next : end));
    text.remove_prefix(next);
  }
  return lines;
}

void replace_text(Builder& out, std::string_view text, std::string_view old,
                  std::string_view replacement, int64_t most) {
  for (int64_t i = 0; i != most; ++i) {
    if (old.empty()) {
      out.add(replacement);
      if (text.empty()) return;
      const size_t bytes = first_character(text).bytes;
      out.add(text.substr(0, bytes));
      text.remove_prefix(bytes);
      continue;
    }
    const size_t at = text.find(old);
    if (at == text.npos) break;
    out.add(text.substr(0, at));
    out.add(replacement);
    text.remove_prefix(at + old.size());
  }
  out.add(text);
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return "";
  const size_t bytes = first_character(text).bytes;
  return to_title(text.substr(0, bytes)) + to_lower(text.substr(bytes));
}

void sort_values(Heap& heap, std::vector<Value>& items, const std::vector<Value>& keys,
                 bool descending) {
  heap.take(items.size() * (sizeof(Value) + sizeof(size_t)));
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return descending ? less(heap, keys[b], keys[a]) : less(heap, keys[a], keys[b]);
  });
  std::vector<Value> sorted;
  sorted.reserve(items.size());
  for (const size_t i : order) sorted.push_back(items[i]);
  items = std::move(sorted);
}

}  // namespace weld::jinja
