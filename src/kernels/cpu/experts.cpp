// Mixture of experts: choosing them, and bringing their outputs together.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cpu/project.h"

namespace weld::kernels {

void choose_experts(const float* logits, int tokens, int experts, int used, Routes& routes) {
  const auto slots = static_cast<size_t>(tokens) * static_cast<size_t>(used);
  routes.used = used;
  routes.weight.resize(slots);
  std::vector<int> chosen(slots), order(static_cast<size_t>(experts));
  for (int t = 0; t < tokens; ++t) {
    const float* row = logits + static_cast<size_t>(t) * static_cast<size_t>(experts);
    std::iota(order.begin(), order.end(), 0);
    // NaN sorts last, so that the comparison stays a strict order whatever the weights are.
    const auto key = [row](int e) { return std::isnan(row[e]) ? -INFINITY : row[e]; };
    std::partial_sort(order.begin(), order.begin() + used, order.end(), [key](int a, int b) {
      return key(a) > key(b) || (key(a) == key(b) && a < b);
    });
    const float greatest = row[order[0]];
    // In the file's order, so that outputs that come expert by expert are summed in it.
    std::sort(order.begin(), order.begin() + used);
    const size_t first = static_cast<size_t>(t) * static_cast<size_t>(used);
    float total = 0;
    for (int i = 0; i < used; ++i) {
      const auto at = static_cast<size_t>(i);
      chosen[first + at] = order[at];
      routes.weight[first + at] = std::exp(row[order[at]] - greatest);
      total += routes.weight[first + at];
    }
    for (int i = 0; i < used; ++i) routes.weight[first + static_cast<size_t>(i)] /= total;
  }

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

void project_down_experts(Context& context, const Segment& down, int columns, const float* x,
                          int tokens, const Routes& routes, float* y) {
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
        finish_tile(kernels, down, e, row, count, product);
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
