// The product for types with codebooks where the processor has AVX-512 VBMI, which looks codewords
// up for 16 rows at once: for any number of tokens, one too.
#include "kernels/cpu/code_panel.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {

bool multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  return quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::has_columns<Block>) {
      clear_tile(tile, tokens);
      multiply_codes<Block>(rows, x, index, tokens, tile);
    }
    return quant::has_columns<Block>;
  });
}

}  // namespace weld::kernels::WELD_TARGET
