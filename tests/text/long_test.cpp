// Long texts that are one word, or that all look like the beginning of something: quadratic work on
// them would take minutes.
#include <string>

#include "small_vocabulary.h"

namespace weld::test {
namespace {

std::string repeated(const std::string& part, const std::string& first = "") {
  constexpr size_t size = 1 << 18;
  std::string out = first;
  while (out.size() < size) out += part;
  return out;
}

std::vector<std::string> long_texts() {
  std::vector<std::string> texts;
  for (const char* part : {"a", "A", "Ab", " ", "\n", "\t ", "1", "!", "'", "'s", "<", "<|", "\xFF",
                           "\xE2\x82", "\u6211", "\u0301\u0323", "\u00A0", "e\u0301", "\u2581"})
    texts.push_back(repeated(part));
  texts.push_back(repeated(" ") + "x");
  texts.push_back(repeated("\n ", "x"));
  return texts;
}

TEST(LongTexts, TokenizeByBytes) {
  for (const char* pre :
       {"gpt-2", "qwen2", "llama-bpe", "gpt-4o", "deepseek-coder", "default", "deepseek-v3"}) {
    SmallVocabulary v = byte_level_vocabulary();
    v.pre = pre;
    v.add("<|x|>", control);
    v.add(std::string(100, '<'), user_defined);
    for (const char* letter : {"a", "A", "Ġ", "Ċ"}) {
      std::string run = letter;
      for (int i = 0; i < 5; ++i) {
        v.merge(run, run);
        run += run;
      }
    }
    const auto tokenizer = make_tokenizer(v);
    for (const std::string& text : long_texts()) {
      const std::string decoded = tokenizer.decode(tokenizer.encode(text, {}), true);
      const bool same = decoded == text;
      EXPECT_TRUE(same || pre == std::string("qwen2")) << pre << ' ' << text.substr(0, 9);
    }
  }
}

TEST(LongTexts, TokenizeBySentencePiece) {
  SmallVocabulary v = sentencepiece_vocabulary();
  float score = -1;
  for (const char* letter : {"a", "\u2581"}) {
    for (int i = 1; i <= 16; i *= 2) {
      std::string run;
      for (int j = 0; j < i; ++j) run += letter;
      v.add(run, normal, score--);
    }
  }
  const auto tokenizer = make_tokenizer(v);
  for (const std::string& text : long_texts()) {
    const bool comes_back_as_spaces = text.substr(0, 3) == "\u2581";
    const bool same = tokenizer.decode(tokenizer.encode(text, {})) == text;
    EXPECT_NE(same, comes_back_as_spaces) << text.substr(0, 9);
  }
}

}  // namespace
}  // namespace weld::test
