// Untrusted text: one scanner finds whole, well-formed characters, and everything else follows from
// it.
#include "gguf/quoted.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace weld::gguf {
namespace {

/// A character at the front of a text; length 0 where the bytes are not UTF-8.
struct Character {
  uint32_t code = 0;
  size_t length = 0;
};

Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};

  size_t length = 0;
  uint32_t code = 0;
  uint32_t least = 0;  // below it the sequence is longer than it need be
  if (lead >= 0xC0 && lead < 0xE0) {
    length = 2, code = lead & 0x1FU, least = 0x80;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3, code = lead & 0x0FU, least = 0x800;
  } else if (lead >= 0xF0 && lead < 0xF8) {
    length = 4, code = lead & 0x07U, least = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return {};
    code = code << 6U | (next & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < least || code > 0x10FFFF || surrogate) return {};
  return {code, length};
}

/// Whether a character moves the cursor, breaks the line, or turns the direction of the text around
/// it.
bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const Character next = first_character(text);
    if (next.length == 0 || is_control(next.code)) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = first_character(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quoted(std::string_view text, size_t limit) {
  std::string out = "\"";
  size_t at = 0;
  while (at < text.size() && at < limit) {
    const Character next = first_character(text.substr(at));
    const size_t length = next.length == 0 ? 1 : next.length;
    const std::string_view bytes = text.substr(at, length);
    if (bytes == "\n") {
      out += "\\n";
    } else if (bytes == "\"" || bytes == "\\") {
      (out += '\\') += bytes;
    } else if (next.length == 0 || is_control(next.code)) {
      for (const char byte : bytes)
        fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(byte));
    } else {
      out += bytes;
    }
    at += length;
  }
  out += '"';
  if (at < text.size()) out += fmt::format("... ({} bytes)", text.size());
  return out;
}

std::string plain(std::string_view text, size_t limit) {
  if (!text.empty() && text.size() <= limit && is_printable(text)) return std::string(text);
  return quoted(text, limit);
}

}  // namespace weld::gguf
