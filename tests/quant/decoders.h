// Block types behind plain functions, so that builds for different instruction sets can be
// compared.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gguf/type.h"

namespace weld::quant::test {

/// What a build offers for a type; codes and scales are for quantized types, values for float
/// types.
struct Decoder {
  int groups, max_code;
  bool has_offset;
  void (*codes)(const std::byte* block, int i, uint8_t* out);  // 32 of them, from weight 32 i on
  void (*scales)(const std::byte* block, float* scale, float* offset);
  void (*values)(const std::byte* blocks, float* out);  // 8 of them
};

/// The scalar specification.
Decoder portable_decoder(gguf::Type type);

/// The vector code, and the scalar code compiled as its build does. Ask have_avx2() first.
Decoder avx2_decoder(gguf::Type type);
Decoder avx2_scalar_decoder(gguf::Type type);
bool have_avx2();

}  // namespace weld::quant::test
