// Reading UTF-8 a character at a time, and Utf8Stream, which lets only whole characters out.
#include "text/utf8.h"

#include <utf8proc.h>

#include <cstdint>

#include "text/tokenizer.h"

namespace weld::text {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_white_space(int32_t codepoint) {
  if ((codepoint >= '\t' && codepoint <= '\r') || codepoint == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(codepoint);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

}  // namespace

// The Unicode Standard, table 3-7 (well-formed byte sequences), and its "maximal subpart" practice
// for how many bytes one U+FFFD replaces.
Utf8Head utf8_head(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {Utf8Head::Character, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Utf8Head::Invalid, 1};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range keeps out overlong forms, surrogates, and what lies beyond U+10FFFF.
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Utf8Head::Truncated, i};
    if (byte(i) < low || byte(i) > high) return {Utf8Head::Invalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Head::Character, length};
}

size_t utf8_valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Head head = utf8_head(text.substr(at));
    if (head.kind != Utf8Head::Character) break;
    at += head.bytes;
  }
  return at;
}

size_t utf8_invalid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Head head = utf8_head(text.substr(at));
    if (head.kind == Utf8Head::Character) break;
    at += head.bytes;
  }
  return at;
}

size_t utf8_space_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    const Utf8Head head = utf8_head(rest);
    int32_t codepoint = -1;
    utf8proc_iterate(reinterpret_cast<const uint8_t*>(rest.data()),
                     static_cast<utf8proc_ssize_t>(head.bytes), &codepoint);
    if (!is_white_space(codepoint)) break;
    at += head.bytes;
  }
  return at;
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  std::string out;
  size_t at = 0;
  while (at < pending_.size()) {
    const std::string_view rest = std::string_view(pending_).substr(at);
    const Utf8Head head = utf8_head(rest);
    if (head.kind == Utf8Head::Truncated) break;
    out += head.kind == Utf8Head::Character ? rest.substr(0, head.bytes) : replacement;
    at += head.bytes;
  }
  pending_.erase(0, at);
  return out;
}

std::string Utf8Stream::finish() {
  std::string out(pending_.empty() ? std::string_view() : replacement);
  pending_.clear();
  return out;
}

}  // namespace weld::text
