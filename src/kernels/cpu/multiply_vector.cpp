// Vector builds of the product for one token or a few: each row is read once, along its length,
// decoded in registers and multiplied with all tokens. This is bound by memory; no decoded weight
// is stored.
#include "kernels/cpu/target.h"
#include "kernels/cpu/unroll.h"
#include "kernels/cpu/vector.h"
#include "quant/types.h"

namespace weld::kernels::WELD_TARGET {
namespace {

/// One token's activations.
struct Token {
  const float* values;
  const int8_t* codes;
  const float* scales;
  const float* sums;
  const float* half_sums;
};

Token token_at(const Activations& x, int token) {
  const auto t = static_cast<size_t>(token);
  const auto columns = static_cast<size_t>(x.columns);
  Token at{};
  if (x.values) at.values = x.values + t * columns;
  if (x.codes) {
    at.codes = x.codes + t * columns;
    at.scales = x.scales + t * (columns / 32);
    at.sums = x.sums + t * (columns / 32);
    at.half_sums = x.half_sums + t * (columns / 16);
  }
  return at;
}

#ifdef __AVX512VNNI__
template <typename Block>
inline constexpr bool signed_codes = false;
#else
/// vpmaddubsw adds two products in 16 signed bits: codes up to 128 fit. Larger ones are lifted
/// signed numbers; they go back to their own sign, which moves over to the activations.
template <typename Block>
inline constexpr bool signed_codes = Block::max_code > 128;
#endif

/// What a product of codes still lacks: (code - zero) instead of code.
template <typename Block>
inline constexpr int missing_zero = signed_codes<Block> ? 0 : Block::zero;
/// Large blocks make up for it eight groups at a time, through the groups' scales and the
/// activations' sums; small ones in integers, group by group.
template <typename Block>
inline constexpr bool zero_by_sums = missing_zero<Block> != 0 && quant::groups<Block> >= 8;
template <typename Block>
inline constexpr bool zero_in_integers = missing_zero<Block> != 0 && quant::groups<Block> < 8;

/// start plus 8 sums of 4 products of codes each.
template <typename Block>
[[gnu::always_inline]] inline __m256i add_products(__m256i start, __m256i codes, __m256i x) {
#ifdef __AVX512VNNI__
  return _mm256_dpbusd_epi32(start, codes, x);
#else
  __m256i pairs;
  if constexpr (signed_codes<Block>) {
    const __m256i weights =
        _mm256_sub_epi8(codes, _mm256_set1_epi8(static_cast<char>(Block::zero)));
    pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
  } else {
    pairs = _mm256_maddubs_epi16(codes, x);
  }
  return _mm256_add_epi32(start, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

/// Where the sums of a group start: at what the missing zeros take off, the same for all rows.
template <typename Block>
[[gnu::always_inline]] inline __m256i start_of(__m256i x) {
  const __m256i nothing = _mm256_setzero_si256();
  if constexpr (!zero_in_integers<Block>) return nothing;
  const __m256i zeros = _mm256_set1_epi8(static_cast<char>(missing_zero<Block>));
  return _mm256_sub_epi32(nothing, add_products<Block>(nothing, zeros, x));
}

inline __m256i load_codes(const int8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

/// Asks for the cache lines of a block that is read later, into the second-level cache: the first
/// has few slots for lines on their way, and the block at hand needs them.
template <int bytes>
[[gnu::always_inline]] inline void prefetch(const std::byte* block) {
  for (int i = 0; i < bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(block + i), _MM_HINT_T1);
}

/// Products of Rows rows with Tokens tokens. Sums run in 8 lanes along the row, one fused
/// multiply-add a group of 32; what zeros and offsets add is summed apart, from the activations'
/// sums.
template <typename Block, int Rows, int Tokens>
void dot_codes(const std::byte* const* row, size_t ahead, const Token* x, int columns,
               float (*out)[Tokens]) {
  constexpr int elements = quant::elements<Block>, groups = quant::groups<Block>;
  constexpr int halves = 32 / Block::group;  // scales a group of activations meets
  __m256 sum[Rows][Tokens], correction[Rows][Tokens];
  float tail[Rows][Tokens];
  for (int r = 0; r < Rows; ++r)
    for (int t = 0; t < Tokens; ++t) {
      sum[r][t] = correction[r][t] = _mm256_setzero_ps();
      tail[r][t] = 0;
    }
  for (int b = 0; b < columns / elements; ++b) {
    alignas(32) float scale[Rows][groups < 8 ? 8 : groups], offset[Rows][groups < 8 ? 8 : groups];
    for (int r = 0; r < Rows; ++r) {
      const std::byte* block = row[r] + static_cast<size_t>(b) * quant::bytes<Block>;
      prefetch<quant::bytes<Block>>(block + ahead);
      Block::scales(block, scale[r], offset[r]);
    }

    if constexpr (Block::has_offset || zero_by_sums<Block>) {
      for (int t = 0; t < Tokens; ++t) {
        const float* sums =
            (halves == 2 ? x[t].half_sums : x[t].sums) + static_cast<ptrdiff_t>(b) * groups;
        for (int r = 0; r < Rows; ++r) {
          if constexpr (groups >= 8) {
            for (int g = 0; g < groups; g += 8) {
              __m256 c = _mm256_set1_ps(-missing_zero<Block>) * _mm256_load_ps(scale[r] + g);
              if constexpr (Block::has_offset) c = c + _mm256_load_ps(offset[r] + g);
              correction[r][t] = _mm256_fmadd_ps(c, _mm256_loadu_ps(sums + g), correction[r][t]);
            }
          } else {
            for (int g = 0; g < groups; ++g)
              tail[r][t] = __builtin_fmaf(offset[r][g], sums[g], tail[r][t]);
          }
        }
      }
    }

    unroll<elements / 32>([&](auto i) __attribute__((always_inline)) {
      const ptrdiff_t group = static_cast<ptrdiff_t>(b) * (elements / 32) + i;
      __m256i activations[Tokens], start[Tokens];
      for (int t = 0; t < Tokens; ++t) {
        activations[t] = load_codes(x[t].codes + group * 32);
        start[t] = start_of<Block>(activations[t]);
      }
      for (int r = 0; r < Rows; ++r) {
        const __m256i codes =
            Block::codes(row[r] + static_cast<size_t>(b) * quant::bytes<Block>, i);
        __m256 weight;
        if constexpr (halves == 2)
          weight = _mm256_set_m128(_mm_broadcast_ss(&scale[r][2 * i + 1]),
                                   _mm_broadcast_ss(&scale[r][2 * i]));
        else
          weight = _mm256_broadcast_ss(&scale[r][i]);
        for (int t = 0; t < Tokens; ++t) {
          const __m256 product =
              _mm256_cvtepi32_ps(add_products<Block>(start[t], codes, activations[t]));
          sum[r][t] = _mm256_fmadd_ps(product, weight * _mm256_broadcast_ss(x[t].scales + group),
                                      sum[r][t]);
        }
      }
    });
  }
  for (int r = 0; r < Rows; ++r)
    for (int t = 0; t < Tokens; ++t)
      out[r][t] = sum_of_lanes(sum[r][t] + correction[r][t]) + tail[r][t];
}

/// The same for float types; the last few weights of a row, less than 8, one by one.
template <typename Block, int Rows, int Tokens>
void dot_values(const std::byte* const* row, const Token* x, int columns, float (*out)[Tokens]) {
  constexpr int ahead =
      Rows * Tokens < 4 ? 4 : 2;  // sums in flight, to hide the latency of the multiply-add
  __m256 sum[Rows][Tokens][ahead];
  for (auto& rows : sum)
    for (auto& tokens : rows)
      for (__m256& s : tokens) s = _mm256_setzero_ps();
  int i = 0;
  for (; i + 8 * ahead <= columns; i += 8 * ahead)
    for (int a = 0; a < ahead; ++a)
      for (int r = 0; r < Rows; ++r) {
        const __m256 weights =
            Block::values(row[r] + static_cast<ptrdiff_t>(i + 8 * a) * quant::bytes<Block>);
        for (int t = 0; t < Tokens; ++t)
          sum[r][t][a] =
              _mm256_fmadd_ps(weights, _mm256_loadu_ps(x[t].values + i + 8 * a), sum[r][t][a]);
      }
  for (int r = 0; r < Rows; ++r)
    for (int t = 0; t < Tokens; ++t) {
      __m256 total = sum[r][t][0];
      for (int a = 1; a < ahead; ++a) total = total + sum[r][t][a];
      out[r][t] = sum_of_lanes(total);
      for (int j = i; j < columns; ++j)
        out[r][t] =
            __builtin_fmaf(Block::value(row[r] + static_cast<ptrdiff_t>(j) * quant::bytes<Block>),
                           x[t].values[j], out[r][t]);
    }
}

/// All rows of a block, Rows at a time; the last step repeats the last row rather than take another
/// path.
template <typename Block, int Tokens>
void multiply_rows(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  constexpr int step = Tokens == 1 ? 4 : 2;  // rows in flight: as many sums as registers hold
  Token token[Tokens];
  for (int t = 0; t < Tokens; ++t) token[t] = token_at(x, index ? index[t] : t);
  for (int first = 0; first < rows.rows; first += step) {
    const std::byte* row[step];
    for (int r = 0; r < step; ++r) {
      const int at = first + r < rows.rows ? first + r : rows.rows - 1;
      row[r] = rows.data + static_cast<size_t>(at) * rows.row_bytes;
    }
    float out[step][Tokens];
    if constexpr (quant::is_float<Block>)
      dot_values<Block, step, Tokens>(row, token, x.columns, out);
    else
      dot_codes<Block, step, Tokens>(row, step * rows.row_bytes, token, x.columns, out);
    for (int r = 0; r < step && first + r < rows.rows; ++r)
      for (int t = 0; t < Tokens; ++t) tile[t * tile_rows + first + r] = out[r][t];
  }
}

}  // namespace

void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile) {
  static_assert(max_vector_tokens == 3);
  quant::visit(rows.type, [&]<typename Block>() {
    if (tokens == 1)
      multiply_rows<Block, 1>(rows, x, index, tile);
    else if (tokens == 2)
      multiply_rows<Block, 2>(rows, x, index, tile);
    else if (tokens == 3)
      multiply_rows<Block, 3>(rows, x, index, tile);
  });
}

}  // namespace weld::kernels::WELD_TARGET
