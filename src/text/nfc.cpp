// NFC by the tables of utf8proc. Its own utf8proc_map() sorts combining marks by exchanging
// neighbours, which takes quadratic time on a long run of them; so the sorting is done here.
#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fail.h"

namespace weld::text {

namespace {

int combining_class(int32_t codepoint) { return utf8proc_get_property(codepoint)->combining_class; }

/// The canonical decomposition of TEXT, character by character, its marks not yet sorted.
std::vector<int32_t> decompose(std::string_view text) {
  constexpr size_t room = 16;  // one character decomposes to four at most
  std::vector<int32_t> out(text.size() + room);
  size_t used = 0;
  for (size_t at = 0; at < text.size();) {
    int32_t codepoint = -1;
    const auto rest = static_cast<utf8proc_ssize_t>(text.size() - at);
    at += utf8proc_iterate(reinterpret_cast<const uint8_t*>(text.data() + at), rest, &codepoint);
    if (out.size() < used + room) out.resize(out.size() * 2);
    int last_boundclass = 0;
    used += utf8proc_decompose_char(codepoint, out.data() + used, room, UTF8PROC_DECOMPOSE,
                                    &last_boundclass);
  }
  out.resize(used);
  return out;
}

/// Puts each run of combining marks into the order of their classes (the standard's "canonical
/// ordering").
void sort_marks(std::vector<int32_t>& codepoints) {
  const auto is_mark = [](int32_t codepoint) { return combining_class(codepoint) != 0; };
  auto begin = codepoints.begin();
  while ((begin = std::find_if(begin, codepoints.end(), is_mark)) != codepoints.end()) {
    const auto end = std::find_if_not(begin, codepoints.end(), is_mark);
    std::stable_sort(begin, end,
                     [](int32_t a, int32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

}  // namespace

// Below U+0300, whose UTF-8 begins with the byte 0xCC, every character is its own NFC and composes
// with no character before it.
bool may_need_nfc(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) >= 0xCC; });
}

std::string nfc(std::string_view text) {
  std::vector<int32_t> codepoints = decompose(text);
  sort_marks(codepoints);
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  const utf8proc_ssize_t count = utf8proc_normalize_utf32(
      codepoints.data(), static_cast<utf8proc_ssize_t>(codepoints.size()), options);
  if (count < 0) fail("the text cannot be normalized: {}", utf8proc_errmsg(count));
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    uint8_t bytes[4];
    const utf8proc_ssize_t length = utf8proc_encode_char(codepoints[i], bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  return out;
}

}  // namespace weld::text
