// The words that each pre-tokenizer cuts a text into.
#include "text/pretokenizer.h"

#include <ostream>
#include <string>
#include <vector>

#include "small_vocabulary.h"

namespace weld::test {
namespace {

struct Cut {
  const char* pre;
  std::vector<std::string> words;
};

void PrintTo(const Cut& cut, std::ostream* out) {
  *out << cut.pre;
  for (const std::string& word : cut.words) *out << " [" << word << ']';
}

std::vector<std::string> split(const std::string& pre, const std::string& text) {
  SmallVocabulary v = byte_level_vocabulary();
  v.pre = pre;
  const text::Pretokenizer pretokenizer(write_and_open(v));
  std::vector<std::string> words;
  for (const std::string_view word : pretokenizer.split(text)) words.emplace_back(word);
  return words;
}

class Cuts : public testing::TestWithParam<Cut> {};

TEST_P(Cuts, TextIntoTheseWords) {
  std::string text;
  for (const std::string& word : GetParam().words) text += word;
  EXPECT_EQ(split(GetParam().pre, text), GetParam().words);
}

const Cut cuts[] = {
    // Contractions: lower case only, or any case, or with the word.
    {"gpt-2", {"I", "'m", " DON", "'", "T", " it", "'s"}},
    {"qwen2", {"I", "'m", " DON", "'T", " it", "'s", " '", "\u00E9"}},
    {"llama-bpe", {"WE", "'LL", "we", "'ve"}},
    {"gpt-4o", {"I'm", " DON'T", " it's"}},
    // To Unicode the long s is an s.
    {"qwen2", {"it", "'\u017F"}},
    // Digits: all together, one by one, by threes.
    {"gpt-2", {"a", "12345", " 67\u00BD"}},
    {"qwen2", {"a", "1", "2", "3", " ", "4", "\u2167"}},
    {"llama-bpe", {"a", "123", "45", " ", "\u0663\u0663\u0663", "\u0663"}},
    {"gpt-4o", {"123", "4"}},
    {"deepseek-coder", {"a", "1", "2", " ", "3"}},
    {"starcoder", {"a", "1", "2", " ", "3"}},
    {"default", {"a", "123", "456", "7", " ", "8"}},
    {"deepseek-v3", {"123", "4", "a"}},
    {"tekken", {"1", "2"}},
    // White space: the last one goes with the word that follows.
    {"gpt-2", {"a", "  ", " b", "   "}},
    {"gpt-2", {"a", "\n", "\n", "b"}},
    {"qwen2", {"a", "\n\n", "b", "  \r\n", " ", " c", "\t", "\td", " \n"}},
    {"qwen2", {".\r\n\r\n", "a", "\r\n\r\n"}},
    {"gpt-4o", {"./\n/", "x", "\u00A0y", "\u3000z"}},
    {"deepseek-coder", {"a", "\r", "\n", "\tb", "  ", " ,", " ", "\n"}},
    {"llama-bpe", {"a", "\u2028", "\u2028b", "\u0085\n\u0085\n"}},
    // U+180E was a space once: now it is not, and goes with punctuation.
    {"gpt-2", {"a", " \u180E", "b"}},
    {"qwen2", {"a", "\u180Eb"}},
    // Combining marks: punctuation to most, letters to gpt-4o.
    {"gpt-2", {"e", "\u0301", "e"}},
    {"qwen2", {"x", "\u0301x"}},
    {"gpt-4o", {"e\u0301e", " \u0E44\u0E21\u0E48"}},
    {"deepseek-v3", {"e\u0301e"}},
    // Cases: gpt-4o cuts where a lower-case letter is followed by an upper-case one.
    {"gpt-4o", {"HTTPServer", "Name", "\u01C5\u01C6", "\u01C5"}},
    {"tekken", {"HTTPServer", "Name", "'s"}},
    {"llama-bpe", {"HTTPServerName"}},
    // One character before a word goes with it, whatever it is.
    {"llama-bpe", {"(a", ".b", " (\"", "c", "\td"}},
    {"gpt-2", {"(", "a", ".", "b"}},
    // Scripts.
    {"qwen2", {"\u6211\u60F3", "\U0001F999\uD55C\uAD6D", "\U0001F999\U0001F999", " \uC5B4"}},
    {"gpt-2", {"\U0001F469\u200D\U0001F469", " \u6211", "\u3002"}},
    {"deepseek-coder", {"\u6211\u60F3", "\u3002", "\U0001F999"}},
    {"deepseek-v3", {"\u6211", "abc", "\u3042\u3044", " d"}},
};
INSTANTIATE_TEST_SUITE_P(Pretokenizers, Cuts, testing::ValuesIn(cuts));

TEST(Pretokenizer, GoesByManyNames) {
  const std::string text = "It's 12345 DON'T\r\n  x";
  for (const char* name : {"llama3", "llama-v3", "dbrx", "smaug-bpe"})
    EXPECT_EQ(split(name, text), split("llama-bpe", text)) << name;
  EXPECT_EQ(split("llama4", text), split("gpt-4o", text));
  EXPECT_EQ(split("deepseek-r1-qwen", text), split("qwen2", text));
  EXPECT_EQ(split("", text), split("default", text));
  for (const char* name : {"phi-2", "mpt", "olmo"})
    EXPECT_EQ(split(name, text), split("gpt-2", text)) << name;
  for (const char* name : {"refact", "smollm", "command-r"})
    EXPECT_EQ(split(name, text), split("starcoder", text)) << name;
}

TEST(Pretokenizer, KnowsWhoseTextIsNormalized) {
  SmallVocabulary v = byte_level_vocabulary();
  for (const char* name : {"qwen2", "command-r", "mpt"}) {
    v.pre = name;
    EXPECT_TRUE(text::Pretokenizer(write_and_open(v)).rules().nfc) << name;
  }
  for (const char* name : {"gpt-2", "llama-bpe", "gpt-4o", "deepseek-coder"}) {
    v.pre = name;
    EXPECT_FALSE(text::Pretokenizer(write_and_open(v)).rules().nfc) << name;
  }
}

}  // namespace
}  // namespace weld::test
