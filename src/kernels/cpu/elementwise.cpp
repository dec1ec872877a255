// Vector builds of what is done token by token: quantization, norm, rotation, gating, bias.
#include <array>
#include <cstring>

#include "kernels/cpu/target.h"
#include "kernels/cpu/vector.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// Calls f(i, n) for runs of n <= lanes elements, all but the last of them full.
template <typename F>
void for_each_run(int n, F f) {
  int i = 0;
  for (; i + lanes <= n; i += lanes) f(i, lanes);
  if (i < n) f(i, n - i);
}

/// Loads and stores of a run: whole vectors where it is full, so that only tails pay for masks.
Floats load_run(const float* p, int n) { return n == lanes ? load(p) : load_first(p, n); }
void store_run(float* p, int n, Floats v) {
  if (n == lanes)
    store(p, v);
  else
    store_first(p, n, v);
}

/// Sums of each 16 bytes: dword 0 and 4 have those of bytes 0 and 1 modulo 4, and of 2 and 3, in 16
/// bits each.
__m256i lane_sums(__m256i codes) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
  const __m256i two = _mm256_add_epi16(pairs, _mm256_shuffle_epi32(pairs, 0b01'00'11'10));
  return _mm256_add_epi16(two, _mm256_shuffle_epi32(two, 0b10'11'00'01));
}

/// Dwords 0 and 4.
std::array<int, 2> first_of_halves(__m256i v) {
  return {_mm256_cvtsi256_si32(v), _mm_cvtsi128_si32(_mm256_extracti128_si256(v, 1))};
}

/// Stores 16 bytes, and the others 16 after where these end.
void store_halves(__m256i v, int8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 32), _mm256_extracti128_si256(v, 1));
}

/// Stores the codes of four runs of eight columns: the first of each, twice, then, where the next
/// place begins, the second of each, and so on.
void store_places(__m256i codes, int8_t* to) {
  const __m256i pairs = _mm256_shuffle_epi8(
      codes, _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 0, 8, 1, 9, 2,
                              10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
  const __m128i first = _mm256_castsi256_si128(pairs), last = _mm256_extracti128_si256(pairs, 1);
  alignas(16) int8_t places[8][4];
  _mm_store_si128(reinterpret_cast<__m128i*>(places[0]), _mm_unpacklo_epi16(first, last));
  _mm_store_si128(reinterpret_cast<__m128i*>(places[4]), _mm_unpackhi_epi16(first, last));
  for (int i = 0; i < 16; ++i)
    std::memcpy(to + ptrdiff_t{i} * (padded_columns / 8), places[i / 2], 4);
}

}  // namespace

void quantize(const float* x, int columns, const QuantizedRow& out) {
  const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  for (int g = 0; g < columns / group_size; ++g) {
    const float* group = x + static_cast<ptrdiff_t>(g) * group_size;
    __m256 v[4];
    for (int i = 0; i < 4; ++i) v[i] = _mm256_loadu_ps(group + 8 * i);
    const __m256 largest_01 =
        _mm256_max_ps(_mm256_and_ps(v[0], no_sign), _mm256_and_ps(v[1], no_sign));
    const __m256 largest_23 =
        _mm256_max_ps(_mm256_and_ps(v[2], no_sign), _mm256_and_ps(v[3], no_sign));
    const float largest = max_of_lanes(_mm256_max_ps(largest_01, largest_23));
    const bool zero = !(largest >= 1e-30F);
    const float scale = zero ? 0.0F : short_scale(largest / 127.0F);
    const __m256 inverse = _mm256_set1_ps(zero ? 0.0F : 127.0F / largest);
    __m256i whole[4];
    for (int i = 0; i < 4; ++i) whole[i] = _mm256_cvtps_epi32(v[i] * inverse);
    // The packs work within 128-bit lanes: the final permutation puts the dwords back in order.
    const __m256i words_01 = _mm256_packs_epi32(whole[0], whole[1]);
    const __m256i words_23 = _mm256_packs_epi32(whole[2], whole[3]);
    const __m256i codes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words_01, words_23),
                                                      _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out.codes + static_cast<ptrdiff_t>(g) * group_size), codes);
    out.scales[g] = scale;
    const __m256i sums = lane_sums(codes);
    const auto [low, high] = first_of_halves(_mm256_madd_epi16(sums, _mm256_set1_epi16(1)));
    out.half_sums[2 * g] = static_cast<int16_t>(low);
    out.half_sums[2 * g + 1] = static_cast<int16_t>(high);
    if (out.pairs) {
      int8_t* const pair = out.pairs + g / 8 * 512 + g % 4 * 64 + g % 8 / 4 * 16;
      store_halves(codes, pair);
      store_halves(_mm256_abs_epi8(codes), pair + 256);
    }
    if (out.places) store_places(codes, out.places + g / 8 * 512 + g % 8 * 4);
    if (out.wide_codes) {
      auto* wide =
          reinterpret_cast<__m256i*>(out.wide_codes + static_cast<ptrdiff_t>(g) * group_size);
      _mm256_storeu_si256(wide, _mm256_cvtepi8_epi16(_mm256_castsi256_si128(codes)));
      _mm256_storeu_si256(wide + 1, _mm256_cvtepi8_epi16(_mm256_extracti128_si256(codes, 1)));
    }
    if (out.lane_sums) {
      const auto halves = first_of_halves(sums);
      std::memcpy(out.lane_sums + static_cast<ptrdiff_t>(g) * 4, &halves, sizeof halves);
    }
  }
}

