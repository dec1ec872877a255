// The alphabet of byte-level BPE: one printable character for each byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weld::text {

/// The character (as UTF-8) that stands for BYTE in a vocabulary.
std::string to_byte_level(uint8_t byte);

/// The characters that stand for BYTES.
std::string to_byte_level(std::string_view bytes);

/// The bytes that a token's TEXT stands for. A text with characters outside the alphabet stands for
/// itself.
std::string from_byte_level(std::string_view text);

}  // namespace weld::text
