// Reading and validating the tokens of a file, and looking them up by their text.
#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "fail.h"

namespace weld::text {

namespace {

constexpr uint64_t no_key = 0;
constexpr size_t key_holds = 8;  // texts shorter than this are all in their key

/// The bytes of a short text and their number; of a longer one a hash, and a mark that it is one.
uint64_t key_of(std::string_view text) {
  if (text.size() >= key_holds) return std::hash<std::string_view>()(text) | uint64_t{0xFF} << 56;
  uint64_t key = text.size();
  for (const char byte : text) key = key << 8 | static_cast<uint8_t>(byte);
  return key;
}

}  // namespace

Vocabulary::Vocabulary(const gguf::File& file) : path_(file.path()) {
  const auto tokens = file.find_strings("tokenizer.ggml.tokens");
  if (!tokens) fail("{}: tokenizer.ggml.tokens: missing", path_);
  if (tokens->empty()) fail("{}: tokenizer.ggml.tokens: empty", path_);
  if (tokens->size() > std::numeric_limits<Token>::max())
    fail("{}: tokenizer.ggml.tokens: {} are too many", path_, tokens->size());

  size_t bytes = 0;
  for (const std::string_view token : *tokens) bytes += token.size();
  texts_.reserve(bytes);
  begins_.reserve(tokens->size() + 1);
  begins_.push_back(0);
  for (const std::string_view token : *tokens) {
    texts_ += token;
    begins_.push_back(texts_.size());
    longest_ = std::max(longest_, token.size());
  }

  types_.assign(tokens->size(), TokenType::Normal);
  if (const auto types = file.find_ints("tokenizer.ggml.token_type")) {
    if (types->size() != tokens->size())
      fail("{}: tokenizer.ggml.token_type: {} for {} tokens", path_, types->size(), tokens->size());
    for (size_t i = 0; i < types->size(); ++i) {
      const int64_t type = (*types)[i];
      if (type < 1 || type > 6)
        fail("{}: tokenizer.ggml.token_type[{}]: {} is not a token type", path_, i, type);
      types_[i] = static_cast<TokenType>(type);
    }
  }

  if (const auto scores = file.find_floats("tokenizer.ggml.scores")) {
    if (scores->size() != tokens->size())
      fail("{}: tokenizer.ggml.scores: {} for {} tokens", path_, scores->size(), tokens->size());
    for (size_t i = 0; i < scores->size(); ++i)
      if (std::isnan((*scores)[i])) fail("{}: tokenizer.ggml.scores[{}]: not a number", path_, i);
    scores_.assign(scores->begin(), scores->end());
  }

  slots_.assign(std::bit_ceil(size() + size() / 3 + 2), {no_key, -1});  // at most 3/4 full
  constexpr size_t ahead =
      16;  // touched before it is used, for it does not fit into the near caches
  for (size_t i = 0; i < size(); ++i) {
    if (i + ahead < size()) prefetch(text(static_cast<Token>(i + ahead)));
    insert(static_cast<Token>(i));
  }
}

size_t Vocabulary::place(uint64_t key) const {
  // Knuth's multiplicative hashing (The Art of Computer Programming, 6.4) by 2^64 over the golden
  // ratio.
  return (key * 0x9E3779B97F4A7C15) >> (64 - std::countr_zero(slots_.size()));
}

size_t Vocabulary::slot_of(std::string_view name, uint64_t key) const {
  size_t at = place(key);
  while (slots_[at].key != no_key &&
         (slots_[at].key != key || (name.size() >= key_holds && text(slots_[at].token) != name)))
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void Vocabulary::insert(Token token) {
  const std::string_view name = text(token);
  const uint64_t key = key_of(name);
  if (key == no_key) return;
  Slot& slot = slots_[slot_of(name, key)];
  if (slot.key == no_key) {
    slot = {key, token};
    return;
  }
  unique_ = false;
  if (type(slot.token) != TokenType::Normal && type(token) == TokenType::Normal) slot.token = token;
}

std::optional<Token> Vocabulary::find(std::string_view name) const {
  const Slot& slot = slots_[slot_of(name, key_of(name))];
  return slot.key == no_key ? std::nullopt : std::optional(slot.token);
}

void Vocabulary::prefetch(std::string_view name) const {
  __builtin_prefetch(&slots_[place(key_of(name))]);
}

}  // namespace weld::text
