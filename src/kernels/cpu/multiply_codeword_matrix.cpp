// The product of rows whose codewords are looked up in registers for many tokens: as in
// multiply_matrix.cpp, but for how rows are decoded. A file of its own, as it is compiled otherwise
// than the product for one token.
#include "kernels/cpu/sweep_codes.h"
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {

void multiply_codeword_matrix(const RowBlock& rows, const Activations& x, const int* index,
                              int tokens, float* tile) {
  quant::visit(rows.type, [&]<typename Block>() {
    if constexpr (quant::has_codewords<Block>) multiply_codes<Block>(rows, x, index, tokens, tile);
  });
}

}  // namespace weld::kernels::WELD_TARGET
