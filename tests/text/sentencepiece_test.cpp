// SentencePiece's BPE on vocabularies small enough to see through.
#include <string>

#include "small_vocabulary.h"

namespace weld::test {
namespace {

constexpr int first_byte = 3;  // the id of <0x00>

TEST(SentencePiece, MergesTheBestScoreFirst) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("a", normal, -9);
  v.add("b", normal, -9);
  v.add("c", normal, -9);
  v.add("ab", normal, -3);
  v.add("bc", normal, -2);
  v.more = [](gguf::Writer& writer) { writer.add_bool("tokenizer.ggml.add_space_prefix", false); };
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("abc", {}), (Ids{v.id("a"), v.id("bc")}));
  EXPECT_EQ(tokenizer.encode("abab", {}), (Ids{v.id("ab"), v.id("ab")}));
}

TEST(SentencePiece, MergesEqualScoresFromTheLeft) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("a", normal, -1);
  v.add("aa", normal, -1);
  v.more = [](gguf::Writer& writer) { writer.add_bool("tokenizer.ggml.add_space_prefix", false); };
  EXPECT_EQ(make_tokenizer(v).encode("aaa", {}), (Ids{v.id("aa"), v.id("a")}));
}

TEST(SentencePiece, WithoutScoresAllTokensAreEqual) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("a", normal);
  v.add("aa", normal);
  v.scores.clear();
  EXPECT_EQ(make_tokenizer(v).encode("aaa", {}).size(), 3U);
}

TEST(SentencePiece, FallsBackToBytes) {
  const SmallVocabulary v = sentencepiece_vocabulary();
  const auto tokenizer = make_tokenizer(v);
  const int space = v.id("\u2581");
  EXPECT_EQ(tokenizer.encode("\u00E9\xFF", {}),
            (Ids{space, first_byte + 0xC3, first_byte + 0xA9, first_byte + 0xFF}));
  EXPECT_EQ(tokenizer.piece(first_byte + 0xFF), "\xFF");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\u00E9\xFF", {})), "\u00E9\xFF");
}

TEST(SentencePiece, FallsBackToUnknownWithoutBytes) {
  SmallVocabulary v;
  v.model = "llama";
  v.add("<unk>", unknown);
  v.add("\u2581", normal);
  EXPECT_EQ(make_tokenizer(v).encode("x", {}), (Ids{1, 0}));
}

TEST(SentencePiece, PutsASpaceFirstUnlessToldNot) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("a", normal, -2);
  v.add("\u2581a", normal, -1);
  const int space = v.id("\u2581");
  const int space_a = v.id("\u2581a");
  auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("a", {}), (Ids{space_a}));
  EXPECT_EQ(tokenizer.encode(" a", {}), (Ids{space, space_a}));
  EXPECT_EQ(tokenizer.encode("", {}), (Ids{}));
  // After a special token a text begins again.
  EXPECT_EQ(tokenizer.encode("a</s>a", {}), (Ids{space_a, 2, space_a}));
  EXPECT_EQ(tokenizer.encode("a", {.bos = true}), (Ids{1, space_a}));

  EXPECT_EQ(tokenizer.decode(Ids{space_a, space_a}), "a a");
  EXPECT_EQ(tokenizer.decode(Ids{1, space_a}), "a");
  EXPECT_EQ(tokenizer.decode(Ids{1, space_a}, true), "<s> a");
  EXPECT_EQ(tokenizer.decode(Ids{space, space_a}), " a");
  EXPECT_EQ(tokenizer.piece(space_a), " a");

  v.more = [](gguf::Writer& writer) { writer.add_bool("tokenizer.ggml.add_space_prefix", false); };
  tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("a", {}), (Ids{v.id("a")}));
  EXPECT_EQ(tokenizer.decode(Ids{space_a}), " a");
}

TEST(SentencePiece, TextDoesNotBecomeControlTokensByMerging) {
  SmallVocabulary v = sentencepiece_vocabulary();
  for (const char* part : {"<", "s", ">", "<s", "/", "</", "</s"}) v.add(part, normal, -1);
  v.add("s>", unused, 9);
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("<s>", {}), (Ids{1}));
  const int space = v.id("\u2581");
  EXPECT_EQ(tokenizer.encode("<s>", {.special = false}), (Ids{space, v.id("<s"), v.id(">")}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("</s>", {.special = false})), "</s>");
}

TEST(SentencePiece, UserDefinedTokensMayHoldSpaces) {
  SmallVocabulary v = sentencepiece_vocabulary();
  v.add("\u2581\u2581", user_defined);
  v.add("a", normal, -1);
  v.more = [](gguf::Writer& writer) { writer.add_bool("tokenizer.ggml.add_space_prefix", false); };
  const auto tokenizer = make_tokenizer(v);
  const int spaces = v.id("\u2581\u2581");
  EXPECT_EQ(tokenizer.encode("  a   ", {}), (Ids{spaces, v.id("a"), spaces, v.id("\u2581")}));
  EXPECT_EQ(tokenizer.piece(spaces), "  ");
}

TEST(SentencePiece, HasRolesByDefault) {
  const auto tokenizer = make_tokenizer(sentencepiece_vocabulary());
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_TRUE(tokenizer.add_bos());
  EXPECT_TRUE(tokenizer.ends_generation(2));
  EXPECT_EQ(tokenizer.piece(0), "");
  EXPECT_EQ(tokenizer.piece(0, true), "<unk>");
}

}  // namespace
}  // namespace weld::test
