// Fused projections: quantize the input once, share out the union of all rows in blocks, one
// barrier.
#include "kernels/cpu/project.h"

#include <algorithm>
#include <numeric>

namespace weld::kernels {
namespace {

bool is_float(const Segment& segment) { return gguf::info(segment.type).is_float(); }

}  // namespace

const Activations& prepare(Context& context, std::span<const Segment> segments, const float* x,
                           int tokens, int columns, std::span<Selection> selections) {
  const Kernels& kernels = context.kernels;
  Forms forms;
  struct Part {  ///< of a selection: a tile's tokens
    const Selection* selection;
    int first;
  };
  std::vector<Part> tiles;
  for (Selection& selection : selections) {
    if (selection.tokens == 0) continue;
    Forms of_selection;
    for (const Segment& segment : segments)
      of_selection.add(kernels.forms(segment.type, selection.tokens));
    forms.add(of_selection);
    selection.first_tile = static_cast<int>(tiles.size());
    if (of_selection.parts > 0)
      for (int first = 0; first < selection.tokens; first += packed_tokens)
        tiles.push_back({&selection, first});
  }
  if (!std::all_of(segments.begin(), segments.end(), is_float)) ++context.counters.quantizations;

  const auto row = [=](int token) {
    return x + static_cast<size_t>(token) * static_cast<size_t>(columns);
  };
  ActivationBuffers& input = context.input;
  input.reserve(tokens, columns, forms);
  if (forms.in_strips())
    for_each_row(context, tokens, columns,
                 [&](int token) { input.enter(kernels, token, row(token)); });
  const int tile_count = static_cast<int>(tiles.size());
  if (tile_count > 0) {
    input.reserve_packed(tile_count, forms.parts);
    for_each_row(context, tile_count, columns * packed_tokens, [&](int tile) {
      const auto& [selection, first] = tiles[static_cast<size_t>(tile)];
      const int count = std::min(packed_tokens, selection->tokens - first);
      const float* rows[packed_tokens];
      for (int t = 0; t < count; ++t)
        rows[t] = row(selection->index ? selection->index[first + t] : first + t);
      input.pack(kernels, tile, rows, count);
    });
  }
  return input.view();
}

std::vector<Selection> select(const Routes& routes, const std::vector<int>& entries) {
  std::vector<Selection> selections;
  for (size_t expert = 0; expert + 1 < routes.begin.size(); ++expert)
    selections.push_back(
        {entries.data() + routes.begin[expert], routes.count(static_cast<int>(expert))});
  return selections;
}

int rows_of_pieces(const Context& context, int rows, int tokens, const Activations& input) {
  const int most = rows / (8 * context.pool.threads());
  if (input.packed) return std::clamp(most / tile_rows * tile_rows, tile_rows, max_rows);
  if (tokens > max_vector_tokens) return tile_rows;
  return std::clamp(most / 8 * 8, 8, max_rows);
}

RowBlock block_of(const Segment& segment, int expert, int first, int most) {
  return {segment.type,
          segment.data + static_cast<size_t>(expert) * segment.expert_bytes +
              static_cast<size_t>(first) * segment.row_bytes,
          segment.row_bytes, std::min(most, segment.rows - first)};
}

void finish_tile(const Kernels& kernels, const Segment& segment, int expert, int first, int rows,
                 int tokens, float* tile) {
  if (!segment.scale && !segment.bias) return;
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

/// What one thread does at a time: a block of rows for tokens of one expert. Of few tokens the
/// block is a part of each of several runs that make up the segment: a thread's next piece goes on
/// where each part ends, so that memory is read from several places in long runs (Zen 5, Q4_0 rows
/// of 2048 columns: from parts of 32 rows 92% of what can be read, of 128 rows 97%).
struct Piece {
  int expert;
  int segment;
  int runs;
  int run_rows;  ///< from one run to the next
  int first;     ///< row of each run
  int rows;      ///< of each run
  int begin;     ///< the first of the expert's entries
  int entries;

  /// f(first row, rows, its number) for each tile of products.
  template <typename F>
  void for_each_tile(const F& f) const {
    if (runs > 1) {
      for (int run = 0; run < runs; ++run) f(run * run_rows + first, rows, run);
      return;
    }
    for (int row = 0; row < rows; row += tile_rows)
      f(first + row, std::min(tile_rows, rows - row), row / tile_rows);
  }
};

/// What expert inputs there are: those of tokens, or one for each of a token's experts.
enum class Inputs { Tokens, Slots };

/// Who multiplies with which rows: without routes, every token with expert 0.
struct Entries {
  explicit Entries(int inputs) : tokens(inputs), in_order(static_cast<size_t>(inputs)) {
    std::iota(in_order.begin(), in_order.end(), 0);
    selections = {{in_order.data(), inputs}};
  }
  Entries(const Routes& to, Inputs inputs, int count)
      : routes(&to),
        tokens(count),
        selections(select(to, inputs == Inputs::Slots ? to.slot : to.token)) {}
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;
  ~Entries() = default;

  const Routes* routes = nullptr;
  int tokens;                         ///< inputs
  std::vector<int> in_order;          ///< without routes: all tokens
  std::vector<Selection> selections;  ///< of each expert

  std::span<const int> experts() const {
    static constexpr int only[] = {0};
    return routes ? std::span<const int>(routes->chosen) : only;
  }
  int count(int expert) const { return selections[static_cast<size_t>(expert)].tokens; }
  Selection of(const Piece& piece) const {
    const Selection& all = selections[static_cast<size_t>(piece.expert)];
    return {all.index + piece.begin, piece.entries, all.first_tile + piece.begin / packed_tokens};
  }
  int most() const { return routes ? routes->most() : tokens; }
  /// The output row of a piece's i-th entry.
  size_t output(const Piece& piece, int i) const {
    const auto entry = static_cast<size_t>(piece.begin) + static_cast<size_t>(i);
    if (!routes) return entry;
    const int first = routes->begin[static_cast<size_t>(piece.expert)];
    return static_cast<size_t>(routes->slot[static_cast<size_t>(first) + entry]);
  }
};

/// Into how many parts the tokens of a block of rows are cut: one, unless there are too few blocks
/// for the threads. An expert's are not: there may be so few that their number decides how they are
/// multiplied.
int parts_of_tokens(const Context& context, int blocks, const Entries& entries) {
  // A panel is decoded again for each part, which takes as long as some 8 tokens do.
  constexpr int min_tokens = 64;
  static_assert(min_tokens - packed_tokens >= many_tokens);
  const int enough = 4 * context.pool.threads();
  if (entries.routes || blocks >= enough) return 1;
  return std::clamp(entries.tokens / min_tokens, 1, (enough + blocks - 1) / blocks);
}

std::vector<Piece> cut(const Context& context, std::span<const Segment> segments,
                       const Entries& entries, const Activations& input) {
  int rows = 0;
  for (const Segment& segment : segments) rows += segment.rows;
  const auto experts = static_cast<int>(entries.experts().size());
  const int size = rows_of_pieces(context, rows * experts, entries.most(), input);
  const int best_runs = entries.most() <= max_vector_tokens ? context.kernels.runs : 1;
  std::vector<Piece> of_segments;
  for (size_t s = 0; s < segments.size(); ++s) {
    const int runs = segments[s].rows % best_runs == 0 ? best_runs : 1;
    const int run_rows = segments[s].rows / runs;
    const int step = runs == 1 ? size : std::clamp(size / runs, 1, tile_rows);
    for (int first = 0; first < run_rows; first += step)
      of_segments.push_back(
          {0, static_cast<int>(s), runs, run_rows, first, std::min(step, run_rows - first), 0, 0});
  }
  const int parts =
      parts_of_tokens(context, static_cast<int>(of_segments.size()) * experts, entries);
  std::vector<Piece> pieces;
  for (const int expert : entries.experts()) {
    const int count = entries.count(expert);
    const auto bound = [&](int part) {
      return std::min(count, packed_tiles(count) * part / parts * packed_tokens);
    };
    for (Piece piece : of_segments)
      for (int part = 0; part < parts; ++part) {
        piece.expert = expert;
        piece.begin = bound(part);
        piece.entries = bound(part + 1) - bound(part);
        pieces.push_back(piece);
      }
  }
  return pieces;
}

RowBlock block_of(const Segment& segment, const Piece& piece) {
  RowBlock block = block_of(segment, piece.expert, piece.first, piece.rows);
  block.runs = piece.runs;
  block.run_bytes = static_cast<size_t>(piece.run_rows) * segment.row_bytes;
  return block;
}

/// Where the piece after this one begins; threads take pieces in order.
const std::byte* data_after(std::span<const Segment> segments, std::span<const Piece> pieces,
                            int index) {
  const Piece& piece = pieces[std::min(static_cast<size_t>(index) + 1, pieces.size() - 1)];
  return block_of(segments[static_cast<size_t>(piece.segment)], piece).data;
}

/// Floats that a piece's products take.
size_t products_size(const Entries& entries) {
  constexpr int most_tiles = max_rows / tile_rows;
  const int most = entries.most();
  const int tiles = most <= max_vector_tokens ? std::max(max_runs, most_tiles) : most_tiles;
  return static_cast<size_t>(tiles) * tile_size(most);
}

void project_entries(Context& context, std::span<const Segment> segments, int columns,
                     const float* x, Entries entries, Store how, float* y, size_t stride) {
  const Activations& input =
      prepare(context, segments, x, entries.tokens, columns, entries.selections);
  const std::vector<Piece> pieces = cut(context, segments, entries, input);
  const size_t size = products_size(entries);
  for (Buffer<float>& tile : context.tiles) tile.at_least(size);
  context.run(static_cast<int>(pieces.size()), [&](int index, int thread) noexcept {
    const Kernels& kernels = context.kernels;
    const Piece& piece = pieces[static_cast<size_t>(index)];
    const Segment& segment = segments[static_cast<size_t>(piece.segment)];
    const Selection selection = entries.of(piece);
    RowBlock block = block_of(segment, piece);
    block.next = data_after(segments, pieces, index);
    float* const tiles = context.tiles[static_cast<size_t>(thread)].at_least(size);
    kernels.multiply(block, input, selection, tiles);
    piece.for_each_tile([&](int first, int rows, int tile) {
      float* from = tiles + static_cast<size_t>(tile) * tile_size(selection.tokens);
      finish_tile(kernels, segment, piece.expert, first, rows, selection.tokens, from);
      for (int i = 0; i < selection.tokens; ++i, from += tile_rows) {
        float* to = y + entries.output(piece, i) * stride + segment.output + first;
        if (how == Store::Add)
          kernels.add_scaled(from, 1.0F, rows, to);
        else
          std::copy_n(from, rows, to);
      }
    });
  });
}

void project_gated_entries(Context& context, const Segment& gate, const Segment& up, Gating gating,
                           int columns, const float* x, Entries entries, float* out) {
  const Segment both[] = {gate, up};
  const Activations& input = prepare(context, both, x, entries.tokens, columns, entries.selections);
  const std::vector<Piece> pieces = cut(context, {both, 1}, entries, input);
  const size_t size = products_size(entries);
  for (Buffer<float>& tile : context.tiles) tile.at_least(2 * size);
  context.run(static_cast<int>(pieces.size()), [&](int index, int thread) noexcept {
    const Kernels& kernels = context.kernels;
    const Piece& piece = pieces[static_cast<size_t>(index)];
    const Selection selection = entries.of(piece);
    float* const tiles = context.tiles[static_cast<size_t>(thread)].at_least(2 * size);
    float* const members[] = {tiles, tiles + size};
    for (int m = 0; m < 2; ++m) {
      RowBlock block = block_of(both[m], piece);
      block.next = m == 0 ? block_of(up, piece).data : data_after({both, 1}, pieces, index);
      kernels.multiply(block, input, selection, members[m]);
    }
    piece.for_each_tile([&](int first, int rows, int tile) {
      const size_t at = static_cast<size_t>(tile) * tile_size(selection.tokens);
      for (int m = 0; m < 2; ++m)
        finish_tile(kernels, both[m], piece.expert, first, rows, selection.tokens, members[m] + at);
      const float *g = members[0] + at, *u = members[1] + at;
      for (int i = 0; i < selection.tokens; ++i, g += tile_rows, u += tile_rows)
        kernels.gate(gating, g, u, rows,
                     out + entries.output(piece, i) * static_cast<size_t>(gate.rows) + first);
    });
  });
}

}  // namespace

void project(Context& context, std::span<const Segment> segments, int columns, const float* x,
             int tokens, Store how, float* y, size_t stride) {
  project_entries(context, segments, columns, x, Entries(tokens), how, y, stride);
}

void project_gated(Context& context, const Segment& gate, const Segment& up, Gating gating,
                   int columns, const float* x, int tokens, float* out) {
  project_gated_entries(context, gate, up, gating, columns, x, Entries(tokens), out);
}

void project_experts(Context& context, std::span<const Segment> segments, int columns,
                     const float* x, int tokens, const Routes& routes, float* y, size_t stride) {
  project_entries(context, segments, columns, x, {routes, Inputs::Tokens, tokens}, Store::Replace,
                  y, stride);
}

void project_slots(Context& context, const Segment& segment, int columns, const float* x,
                   const Routes& routes, float* y) {
  project_entries(context, {&segment, 1}, columns, x,
                  {routes, Inputs::Slots, static_cast<int>(routes.slot.size())}, Store::Replace, y,
                  static_cast<size_t>(segment.rows));
}

void project_gated_experts(Context& context, const Segment& gate, const Segment& up, Gating gating,
                           int columns, const float* x, int tokens, const Routes& routes,
                           float* out) {
  project_gated_entries(context, gate, up, gating, columns, x, {routes, Inputs::Tokens, tokens},
                        out);
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
