// Attention by AMX, for a cache in half precision: scores are products of queries and keys, outputs
// of weights and values. All of them are split into two BF16 numbers, which have all the digits of
// half precision and 16 of a float's; the products of the second parts are smaller than what is
// rounded.
#include "kernels/cpu/attention.h"
#include "kernels/cpu/bf16_parts.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/tile_registers.h"
#include "kernels/cpu/unroll.h"

namespace weld::kernels::WELD_TARGET {
namespace {

constexpr int tile_side = 16;     // rows and columns of a tile of sums
constexpr int tile_columns = 32;  // that one instruction sums over
constexpr int span_steps = span / tile_columns;
constexpr int max_rows = packed_attention_rows;
static_assert(cache_block == tile_side);

/// Of two rows of 16 numbers, where those are that go side by side, number by number.
struct PairOrder {
  alignas(64) uint16_t from[32];
};
constexpr PairOrder pair_order() {
  PairOrder order{};
  for (int i = 0; i < 32; ++i) order.from[i] = static_cast<uint16_t>(i % 2 * 16 + i / 2);
  return order;
}

/// A matrix in two parts, as tiles.
template <int size>
struct Parts {
  alignas(64) uint16_t of[2][size];

  /// Stores 32 numbers in their order, or as pairs of one of `low` and one of `high`.
  template <bool pairs = false>
  [[gnu::always_inline]] void put(ptrdiff_t at, __m512 low, __m512 high) {
    static constexpr PairOrder order = pair_order();
    for (auto& part : of) {
      const __m512i numbers = to_bf16(low, high);
      if constexpr (pairs)
        _mm512_store_si512(part + at,
                           _mm512_permutexvar_epi16(_mm512_load_si512(order.from), numbers));
      else
        _mm512_store_si512(part + at, numbers);
      subtract(numbers, low, high);
    }
  }
};

/// What the products of 2 x 2 tiles add to registers 0 to 3.
template <int a_size, int b_size>
[[gnu::always_inline]] inline void multiply_parts(const Parts<a_size>& a, ptrdiff_t a_at,
                                                  ptrdiff_t next_a, const Parts<b_size>& b,
                                                  ptrdiff_t b_at, ptrdiff_t next_b, int steps) {
  const auto multiply = [&](int i, int j) {
    multiply_tiles<2>(a.of[i] + a_at, static_cast<size_t>(next_a), b.of[j] + b_at,
                      static_cast<size_t>(next_b), steps);
  };
  multiply(0, 0);
  multiply(0, 1);
  multiply(1, 0);
}

/// The queries' or weights' tiles: [16 rows][step][row][32 columns].
constexpr ptrdiff_t row_at(int row, int step, int steps) {
  return ((row / tile_side * ptrdiff_t{steps} + step) * tile_side + row % tile_side) * tile_columns;
}

class Attention {
 public:
  explicit Attention(const AttentionTask& task)
      : task_(task),
        cache_(task.cache),
        rows_(task.tokens * task.heads),
        padded_rows_((rows_ + 2 * tile_side - 1) / (2 * tile_side) * (2 * tile_side)),
        key_steps_(cache_.key_size / tile_columns),
        value_tiles_(cache_.value_size / tile_side) {
    begin_rows(task, scores_, row_);
    const Floats scale = broadcast(task.scale);
    for (int r = 0; r < padded_rows_; ++r)
      for (int s = 0; s < key_steps_; ++s) {
        const float* from = row_[r < rows_ ? r : 0].query + s * tile_columns;
        query_.put(row_at(r, s, key_steps_), load(from) * scale, load(from + lanes) * scale);
      }
    for (int i = 0; i < padded_rows_ * cache_.value_size; i += lanes)
      store(sums_ + i, broadcast(0));
  }

  void run() {
    const int end = task_.position + task_.tokens;
    for (int start = first_seen(task_, task_.position) / span * span; start < end; start += span) {
      const int positions = end - start < span ? end - start : span;
      const int blocks = (positions + 2 * cache_block - 1) / (2 * cache_block) * 2;  // even
      for (int b = 0; b < blocks; ++b) {
        // Beyond the last position: any block, which nobody sees.
        const int position = start + (b * cache_block < positions ? b * cache_block : 0);
        enter(b, block_of(cache_, position));
      }
      score(blocks);
      weigh_span(task_, start, row_);
      enter_weights();
      add_values(blocks / 2);
    }
    for (int r = 0; r < rows_; ++r) {
      const Floats factor = broadcast(1.0F / row_[r].total);
      for (int i = 0; i < value_tiles_; ++i)
        store(row_[r].output + i * lanes, load(sums_at(r, i)) * factor);
    }
  }

