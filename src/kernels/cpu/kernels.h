// The operations that are written for each instruction set, and the choice among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "gguf/type.h"
#include "kernels/cpu/activations.h"

namespace weld::kernels {

/// Rows that are multiplied together: 2 AVX-512 vectors of floats, 4 AVX2 ones, one quantization
/// group of the projection that reads the outputs.
inline constexpr int tile_rows = 32;

/// Up to this many tokens a row is read along its length, once for all of them; more of them, and a
/// panel of rows is decoded for a sweep over tokens.
inline constexpr int max_vector_tokens = 3;

/// With so many tokens or more the way in which a row is multiplied does not depend on their
/// number. Activations are packed from so many on: with fewer, decoding to BF16 takes longer than
/// products of tiles save.
inline constexpr int many_tokens = 24;

/// The most rows that a thread takes at once. Where activations are packed: as many multiply-adds a
/// byte of them as the caches that they come from need to keep up.
inline constexpr int max_rows = 128;

/// Rows of one weight matrix, up to max_rows: for a few tokens several runs, which are read side by
/// side, else one.
struct RowBlock {
  gguf::Type type{};
  const std::byte* data = nullptr;  ///< the first row
  size_t row_bytes = 0;             ///< from one row to the next
  int rows = 0;                     ///< of a run; where there are several, up to tile_rows
  const std::byte* next = nullptr;  ///< what the thread is likely to read after this block
  int runs = 1;                     ///< up to max_runs
  size_t run_bytes = 0;             ///< from one run to the next, where there are several

  [[gnu::always_inline]] const std::byte* row(int run, int r) const {
    return data + static_cast<size_t>(run) * run_bytes + static_cast<size_t>(r) * row_bytes;
  }
  /// The end of the last row.
  [[gnu::always_inline]] const std::byte* end() const { return row(runs - 1, rows); }
};
inline constexpr int max_runs = 8;

/// The activations that a block of rows is multiplied with.
struct Selection {
  const int* index = nullptr;  ///< which tokens; null: as many as there are, in order
  int tokens = 0;
  int first_tile = 0;  ///< where they begin among the packed tiles, if they are packed
};

/// Floats of the tile that tile_rows rows make with so many tokens.
[[gnu::always_inline]] inline size_t tile_size(int tokens) {
  return static_cast<size_t>(packed_tiles(tokens) * packed_tokens) * tile_rows;
}

/// Where a run of one token's quantized activations goes; the fields are those of Activations.
struct QuantizedRow {
  int8_t* codes;
  int8_t* pairs;
  int8_t* places;
  int16_t* wide_codes;
  float* scales;
  int16_t* half_sums;
  int16_t* lane_sums;
};

/// The gated activation of a feed-forward layer, act(gate) * up.
enum class Gating {
  SwiGLU,         ///< silu(g) * u, https://arxiv.org/abs/2002.05202
  ClampedSwiGLU,  ///< gpt-oss: g <- min(g, 7), u <- clamp(u, -7, 7); g * sigmoid(1.702 g) * (u + 1)
};

/// Positions of a block of the key-value cache: 16 keys lie dimension by dimension, so that one
/// vector holds one dimension of 16 (or 8) positions and a score needs no horizontal sum.
inline constexpr int cache_block = 16;

/// How keys and values are stored.
enum class CacheType { F16, F32 };

/// The cache of one layer for one key-value head. Block b of positions is at `data + b *
/// block_stride`, counted modulo `blocks`: keys[key_size][cache_block], and, `value_offset` bytes
/// on, values[cache_block][value_size].
struct CacheView {
  CacheType type{};
  std::byte* data = nullptr;
  size_t block_stride = 0;
  size_t value_offset = 0;
  int blocks = 0;
  int key_size = 0;
  int value_size = 0;
};

/// What the outputs of attention to a part of the cache are put together with: of all scores s of
/// the part the largest, and the sum of exp(s - largest).
struct PartialSoftmax {
  float largest;
  float total;
};

/// Attention of a run of tokens at consecutive positions, for the query heads of one key-value
/// head.
struct AttentionTask {
  CacheView cache;
  int position = 0;  ///< of the first token
  int tokens = 0;
  int batch = 0;   ///< tokens of all tasks that belong together, which are done in the same way
  int heads = 0;   ///< query heads that share the key-value head
  int window = 0;  ///< positions a token sees, itself included; 0: all
  /// Of what a token sees the positions [begin, end), both multiples of cache_block or no limit.
  int begin = 0;
  int end = std::numeric_limits<int>::max();
  float scale = 1;  ///< of the scores, 1 / sqrt(key size)
  const float* sinks =
      nullptr;  ///< [heads]: a score that takes part in the softmax and has no value
  const float* query = nullptr;  ///< token t, head h at query + t * query_stride + h * key_size
  size_t query_stride = 0;
  float* output = nullptr;  ///< token t, head h at output + t * output_stride + h * value_size
  size_t output_stride = 0;
  /// Null, or the positions are a part: token t, head h at softmax + t * heads + h, and the outputs
  /// are the values' sums weighted by exp(score - largest), not yet divided by the total.
  PartialSoftmax* softmax = nullptr;
};

/// Query rows (tokens times heads) of one AttentionTask: their scores and sums stay in L1/L2.
inline constexpr int max_attention_rows = 64;
/// The same where tiles of them are multiplied at once: what is cached is split into parts for each
/// task, which more rows share.
inline constexpr int packed_attention_rows = 128;
/// The largest head size that attention is built for.
inline constexpr int max_head_size = 512;

/// Loops that do one thing as fast as this build can, to measure everything else against.
struct Limits {
  // Multiply registers `steps` times; return the number of multiply-adds.
  int64_t (*multiply_codes)(int64_t steps);
  int64_t (*multiply_floats)(int64_t steps);
  /// Reads memory, but for less than a register at its end.
  void (*read)(const std::byte* data, size_t size);
};

/// One build of everything that is arithmetic. All sizes are checked by the callers.
struct Kernels {
  const char* name;