void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y) {
  Floats squares = broadcast(0);
  for_each_run(n, [&](int i, int run) {
    const Floats v = load_run(x + i, run);
    squares = fma(v, v, squares);
  });
  const float mean = sum_of_lanes(squares) / static_cast<float>(n);
  const Floats scale = broadcast(1.0F / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + epsilon))));
  for_each_run(n, [&](int i, int run) {
    store_run(y + i, run, load_run(x + i, run) * scale * load_run(weight + i, run));
  });
}

void rotate(float* x, const float* cosine, const float* sine, int count, bool halves) {
  if (halves) {
    for_each_run(count, [&](int i, int run) {
      const Floats a = load_run(x + i, run), b = load_run(x + count + i, run);
      const Floats c = load_run(cosine + i, run), s = load_run(sine + i, run);
      store_run(x + i, run, a * c - b * s);
      store_run(x + count + i, run, a * s + b * c);
    });
    return;
  }
  for (int i = 0; i < count; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosine[i] - b * sine[i];
    x[2 * i + 1] = a * sine[i] + b * cosine[i];
  }
}

void gate(Gating gating, const float* gates, const float* up, int n, float* out) {
  const Floats one = broadcast(1.0F);
  for_each_run(n, [&](int i, int run) {
    Floats g = load_run(gates + i, run), u = load_run(up + i, run);
    Floats steepness = broadcast(-1.0F);
    if (gating == Gating::ClampedSwiGLU) {
      const Floats limit = broadcast(7.0F);
      g = min(g, limit);
      u = max(min(u, limit), broadcast(-7.0F)) + one;
      steepness = broadcast(-1.702F);
    }
    store_run(out + i, run, g / (one + exp(g * steepness)) * u);
  });
}

void scale_and_bias(const float* x, float scale, const float* bias, int n, float* y) {
  const Floats factor = broadcast(scale);
  for_each_run(n, [&](int i, int run) {
    const Floats v = load_run(x + i, run);
    store_run(y + i, run, bias ? fma(v, factor, load_run(bias + i, run)) : v * factor);
  });
}

void add_scaled(const float* x, float weight, int n, float* y) {
  const Floats factor = broadcast(weight);
  for_each_run(n, [&](int i, int run) {
    store_run(y + i, run, fma(load_run(x + i, run), factor, load_run(y + i, run)));
  });
}

}  // namespace weld::kernels::WELD_TARGET
