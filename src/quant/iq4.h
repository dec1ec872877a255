// The codebook of IQ4_NL and IQ4_XS: the 16 values that a 4-bit index stands for, from -127 to 113,
// close together near zero where most weights are. Listed as codes, the value plus 127.
#pragma once

#include <cstdint>

namespace weld::quant {

inline constexpr int iq4_zero = 127;
alignas(64) inline constexpr uint8_t iq4_codes[16] = {0,   23,  44,  62,  78,  92,  105, 117,
                                                      128, 140, 152, 165, 180, 196, 216, 240};

/// The values themselves, as bytes in two's complement.
struct Iq4Values {
  alignas(64) uint8_t bytes[16];
};
consteval Iq4Values iq4_values_of_codes() {
  Iq4Values values{};
  for (int i = 0; i < 16; ++i) values.bytes[i] = static_cast<uint8_t>(iq4_codes[i] - iq4_zero);
  return values;
}
inline constexpr Iq4Values iq4_values = iq4_values_of_codes();

}  // namespace weld::quant