  /// Quantizes a run of one token's activations: groups of 32, scale = largest magnitude / 127,
  /// round to nearest even.
  void (*quantize)(const float* x, int columns, const QuantizedRow& out);

  /// Packs the activations of up to packed_tokens tokens, each `columns` floats at rows[token].
  /// Null where `forms` asks for nothing packed, but for the specification's.
  void (*pack)(const float* const* rows, int tokens, int columns, const PackedTile& out);

  /// The forms in which `multiply` reads activations of so many tokens for rows of a type.
  Forms (*forms)(gguf::Type type, int tokens);

  /// The products of the block's rows and the activations of the selection's tokens. tile is
  /// [row / tile_rows][token][row % tile_rows], or [run][token][row] where there are several runs,
  /// with room for tile_size(tokens) of each tile_rows rows; entries beyond the block's rows and
  /// the tokens are undefined.
  void (*multiply)(const RowBlock& rows, const Activations& x, const Selection& selection,
                   float* tile);

  /// y = x / sqrt(mean(x^2) + epsilon) * weight, https://arxiv.org/abs/1910.07467; y may be x.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, int n, float* y);

  /// Rotates `count` pairs by angles whose cosine and sine are given,
  /// https://arxiv.org/abs/2104.09864: pairs (i, i + count) if halves, else (2i, 2i + 1).
  void (*rotate)(float* x, const float* cosine, const float* sine, int count, bool halves);

  /// out[i] = act(gate[i]) * up[i]; n need not be a multiple of anything, out may be gate or up.
  void (*gate)(Gating gating, const float* gate, const float* up, int n, float* out);

  /// y[i] = x[i] * scale + bias[i] (bias may be null); y may be x.
  void (*scale_and_bias)(const float* x, float scale, const float* bias, int n, float* y);

  /// y[i] += weight * x[i].
  void (*add_scaled)(const float* x, float weight, int n, float* y);

  /// Stores one position's key and value of one head in the cache.
  void (*store)(const CacheView& cache, int position, const float* key, const float* value);

  /// From how many places of a matrix rows are best read side by side, for a few tokens.
  int runs;

  /// Query rows (tokens times heads) that `attend` takes at most.
  int attention_rows;

  /// softmax(q k^T * scale) v, https://arxiv.org/abs/1706.03762, over the cached positions each
  /// token may see.
  void (*attend)(const AttentionTask& task);

  const Limits* limits;
};

namespace portable {
extern const Kernels kernels;  ///< the specification: plain loops
extern const Limits limits;
}  // namespace portable
namespace avx2 {
extern const Kernels kernels;
extern const Kernels kernels_with_vnni;
extern const Limits limits;
}  // namespace avx2
namespace avxvnni {
extern const Limits limits;
}  // namespace avxvnni
namespace avx512 {
extern const Kernels kernels;
extern const Kernels kernels_with_vbmi;
extern const Kernels kernels_for_zen;  ///< the same for AMD's processors
extern const Kernels kernels_with_amx;
extern const Limits limits;
}  // namespace avx512

/// The best build that this processor runs, or the one that WELD_ISA (portable, avx2, avxvnni,
/// avx512, avx512vbmi, avx512zen, avx512amx) names. Throws Error if WELD_ISA names none, or one
/// that this processor cannot run.
const Kernels& kernels();

/// The builds that this processor runs, slowest first, for tests and benchmarks.
struct KernelList {
  const Kernels* list[7];
  int count;
};
KernelList available_kernels();

}  // namespace weld::kernels
