// The tokens that have a part to play: beginning of text, end of text or turn, unknown.
#pragma once

#include <optional>
#include <vector>

#include "gguf/file.h"
#include "text/vocabulary.h"

namespace weld::text {

struct Roles {
  std::optional<Token> bos;
  std::optional<Token> eos;
  std::optional<Token> unknown;
  /// The tokens that end generation, in ascending order: those that the file names as the end of a
  /// text (eos), a turn (eot) or a message (eom), and control tokens that are known by their text
  /// to be so.
  std::vector<Token> ends;
};

/// Reads the special token ids under `tokenizer.ggml.`. Where the file does not name them `<s>`,
/// `</s>` and
/// `<unk>` are taken if SENTENCEPIECE, whose own default names they are. Throws Error if an id is
/// outside the vocabulary.
Roles read_roles(const gguf::File& file, const Vocabulary& vocabulary, bool sentencepiece);

}  // namespace weld::text
