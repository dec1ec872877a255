// The codebooks of the IQ types: how they are written down and how codewords are looked up.
//
// A codeword is the magnitudes of a run of 8 or 4 weights. There are few magnitudes, so a codeword
// is listed as a 16-bit number with 2 or 4 bits a weight, lowest bits first, that count through
// them. The compiler expands the lists to words with a byte a weight, which decoders load as they
// are. Data is the same in every instruction set's build and stands outside of their namespaces.
#pragma once

#include "quant/block.h"

namespace weld::quant {

/// Codewords as words of a byte a weight.
template <typename Word, int n>
struct Codebook {
  alignas(64) Word words[n];
};

/// Codewords from packed ones and the magnitudes that their fields count through.
template <typename Word, int n, int choices>
consteval Codebook<Word, n> expand(const uint16_t (&packed)[n],
                                   const uint8_t (&magnitudes)[choices]) {
  constexpr int bits = 16 / sizeof(Word);
  Codebook<Word, n> book{};
  for (int c = 0; c < n; ++c)
    for (int w = 0; w < static_cast<int>(sizeof(Word)); ++w)
      book.words[c] |= Word{magnitudes[packed[c] >> bits * w & ((1 << bits) - 1)]} << 8 * w;
  return book;
}

/// Codewords as two bytes, for look-ups of bytes.
template <int n>
struct SplitCodebook {
  /// Of eight weights with 2 bits each those of the first four and of the last four; of four
  /// weights the low 2 bits of each and the third bit.
  alignas(64) uint8_t in_order[2][n];
  /// Two weights side by side, for a look-up of both: of eight weights the 4th and 5th below the
  /// 0th and 1st, the 6th and 7th below the 2nd and 3rd; of four weights, 3 bits each, the 0th and
  /// 1st, the 2nd and 3rd.
  alignas(64) uint8_t pairs[2][n];
};
template <int n>
consteval SplitCodebook<n> split_eights(const uint16_t (&packed)[n]) {
  SplitCodebook<n> book{};
  for (int c = 0; c < n; ++c)
    for (int part = 0; part < 2; ++part) {
      book.in_order[part][c] = packed[c] >> 8 * part & 255;
      const int first = packed[c] >> 4 * part & 15, second = packed[c] >> (4 * part + 8) & 15;
      book.pairs[part][c] = static_cast<uint8_t>(second | first << 4);
    }
  return book;
}
template <int n>
consteval SplitCodebook<n> split_fours(const uint16_t (&packed)[n]) {
  SplitCodebook<n> book{};
  for (int c = 0; c < n; ++c)
    for (int w = 0; w < 4; ++w) {
      const int code = packed[c] >> 4 * w & 7;
      book.in_order[0][c] |= (code & 3) << 2 * w;
      book.in_order[1][c] |= (code >> 2) << w;
      book.pairs[w / 2][c] |= code << 3 * (w % 2);
    }
  return book;
}

inline namespace WELD_TARGET {

/// The byte of weight w of a word.
template <typename Word>
uint8_t weight_of(Word word, int w) {
  return static_cast<uint8_t>(word >> 8 * w);
}

/// Whether weight w of eight is negative, where 7 bits say so of the first seven (a 1 is a minus)
/// and the number of all minuses is even.
inline bool is_minus(unsigned pattern, int w) {
  return w < 7 ? pattern >> w & 1 : __builtin_parity(pattern & 127);
}

#ifdef __AVX2__
/// The words of 16 weights, of which index(k) is the k-th one's index: two of 8.
template <int n, typename Index>
[[gnu::always_inline]] inline __m128i words_of(const Codebook<uint64_t, n>& book, Index index) {
  const auto word = [&](int k) { return static_cast<int64_t>(book.words[index(k)]); };
  return _mm_set_epi64x(word(1), word(0));
}

/// Four of 4.
template <int n, typename Index>
[[gnu::always_inline]] inline __m128i words_of(const Codebook<uint32_t, n>& book, Index index) {
  const auto word = [&](int k) { return static_cast<int>(book.words[index(k)]); };
  return _mm_setr_epi32(word(0), word(1), word(2), word(3));
}

/// Sixteen indices, stored as the i-th.
inline void store_sixteen(__m256i indices, int i, uint16_t* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out + ptrdiff_t{16} * i), indices);
}

/// Sixteen indices of which bytes have 8 bits, and words the others: what is left of them when they
/// are multiplied, which moves each word's bits to their place, and masked.
inline __m256i indices(__m128i low, __m256i high, __m256i to_place, int mask) {
  return _mm256_cvtepu8_epi16(low) |
         (_mm256_mullo_epi16(high, to_place) & _mm256_set1_epi16(static_cast<short>(mask)));
}

