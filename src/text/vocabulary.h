// The tokens of a file: their texts, types and scores, and the way from a text to its token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "text/tokenizer.h"

namespace weld::text {

/// As `tokenizer.ggml.token_type` numbers them.
enum class TokenType : uint8_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,      ///< not part of any text: markers of turns, of the beginning, of the end
  UserDefined = 4,  ///< always taken whole, in place of what merging would give
  Unused = 5,
  Byte = 6,  ///< `<0xNN>`
};

/// Owns all that it keeps.
class Vocabulary {
 public:
  /// Reads `tokenizer.ggml.tokens`, `token_type` and `scores`. As the format has it, tokens without
  /// a type are Normal and tokens without a score have score 0. Throws Error where anything is
  /// wrong.
  explicit Vocabulary(const gguf::File& file);

  size_t size() const { return types_.size(); }
  std::string_view text(Token token) const {
    return std::string_view(texts_).substr(begins_[token], begins_[token + 1] - begins_[token]);
  }
  TokenType type(Token token) const { return types_[token]; }
  float score(Token token) const { return scores_.empty() ? 0.0F : scores_[token]; }

  /// The token with this text. Of several the first, but a Normal one before all others. An empty
  /// text has none.
  std::optional<Token> find(std::string_view text) const;

  /// Touches what find() will look at.
  void prefetch(std::string_view text) const;

  /// Whether TOKEN is a token, the only one with this text; false where a text occurs twice
  /// anywhere.
  bool is_only(Token token, std::string_view name) const {
    return unique_ && static_cast<size_t>(token) < size() && text(token) == name;
  }

  /// Bytes of the longest text.
  size_t longest() const { return longest_; }
  /// The file's path, for errors.
  const std::string& path() const { return path_; }

 private:
  /// A place in an open-addressing table. Most texts are short enough to be their own key, and need
  /// no look at texts_.
  struct Slot {
    uint64_t key;
    Token token;
  };

  size_t place(uint64_t key) const;
  /// The slot of the token with this text, or the empty one where it would go.
  size_t slot_of(std::string_view name, uint64_t key) const;
  void insert(Token token);

  std::string path_;
  std::string texts_;           ///< all texts, one after the other
  std::vector<size_t> begins_;  ///< where each begins in texts_, and the end of the last
  std::vector<TokenType> types_;
  std::vector<float> scores_;  ///< empty where the file has none
  std::vector<Slot> slots_;
  size_t longest_ = 0;
  bool unique_ = true;
};

}  // namespace weld::text
