// What is tokenized comes back: any bytes at all by byte-level BPE, and pieces through Utf8Stream.
#include <random>
#include <string>

#include "refs.h"
#include "small_vocabulary.h"

namespace weld::test {
namespace {

std::string random_bytes(std::mt19937& random, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(random() & 0xFF);
  return out;
}

/// Words, spaces, characters of one to four bytes, and now and then a byte that is none of it.
std::string random_text(std::mt19937& random, size_t parts) {
  constexpr const char* choices[] = {"the",  " of",      "  ",     "\n",      "'s",
                                     "123",  "\u00E9",   "\u6211", "e\u0301", "\U0001F999",
                                     "\xFF", "\xE2\x82", "<|x|>",  "\t",      "\r\n"};
  std::string out;
  for (size_t i = 0; i < parts; ++i) out += choices[random() % std::size(choices)];
  return out;
}

void expect_round_trips(const text::Tokenizer& tokenizer) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    for (const std::string& text : {random_bytes(random, random() % 50), random_text(random, 20)}) {
      const Ids ids = tokenizer.encode(text, {.special = false});
      ASSERT_EQ(tokenizer.decode(ids), text);
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, {}), true), text);
    }
  }
}

TEST(RoundTrip, ByteLevelBpeKeepsEveryByte) {
  for (const char* pre : {"gpt-2", "llama-bpe", "gpt-4o", "deepseek-coder", "default", "tekken",
                          "starcoder", "deepseek-v3"}) {
    SmallVocabulary v = byte_level_vocabulary();
    v.pre = pre;
    v.add("<|x|>", control);
    v.merge("t", "he");
    v.merge("Ġ", "o");
    SCOPED_TRACE(pre);
    expect_round_trips(make_tokenizer(v));
  }
}

TEST(RoundTrip, RealVocabulariesKeepEveryByte) {
  WELD_NEEDS_REFS();
  for (const char* name : {"gpt-2", "llama3_1", "gpt-4o"}) {
    SCOPED_TRACE(name);
    expect_round_trips(text::Tokenizer(
        gguf::File::open((refs() / "tokenizers" / (std::string(name) + ".vocab.gguf")).string())));
  }
}

TEST(RoundTrip, SentencePieceKeepsEveryByte) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("t", normal, -3);
  v.add("h", normal, -3);
  v.add("th", normal, -1);
  const auto tokenizer = make_tokenizer(v);
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_bytes(random, random() % 50);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, {.special = false})), text);
  }
}

// Generated text is printed piece by piece, and a token may end within a character.
TEST(RoundTrip, PiecesStreamAsWholeCharacters) {
  const auto tokenizer = make_tokenizer(byte_level_vocabulary());
  const std::string text = "he \u00E9\u20AC\U0001F469\u200D\U0001F469 \u6211he";
  text::Utf8Stream stream;
  std::string out;
  for (const text::Token token : tokenizer.encode(text, {}))
    out += stream.push(tokenizer.piece(token));
  out += stream.finish();
  EXPECT_EQ(out, text);
}

}  // namespace
}  // namespace weld::test
