// Fused projections: quantize the input once, share out the union of all rows in blocks, one
// barrier.
#include "kernels/cpu/project.h"

#include <algorithm>

namespace weld::kernels {
namespace {

bool is_float(const Segment& segment) { return gguf::info(segment.type).block_elements == 1; }

}  // namespace

const Activations& prepare(Context& context, std::span<const Segment> segments, const float* x,
                           int tokens, int columns) {
  const bool values = std::any_of(segments.begin(), segments.end(), is_float);
  const bool codes = !std::all_of(segments.begin(), segments.end(), is_float);
  if (codes) ++context.counters.quantizations;
  ActivationBuffers& input = context.input;
  input.reserve(context.kernels, tokens, columns, values, codes);
  for_each_row(context, tokens, columns, [&](int token) {
    input.enter(context.kernels, token,
                x + static_cast<size_t>(token) * static_cast<size_t>(columns));
  });
  return input.view();
}

RowBlock block_of(const Segment& segment, int expert, int first) {
  return {segment.type,
          segment.data + static_cast<size_t>(expert) * segment.expert_bytes +
              static_cast<size_t>(first) * segment.row_bytes,
          segment.row_bytes, std::min(tile_rows, segment.rows - first), nullptr};
}

void finish_tile(const Kernels& kernels, const Segment& segment, int expert, int first, int tokens,
                 float* tile) {
  if (!segment.scale && !segment.bias) return;
  const int rows = std::min(tile_rows, segment.rows - first);
  const float scale = segment.scale ? segment.scale[expert] : 1.0F;
  const float* bias = segment.bias
                          ? segment.bias + static_cast<size_t>(expert) * segment.bias_stride + first
                          : nullptr;
  for (int t = 0; t < tokens; ++t) {
    float* row = tile + static_cast<size_t>(t) * tile_rows;
    kernels.scale_and_bias(row, scale, bias, rows, row);
  }
}

namespace {

/// One thread's share: a block of rows for all tokens of one expert.
struct Piece {
  int expert;
  int segment;
  int first;  ///< row
};

/// Who multiplies with which rows: without routes, every token with expert 0.
struct Entries {
  const Routes* routes;
  int tokens;

