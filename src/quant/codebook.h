// The codebooks of the IQ types: how they are written down and how codewords are looked up.
//
// A codeword is the magnitudes of a run of 8 or 4 weights. There are few magnitudes, so a codeword
// is listed as a 16-bit number with 2 or 4 bits a weight, lowest bits first, that count through
// them. The compiler expands the lists to words with a byte a weight, which decoders load as they
// are. Data is the same in every instruction set's build and stands outside of their namespaces.
#pragma once

#include "quant/block.h"

namespace weld::quant {

/// Codewords (or signs) as words of a byte a weight.
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

/// Signs, 1 or -1 a byte, of eight weights of which an even number is negative: 7 bits say the
/// signs of the first seven (a 1 is a minus) and so the eighth's. `unused` bits of an index are
/// below them.
template <int unused>
consteval Codebook<uint64_t, 128 << unused> expand_even_signs() {
  Codebook<uint64_t, 128 << unused> book{};
  for (unsigned index = 0; index < 128U << unused; ++index) {
    unsigned minuses = 0;
    for (unsigned w = 0; w < 8; ++w) {
      const bool minus = w < 7 ? index >> unused >> w & 1 : minuses % 2;
      minuses += minus;
      book.words[index] |= uint64_t{minus ? 0xffU : 0x01U} << 8 * w;
    }
  }
  return book;
}
inline constexpr auto even_signs = expand_even_signs<0>();
/// For a byte as it is, with 7 bits for the signs and one for something else.
inline constexpr auto even_signs_of_byte = expand_even_signs<1>();

inline namespace WELD_TARGET {

/// The byte of weight w of a word.
template <typename Word>
uint8_t weight_of(Word word, int w) {
  return static_cast<uint8_t>(word >> 8 * w);
}

#ifdef __AVX2__
// Inlined always: where the block's part is a constant, the indices' shifts and masks are too.

/// The words of 8 weights with the indices index(0) to index(3).
template <int n, typename Index>
[[gnu::always_inline]] inline __m256i words_at(const Codebook<uint64_t, n>& book, Index index) {
  const auto word = [&](int k) { return static_cast<int64_t>(book.words[index(k)]); };
  return _mm256_setr_epi64x(word(0), word(1), word(2), word(3));
}

/// The words of 4 weights with the indices index(0) to index(7).
template <int n, typename Index>
[[gnu::always_inline]] inline __m256i words_at(const Codebook<uint32_t, n>& book, Index index) {
  const auto word = [&](int k) { return static_cast<int>(book.words[index(k)]); };
  return _mm256_setr_m128i(_mm_setr_epi32(word(0), word(1), word(2), word(3)),
                           _mm_setr_epi32(word(4), word(5), word(6), word(7)));
}

/// Signs of 32 weights from a bit each; a 1 is a minus.
inline __m256i signs_of(uint32_t minuses) {
  return _mm256_or_si256(byte_mask(minuses), _mm256_set1_epi8(1));
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
