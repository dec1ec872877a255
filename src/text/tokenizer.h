// From text to token ids and back, by the vocabulary of a GGUF file.
#pragma once

#include <cstddef>
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

/// Keeps nothing of the file: that may be closed.
class Tokenizer {
 public:
  /// Reads and validates everything under `tokenizer.ggml.`. Throws Error with file, field and
  /// value. Works on vocabulary-only files of any architecture.
  explicit Tokenizer(const gguf::File& file);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  struct Options {
    bool bos = false;  ///< begin with the beginning-of-text token, if there is one
    bool special =
        true;  ///< control tokens (type 3) in the text are recognized; user-defined ones always are
  };

  /// The ids of TEXT. Bytes that are not UTF-8 are tokenized too, as bytes. Throws Error if the
  /// vocabulary has no token for a byte of the text and none for the unknown.
  std::vector<Token> encode(std::string_view text, Options options) const;

  /// The bytes that a token stands for; control tokens give their own text only if `special`.
  /// Throws Error if the token is not in the vocabulary.
  std::string piece(Token token, bool special = false) const;

  /// The text of TOKENS: pieces joined, with what the tokenizer adds at the beginning of text (a
  /// space, for SentencePiece) taken away again.
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  size_t size() const;
  std::optional<Token> bos() const;
  std::optional<Token> eos() const;
  /// Whether the file asks for a beginning token before a prompt.
  bool add_bos() const;
  /// Whether generation is over after this token: the file's eos, eot or eom, or a control token
  /// that is known by its text to end a text or a turn (`<|im_end|>`, `<end_of_turn>`, ...;
  /// roles.cpp has all).
  bool ends_generation(Token token) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

/// Bytes in, whole UTF-8 characters out: holds back the beginning of a character until it is
/// complete.
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
