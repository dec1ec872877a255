// All block types, and the way from a type's id to its description.
#pragma once

#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/iq1_m.h"
#include "quant/iq1_s.h"
#include "quant/iq2_s.h"
#include "quant/iq2_xs.h"
#include "quant/iq2_xxs.h"
#include "quant/iq3_s.h"
#include "quant/iq3_xxs.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/mxfp4.h"
#include "quant/nvfp4.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"
#include "quant/tq1_0.h"
#include "quant/tq2_0.h"

namespace weld::quant {
inline namespace WELD_TARGET {

/// Calls f.template operator()<Block>() for the block type of this id.
template <typename F>
decltype(auto) visit(Type type, F&& f) {
  // clang-format off
  switch (type) {
    case Type::F32: return f.template operator()<F32>();
    case Type::F16: return f.template operator()<F16>();
    case Type::BF16: return f.template operator()<BF16>();
    case Type::Q4_0: return f.template operator()<Q4_0>();
    case Type::Q4_1: return f.template operator()<Q4_1>();
    case Type::Q5_0: return f.template operator()<Q5_0>();
    case Type::Q5_1: return f.template operator()<Q5_1>();
    case Type::Q8_0: return f.template operator()<Q8_0>();
    case Type::Q2_K: return f.template operator()<Q2_K>();
    case Type::Q3_K: return f.template operator()<Q3_K>();
    case Type::Q4_K: return f.template operator()<Q4_K>();
    case Type::Q5_K: return f.template operator()<Q5_K>();
    case Type::Q6_K: return f.template operator()<Q6_K>();
    case Type::IQ1_S: return f.template operator()<IQ1_S>();
    case Type::IQ1_M: return f.template operator()<IQ1_M>();
    case Type::IQ2_XXS: return f.template operator()<IQ2_XXS>();
    case Type::IQ2_XS: return f.template operator()<IQ2_XS>();
    case Type::IQ2_S: return f.template operator()<IQ2_S>();
    case Type::IQ3_XXS: return f.template operator()<IQ3_XXS>();
    case Type::IQ3_S: return f.template operator()<IQ3_S>();
    case Type::IQ4_NL: return f.template operator()<IQ4_NL>();
    case Type::IQ4_XS: return f.template operator()<IQ4_XS>();
    case Type::TQ1_0: return f.template operator()<TQ1_0>();
    case Type::TQ2_0: return f.template operator()<TQ2_0>();
    case Type::MXFP4: return f.template operator()<MXFP4>();
    case Type::NVFP4: return f.template operator()<NVFP4>();
  }
  // clang-format on
  __builtin_unreachable();  // no other id gets past the file's reader
}

}  // namespace WELD_TARGET
}  // namespace weld::quant