/// Eight bytes spread over 32 by two shuffles of 16.
inline __m256i spread(uint64_t bytes, __m128i first, __m128i second) {
  return _mm256_shuffle_epi8(_mm256_set1_epi64x(static_cast<int64_t>(bytes)),
                             _mm256_set_m128i(second, first));
}

/// The four fields of 7 bits in each dword's lower bits, as bytes.
inline __m256i bytes_of_sevens(__m256i dwords) {
  const __m256i words = _mm256_blend_epi16(dwords, _mm256_slli_epi32(dwords, 2), 0b10101010);
  return (words & _mm256_set1_epi16(0x7f)) |
         (_mm256_slli_epi16(words, 1) & _mm256_set1_epi16(0x7f00));
}

/// is_minus() as a bit for each weight, of patterns in bytes.
inline __m256i minuses_of_patterns(__m256i patterns) {
  const __m256i top_bit_if_odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0));
  const __m256i folded = patterns ^ _mm256_srli_epi16(patterns, 4);
  return patterns | _mm256_shuffle_epi8(top_bit_if_odd, folded & _mm256_set1_epi8(15));
}

/// Whether indices must be put together; else they are bytes by themselves.
template <typename Block>
inline constexpr bool stores_indices = requires(const std::byte* block, uint16_t* out) {
  Block::store_indices(block, out);
};

/// Two runs of 16 weights of a block, whose codes make a vector. Run i begins at weight 16 i.
struct Sixteens {
  int first, second;
};

/// The codes of a block of a type with a codebook. All its signs, and indices that are not bytes by
/// themselves, are made at once and go through memory, from where one takes a load; one by one they
/// cost more than the look-up.
template <typename Block>
requires has_codebook<Block>
class BlockCodes<Block> {
 public:
  [[gnu::always_inline]] explicit BlockCodes(const std::byte* block) : block_(block) {
    if constexpr (stores_indices<Block>) {
      Block::store_indices(block, index_);
      asm("" : "+m"(index_));  // GCC 12 would take them out of registers, a slow instruction each
    }
    __m256i of_eight;
    if constexpr (has_signs<Block>)
      of_eight = Block::minuses(block);
    else
      of_eight = Block::shifts(block);
    _mm256_store_si256(reinterpret_cast<__m256i*>(of_eight_), of_eight);
  }

  /// Of weights 32 i .. 32 i + 31.
  [[gnu::always_inline]] __m256i operator()(int i) const { return (*this)({2 * i, 2 * i + 1}); }
  [[gnu::always_inline]] __m256i operator()(Sixteens of) const {
    if constexpr (has_signs<Block>)
      return _mm256_add_epi8(_mm256_sign_epi8(magnitudes(of), signs(of)),
                             _mm256_set1_epi8(static_cast<char>(Block::zero)));
    else
      return _mm256_add_epi8(magnitudes(of), of_eight(of));
  }

  /// Of a type that has_signs: the codes are zero + magnitude * sign.
  [[gnu::always_inline]] __m256i magnitudes(Sixteens of) const {
    const auto sixteen = [this](int i) __attribute__((always_inline)) {
      return words_of(
          Block::codebook, [ =, this ](int k) __attribute__((always_inline)) {
            if constexpr (stores_indices<Block>)
              return index_[words * i + k];
            else
              return Block::index(block_, words * i + k);
          });
    };
    return _mm256_set_m128i(sixteen(of.second), sixteen(of.first));
  }
  /// 1 or -1.
  [[gnu::always_inline]] __m256i signs(Sixteens of) const {
    return mask_of_bits(of_eight(of)) | _mm256_set1_epi8(1);
  }

 private:
  static constexpr int words = 16 / sizeof(Block::codebook.words[0]);  // of 16 weights

  /// A byte that stands for eight weights, for each of them.
  [[gnu::always_inline]] __m256i of_eight(Sixteens of) const {
    const auto* const halves = reinterpret_cast<const __m128i*>(of_eight_);
    const int first = 2 * of.first, second = 2 * of.second;
    const bool in_place = first < 16 && second >= 16;  // as those of a pair of groups are
    const __m256i from = in_place ? _mm256_load_si256(reinterpret_cast<const __m256i*>(of_eight_))
                                  : _mm256_set_m128i(_mm_load_si128(halves + second / 16),
                                                     _mm_load_si128(halves + first / 16));
    return eight_of_each(from, first % 16, first % 16 + 1, second % 16, second % 16 + 1);
  }

  const std::byte* block_;
  alignas(32) uint16_t index_[stores_indices<Block> ? 16 * words : 1];
  alignas(32) uint8_t of_eight_[32];  ///< the signs' bits, or the shift
};
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
