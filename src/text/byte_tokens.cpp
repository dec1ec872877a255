// Finding the tokens of single bytes.
#include "text/byte_tokens.h"

#include "fail.h"

namespace weld::text {

ByteTokens::ByteTokens(const Vocabulary& vocabulary, std::optional<Token> unknown,
                       std::string (*text_of)(uint8_t byte))
    : path_(vocabulary.path()) {
  const Token fallback = unknown.value_or(-1);
  for (int byte = 0; byte < 256; ++byte)
    tokens_[byte] = vocabulary.find(text_of(static_cast<uint8_t>(byte))).value_or(fallback);
}

void ByteTokens::fail_at(uint8_t byte) const {
  fail("{}: tokenizer.ggml.tokens: none stands for the byte 0x{:02X} of the text", path_, byte);
}

}  // namespace weld::text
