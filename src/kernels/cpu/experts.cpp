// Mixture of experts: choosing them, and bringing their outputs together.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cpu/project.h"

namespace weld::kernels {

namespace {

/// The experts of one token, ascending, and their weights.
void choose(const float* logits, int experts, std::span<int> chosen, float* weight) {
  // NaN counts as least: nothing would be greater.
  const auto key = [logits](int e) { return std::isnan(logits[e]) ? -INFINITY : logits[e]; };
  // The greatest so far, in order; of equals the first stays before the others.
  size_t count = 0;
  for (int e = 0; e < experts; ++e) {
    size_t at = count;
    while (at > 0 && key(e) > key(chosen[at - 1])) --at;
    if (at == chosen.size()) continue;
    if (count < chosen.size()) ++count;
    for (size_t i = count - 1; i > at; --i) chosen[i] = chosen[i - 1];
    chosen[at] = e;
  }
  const float greatest = logits[chosen[0]];
  // In the file's order, so that outputs that come expert by expert are summed in it.
  std::sort(chosen.begin(), chosen.end());
  float total = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    weight[i] = std::exp(logits[chosen[i]] - greatest);
    total += weight[i];
  }
  for (size_t i = 0; i < chosen.size(); ++i) weight[i] /= total;
}

}  // namespace

void choose_experts(Context& context, const float* logits, int tokens, int experts, int used,
                    Routes& routes) {
  const auto slots = static_cast<size_t>(tokens) * static_cast<size_t>(used);
  routes.used = used;
  routes.weight.resize(slots);
  std::vector<int> chosen(slots);
  for_each_row(context, tokens, experts * used, [&](int t) {
    const auto first = static_cast<size_t>(t) * static_cast<size_t>(used);
    choose(logits + static_cast<size_t>(t) * static_cast<size_t>(experts), experts,
           {chosen.data() + first, static_cast<size_t>(used)}, routes.weight.data() + first);
  });

  // A counting sort by expert.
  routes.begin.assign(static_cast<size_t>(experts) + 1, 0);
  for (const int e : chosen) ++routes.begin[static_cast<size_t>(e) + 1];
  std::partial_sum(routes.begin.begin(), routes.begin.end(), routes.begin.begin());
  routes.chosen.clear();
  for (int e = 0; e < experts; ++e)
    if (routes.count(e) > 0) routes.chosen.push_back(e);
  std::vector<int> next(routes.begin.begin(), routes.begin.end() - 1);
  routes.slot.resize(slots);
  routes.token.resize(slots);
  for (size_t slot = 0; slot < slots; ++slot) {
    const int entry = next[static_cast<size_t>(chosen[slot])]++;
    routes.slot[static_cast<size_t>(entry)] = static_cast<int>(slot);
    routes.token[static_cast<size_t>(entry)] = static_cast<int>(slot) / used;
  }
}

namespace {

/// For a few tokens: the outputs of all slots, each expert's rows read in long runs, and then their
/// sums.
void project_down_of_few(Context& context, const Segment& down, int columns, const float* x,
                         int tokens, const Routes& routes, float* y) {
  const auto rows = static_cast<size_t>(down.rows);
  float* const outputs = context.expert_outputs.at_least(routes.slot.size() * rows);
  project_slots(context, down, columns, x, routes, outputs);
  float* const sums = context.tiles[0].at_least(rows);  // the products are no longer needed
  size_t slot = 0;
  for (int t = 0; t < tokens; ++t) {
    std::fill_n(sums, rows, 0.0F);
    for (int i = 0; i < routes.used; ++i, ++slot)
      context.kernels.add_scaled(outputs + slot * rows, routes.weight[slot], down.rows, sums);
    context.kernels.add_scaled(sums, 1.0F, down.rows, y + static_cast<size_t>(t) * rows);
  }
}

}  // namespace

void project_down_experts(Context& context, const Segment& down, int columns, const float* x,
                          int tokens, const Routes& routes, float* y) {
  if (tokens <= max_vector_tokens)
    return project_down_of_few(context, down, columns, x, tokens, routes, y);
  const auto slots = routes.slot.size();
  std::vector<Selection> selections = select(routes, routes.slot);
  const Activations& input =
      prepare(context, {&down, 1}, x, static_cast<int>(slots), columns, selections);
  const int most = routes.most(), size = rows_of_pieces(context, down.rows, most, input);
  // A piece is a block of rows of every expert: it has all of a token's outputs at hand and sums
  // them as they come, so no buffer of [slots][rows] is written and read again.
  const size_t tiles = (static_cast<size_t>(size) + tile_rows - 1) / tile_rows;
  const size_t sums_size = static_cast<size_t>(tokens) * tile_rows;  // of a tile's rows
  const size_t scratch_size = tiles * (sums_size + tile_size(most));
  for (Buffer<float>& scratch : context.tiles) scratch.at_least(scratch_size);
  context.run((down.rows + size - 1) / size, [&](int piece, int thread) noexcept {
    const Kernels& kernels = context.kernels;
    const int first = piece * size, end = std::min(first + size, down.rows);
    const auto for_each_tile = [&](const auto& f) {
      for (int row = first, i = 0; row < end; row += tile_rows, ++i)
        f(row, std::min(tile_rows, end - row), static_cast<size_t>(i));
    };
    float* const sums = context.tiles[static_cast<size_t>(thread)].at_least(scratch_size);
    float* const products = sums + tiles * sums_size;
    std::fill_n(sums, tiles * sums_size, 0.0F);
    for (size_t i = 0; i < routes.chosen.size(); ++i) {
      const int e = routes.chosen[i];
      const int begin = routes.begin[static_cast<size_t>(e)], count = routes.count(e);
      RowBlock block = block_of(down, e, first, size);
      block.next = i + 1 < routes.chosen.size()
                       ? block_of(down, routes.chosen[i + 1], first, size).data
                       : block_of(down, routes.chosen[0], end, size).data;
      kernels.multiply(block, input, selections[static_cast<size_t>(e)], products);
      for_each_tile([&](int row, int rows, size_t tile) {
        float* product = products + tile * tile_size(count);
        finish_tile(kernels, down, e, row, rows, count, product);
        for (int entry = begin; entry < begin + count; ++entry, product += tile_rows) {
          const auto at = static_cast<size_t>(entry);
          kernels.add_scaled(
              product, routes.weight[static_cast<size_t>(routes.slot[at])], rows,
              sums + tile * sums_size + static_cast<ptrdiff_t>(routes.token[at]) * tile_rows);
        }
      });
    }
    for_each_tile([&](int row, int rows, size_t tile) {
      for (int t = 0; t < tokens; ++t)
        kernels.add_scaled(sums + tile * sums_size + static_cast<ptrdiff_t>(t) * tile_rows, 1.0F,
                           rows, y + static_cast<ptrdiff_t>(t) * down.rows + row);
    });
  });
}

}  // namespace weld::kernels
