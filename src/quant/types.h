// All block types, and the way from a type's id to its struct.
#pragma once

#include <cstdlib>

#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/q4_0.h"
#include "quant/q4_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace weld::quant {
inline namespace WELD_TARGET {

/// Calls f.template operator()<Block>() for the block type of this id.
template <typename F>
decltype(auto) visit(Type type, F&& f) {
  switch (type) {
    case Type::F32:
      return f.template operator()<F32>();
    case Type::F16:
      return f.template operator()<F16>();
    case Type::BF16:
      return f.template operator()<BF16>();
    case Type::Q4_0:
      return f.template operator()<Q4_0>();
    case Type::Q8_0:
      return f.template operator()<Q8_0>();
    case Type::Q4_K:
      return f.template operator()<Q4_K>();
    case Type::Q6_K:
      return f.template operator()<Q6_K>();
    default:
      std::abort();  // no other id gets past the file's reader
  }
}

}  // namespace WELD_TARGET
}  // namespace weld::quant