 private:
  /// The keys and values of the b-th block of the span, two of what is summed over side by side.
  void enter(int b, const std::byte* block) {
    const auto pair = [&](auto& parts, ptrdiff_t at, const std::byte* first, int size) {
      parts.template put<true>(at, load_f16(first),
                               load_f16(first + 2 * static_cast<ptrdiff_t>(size)));
    };
    for (int d = 0; d < cache_.key_size; d += 2)
      pair(keys_, (b * cache_.key_size + d) * ptrdiff_t{tile_side},
           block + 2 * static_cast<ptrdiff_t>(d) * cache_block, cache_block);
    const std::byte* const values = block + cache_.value_offset;
    for (int p = 0; p < cache_block; p += 2)
      for (int i = 0; i < value_tiles_; ++i)
        pair(values_,
             (ptrdiff_t{i} * span_steps + b / 2) * tile_numbers +
                 (b % 2 * cache_block + p) * tile_side,
             values + 2 * (static_cast<ptrdiff_t>(p) * cache_.value_size + i * tile_side),
             cache_.value_size);
  }

  void score(int blocks) {
    const ptrdiff_t tiles = ptrdiff_t{key_steps_} * tile_numbers;  // of 16 rows, or of a block
    for (int r = 0; r < padded_rows_; r += 2 * tile_side)
      for (int b = 0; b < blocks; b += 2) {
        unroll<4>([](auto i) __attribute__((always_inline)) { clear<i>(); });
        multiply_parts(query_, r / tile_side * tiles, tiles, keys_, b * tiles, tiles, key_steps_);
        float* const to = scores_ + static_cast<ptrdiff_t>(r) * span + b * cache_block;
        unroll<4>([&](auto i) __attribute__((always_inline)) {
          avx512amx::store<i>(to + i / 2 * tile_side * span + i % 2 * tile_side,
                              span * sizeof(float));
        });
      }
  }

  /// The weights of all rows, 0 where a row does not see a block, and their sums shrunk.
  void enter_weights() {
    for (int r = 0; r < padded_rows_; ++r) {
      Row& row = row_[r < rows_ ? r : 0];
      const bool sees = r < rows_ && row.begin < row.end;
      for (int s = 0; s < span_steps; ++s) {
        const auto weights = [&](int p) {
          const bool seen = sees && row.begin < p + cache_block && p < row.end;
          return seen ? load(row.scores + p) : broadcast(0);
        };
        weights_.put(row_at(r, s, span_steps), weights(s * tile_columns),
                     weights(s * tile_columns + tile_side));
      }
      if (sees && row.shrink != 1.0F)
        for (int i = 0; i < value_tiles_; ++i)
          store(sums_at(r, i), load(sums_at(r, i)) * broadcast(row.shrink));
    }
  }

  void add_values(int steps) {
    constexpr ptrdiff_t tiles = ptrdiff_t{span_steps} * tile_numbers;
    for (int r = 0; r < padded_rows_; r += 2 * tile_side)
      for (int i = 0; i < value_tiles_; i += 2) {
        const auto sums = [&](auto tile) __attribute__((always_inline)) {
          return sums_at(r + tile / 2 * tile_side, i + tile % 2);
        };
        unroll<4>([&](auto t) __attribute__((always_inline)) { avx512amx::load<t>(sums(t)); });
        multiply_parts(weights_, r / tile_side * tiles, tiles, values_, i * tiles, tiles, steps);
        unroll<4>([&](auto t) __attribute__((always_inline)) { avx512amx::store<t>(sums(t)); });
      }
  }

  /// Sums are tiles: [16 rows][16 of a value][row][of a value].
  float* sums_at(int row, int tile) {
    return sums_ +
           ((row / tile_side * ptrdiff_t{value_tiles_} + tile) * tile_side + row % tile_side) *
               tile_side;
  }

  const AttentionTask& task_;
  const CacheView& cache_;
  int rows_, padded_rows_;
  int key_steps_, value_tiles_;
  TileRegisters registers_;
  Row row_[max_rows];
  Parts<max_rows * max_head_size> query_;
  Parts<span * max_head_size> keys_, values_;
  Parts<max_rows * span> weights_;
  alignas(64) float scores_[max_rows * span];
  alignas(64) float sums_[max_rows * max_head_size];
};

}  // namespace

void attend_packed(const AttentionTask& task) {
  // Below it the parts of what is cached take longer than their products save.
  constexpr int min_rows = 32;
  const CacheView& cache = task.cache;
  if (!task.softmax && cache.type == CacheType::F16 && task.batch * task.heads >= min_rows &&
      cache.key_size % tile_columns == 0 && cache.value_size % (2 * tile_side) == 0) {
    Attention(task).run();
    return;
  }
  AttentionTask part = task;
  const int most = max_attention_rows / task.heads;
  for (int first = 0; first < task.tokens; first += most) {
    part.tokens = task.tokens - first < most ? task.tokens - first : most;
    avx512::kernels.attend(part);
    part.position += most;
    part.query += static_cast<size_t>(most) * task.query_stride;
    part.output += static_cast<size_t>(most) * task.output_stride;
    if (task.softmax) part.softmax += static_cast<ptrdiff_t>(most) * task.heads;
  }
}

}  // namespace weld::kernels::WELD_TARGET
