// Untrusted text shown to people, names of types, and names looked up.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gguf/name_index.h"
#include "gguf/quoted.h"
#include "gguf/type.h"

namespace weld::gguf {
namespace {

TEST(Quoted, ShowsPlainTextAsItIs) {
  EXPECT_EQ(quoted("blk.0.attn_q.weight"), "\"blk.0.attn_q.weight\"");
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("größe 大きさ 🙂"), "\"größe 大きさ 🙂\"");
}

TEST(Quoted, EscapesWhatWouldBreakTheLineOrTheTerminal) {
  EXPECT_EQ(quoted("a\nb"), R"("a\nb")");
  EXPECT_EQ(quoted("\r\t\x1B[31m\x7F"), R"("\x0D\x09\x1B[31m\x7F")");
  EXPECT_EQ(quoted(R"(say "\n")"), R"("say \"\\n\"")");
  EXPECT_EQ(quoted("\xC2\x9B"), R"("\xC2\x9B")") << "control sequence introducer";
  EXPECT_EQ(quoted("\u2028"), R"("\xE2\x80\xA8")") << "line separator";
  EXPECT_EQ(quoted("\u202E"), R"("\xE2\x80\xAE")") << "right-to-left override";
  EXPECT_EQ(quoted(std::string_view("\0", 1)), R"("\x00")");
}

TEST(Quoted, EscapesInvalidUtf8ByteByByte) {
  EXPECT_EQ(quoted("a\xFF\xC3z"), R"("a\xFF\xC3z")");
  EXPECT_EQ(quoted("\xE2\x82"), R"("\xE2\x82")");
  EXPECT_EQ(quoted("\xC0\x80"), R"("\xC0\x80")");
}

TEST(Quoted, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(quoted("abcdef", 6), "\"abcdef\"");
  EXPECT_EQ(quoted("abcdefg", 6), "\"abcdef\"... (7 bytes)");
  EXPECT_EQ(quoted("aäöü", 4), "\"aäö\"... (7 bytes)");
}

TEST(Plain, QuotesOnlyWhereItMust) {
  EXPECT_EQ(plain("general.name"), "general.name");
  EXPECT_EQ(plain("a\nb"), R"("a\nb")");
  EXPECT_EQ(plain(""), "\"\"");
  EXPECT_EQ(plain("abc", 2), "\"ab\"... (3 bytes)");
}

TEST(Utf8, IsCheckedAsTheStandardSays) {
  for (const char* good : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(good)) << quoted(good);
  for (const char* bad : {"\x80", "\xBF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
                          "\xE1\x80", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << quoted(bad);
  EXPECT_FALSE(is_utf8(std::string_view("\xE2\x82\xAC", 2))) << "the rest is not in the text";
}

TEST(DescribeType, NamesWhatWeldReadsAndWhatItDoesNot) {
  EXPECT_EQ(describe_type(12), "Q4_K (12)");
  EXPECT_EQ(describe_type(39), "MXFP4 (39)");
  EXPECT_EQ(describe_type(15), "Q8_K (15)");
  EXPECT_EQ(describe_type(144), "IQ4_KS (144)");
  EXPECT_EQ(describe_type(999), "unknown (999)");
}

TEST(NameIndex, FindsEachNameAndNoOther) {
  const NameIndex index({"b", "a", "c", "aa"});
  EXPECT_EQ(index.find("a"), 1U);
  EXPECT_EQ(index.find("aa"), 3U);
  EXPECT_EQ(index.find("b"), 0U);
  EXPECT_EQ(index.find("c"), 2U);
  for (const char* absent : {"", "A", "ab", "d"}) EXPECT_EQ(index.find(absent), std::nullopt);
  EXPECT_EQ(NameIndex().find("a"), std::nullopt);
}

TEST(NameIndex, TellsDuplicatesInTheirOrder) {
  EXPECT_EQ(NameIndex({"b", "a", "c"}).duplicate(), std::nullopt);
  EXPECT_EQ(NameIndex({"b", "a", "c", "a"}).duplicate(), (std::pair<size_t, size_t>(1, 3)));
}

}  // namespace
}  // namespace weld::gguf
