// The merges of a BPE vocabulary: which pairs of tokens become one, and in what order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gguf/file.h"
#include "text/vocabulary.h"

namespace weld::text {

class Merges {
 public:
  struct Merge {
    uint32_t rank;  ///< the lowest is made first
    Token token;    ///< what the pair becomes
  };

  /// Reads `tokenizer.ggml.merges`: strings of two tokens' texts with a space between. A merge that
  /// gives no token is left out, as it would have to be undone. Throws Error unless both texts are
  /// in the vocabulary.
  Merges(const gguf::File& file, const Vocabulary& vocabulary);

  /// How this pair merges; null where it does not.
  const Merge* find(Token left, Token right) const {
    const uint64_t pair = key(left, right);
    for (size_t at = place(pair);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].pair == pair) return &slots_[at].merge;
      if (slots_[at].pair == no_pair) return nullptr;
    }
  }

 private:
  static constexpr uint64_t no_pair = UINT64_MAX;

  /// A place in an open-addressing table.
  struct Slot {
    uint64_t pair;
    Merge merge;
  };

  static uint64_t key(Token left, Token right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  /// Where the search for a pair starts. The factor is 2^64 divided by the golden ratio (Knuth's
  /// multiplicative hashing, The Art of Computer Programming, 6.4).
  size_t place(uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15) >> shift_; }

  std::vector<Slot> slots_;
  int shift_ = 0;
};

}  // namespace weld::text
