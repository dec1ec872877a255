// Floats as weights of a block type, for tensors that change their type.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gguf/type.h"

namespace weld::quant {

/// Whether encode() knows the type.
bool can_encode(gguf::Type type);

/// Encodes n floats, whole blocks of them. Values that are no numbers are taken for 0.
void encode(gguf::Type type, const float* values, int64_t n, std::byte* out);

}  // namespace weld::quant
