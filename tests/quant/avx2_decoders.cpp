// Compiled for AVX2, so it stays clear of test and standard library templates: the linker might
// take them for the other files' too.
#include "decoders.h"
#include "scalar_decoder.h"

namespace weld::quant::test {
namespace {

template <typename Block>
Decoder vector_decoder() {
  if constexpr (is_float<Block>) {
    const auto values = [](const std::byte* blocks, float* out) {
      _mm256_storeu_ps(out, Block::values(blocks));
    };
    return {0, 0, false, nullptr, nullptr, values};
  } else {
    const auto codes = [](const std::byte* block, int i, uint8_t* out) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), Block::codes(block, i));
    };
    return {groups<Block>, Block::max_code, Block::has_offset, codes, Block::scales, nullptr};
  }
}

}  // namespace

Decoder avx2_decoder(gguf::Type type) {
  return visit(type, []<typename Block>() { return vector_decoder<Block>(); });
}

Decoder avx2_scalar_decoder(gguf::Type type) {
  return visit(type, []<typename Block>() { return scalar_decoder<Block>(); });
}

}  // namespace weld::quant::test
