// The tokens of single bytes, to which a tokenizer falls back where it has nothing longer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "text/vocabulary.h"

namespace weld::text {

class ByteTokens {
 public:
  /// Looks up the token of each byte by its text. A byte that has none is UNKNOWN, if there is such
  /// a token.
  ByteTokens(const Vocabulary& vocabulary, std::optional<Token> unknown,
             std::string (*text_of)(uint8_t byte));

  /// Throws Error if nothing stands for the byte.
  Token operator[](uint8_t byte) const {
    if (tokens_[byte] < 0) fail_at(byte);
    return tokens_[byte];
  }

 private:
  [[noreturn]] void fail_at(uint8_t byte) const;

  std::array<Token, 256> tokens_;
  std::string path_;
};

}  // namespace weld::text
