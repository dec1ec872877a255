// The table of one vector build, and of what AVX-512 VBMI adds to it.
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {
namespace {

void multiply(const RowBlock& rows, const Activations& x, const int* index, int tokens,
              float* tile) {
  if (tokens <= max_vector_tokens) multiply_vector(rows, x, index, tokens, tile);
#ifdef __AVX512F__
  else if (rows.type == gguf::Type::BF16 && __builtin_cpu_supports("avx512bf16"))
    multiply_matrix_bf16(rows, x, index, tokens, tile);
#endif
  else
    multiply_matrix(rows, x, index, tokens, tile);
}

constexpr Kernels table(const char* name, decltype(Kernels::multiply) multiply) {
#ifdef __AVX512F__
  constexpr bool sums_in_words = false;
#else
  constexpr bool sums_in_words = true;
#endif
  return {name, sums_in_words,  quantize,   multiply, rms_norm, rotate,
          gate, scale_and_bias, add_scaled, store,    attend,   &limits};
}

#ifdef __AVX512F__
void multiply_with_vbmi(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile) {
  if (!avx512vbmi::multiply_codewords(rows, x, index, tokens, tile))
    multiply(rows, x, index, tokens, tile);
}
#endif

}  // namespace

#ifdef __AVX512F__
const Kernels kernels = table("avx512", multiply);
const Kernels kernels_with_vbmi = table("avx512vbmi", multiply_with_vbmi);
#else
const Kernels kernels = table("avx2", multiply);
#endif

}  // namespace weld::kernels::WELD_TARGET
