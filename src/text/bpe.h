// Byte-level BPE, the tokenizer of GPT-2 and most models since (`tokenizer.ggml.model` = "gpt2").
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "text/byte_tokens.h"
#include "text/merges.h"
#include "text/pretokenizer.h"
#include "text/vocabulary.h"

namespace weld::text {

class Bpe {
 public:
  /// Throws Error where the file's merges or its pre-tokenizer are no good.
  /// UNKNOWN stands for bytes that have no token.
  Bpe(const gguf::File& file, const Vocabulary& vocabulary, std::optional<Token> unknown);

  /// Appends the tokens of TEXT, which may hold any bytes.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& out) const;

  const PretokenizerRules& rules() const { return pretokenizer_.rules(); }

 private:
  struct Work;

  void encode_words(const Vocabulary& vocabulary, std::string_view text, Work& work,
                    std::vector<Token>& out) const;
  void encode_word(const Vocabulary& vocabulary, std::string_view word, Work& work,
                   std::vector<Token>& out) const;

  Pretokenizer pretokenizer_;
  Merges merges_;
  ByteTokens byte_tokens_;
};

}  // namespace weld::text
