// Cutting text into the words that byte-level BPE merges within, as each model's own tokenizer
// does.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "gguf/file.h"

namespace weld::text {

/// What `tokenizer.ggml.pre` says by one name.
struct PretokenizerRules {
  /// A text is cut around the matches of the first pattern, the pieces around those of the second,
  /// and so on; matches and what lies between them are pieces alike. Written as the models' files
  /// have them.
  std::vector<std::string_view> patterns;
  bool nfc = false;          ///< text is brought to NFC first
  bool whole_words = false;  ///< a word that is a token is taken whole, whatever the merges give
  bool add_bos = false;      ///< the default of `tokenizer.ggml.add_bos_token`
};

class Pretokenizer {
 public:
  /// By `tokenizer.ggml.pre`. Throws Error if weld does not know it.
  explicit Pretokenizer(const gguf::File& file);
  Pretokenizer(Pretokenizer&&) noexcept;
  Pretokenizer& operator=(Pretokenizer&&) noexcept;
  ~Pretokenizer();

  const PretokenizerRules& rules() const { return *rules_; }

  /// The words of TEXT, which is well-formed UTF-8; together they are all of it.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  class Pattern;
  const PretokenizerRules* rules_;
  std::vector<Pattern> patterns_;
};

}  // namespace weld::text
