// Characters of UTF-8 text that is known to be well-formed, and what Python says of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weld::jinja {

size_t count_characters(std::string_view text);
/// The byte at which the character of this index begins; the size if it is the number of
/// characters.
size_t character_offset(std::string_view text, size_t index);
/// The first character; TEXT is not empty.
struct Character {
  uint32_t code;
  size_t bytes;
};
Character first_character(std::string_view text);
std::string encode(uint32_t code);

bool is_space(uint32_t code);
bool is_alpha(uint32_t code);
bool is_decimal(uint32_t code);
bool is_digit(uint32_t code);
bool is_numeric(uint32_t code);
bool is_upper(uint32_t code);
bool is_lower(uint32_t code);
bool is_printable(uint32_t code);
inline bool is_word(uint32_t code) { return code == '_' || is_alpha(code) || is_numeric(code); }

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
/// One character, as it begins a word.
std::string to_title(std::string_view character);
std::string fold_case(std::string_view text);

}  // namespace weld::jinja
