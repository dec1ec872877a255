// UTF-8 that nobody has checked yet: where characters end, and where the bytes are none.
#pragma once

#include <cstddef>
#include <string_view>

namespace weld::text {

/// What bytes begin with.
struct Utf8Head {
  enum Kind {
    Character,  ///< a whole, well-formed character
    Truncated,  ///< the beginning of one, where the bytes end
    Invalid,    ///< nothing that more bytes could complete
  };
  Kind kind;
  size_t bytes;  ///< of the character, or of the part that one U+FFFD stands for
};

/// What TEXT, which is not empty, begins with.
Utf8Head utf8_head(std::string_view text);

/// Bytes of the longest beginning of TEXT that is well-formed.
size_t utf8_valid_prefix(std::string_view text);

/// Bytes of the longest beginning of TEXT in which no character is whole.
size_t utf8_invalid_prefix(std::string_view text);

/// Bytes of the white space (the Unicode property) that TEXT begins with.
size_t utf8_space_prefix(std::string_view text);

}  // namespace weld::text
