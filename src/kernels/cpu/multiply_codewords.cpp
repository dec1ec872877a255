// The product for types with codebooks where the processor has AVX-512 VBMI, which looks codewords
// up for 16 rows at once: for any number of tokens, one too.
#include "kernels/cpu/sweep_codes.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {

bool multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  return quant::visit(rows.type, [&]<typename Block>() {
    constexpr bool has_codebook = quant::has_code_steps<Block>;
    if constexpr (has_codebook) {
      clear_tile(tile, tokens);
      multiply_codes<Block>(rows, x, index, tokens, tile);
    }
    return has_codebook;
  });
}

}  // namespace weld::kernels::WELD_TARGET
