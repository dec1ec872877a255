// What one vector build consists of: declared once, defined in its files, gathered in table.cpp.
// The build is named by WELD_TARGET (avx2, avx512), which is also its namespace. Of avxvnni there
// is what multiplies codes, of avx512vbmi what looks up bytes, of avx512amx what has to do with
// packed activations.
#pragma once

#include "kernels/cpu/kernels.h"

namespace weld::kernels::WELD_TARGET {

void quantize(const float* x, int columns, const QuantizedRow& out);
void rms_norm(const float* x, const float* weight, float epsilon, int n, float* y);
void rotate(float* x, const float* cosine, const float* sine, int count, bool halves);
void gate(Gating gating, const float* gates, const float* up, int n, float* out);
void scale_and_bias(const float* x, float scale, const float* bias, int n, float* y);
void add_scaled(const float* x, float weight, int n, float* y);
void store(const CacheView& cache, int position, const float* key, const float* value);
void attend(const AttentionTask& task);

/// multiply() for up to max_vector_tokens tokens, and for more.
void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile);
void multiply_matrix(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile);

#ifdef __AVX512F__
/// multiply_matrix() for BF16 rows on processors that have vdpbf16ps: the activations are rounded
/// to BF16 too.
void multiply_matrix_bf16(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                          float* tile);
#endif

}  // namespace weld::kernels::WELD_TARGET

#ifndef __AVX512F__
namespace weld::kernels::avxvnni {

// NOLINTBEGIN(readability-redundant-declaration): declared above for this build
void multiply_vector(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile);
void multiply_matrix(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                     float* tile);
// NOLINTEND(readability-redundant-declaration)

}  // namespace weld::kernels::avxvnni
#else
namespace weld::kernels::avx512vbmi {

/// The same, but that some types' nibbles are looked up; not for a type that has_codewords().
void multiply_vector(  // NOLINT(readability-redundant-declaration): declared above for this build
    const RowBlock& rows, const Activations& x, const int* index, int tokens, float* tile);

/// Whether the rows' codewords are looked up in registers.
bool has_codewords(gguf::Type type);

/// multiply_vector() and multiply_matrix() for rows of a type that has_codewords().
void multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile);
void multiply_codeword_matrix(const RowBlock& rows, const Activations& x, const int* index,
                              int tokens, float* tile);

}  // namespace weld::kernels::avx512vbmi

namespace weld::kernels::avx512zen {

/// As in avx512vbmi.
void multiply_vector(  // NOLINT(readability-redundant-declaration): declared above for this build
    const RowBlock& rows, const Activations& x, const int* index, int tokens, float* tile);
void multiply_codewords(const RowBlock& rows, const Activations& x, const int* index, int tokens,
                        float* tile);
void multiply_codeword_matrix(const RowBlock& rows, const Activations& x, const int* index,
                              int tokens, float* tile);

}  // namespace weld::kernels::avx512zen

namespace weld::kernels::avx512amx {

extern const Limits limits;
void attend_packed(const AttentionTask& task);
void pack(const float* const* rows, int tokens, int columns, const PackedTile& out);

/// Into how many parts activations of so many tokens are packed for rows of a type; 0: they are
/// not.
int packed_parts(gguf::Type type, int tokens);

/// multiply() for as many tokens as are packed.
void multiply_packed(const RowBlock& rows, const Activations& x, const Selection& selection,
                     float* tile);

}  // namespace weld::kernels::avx512amx
#endif
