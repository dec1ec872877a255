// Fused projections: products of one activation with the rows of several weight matrices, as one
// operation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/cpu/context.h"
#include "kernels/cpu/kernels.h"

namespace weld::kernels {

/// A run of rows of one type at one place; with experts, such a run for each of them.
struct Segment {
  gguf::Type type{};
  const std::byte* data = nullptr;  ///< expert 0's first row, in the mapped file
  size_t row_bytes = 0;             ///< from one row to the next
  size_t expert_bytes = 0;          ///< from one expert's first row to the next expert's
  int rows = 0;
  int output = 0;                ///< where in the output row this segment's first output goes
  const float* scale = nullptr;  ///< [experts]: multiplies the product, before the bias; null: 1
  const float* bias = nullptr;   ///< [experts][bias_stride]; null: none
  size_t bias_stride = 0;
};

/// Which tokens go to which expert, sorted by expert. A token sent to several experts has as many
/// slots: slot t * used + i is the i-th expert of token t, in the experts' order in the file. This
/// is the order in which a token's outputs are summed.
struct Routes {
  int used = 1;            ///< experts a token
  std::vector<int> begin;  ///< [experts + 1]: where an expert's entries begin in `slot` and `token`
  std::vector<int> chosen;    ///< the experts that have entries, ascending
  std::vector<int> slot;      ///< sorted by expert, then by slot
  std::vector<int> token;     ///< slot / used
  std::vector<float> weight;  ///< [slots]

  /// An expert's entries.
  int count(int expert) const {
    const auto e = static_cast<size_t>(expert);
    return begin[e + 1] - begin[e];
  }
  /// The most entries that an expert has.
  int most() const {
    int most = 0;
    for (const int expert : chosen) most = std::max(most, count(expert));
    return most;
  }
};

/// What becomes of outputs.
enum class Store { Replace, Add };

/// x as the segments' kernels want it for these selections, which learn where theirs is packed:
/// quantized or packed once, unless all of the segments are of float types. The result lives in the
/// context until the next call.
const Activations& prepare(Context& context, std::span<const Segment> segments, const float* x,
                           int tokens, int columns, std::span<Selection> selections);

/// The selection of each expert, from the slots or tokens of all entries.
std::vector<Selection> select(const Routes& routes, const std::vector<int>& entries);

/// Of `rows` rows, which meet up to `tokens` tokens each, so many to a piece as pays and leaves
/// each thread several.
int rows_of_pieces(const Context& context, int rows, int tokens, const Activations& input);

/// Up to `most` rows of one expert, from row `first` on.
RowBlock block_of(const Segment& segment, int expert, int first, int most = tile_rows);

/// The epilogue of a tile [tokens][tile_rows] of products of some rows from `first` on: the
/// segment's scale and bias.
void finish_tile(const Kernels& kernels, const Segment& segment, int expert, int first, int rows,
                 int tokens, float* tile);

/// y[t][segment.output + r] = scale * (row r . x[t]) + bias, for all segments in one operation.
/// x is [tokens][columns]; y has rows of `stride` floats. Where no expert is meant, expert 0 is
/// used.
void project(Context& context, std::span<const Segment> segments, int columns, const float* x,
             int tokens, Store how, float* y, size_t stride);

/// out[t][r] = act(gate row r . x[t]) * (up row r . x[t]): two projections and their epilogue in
/// one operation. out is [tokens][gate.rows].
void project_gated(Context& context, const Segment& gate, const Segment& up, Gating gating,
                   int columns, const float* x, int tokens, float* out);

/// project() for experts: y[slot][r] for the expert and the token of each slot; y is
/// [slots][stride].
void project_experts(Context& context, std::span<const Segment> segments, int columns,
                     const float* x, int tokens, const Routes& routes, float* y, size_t stride);

/// project_experts() where each slot has an input of its own: x is [slots][columns].
void project_slots(Context& context, const Segment& segment, int columns, const float* x,
                   const Routes& routes, float* y);

/// project_gated() for experts: out is [slots][gate.rows].
void project_gated_experts(Context& context, const Segment& gate, const Segment& up, Gating gating,
                           int columns, const float* x, int tokens, const Routes& routes,
                           float* out);

/// y[t] += sum over the token's slots, in their order, of weight * (down row . x[slot] ...). x
/// is [slots][columns], y is [tokens][down.rows].
void project_down_experts(Context& context, const Segment& down, int columns, const float* x,
                          int tokens, const Routes& routes, float* y);

/// out[i] = act(gate[i]) * up[i] as an operation of its own, for n floats: what unfused gate and up
/// need.
void apply_gate(Context& context, Gating gating, const float* gate, const float* up, size_t n,
                float* out);

/// The `used` experts with the largest of each token's `experts` logits (where two are equal, the
/// lower index), weighted by the softmax over the chosen ones.
void choose_experts(Context& context, const float* logits, int tokens, int experts, int used,
                    Routes& routes);

}  // namespace weld::kernels
