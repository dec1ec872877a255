// The product of rows whose codewords are looked up in registers, where the processor has AVX-512
// VBMI, for one token or a few.
#include "kernels/cpu/dot_codewords.h"
#include "kernels/cpu/dot_rows.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {

#ifndef WELD_ZEN  // the same types in both builds
bool has_codewords(gguf::Type type) {
  return quant::visit(type, []<typename Block>() { return quant::has_codewords<Block>; });
}
#endif

void multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::has_codewords<Block>)
      with_reading<Block>(rows, tokens, [&]<typename How>(How) {
        multiply_rows<Block, How>(rows, x, index, tile);
      });
  });
}

}  // namespace weld::kernels::WELD_TARGET
