// GPT-2's mapping of bytes to characters (`bytes_to_unicode` in its encoder.py): the printable
// characters of Latin-1 stand for themselves, the other bytes, in order, for U+0100 and on.
#include "text/byte_level.h"

#include <array>

namespace weld::text {

namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<uint16_t, 256> make_characters() {
  std::array<uint16_t, 256> characters{};
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte)
    characters[byte] = static_cast<uint16_t>(stands_for_itself(byte) ? byte : next++);
  return characters;
}

constexpr std::array<uint16_t, 256> characters = make_characters();
constexpr int alphabet_end = 0x144;  // one past the greatest character

constexpr std::array<int16_t, alphabet_end> make_bytes() {
  std::array<int16_t, alphabet_end> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) bytes[characters[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr std::array<int16_t, alphabet_end> bytes = make_bytes();

}  // namespace

std::string to_byte_level(uint8_t byte) {
  const uint16_t character = characters[byte];
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | (character >> 6)), static_cast<char>(0x80 | (character & 0x3F))};
}

std::string to_byte_level(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += to_byte_level(static_cast<uint8_t>(byte));
  return out;
}

std::string from_byte_level(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int character = static_cast<uint8_t>(text[i]);
    if (character >= 0x80) {
      // No character of the alphabet takes more than two bytes.
      if ((character & 0xE0) != 0xC0 || i + 1 == text.size()) return std::string(text);
      character = (character & 0x1F) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3F);
    }
    if (character >= alphabet_end || bytes[character] < 0) return std::string(text);
    out += static_cast<char>(bytes[character]);
  }
  return out;
}

}  // namespace weld::text
