// The codebook of IQ4_NL and IQ4_XS: the 16 values that a 4-bit index stands for, from -127 to 113,
// close together near zero where most weights are. Listed as codes, the value plus 127, and as
// bytes in two's complement.
#pragma once

#include <cstdint>

namespace weld::quant {

inline constexpr int iq4_zero = 127;
alignas(64) inline constexpr uint8_t iq4_codes[16] = {0,   23,  44,  62,  78,  92,  105, 117,
                                                      128, 140, 152, 165, 180, 196, 216, 240};
alignas(64) inline constexpr uint8_t iq4_values[16] = {129, 152, 173, 191, 207, 221, 234, 246,
                                                       1,   13,  25,  38,  53,  69,  89,  113};

}  // namespace weld::quant
