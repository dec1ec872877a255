// Floats as sums of BF16 numbers, for AMX: one has the first 8 digits, a second the next 8, and so
// on.
#pragma once

#include <immintrin.h>

namespace weld::kernels::WELD_TARGET {

/// 32 floats rounded.
inline __m512i to_bf16(__m512 low, __m512 high) {
  const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
  __m512i numbers;
  __builtin_memcpy(&numbers, &both, sizeof numbers);
  return numbers;
}

/// Takes from 32 floats what they are in BF16.
inline void subtract(__m512i numbers, __m512& low, __m512& high) {
  const auto widen = [](__m256i half) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  };
  low -= widen(_mm512_castsi512_si256(numbers));
  high -= widen(_mm512_extracti64x4_epi64(numbers, 1));
}

}  // namespace weld::kernels::WELD_TARGET
