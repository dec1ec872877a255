// The table of one vector build, and of what AVX-VNNI, AVX-512 VBMI and AMX add to it.
#include "kernels/cpu/target.h"

namespace weld::kernels::WELD_TARGET {
namespace {

#ifdef __AVX512F__
/// Whether rows meet so many tokens in BF16.
bool multiplies_bf16(gguf::Type type, int tokens) {
  return type == gguf::Type::BF16 && tokens > max_vector_tokens &&
         __builtin_cpu_supports("avx512bf16");
}

Forms forms(gguf::Type type, int tokens) {
  return multiplies_bf16(type, tokens) ? Forms{.rounded = true} : usual_forms(type, tokens);
}
#else
/// Products of a few tokens are made by pairs of groups.
Forms forms_with_pairs(gguf::Type type, int tokens) {
  Forms forms = usual_forms(type, tokens);
  forms.pairs = forms.codes && tokens <= max_vector_tokens;
  return forms;
}

/// Those of many are summed in 16 bits.
Forms forms(gguf::Type type, int tokens) {
  Forms forms = forms_with_pairs(type, tokens);
  forms.words = forms.codes && tokens > max_vector_tokens;
  return forms;
}
#endif

void multiply(const RowBlock& rows, const Activations& x, const Selection& selection, float* tile) {
  const auto [index, tokens, first] = selection;
  if (tokens <= max_vector_tokens) return multiply_vector(rows, x, index, tokens, tile);
#ifdef __AVX512F__
  if (multiplies_bf16(rows.type, tokens)) return multiply_matrix_bf16(rows, x, index, tokens, tile);
#endif
  multiply_matrix(rows, x, index, tokens, tile);
}

/// Memory delivers most in long runs from eight places at once (Intel), or four (AMD): as many as
/// with_reading() has side by side. On AVX2 that gained nothing, and F16 lost a twentieth (Zen 5).
#ifdef __AVX512F__
constexpr int runs = 8, runs_on_zen = 4;
#else
constexpr int runs = 1;
#endif

constexpr Kernels table(const char* name, decltype(Kernels::multiply) multiply) {
  return {name,           quantize,   nullptr, forms, multiply,           rms_norm, rotate, gate,
          scale_and_bias, add_scaled, store,   runs,  max_attention_rows, attend,   &limits};
}

#ifndef __AVX512F__
void multiply_with_vnni(const RowBlock& rows, const Activations& x, const Selection& selection,
                        float* tile) {
  const auto [index, tokens, first] = selection;
  if (tokens <= max_vector_tokens)
    avxvnni::multiply_vector(rows, x, index, tokens, tile);
  else
    avxvnni::multiply_matrix(rows, x, index, tokens, tile);
}

constexpr Kernels table_with_vnni() {
  Kernels all = table("avxvnni", multiply_with_vnni);
  all.forms = forms_with_pairs;
  all.limits = &avxvnni::limits;
  return all;
}
#else
/// Codewords and a few tokens are multiplied as one of the builds with VBMI does.
template <auto multiply_few, auto multiply_codewords, auto multiply_codeword_matrix>
void multiply_with_vbmi(const RowBlock& rows, const Activations& x, const Selection& selection,
                        float* tile) {
  const auto [index, tokens, first] = selection;
  const bool few = tokens <= max_vector_tokens;
  if (avx512vbmi::has_codewords(rows.type))
    (few ? multiply_codewords : multiply_codeword_matrix)(rows, x, index, tokens, tile);
  else if (few)
    multiply_few(rows, x, index, tokens, tile);
  else
    multiply(rows, x, selection, tile);
}
constexpr auto multiply_on_intel =
    multiply_with_vbmi<avx512vbmi::multiply_vector, avx512vbmi::multiply_codewords,
                       avx512vbmi::multiply_codeword_matrix>;
constexpr auto multiply_on_zen =
    multiply_with_vbmi<avx512zen::multiply_vector, avx512zen::multiply_codewords,
                       avx512zen::multiply_codeword_matrix>;

Forms forms_with_vbmi(gguf::Type type, int tokens) {
  Forms all = forms(type, tokens);
  all.places = tokens <= max_vector_tokens && avx512vbmi::has_codewords(type);
  return all;
}

void multiply_with_amx(const RowBlock& rows, const Activations& x, const Selection& selection,
                       float* tile) {
  if (avx512amx::packed_parts(rows.type, selection.tokens) > 0)
    avx512amx::multiply_packed(rows, x, selection, tile);
  else
    multiply_on_intel(rows, x, selection, tile);
}

Forms forms_with_amx(gguf::Type type, int tokens) {
  const int parts = avx512amx::packed_parts(type, tokens);
  return parts > 0 ? Forms{.parts = parts} : forms_with_vbmi(type, tokens);
}

constexpr Kernels table_with_vbmi(const char* name, decltype(Kernels::multiply) multiply) {
  Kernels all = table(name, multiply);
  all.forms = forms_with_vbmi;
  return all;
}

constexpr Kernels table_for_zen() {
  Kernels all = table_with_vbmi("avx512zen", multiply_on_zen);
  all.runs = runs_on_zen;
  return all;
}

constexpr Kernels table_with_amx() {
  Kernels all = table("avx512amx", multiply_with_amx);
  all.pack = avx512amx::pack;
  all.forms = forms_with_amx;
  all.attention_rows = packed_attention_rows;
  all.attend = avx512amx::attend_packed;
  all.limits = &avx512amx::limits;
  return all;
}
#endif

}  // namespace

#ifdef __AVX512F__
const Kernels kernels = table("avx512", multiply);
const Kernels kernels_with_vbmi = table_with_vbmi("avx512vbmi", multiply_on_intel);
const Kernels kernels_for_zen = table_for_zen();
const Kernels kernels_with_amx = table_with_amx();
#else
const Kernels kernels = table("avx2", multiply);
const Kernels kernels_with_vnni = table_with_vnni();
#endif

}  // namespace weld::kernels::WELD_TARGET
