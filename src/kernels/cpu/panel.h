// What panels of decoded rows have in common, whatever they hold: eight rows transposed at a time,
// and tiles of tokens that sweep over them.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/unroll.h"

namespace weld::kernels::WELD_TARGET {

#ifdef __AVX512F__
inline constexpr int tile_tokens =
    6;  // 2 vectors of rows by 6 tokens: 12 sums in integers, 12 in floats
#else
inline constexpr int tile_tokens = 4;  // 2 vectors of rows by 4 tokens: 8 sums, in 16 registers
#endif

/// Transposes 8 x 8 dwords: to[i] of lane r is from[r] of lane i.
[[gnu::always_inline]] inline void transpose(const __m256i from[8], __m256i to[8]) {
  __m256i a[8], b[8];
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi32(from[2 * i], from[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi32(from[2 * i], from[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    b[4 * i] = _mm256_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 1] = _mm256_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
    b[4 * i + 2] = _mm256_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
    b[4 * i + 3] = _mm256_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    to[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
    to[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
  }
}

/// Pointers to 8 rows from `first` on, of which those beyond the block repeat its last row.
struct EightRows {
  const std::byte* at[8];
  EightRows(const RowBlock& rows, int first) {
    for (int r = 0; r < 8; ++r) {
      const int row = first + r < rows.rows ? first + r : rows.rows - 1;
      at[r] = rows.data + static_cast<size_t>(row) * rows.row_bytes;
    }
  }
};

/// Calls f with the number of tokens as a constant, for whole tiles and the rest.
template <typename F>
void for_each_tile(int tokens, F f) {
  int token = 0;
  for (; token + tile_tokens <= tokens; token += tile_tokens)
    f(std::integral_constant<int, tile_tokens>{}, token);
  const int rest = tokens - token;
  unroll<tile_tokens - 1>([&](auto n) {
    if (rest == n + 1) f(std::integral_constant<int, n + 1>{}, token);
  });
}

}  // namespace weld::kernels::WELD_TARGET
