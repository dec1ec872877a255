// Vector builds of the product for one token or a few: each row is read once, along its length,
// decoded in registers and multiplied with all tokens. This is bound by memory; no decoded weight
// is stored.
#include <algorithm>

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
  const int16_t* half_sums;
};

Token token_at(const Activations& x, int token) {
  const auto t = static_cast<size_t>(token);
  const auto columns = static_cast<size_t>(x.columns);
  Token at{};
  if (x.values) at.values = x.values + t * columns;
  if (x.codes) {
    at.codes = x.codes + t * columns;
    at.scales = x.scales + t * (columns / 32);
    at.half_sums = x.half_sums + t * (columns / 16);
  }
  return at;
}

/// Asks for the cache lines of a block that is read later, into the second-level cache: the first
/// has few slots for lines on their way, and the block at hand needs them.
template <int bytes>
[[gnu::always_inline]] inline void prefetch(const std::byte* block) {
  for (int i = 0; i < bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(block + i), _MM_HINT_T1);
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

/// What a product of codes still lacks, (code - zero) instead of code: made up for through the
/// activations' sums.
template <typename Block>
inline constexpr int missing_zero = signed_codes<Block> ? 0 : Block::zero;

/// 8 sums of 4 products of codes each.
template <typename Block>
[[gnu::always_inline]] inline __m256i products(__m256i codes, __m256i x) {
#ifdef __AVX512VNNI__
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, x);
#else
  __m256i pairs;
  if constexpr (signed_codes<Block>) {
    const __m256i weights =
        _mm256_sub_epi8(codes, _mm256_set1_epi8(static_cast<char>(Block::zero)));
    pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
  } else {
    pairs = _mm256_maddubs_epi16(codes, x);
  }
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#endif
}

/// Adds neighbours of a and of b, in each half: {a0 + a1, a2 + a3, b0 + b1, b2 + b3}. Where 16 bits
/// hold the magnitudes, packing and vpmaddwd take two instructions, and vphaddd three.
template <int magnitude>
[[gnu::always_inline]] inline __m256i add_neighbours(__m256i a, __m256i b) {
  if constexpr (magnitude <= 32767)
    return _mm256_madd_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(1));
  else
    return _mm256_hadd_epi32(a, b);
}

/// Rows from what is computed to what is prefetched: at 1 to 4 KiB a row enough bytes to cover the
/// memory's latency (about 100 ns, 1.5 KiB at 15 GB/s), and little enough to stay in the cache.
constexpr int prefetched_rows = 4;

/// Weights that are multiplied together: 8 groups of the activations, so that scales come 8 to a
/// vector.
constexpr int span = 256;

/// Products of Count groups from group First of a span. Each half of a sum has the Count groups'
/// half groups, in order: for 4 groups, the first halves of all of them in the lower half.
template <typename Block, int First, int Count>
[[gnu::always_inline]] inline __m256i half_sums(const std::byte* blocks, const int8_t* x) {
  if constexpr (Count == 1) {
    constexpr int in_block = quant::elements<Block> / 32;
    const std::byte* block = blocks + First / in_block * quant::bytes<Block>;
    const auto* codes = reinterpret_cast<const __m256i*>(x + ptrdiff_t{First} * 32);
    return products<Block>(quant::codes<Block>(block, First % in_block), _mm256_loadu_si256(codes));
  } else {
    constexpr int half = Count / 2;
    constexpr int weight = signed_codes<Block> ? 128 : Block::max_code;
    return add_neighbours<Count * 2 * 127 * weight>(
        half_sums<Block, First, half>(blocks, x), half_sums<Block, First + half, half>(blocks, x));
  }
}

/// The scales of a span, and its offsets.
template <typename Block>
struct SpanScales {
  static constexpr int count = span / Block::group;
  alignas(32) float scales[count], offsets[count];

  [[gnu::always_inline]] explicit SpanScales(const std::byte* blocks) {
    if constexpr (quant::groups<Block> == 1) {
      const std::byte* block[8];
      unroll<8>([&](auto i) { block[i] = blocks + i * quant::bytes<Block>; });
      Block::scales(block, scales, offsets);
    } else {
      unroll<span / quant::elements<Block>>([&](auto i) {
        constexpr int first = i * quant::groups<Block>;
        Block::scales(blocks + i * quant::bytes<Block>, scales + first, offsets + first);
      });
    }
  }
};

