// How a block type is described: once, here and in one file a type, for every kernel of every backend.
//
// A quantized type is a struct with
//   type        its gguf::Type (which gives the block's elements and bytes)
//   group       weights that share a scale: 16 or 32 (or 256: then say 32 and repeat the scale)
//   zero        value = scale * (code - zero) + offset, with 0 <= code <= max_code <= 255
//   max_code    the largest code there is; kernels choose their sums' width by it
//   has_offset  whether groups have an offset of their own (else it is 0)
//   code(block, i)     the code of weight i of the block
//   scale(block, g)    the scale of group g of the block
//   offset(block, g)   the offset of group g
// in plain C++, which is the specification, and for AVX2 and wider
//   codes(block, i)    the codes of weights 32 i .. 32 i + 31 as 32 bytes of a vector
//   scales(block, scale, offset)  all groups' scales (and offsets, if it has any) at once
// A float type is a struct with `type`, `value(block)` and, for AVX2, `values(block)`: 8 weights as floats.
//
// The headers are compiled once for each instruction set, so everything in them lives in a namespace
// of that instruction set: the linker must never take one build's function for another's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gguf/type.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifndef WELD_TARGET
#define WELD_TARGET portable
#endif

namespace weld::quant {
using gguf::Type;
inline namespace WELD_TARGET {

/// Elements and bytes of a block type's block, and its groups.
template <typename Block>
inline constexpr int elements = static_cast<int>(gguf::info(Block::type).block_elements);
template <typename Block>
inline constexpr int bytes = static_cast<int>(gguf::info(Block::type).block_bytes);
template <typename Block>
inline constexpr int groups = elements<Block> / Block::group;

/// Whether a type's weights are floats by themselves, without codes and scales.
template <typename Block>
inline constexpr bool is_float = elements<Block> == 1;

inline uint8_t byte_at(const std::byte* p, int i) { return static_cast<uint8_t>(p[i]); }
inline uint16_t u16_at(const std::byte* p, int i) {
  uint16_t v;
  std::memcpy(&v, p + i, sizeof v);
  return v;
}
inline uint32_t u32_at(const std::byte* p, int i) {
  uint32_t v;
  std::memcpy(&v, p + i, sizeof v);
  return v;
}

/// The float whose bits these are.
inline float from_bits(uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

/// IEEE half precision at byte i of p, exactly.
inline float f16_at(const std::byte* p, int i) {
#ifdef __F16C__
  return _cvtsh_ss(u16_at(p, i));
#else
  // Shift the 15 bits below the sign to float's place and mend the exponent's bias by a multiplication,
  // which is exact and takes subnormals in its stride; infinities and NaNs keep their exponent full.
  const uint32_t h = u16_at(p, i);
  const uint32_t magnitude = (h & 0x7fffU) << 13;
  const float scaled = from_bits(magnitude) * 0x1p112F;
  uint32_t bits;
  std::memcpy(&bits, &scaled, sizeof bits);
  if ((h & 0x7c00U) == 0x7c00U) bits = magnitude | 0x7f800000U;
  return from_bits(bits | (h & 0x8000U) << 16);
#endif
}

#ifdef __AVX2__
/// 16 bytes of 4-bit codes as 32 bytes: the low nibbles, then the high ones.
inline __m256i nibbles(const std::byte* p) {
  const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(packed, 4), packed);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}
#endif

}  // namespace WELD_TARGET
}  // namespace weld::quant
