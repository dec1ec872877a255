// Reading and validating the tokens of a file, and looking them up by their text.
#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "fail.h"

namespace weld::text {

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

  slots_.assign(std::bit_ceil(tokens->size() * 2), {0, -1});
  for (size_t i = 0; i < tokens->size(); ++i) insert(static_cast<Token>(i));
}

size_t Vocabulary::slot_of(std::string_view name, size_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].token >= 0 && (slots_[at].tag != tag || text(slots_[at].token) != name))
    at = (at + 1) & mask;
  return at;
}

void Vocabulary::insert(Token token) {
  const std::string_view name = text(token);
  if (name.empty()) return;
  const size_t hash = std::hash<std::string_view>()(name);
  Slot& slot = slots_[slot_of(name, hash)];
  const bool takes_over =
      slot.token < 0 || (type(slot.token) != TokenType::Normal && type(token) == TokenType::Normal);
  if (takes_over) slot = {static_cast<uint32_t>(hash >> 32), token};
}

std::optional<Token> Vocabulary::find(std::string_view name) const {
  const Slot& slot = slots_[slot_of(name, std::hash<std::string_view>()(name))];
  return slot.token < 0 ? std::nullopt : std::optional(slot.token);
}

}  // namespace weld::text
