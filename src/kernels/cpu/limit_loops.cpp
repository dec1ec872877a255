// What one core reaches at best: loops that multiply registers, or read memory, and do nothing
// else. Compiled for each instruction set, and once without any for the portable build.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef WELD_TARGET
#define WELD_TARGET portable
#endif

namespace weld::kernels::WELD_TARGET {
namespace {

/// Hides a register's value from the compiler, which would else compute a product only once, or
/// nothing that nobody looks at.
template <typename Value>
void hide(Value& value) {
#if defined(__AVX512F__)
  asm volatile("" : "+v"(value));
#elif defined(__AVX2__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+r"(value));
#endif
}

#if defined(__AVX2__)

/// Enough sums to keep both multipliers busy through their latency of 4 or 5 cycles, few enough for
/// the registers.
constexpr int sums = 12;
/// Products a sum and step; hides the loop's own instructions.
constexpr int unrolled = 8;

#if defined(__AVX512F__)
using Codes = __m512i;
using Floats = __m512;
Codes set_codes(char code) { return _mm512_set1_epi8(code); }
Floats set_floats(float value) { return _mm512_set1_ps(value); }
Codes multiply_add(Codes weights, Codes activations, Codes, Codes sum) {
  return _mm512_dpbusd_epi32(sum, weights, activations);
}
Floats multiply_add(Floats weights, Floats activations, Floats, Floats sum) {
  return _mm512_fmadd_ps(weights, activations, sum);
}
Codes load(const std::byte* p) { return _mm512_loadu_si512(p); }
Codes either(Codes a, Codes b) { return _mm512_or_si512(a, b); }
#else
using Codes = __m256i;
using Floats = __m256;
Codes set_codes(char code) { return _mm256_set1_epi8(code); }
Floats set_floats(float value) { return _mm256_set1_ps(value); }
#ifdef __AVXVNNI__
Codes multiply_add(Codes weights, Codes activations, Codes, Codes sum) {
  return _mm256_dpbusd_avx_epi32(sum, weights, activations);
}
#else
Codes multiply_add(Codes weights, Codes activations, Codes ones, Codes sum) {
  const Codes pairs = _mm256_maddubs_epi16(weights, activations);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
}
#endif
Floats multiply_add(Floats weights, Floats activations, Floats, Floats sum) {
  return _mm256_fmadd_ps(weights, activations, sum);
}
Codes load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
Codes either(Codes a, Codes b) { return _mm256_or_si256(a, b); }
#endif

/// The hardware fetches no further than the page that it sees being read.
void prefetch(const std::byte* line) {
  _mm_prefetch(reinterpret_cast<const char*>(line + 512), _MM_HINT_T0);
}

/// `steps` times unrolled * sums products of vectors.
template <typename Vector>
void multiply(int64_t steps, Vector weights, Vector activations, Vector ones, Vector zero) {
  Vector sum[sums];
  for (Vector& s : sum) s = zero;
  for (int64_t step = 0; step < steps; ++step)
#pragma GCC unroll 8
    for (int i = 0; i < unrolled; ++i)
#pragma GCC unroll 12
      for (Vector& s : sum) {
        hide(activations);
        s = multiply_add(weights, activations, ones, s);
        hide(s);  // now: a product that waits for its sum is one more register
      }
}

int64_t multiply_codes(int64_t steps) {
  // Pairs of 16-bit ones: 0x0101 in each would do as well, as nobody looks at the sums.
  multiply(steps, set_codes(3), set_codes(5), set_codes(1), set_codes(0));
  return steps * unrolled * sums * static_cast<int64_t>(sizeof(Codes));
}

int64_t multiply_floats(int64_t steps) {
  multiply(steps, set_floats(0.5F), set_floats(0.25F), set_floats(1), set_floats(0));
  return steps * unrolled * sums * static_cast<int64_t>(sizeof(Floats) / sizeof(float));
}

#else

/// The same for an array.
void hide_memory(const void* data) { asm volatile("" : : "r"(data) : "memory"); }

// Operands in registers or in the first cache, as far as the compiler can; hidden, lest it computes
// beforehand.
constexpr int width = 64;

int64_t multiply_codes(int64_t steps) {
  uint8_t weights[width];
  int8_t activations[width];
  std::fill_n(weights, width, uint8_t{3});
  std::fill_n(activations, width, int8_t{5});
  int32_t sum = 0;
  for (int64_t step = 0; step < steps; ++step) {
    hide_memory(weights);
    for (int i = 0; i < width; ++i) sum += weights[i] * activations[i];
  }
  hide(sum);
  return steps * width;
}

int64_t multiply_floats(int64_t steps) {
  float weights[width], sums[width] = {};
  std::fill_n(weights, width, 0.5F);
  for (int64_t step = 0; step < steps; ++step) {
    hide_memory(weights);
    for (int i = 0; i < width; ++i) sums[i] += weights[i] * 0.25F;
  }
  hide_memory(sums);
  return steps * width;
}

using Codes = uint64_t;
Codes load(const std::byte* p) {
  Codes codes;
  std::memcpy(&codes, p, sizeof codes);
  return codes;
}
Codes either(Codes a, Codes b) { return a | b; }
void prefetch(const std::byte*) {}

#endif

/// Parts of a piece of memory that are read at the same time: one alone is 1.4 times slower (2
/// cores of an AMD EPYC), more than 8 are slower again.
constexpr size_t streams = 4;

void read(const std::byte* data, size_t size) {
  constexpr size_t step = 64;  // a cache line
  const size_t part = size / streams / step * step;
  Codes seen{};
  for (size_t at = 0; at < part; at += step)
    for (size_t stream = 0; stream < streams; ++stream) {
      const std::byte* line = data + stream * part + at;
      prefetch(line);
      for (size_t i = 0; i < step; i += sizeof(Codes)) seen = either(seen, load(line + i));
    }
  for (size_t at = part * streams; at + sizeof(Codes) <= size; at += sizeof(Codes))
    seen = either(seen, load(data + at));
  hide(seen);
}

}  // namespace

const Limits limits = {multiply_codes, multiply_floats, read};

}  // namespace weld::kernels::WELD_TARGET
