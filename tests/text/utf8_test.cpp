// UTF-8 in pieces: whatever the cuts, only whole characters come out.
#include "text/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace weld::test {
namespace {

using namespace std::string_view_literals;
using text::Utf8Stream;

std::string all_at_once(std::string_view bytes) {
  Utf8Stream stream;
  std::string out = stream.push(bytes);
  return out + stream.finish();
}

constexpr std::string_view mixed = "a\u00E9\u20AC\U0001F999\u0000z\u6211\U0010FFFF"sv;

TEST(Utf8Stream, HoldsBackHalfACharacterInEveryCut) {
  for (size_t first = 0; first <= mixed.size(); ++first) {
    for (size_t second = first; second <= mixed.size(); ++second) {
      Utf8Stream stream;
      std::string out;
      for (const std::string_view part :
           {mixed.substr(0, first), mixed.substr(first, second - first), mixed.substr(second)}) {
        const std::string whole = stream.push(part);
        EXPECT_EQ(text::utf8_valid_prefix(whole), whole.size());
        out += whole;
      }
      EXPECT_EQ(stream.finish(), "");
      EXPECT_EQ(out, mixed);
    }
  }
}

TEST(Utf8Stream, LetsACharacterOutWithItsLastByte) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xF0"), "");
  EXPECT_EQ(stream.push("\x9F"), "");
  EXPECT_EQ(stream.push("\xA6"), "");
  EXPECT_EQ(stream.push("\x99"), "\U0001F999");
}

TEST(Utf8Stream, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(all_at_once("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(all_at_once("\x80"), "\uFFFD");
  EXPECT_EQ(all_at_once("\xC3z"), "\uFFFDz");
  EXPECT_EQ(all_at_once("\xE2\x82z"), "\uFFFDz");                // one for a begun character
  EXPECT_EQ(all_at_once("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(all_at_once("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(all_at_once("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond the last
  EXPECT_EQ(all_at_once("\xE0\x9F\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(all_at_once("\xF0\x8F"), "\uFFFD\uFFFD");
}

TEST(Utf8Stream, ReplacesWhatIsUnfinishedAtTheEnd) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xE2\x82"), "a");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push("b"), "b");
}

TEST(Utf8, FindsWhereItEnds) {
  EXPECT_EQ(text::utf8_valid_prefix(""), 0U);
  EXPECT_EQ(text::utf8_valid_prefix("a\u00E9\xC3"), 3U);
  EXPECT_EQ(text::utf8_invalid_prefix("\xFF\xC3\xE2\x82z"), 4U);
  EXPECT_EQ(text::utf8_invalid_prefix("\xE2\x82"), 2U);
}

TEST(Utf8, FindsWhiteSpace) {
  EXPECT_EQ(text::utf8_space_prefix(" \t\n\u0085\u00A0\u3000\u2028x "), 13U);
  EXPECT_EQ(text::utf8_space_prefix("\u180E"), 0U);
  EXPECT_EQ(text::utf8_space_prefix("\u200B"), 0U);
  EXPECT_EQ(text::utf8_space_prefix(" \xFF"), 1U);
  EXPECT_EQ(text::utf8_space_prefix(" \xE2\x80"), 1U);
}

}  // namespace
}  // namespace weld::test
