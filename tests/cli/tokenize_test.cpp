// weld tokenize: both ways, whatever the bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/process.h"

namespace weld::test {
namespace {

const std::string vocabulary = model("llama-q4_k-q6_k");

TEST(Tokenize, PrintsIdsInTwoForms) {
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "abc"}).out, "97 98 99\n");
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--json", "abc"}).out, "[97, 98, 99]\n");
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, ""}).out, "\n");
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--json", ""}).out, "[]\n");
}

TEST(Tokenize, TakesStandardInputByteForByte) {
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary}, " a\r\n\n").out, "32 97 13 10 10\n");
}

TEST(Tokenize, TakesWordsAsTheyAre) {
  for (const char* text : {"run", "++", "[1,2]", "{}", "'x'", "\"x\"", "a=b"}) {
    std::string ids;
    for (const char c : std::string(text)) {
      if (!ids.empty()) ids += ' ';
      ids += std::to_string(c);
    }
    EXPECT_EQ(weld({"tokenize", "-m", vocabulary, text}).out, ids + "\n");
  }
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--", "--bos"}).out, "45 45 98 111 115\n");
}

TEST(Tokenize, AddsTheBeginningOnlyIfAsked) {
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--bos", "a"}).out, "318 97\n");
}

TEST(Tokenize, ControlTokensAreParsedUnlessToldOtherwise) {
  const std::string text = "a<|im_end|>";
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, text}).out, "97 319\n");
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--no-special", text}).out,
            "97 60 124 105 109 95 101 110 100 124 62\n");
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--decode", "97 319"}).out, text);
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--decode", "--no-special", "97 319"}).out, "a");
}

TEST(Tokenize, RoundTripKeepsEveryByte) {
  std::string bytes;
  for (int byte = 255; byte >= 0; --byte) bytes += static_cast<char>(byte);
  bytes += "gr\xC3\xBC\xC3\x9F <|im_end|> the \n\n \xF0\x9F\x98\x80 \xF0\x9F\x98";
  for (const char* form : {"--json", "--bos"}) {
    const Result ids = weld({"tokenize", "-m", vocabulary, form}, bytes);
    ASSERT_EQ(ids.status, 0) << ids.err;
    const Result back = weld({"tokenize", "-m", vocabulary, "--decode"}, ids.out);
    EXPECT_EQ(back.status, 0) << back.err;
    EXPECT_EQ(back.out, (std::string(form) == "--bos" ? "<|endoftext|>" : "") + bytes);
  }
}

TEST(Tokenize, BadIdsAreToldInOneLine) {
  const auto decode = [](const std::string& ids) {
    return weld({"tokenize", "-m", vocabulary, "--decode"}, ids);
  };
  EXPECT_EQ(decode("1 x").err, "weld: \"x\" is not a token id\n");
  EXPECT_EQ(decode("[1, 2").err, "weld: a list of token ids has no \"]\" at its end\n");
  EXPECT_EQ(decode("[1, 2,]").err, "weld: a list of token ids ends with a comma\n");
  EXPECT_EQ(decode("[1]").status, 0);
  EXPECT_EQ(decode("99999").status, 1);
  EXPECT_EQ(weld({"tokenize", "-m", vocabulary, "--decode", "x"}).status, 2);
}

}  // namespace
}  // namespace weld::test
