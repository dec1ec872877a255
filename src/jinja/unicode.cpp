// Categories and case by utf8proc. It maps characters to single characters: of those that become
// several only the German sharp s is known here.
#include "jinja/unicode.h"

#include <utf8proc.h>

namespace weld::jinja {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80; }

utf8proc_category_t category(uint32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

constexpr uint32_t sharp_s = 0xDF;

template <typename Map>
std::string map_characters(std::string_view text, Map map) {
  std::string result;
  while (!text.empty()) {
    const auto [code, bytes] = first_character(text);
    result += map(code);
    text.remove_prefix(bytes);
  }
  return result;
}

std::string encode_mapped(utf8proc_int32_t code) { return encode(static_cast<uint32_t>(code)); }

}  // namespace

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (const char byte : text) count += continues(byte) ? 0 : 1;
  return count;
}

size_t character_offset(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += first_character(text.substr(at)).bytes;
    --index;
  }
  return at;
}

Character first_character(std::string_view text) {
  utf8proc_int32_t code = 0;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  return {static_cast<uint32_t>(code), static_cast<size_t>(bytes)};
}

std::string encode(uint32_t code) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

bool is_space(uint32_t code) {
  return (code >= 9 && code <= 13) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_alpha(uint32_t code) {
  const auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(uint32_t code) { return category(code) == UTF8PROC_CATEGORY_ND; }

bool is_digit(uint32_t code) {
  // Superscripts, subscripts and circled digits are digits without being decimal.
  return is_decimal(code) || code == 0xB2 || code == 0xB3 || code == 0xB9 || code == 0x2070 ||
         (code >= 0x2074 && code <= 0x2079) || (code >= 0x2080 && code <= 0x2089) ||
         (code >= 0x2460 && code <= 0x2468);
}

bool is_numeric(uint32_t code) {
  const auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool is_upper(uint32_t code) { return category(code) == UTF8PROC_CATEGORY_LU; }

bool is_lower(uint32_t code) {
  return category(code) == UTF8PROC_CATEGORY_LL || code == 0xAA || code == 0xBA;
}

bool is_printable(uint32_t code) {
  const auto kind = category(code);
  return code == ' ' || (kind != UTF8PROC_CATEGORY_CN && kind < UTF8PROC_CATEGORY_ZS);
}

std::string to_upper(std::string_view text) {
  return map_characters(text, [](uint32_t code) {
    return code == sharp_s ? "SS" : encode_mapped(utf8proc_toupper(static_cast<int32_t>(code)));
  });
}

std::string to_lower(std::string_view text) {
  return map_characters(text, [](uint32_t code) {
    return encode_mapped(utf8proc_tolower(static_cast<int32_t>(code)));
  });
}

std::string to_title(std::string_view character) {
  return map_characters(character, [](uint32_t code) {
    return code == sharp_s ? "Ss" : encode_mapped(utf8proc_totitle(static_cast<int32_t>(code)));
  });
}

std::string fold_case(std::string_view text) {
  return map_characters(text, [](uint32_t code) {
    return code == sharp_s ? "ss" : encode_mapped(utf8proc_tolower(static_cast<int32_t>(code)));
  });
}

}  // namespace weld::jinja
