// The 4-bit floats of MXFP4 and NVFP4: a sign, 2 bits of exponent, 1 of mantissa. Doubled they are
// integers, 0, 1, 2, 3, 4, 6, 8, 12 and the same with a minus. Listed as codes, the integer plus
// 12.
#pragma once

#include <cstdint>

namespace weld::quant {

inline constexpr int e2m1_zero = 12;
alignas(64) inline constexpr uint8_t e2m1_codes[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                                       12, 11, 10, 9,  8,  6,  4,  0};

}  // namespace weld::quant
