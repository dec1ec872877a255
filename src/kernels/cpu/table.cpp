// The table of one vector build.
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

#ifdef __AVX512F__
constexpr const char* name = "avx512";
constexpr bool needs_wide_codes = false;
#else
constexpr const char* name = "avx2";
constexpr bool needs_wide_codes = true;
#endif

}  // namespace

const Kernels kernels = {
    name, needs_wide_codes, quantize,   multiply, rms_norm, rotate,
    gate, scale_and_bias,   add_scaled, store,    attend,   &limits,
};

}  // namespace weld::kernels::WELD_TARGET