/// 8 scales or offsets, or 8 of the 16 of half groups in the order of half_sums().
template <typename Block>
[[gnu::always_inline]] inline __m256 in_order(const float* eight) {
  const __m256 v = _mm256_load_ps(eight);
  if constexpr (Block::group == 32) return v;
  return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}

/// The sums of the activations' codes that 8 scales meet, in the scales' order, times a factor.
template <typename Block>
[[gnu::always_inline]] inline __m256i code_sums(const int16_t* half_sums, short factor) {
  if constexpr (Block::group == 32) {
    const auto* halves = reinterpret_cast<const __m256i*>(half_sums);
    return _mm256_madd_epi16(_mm256_loadu_si256(halves), _mm256_set1_epi16(factor));
  } else {
    const auto* halves = reinterpret_cast<const __m128i*>(half_sums);
    const __m128i even = _mm_set1_epi32(static_cast<uint16_t>(factor));
    const __m256i factors = _mm256_set_m128i(_mm_slli_epi32(even, 16), even);
    return _mm256_madd_epi16(_mm256_broadcastsi128_si256(_mm_loadu_si128(halves)), factors);
  }
}

/// Adds one span of a row, times a token, to 8 lanes.
template <typename Block>
[[gnu::always_inline]] inline __m256 add_span(const std::byte* blocks, const SpanScales<Block>& of,
                                              const Token& x, __m256 sum) {
  __m256i sums[2] = {half_sums<Block, 0, 4>(blocks, x.codes),
                     half_sums<Block, 4, 4>(blocks, x.codes)};
  if constexpr (Block::group == 32)
    sums[0] = _mm256_add_epi32(_mm256_permute2x128_si256(sums[0], sums[1], 0x20),
                               _mm256_permute2x128_si256(sums[0], sums[1], 0x31));
  for (int i = 0; i < SpanScales<Block>::count / 8; ++i) {
    const auto* x_scales = reinterpret_cast<const __m128*>(x.scales + 4 * i);
    const __m256 x_scale =
        Block::group == 32 ? _mm256_loadu_ps(x.scales) : _mm256_broadcast_ps(x_scales);
    const int16_t* x_sums = x.half_sums + 8 * i;
    if constexpr (missing_zero<Block> != 0)
      sums[i] = _mm256_add_epi32(sums[i], code_sums<Block>(x_sums, -missing_zero<Block>));
    sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[i]), in_order<Block>(of.scales + 8 * i) * x_scale,
                          sum);
    if constexpr (Block::has_offset)
      sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(code_sums<Block>(x_sums, 1)),
                            in_order<Block>(of.offsets + 8 * i) * x_scale, sum);
  }
  return sum;
}

/// The token's activations from a span on.
inline Token advance(const Token& x, int spans) {
  const ptrdiff_t n = spans;
  return {nullptr, x.codes + n * span, x.scales + n * 8, x.half_sums + n * 16};
}

/// What a row has beyond whole spans, filled up with zeros.
struct Rest {
  alignas(32) int8_t codes[span] = {};
  alignas(32) float scales[8] = {};
  alignas(32) int16_t half_sums[16] = {};

  Rest() = default;
  Rest(const Token& x, int columns) {
    std::copy_n(x.codes, columns, codes);
    std::copy_n(x.scales, columns / 32, scales);
    std::copy_n(x.half_sums, columns / 16, half_sums);
  }
};

/// Products of a row with Tokens tokens.
template <typename Block, int Tokens>
void dot_codes(const std::byte* row, const std::byte* later, const Token* x, const Rest* rest,
               int columns, float* out) {
  constexpr int span_bytes = span / quant::elements<Block> * quant::bytes<Block>;
  __m256 sum[Tokens];
  for (__m256& s : sum) s = _mm256_setzero_ps();
  const int spans = columns / span;
  for (int i = 0; i < spans; ++i) {
    const std::byte* blocks = row + static_cast<ptrdiff_t>(i) * span_bytes;
    prefetch<span_bytes>(later + static_cast<ptrdiff_t>(i) * span_bytes);
    const SpanScales<Block> scales(blocks);
    for (int t = 0; t < Tokens; ++t)
      sum[t] = add_span<Block>(blocks, scales, advance(x[t], i), sum[t]);
  }
  if (quant::elements<Block> < span && columns % span != 0) {
    std::byte blocks[span_bytes] = {};
    std::copy_n(row + static_cast<ptrdiff_t>(spans) * span_bytes,
                columns % span / quant::elements<Block> * quant::bytes<Block>, blocks);
    const SpanScales<Block> scales(blocks);
    for (int t = 0; t < Tokens; ++t) {
      const Token zeros_beyond{nullptr, rest[t].codes, rest[t].scales, rest[t].half_sums};
      sum[t] = add_span<Block>(blocks, scales, zeros_beyond, sum[t]);
    }
  }
  for (int t = 0; t < Tokens; ++t) out[t] = sum_of_lanes(sum[t]);
}

