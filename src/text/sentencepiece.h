// SentencePiece's BPE, the tokenizer of Llama 1 and 2, Mistral, Gemma (`tokenizer.ggml.model` =
// "llama").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "text/byte_tokens.h"
#include "text/vocabulary.h"

namespace weld::text {

/// How a SentencePiece vocabulary writes a space: U+2581.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view text);

/// The byte of a byte token's text, `<0xNN>`.
std::optional<uint8_t> parse_byte_token(std::string_view text);

class SentencePiece {
 public:
  /// UNKNOWN stands for bytes that have no token. Throws Error if a byte token is not `<0xNN>`.
  SentencePiece(const gguf::File& file, const Vocabulary& vocabulary, std::optional<Token> unknown);

  /// Appends the tokens of TEXT, which may hold any bytes.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& out) const;

  /// Whether encode() puts a space before a text.
  bool adds_space() const { return adds_space_; }

 private:
  ByteTokens byte_tokens_;
  bool adds_space_;
};

}  // namespace weld::text
