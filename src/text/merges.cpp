// Reading and validating merges.
#include "text/merges.h"

#include <bit>
#include <string>
#include <string_view>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::text {

Merges::Merges(const gguf::File& file, const Vocabulary& vocabulary) {
  const auto texts = file.find_strings("tokenizer.ggml.merges");
  if (!texts) fail("{}: tokenizer.ggml.merges: missing", file.path());
  const size_t capacity = std::bit_ceil(texts->size() * 2 + 2);
  slots_.assign(capacity, {no_pair, {}});
  shift_ = 64 - std::countr_zero(capacity);

  std::string joined;
  for (size_t i = 0; i < texts->size(); ++i) {
    const std::string_view text = (*texts)[i];
    const auto refuse = [&](const std::string& reason) {
      fail("{}: tokenizer.ggml.merges[{}]: {} {}", file.path(), i, gguf::quoted(text), reason);
    };
    // Neither part is empty: a space at the very beginning belongs to the first.
    const size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size())
      refuse("is not two texts with a space between");
    const auto find = [&](std::string_view part) {
      const std::optional<Token> token = vocabulary.find(part);
      if (!token) refuse(fmt::format("needs {}, which is no token", gguf::quoted(part)));
      return *token;
    };
    joined.assign(text.substr(0, space)).append(text.substr(space + 1));
    const uint64_t pair = key(find(text.substr(0, space)), find(text.substr(space + 1)));
    size_t at = place(pair);
    while (slots_[at].pair != no_pair && slots_[at].pair != pair) at = (at + 1) & (capacity - 1);
    const Token token = find(joined);
    if (slots_[at].pair == no_pair) slots_[at] = {pair, {static_cast<uint32_t>(i), token}};
  }
}

}  // namespace weld::text