/// The same for float types; the last few weights of a row, less than 8, one by one.
template <typename Block, int Rows, int Tokens>
void dot_values(const std::byte* const* row, const std::byte* const* later, const Token* x,
                int columns, float (*out)[Tokens]) {
  constexpr int ahead =
      Rows * Tokens < 4 ? 4 : 2;  // sums in flight, to hide the latency of the multiply-add
  __m256 sum[Rows][Tokens][ahead];
  for (auto& rows : sum)
    for (auto& tokens : rows)
      for (__m256& s : tokens) s = _mm256_setzero_ps();
  int i = 0;
  for (; i + 8 * ahead <= columns; i += 8 * ahead) {
    for (int r = 0; r < Rows; ++r)
      prefetch<8 * ahead * quant::bytes<Block>>(later[r] +
                                                static_cast<ptrdiff_t>(i) * quant::bytes<Block>);
    for (int a = 0; a < ahead; ++a)
      for (int r = 0; r < Rows; ++r) {
        const __m256 weights =
            Block::values(row[r] + static_cast<ptrdiff_t>(i + 8 * a) * quant::bytes<Block>);
        for (int t = 0; t < Tokens; ++t)
          sum[r][t][a] =
              _mm256_fmadd_ps(weights, _mm256_loadu_ps(x[t].values + i + 8 * a), sum[r][t][a]);
      }
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

const std::byte* row_at(const RowBlock& rows, int row) {
  return rows.data + static_cast<size_t>(row) * rows.row_bytes;
}

/// A row of this block, or of what follows it.
const std::byte* row_ahead(const RowBlock& rows, int row) {
  if (row < rows.rows) return row_at(rows, row);
  return rows.next ? rows.next + static_cast<size_t>(row - rows.rows) * rows.row_bytes : rows.data;
}

/// All rows of a block.
template <typename Block, int Tokens>
void multiply_rows(const RowBlock& rows, const Activations& x, const int* index, float* tile) {
  Token token[Tokens];
  for (int t = 0; t < Tokens; ++t) token[t] = token_at(x, index ? index[t] : t);
  if constexpr (quant::is_float<Block>) {
    constexpr int step = Tokens == 1 ? 4 : 2;  // rows in flight: as many sums as registers hold
    for (int first = 0; first < rows.rows; first += step) {
      const std::byte *row[step], *later[step];
      for (int r = 0; r < step; ++r) {
        // The last step repeats the last row rather than take another path.
        const int at = first + r < rows.rows ? first + r : rows.rows - 1;
        row[r] = row_at(rows, at);
        later[r] = row_ahead(rows, at + prefetched_rows);
      }
      float out[step][Tokens];
      dot_values<Block, step, Tokens>(row, later, token, x.columns, out);
      for (int r = 0; r < step && first + r < rows.rows; ++r)
        for (int t = 0; t < Tokens; ++t) tile[t * tile_rows + first + r] = out[r][t];
    }
  } else {
    Rest rest[Tokens];
    if (const int columns = x.columns % span; columns != 0)
      for (int t = 0; t < Tokens; ++t) rest[t] = Rest(advance(token[t], x.columns / span), columns);
    for (int r = 0; r < rows.rows; ++r) {
      float out[Tokens];
      dot_codes<Block, Tokens>(row_at(rows, r), row_ahead(rows, r + prefetched_rows), token, rest,
                               x.columns, out);
      for (int t = 0; t < Tokens; ++t) tile[t * tile_rows + r] = out[t];
    }
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
