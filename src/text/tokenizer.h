// From text to token ids and back, by the vocabulary of a GGUF file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"

namespace weld::text {

using Token = int32_t;

class Tokenizer {
 public:
  /// Reads and validates everything under `tokenizer.ggml.`. Throws Error with file, field and value.
  /// Works on vocabulary-only files of any architecture.
  explicit Tokenizer(const gguf::File& file);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  struct Options {
    bool bos = false;      ///< begin with the beginning-of-text token
    bool special = true;   ///< control tokens (type 3) in the text are recognized; user-defined ones always are
  };

  /// The ids of TEXT. Bytes that are not UTF-8 are tokenized too, as bytes.
  std::vector<Token> encode(std::string_view text, Options options) const;

  /// The bytes that a token stands for; control tokens give their own text only if `special`.
  std::string piece(Token token, bool special = false) const;

  /// The text of TOKENS: pieces joined, with what the tokenizer adds at the beginning of text (a space, for
  /// SentencePiece) taken away again.
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  size_t size() const;
  std::optional<Token> bos() const;
  std::optional<Token> eos() const;
  bool add_bos() const;                    ///< whether the file asks for a beginning token before a prompt
  bool ends_generation(Token token) const; ///< eos, eot, eom and their like

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

/// Bytes in, whole UTF-8 characters out: holds back the beginning of a character until it is complete.
class Utf8Stream {
 public:
  /// The text that is complete now. Bytes that can never become UTF-8 come out as U+FFFD.
  std::string push(std::string_view bytes);
  /// What is left at the end: an unfinished character comes out as U+FFFD.
  std::string finish();

 private:
  std::string pending_;
};

}  // namespace weld::text
