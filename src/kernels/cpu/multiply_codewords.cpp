// The product of rows whose codewords are looked up with many tokens, where the processor has
// AVX-512 VBMI.
#include "kernels/cpu/sweep_codes.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {

bool has_codewords(gguf::Type type) {
  return quant::visit(type, []<typename Block>() { return quant::has_codewords<Block>; });
}

void multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::has_codewords<Block>) multiply_codes<Block>(rows, x, index, tokens, tile);
  });
}

}  // namespace weld::kernels::WELD_TARGET