  std::span<const int> experts() const {
    static constexpr int only[] = {0};
    return routes ? std::span<const int>(routes->chosen) : only;
  }
  int begin(int expert) const { return routes ? routes->begin[static_cast<size_t>(expert)] : 0; }
  int count(int expert) const { return routes ? routes->count(expert) : tokens; }
  int most() const { return routes ? routes->most() : tokens; }
  /// The input rows of an expert's entries, null for all in order.
  const int* inputs(int expert) const {
    return routes ? routes->token.data() + begin(expert) : nullptr;
  }
  /// The output row of an expert's i-th entry.
  size_t output(int expert, int i) const {
    const int entry = begin(expert) + i;
    return static_cast<size_t>(routes ? routes->slot[static_cast<size_t>(entry)] : i);
  }
};

std::vector<Piece> cut(std::span<const Segment> segments, const Entries& entries) {
  std::vector<Piece> pieces;
  for (const int expert : entries.experts())
    for (size_t s = 0; s < segments.size(); ++s)
      for (int first = 0; first < segments[s].rows; first += tile_rows)
        pieces.push_back({expert, static_cast<int>(s), first});
  return pieces;
}

/// Where the piece after this one begins; threads take pieces in order.
const std::byte* data_after(std::span<const Segment> segments, std::span<const Piece> pieces,
                            int index) {
  const Piece& piece = pieces[std::min(static_cast<size_t>(index) + 1, pieces.size() - 1)];
  return block_of(segments[static_cast<size_t>(piece.segment)], piece.expert, piece.first).data;
}

void project_entries(Context& context, std::span<const Segment> segments, int columns,
                     const float* x, const Entries& entries, Store how, float* y, size_t stride) {
  const Activations& input = prepare(context, segments, x, entries.tokens, columns);
  const std::vector<Piece> pieces = cut(segments, entries);
  const size_t tile_size = static_cast<size_t>(entries.most()) * tile_rows;
  for (Buffer<float>& tile : context.tiles) tile.at_least(tile_size);
  context.run(static_cast<int>(pieces.size()), [&](int index, int thread) noexcept {
    const Kernels& kernels = context.kernels;
    const Piece& piece = pieces[static_cast<size_t>(index)];
    const Segment& segment = segments[static_cast<size_t>(piece.segment)];
    const int count = entries.count(piece.expert);
    RowBlock rows = block_of(segment, piece.expert, piece.first);
    rows.next = data_after(segments, pieces, index);
    float* tile = context.tiles[static_cast<size_t>(thread)].at_least(tile_size);
    kernels.multiply(rows, input, entries.inputs(piece.expert), count, tile);
    finish_tile(kernels, segment, piece.expert, piece.first, count, tile);
    for (int i = 0; i < count; ++i) {
      const float* from = tile + static_cast<size_t>(i) * tile_rows;
      float* to = y + entries.output(piece.expert, i) * stride + segment.output + piece.first;
      if (how == Store::Add)
        kernels.add_scaled(from, 1.0F, rows.rows, to);
      else
        std::copy_n(from, rows.rows, to);
    }
  });
}

void project_gated_entries(Context& context, const Segment& gate, const Segment& up, Gating gating,
                           int columns, const float* x, const Entries& entries, float* out) {
  const Segment both[] = {gate, up};
  const Activations& input = prepare(context, both, x, entries.tokens, columns);
  const std::vector<Piece> pieces = cut({both, 1}, entries);
  const size_t tile_size = static_cast<size_t>(entries.most()) * tile_rows;
  for (Buffer<float>& tile : context.tiles) tile.at_least(2 * tile_size);
  context.run(static_cast<int>(pieces.size()), [&](int index, int thread) noexcept {
    const Kernels& kernels = context.kernels;
    const Piece& piece = pieces[static_cast<size_t>(index)];
    const int count = entries.count(piece.expert);
    float* tile = context.tiles[static_cast<size_t>(thread)].at_least(2 * tile_size);
    float* tiles[] = {tile, tile + tile_size};
    for (int m = 0; m < 2; ++m) {
      RowBlock rows = block_of(both[m], piece.expert, piece.first);
      rows.next = m == 0 ? block_of(up, piece.expert, piece.first).data
                         : data_after({both, 1}, pieces, index);
      kernels.multiply(rows, input, entries.inputs(piece.expert), count, tiles[m]);
      finish_tile(kernels, both[m], piece.expert, piece.first, count, tiles[m]);
    }
    const int rows = std::min(tile_rows, gate.rows - piece.first);
    for (int i = 0; i < count; ++i) {
      const size_t at = static_cast<size_t>(i) * tile_rows;
      kernels.gate(
          gating, tiles[0] + at, tiles[1] + at, rows,
          out + entries.output(piece.expert, i) * static_cast<size_t>(gate.rows) + piece.first);
    }
  });
}

}  // namespace

void project(Context& context, std::span<const Segment> segments, int columns, const float* x,
             int tokens, Store how, float* y, size_t stride) {
  project_entries(context, segments, columns, x, {nullptr, tokens}, how, y, stride);
}

void project_gated(Context& context, const Segment& gate, const Segment& up, Gating gating,
                   int columns, const float* x, int tokens, float* out) {
  project_gated_entries(context, gate, up, gating, columns, x, {nullptr, tokens}, out);
}

void project_experts(Context& context, std::span<const Segment> segments, int columns,
                     const float* x, int tokens, const Routes& routes, float* y, size_t stride) {
  project_entries(context, segments, columns, x, {&routes, tokens}, Store::Replace, y, stride);
}

void project_gated_experts(Context& context, const Segment& gate, const Segment& up, Gating gating,
                           int columns, const float* x, int tokens, const Routes& routes,
                           float* out) {
  project_gated_entries(context, gate, up, gating, columns, x, {&routes, tokens}, out);
}

void apply_gate(Context& context, Gating gating, const float* gate, const float* up, size_t n,
                float* out) {
  // Pieces are whole tiles, so that each element meets the same lane as in the fused operation.
  constexpr size_t piece_size = size_t{64} * tile_rows;
  const auto pieces = static_cast<int>((n + piece_size - 1) / piece_size);
  context.run(pieces, [&](int piece, int) noexcept {
    const size_t begin = static_cast<size_t>(piece) * piece_size;
    context.kernels.gate(gating, gate + begin, up + begin,
                         static_cast<int>(std::min(piece_size, n - begin)), out + begin);
  });
}

}  // namespace weld::kernels
