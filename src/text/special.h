// Tokens that are recognized in a text as they are written: `<|im_start|>`, `<think>`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "text/vocabulary.h"

namespace weld::text {

class SpecialTokens {
 public:
  struct Match {
    size_t begin;
    size_t end;  ///< past the token and the white space that it swallows
    Token token;
  };

  SpecialTokens(const gguf::File& file, const Vocabulary& vocabulary, bool sentencepiece);

  /// The first place at or after FROM where a token is written; of those written at one place the
  /// longest. User-defined tokens count always, control and unknown ones if CONTROL.
  std::optional<Match> find(std::string_view text, size_t from, bool control) const;

 private:
  struct Entry {
    std::string text;
    Token token;
    bool control;
    bool strips_right;
  };

  const Entry* longest_at(std::string_view text, bool control) const;

  std::vector<Entry> entries_;  ///< sorted by their text
  bool begins_[256] = {};       ///< the bytes that texts begin with
};

}  // namespace weld::text
