// Any type's weights as floats, for what is read a row at a time and for tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gguf/type.h"

namespace weld::quant {

/// Decodes n weights, whole blocks of them, from data to out.
void dequantize(gguf::Type type, const std::byte* data, int64_t n, float* out);

}  // namespace weld::quant
