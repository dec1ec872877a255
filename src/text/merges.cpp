// Reading and validating merges.
#include "text/merges.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <string_view>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::text {

namespace {

struct Parts {
  std::string_view left;
  std::string_view right;
};

/// TEXT at its first space; a space at the very beginning belongs to the left part. One part is
/// empty if there is no such space.
Parts split(std::string_view text) {
  const size_t space = std::min(text.find(' ', 1), text.size());
  return {text.substr(0, space), text.substr(std::min(space + 1, text.size()))};
}

// How far ahead of their use tables are touched: they do not fit into the near caches, and a
// look-up that waits for memory takes most of the time of loading.
constexpr size_t ahead = 16;

}  // namespace

Merges::Merges(const gguf::File& file, const Vocabulary& vocabulary) {
  const auto texts = file.find_strings("tokenizer.ggml.merges");
  if (!texts) fail("{}: tokenizer.ggml.merges: missing", file.path());

  std::vector<Slot> merges;
  merges.reserve(texts->size());
  std::string joined;
  Token token = -1;  // what the last merge gave
  for (size_t i = 0; i < texts->size(); ++i) {
    if (i + ahead < texts->size()) {
      const Parts parts = split((*texts)[i + ahead]);
      vocabulary.prefetch(parts.left);
      vocabulary.prefetch(parts.right);
    }
    const auto refuse = [&](const std::string& reason) {
      fail("{}: tokenizer.ggml.merges[{}]: {} {}", file.path(), i, gguf::quoted((*texts)[i]),
           reason);
    };
    const Parts parts = split((*texts)[i]);
    if (parts.left.empty() || parts.right.empty()) refuse("is not two texts with a space between");
    const auto find = [&](std::string_view text) {
      const std::optional<Token> found = vocabulary.find(text);
      if (!found) refuse(fmt::format("needs {}, which is no token", gguf::quoted(text)));
      return *found;
    };
    const Token left = find(parts.left);
    const Token right = find(parts.right);
    joined.assign(parts.left).append(parts.right);
    // Files list merges in the order of the tokens that they give, so that few must be looked up.
    const auto given = vocabulary.is_only(token + 1, joined) ? std::optional<Token>(token + 1)
                                                             : vocabulary.find(joined);
    if (!given) continue;
    token = *given;
    merges.push_back({key(left, right), {static_cast<uint32_t>(i), token}});
  }

  const size_t capacity = std::bit_ceil(merges.size() + merges.size() / 3 + 2);  // at most 3/4 full
  slots_.assign(capacity, {no_pair, {}});
  shift_ = 64 - std::countr_zero(capacity);
  for (size_t i = 0; i < merges.size(); ++i) {
    if (i + ahead < merges.size()) __builtin_prefetch(&slots_[place(merges[i + ahead].pair)], 1);
    size_t at = place(merges[i].pair);
    while (slots_[at].pair != no_pair && slots_[at].pair != merges[i].pair)
      at = (at + 1) & (capacity - 1);
    if (slots_[at].pair == no_pair) slots_[at] = merges[i];  // of equal ones the first counts
  }
}

}  // namespace weld::text
