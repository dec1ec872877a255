// Untrusted text: checked for UTF-8, and shown to people in one harmless line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weld::gguf {

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong).
bool is_utf8(std::string_view text);

/// The text in double quotes on one line: control characters and invalid UTF-8 as `\n` or `\xNN`,
/// and cut after about `limit` bytes: `"abc"... (1200 bytes)`.
std::string quoted(std::string_view text, size_t limit = 80);

/// The text as it is where it prints as one line of at most `limit` bytes, else quoted: for what is
/// nearly always harmless, such as paths and metadata keys.
std::string plain(std::string_view text, size_t limit = std::string_view::npos);

}  // namespace weld::gguf
