// bench_kernels: one core's products of a weight matrix with 1, 32 or 512 tokens, for every block
// type, some shapes of published models, and every instruction set that the processor has.
// --benchmark_filter=avx2/Q4_K/ picks among them.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/cpu/buffer.h"
#include "kernels/cpu/kernels.h"
#include "synth/weights.h"

namespace weld {
namespace {

using kernels::Kernels;

struct Shape {
  const char* name;
  int rows, columns;
};

constexpr Shape shapes[] = {
    {"expert_up", 768, 2048},     // gate or up of one expert of qwen3-30b-a3b
    {"expert_down", 2048, 768},   // down of the same
    {"attention_q", 4096, 4096},  // q of llama-3.1-8b
};
constexpr int token_counts[] = {1, 32, 512};

/// Random activations in the forms that the kernels read.
struct Input {
  Input(const Kernels& kernels, gguf::Type type, int tokens, int columns) {
    const kernels::Forms forms = kernels.forms(type, tokens);
    buffers.reserve(tokens, columns, forms);
    synth::Random random(1);
    std::vector<float> values(static_cast<size_t>(tokens) * static_cast<size_t>(columns));
    for (float& value : values) value = random.uniform(-1, 1);
    std::vector<const float*> rows;
    for (int token = 0; token < tokens; ++token) {
      rows.push_back(values.data() + static_cast<size_t>(token) * static_cast<size_t>(columns));
      buffers.enter(kernels, token, rows.back());
    }
    if (forms.parts == 0) return;
    const int tiles = kernels::packed_tiles(tokens);
    buffers.reserve_packed(tiles, forms.parts);
    for (int tile = 0, first = 0; tile < tiles; ++tile, first += kernels::packed_tokens)
      buffers.pack(kernels, tile, rows.data() + first,
                   std::min(kernels::packed_tokens, tokens - first));
  }

  kernels::ActivationBuffers buffers;
};

void multiply(benchmark::State& state, const Kernels& kernels, const gguf::TypeInfo& type,
              const Shape& shape, int tokens) {
  const size_t row_bytes =
      static_cast<size_t>(shape.columns) / type.block_elements * type.block_bytes;
  const size_t matrix_bytes = row_bytes * static_cast<size_t>(shape.rows);
  // Enough matrices, one after the other, that none is in a cache when its turn comes again.
  constexpr size_t beyond_caches = 256 << 20;
  const size_t matrices = beyond_caches / matrix_bytes + 1;
  std::vector<std::byte> weights(matrices * matrix_bytes);
  synth::Random random(1);
  synth::fill_weights(type.type, weights, random);
  const Input input(kernels, type.type, tokens, shape.columns);
  kernels::Buffer<float> tile;
  tile.at_least(kernels::tile_size(tokens));

  size_t matrix = 0;
  for (const auto& step : state) {
    static_cast<void>(step);
    const std::byte* first = weights.data() + matrix * matrix_bytes;
    for (int row = 0; row < shape.rows; row += kernels::tile_rows) {
      kernels::RowBlock block;
      block.type = type.type;
      block.data = first + static_cast<size_t>(row) * row_bytes;
      block.row_bytes = row_bytes;
      block.rows = kernels::tile_rows;
      if (row + kernels::tile_rows < shape.rows)
        block.next = block.data + kernels::tile_rows * row_bytes;
      kernels.multiply(block, input.buffers.view(), {nullptr, tokens}, tile.data());
    }
    benchmark::ClobberMemory();
    matrix = (matrix + 1) % matrices;
  }
  const auto steps = static_cast<double>(state.iterations());
  const double count = static_cast<double>(shape.rows) * shape.columns * tokens;
  state.counters["multiply-adds"] = benchmark::Counter(steps * count, benchmark::Counter::kIsRate);
  state.counters["bytes"] =
      benchmark::Counter(steps * static_cast<double>(matrix_bytes), benchmark::Counter::kIsRate);
}

/// "avx2/Q4_K/expert_up/32": tokens last.
void register_all() {
  const kernels::KernelList available = kernels::available_kernels();
  for (int i = 0; i < available.count; ++i) {
    const Kernels& kernels = *available.list[i];
    for (const gguf::TypeInfo& type : gguf::type_table)
      for (const Shape& shape : shapes)
        for (const int tokens : token_counts)
          benchmark::RegisterBenchmark(
              fmt::format("{}/{}/{}/{}", kernels.name, type.name, shape.name, tokens).c_str(),
              [&kernels, &type, &shape, tokens](benchmark::State& state) {
                multiply(state, kernels, type, shape, tokens);
              });
  }
}

}  // namespace
}  // namespace weld

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  weld::register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
