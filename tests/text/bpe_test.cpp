// Byte-level BPE on vocabularies small enough to see through.
#include <string>

#include "small_vocabulary.h"
#include "weld/error.h"

namespace weld::test {
namespace {

TEST(Bpe, MergesByRankNotByPlace) {
  SmallVocabulary v = byte_level_vocabulary();
  v.merge("b", "c");
  v.merge("a", "b");
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("abc", {}), (Ids{'a', v.id("bc")}));
  EXPECT_EQ(tokenizer.encode("abab", {}), (Ids{v.id("ab"), v.id("ab")}));
  EXPECT_EQ(tokenizer.encode("he", {}), (Ids{v.id("he")}));
}

TEST(Bpe, MergesEqualRanksFromTheLeft) {
  SmallVocabulary v = byte_level_vocabulary();
  v.merge("a", "a");
  v.merge("aa", "a");
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("aaa", {}), (Ids{v.id("aaa")}));
  EXPECT_EQ(tokenizer.encode("aaaaa", {}), (Ids{v.id("aa"), v.id("aaa")}));
}

TEST(Bpe, LeavesOutMergesThatGiveNoToken) {
  SmallVocabulary v = byte_level_vocabulary();
  v.merges.emplace_back("x y");
  v.merge("y", "z");
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("xy", {}), (Ids{'x', 'y'}));
  EXPECT_EQ(tokenizer.encode("xyz", {}), (Ids{'x', v.id("yz")}));
}

TEST(Bpe, DoesNotMergeAcrossWords) {
  SmallVocabulary v = byte_level_vocabulary();
  v.merge("b", "Ġ");
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("b c", {}), (Ids{'b', ' ', 'c'}));
}

TEST(Bpe, TakesWholeWordsOnlyWhereThePretokenizerSaysSo) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("xyz", normal);
  v.add("uvw", user_defined);
  v.add("klm", control);
  EXPECT_EQ(make_tokenizer(v).encode("xyz", {}), (Ids{'x', 'y', 'z'}));
  v.pre = "llama-bpe";
  EXPECT_EQ(make_tokenizer(v).encode("xyz", {}), (Ids{v.id("xyz")}));
  EXPECT_EQ(make_tokenizer(v).encode("klm", {.special = false}), (Ids{'k', 'l', 'm'}));
}

TEST(Bpe, OfTokensWithOneTextTheFirstNormalOneCounts) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("ab", control);  // 257, right after what the merge before gives
  v.add("ab", normal);
  v.add("abc", normal);
  v.add("ab", normal);
  v.merges.emplace_back("a b");
  v.merges.emplace_back("ab c");
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("ab", {.special = false}), (Ids{258}));
  EXPECT_EQ(tokenizer.encode("abc", {.special = false}), (Ids{259}));
  EXPECT_EQ(tokenizer.encode("ab", {}), (Ids{257}));
}

TEST(Bpe, SpecialTokensAreTakenLeftmostThenLongest) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("<a>", control);
  v.add("<a><b>", control);
  v.add("<b><c>", control);
  v.add("b", user_defined);
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("<a><b><c>", {}), (Ids{v.id("<a><b>"), '<', 'c', '>'}));
  EXPECT_EQ(tokenizer.encode("<a><x", {}), (Ids{v.id("<a>"), '<', 'x'}));
  // Without control tokens only the user-defined one is left. Its id is the second of that text.
  EXPECT_EQ(tokenizer.encode("<b>", {.special = false}), (Ids{'<', 260, '>'}));
}

TEST(Bpe, AShorterTokenIsFoundWhereTheLongerIsNotAllowed) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("<t>", user_defined);
  v.add("<t><end>", control);
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.encode("<t><end>", {}), (Ids{258}));
  EXPECT_EQ(tokenizer.encode("<t><end>", {.special = false}).front(), 257);
}

TEST(Bpe, BeginsWithBosIfAsked) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("<s>", control);
  EXPECT_EQ(make_tokenizer(v).encode("a", {.bos = true}), (Ids{'a'}));
  v.more = [](gguf::Writer& writer) { writer.add_u32("tokenizer.ggml.bos_token_id", 257); };
  EXPECT_EQ(make_tokenizer(v).encode("a", {.bos = true}), (Ids{257, 'a'}));
  EXPECT_EQ(make_tokenizer(v).encode("", {.bos = true}), (Ids{257}));
  EXPECT_EQ(make_tokenizer(v).encode("a", {}), (Ids{'a'}));
}

TEST(Bpe, ABytesTokenMayBeMissingUntilItIsNeeded) {
  SmallVocabulary v;
  v.tokens = {"a", "b", "ab", "<unk>"};
  v.merges = {"a b"};
  EXPECT_EQ(make_tokenizer(v).encode("ab", {}), (Ids{2}));
  try {
    make_tokenizer(v).encode("abc", {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::EndsWith(
                    "m.gguf: tokenizer.ggml.tokens: none stands for the byte 0x63 of the text"));
  }
  v.more = [](gguf::Writer& writer) { writer.add_u32("tokenizer.ggml.unknown_token_id", 3); };
  EXPECT_EQ(make_tokenizer(v).encode("abc", {}), (Ids{2, 3}));
}

TEST(Bpe, PiecesAreBytes) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("Ġna", normal);
  v.add("ü", user_defined);
  v.add("<|x|>", control);
  v.add("日", normal);  // not of the byte alphabet
  v.add("", normal);
  const auto tokenizer = make_tokenizer(v);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(tokenizer.piece(i), std::string(1, static_cast<char>(i)));
  EXPECT_EQ(tokenizer.piece(257), " na");
  EXPECT_EQ(tokenizer.piece(258), "ü");
  EXPECT_EQ(tokenizer.piece(259), "");
  EXPECT_EQ(tokenizer.piece(259, true), "<|x|>");
  EXPECT_EQ(tokenizer.piece(260), "日");
  EXPECT_EQ(tokenizer.piece(261), "");
  EXPECT_THROW(tokenizer.piece(262), Error);
  EXPECT_THROW(tokenizer.piece(-1), Error);
  EXPECT_EQ(tokenizer.decode(Ids{0xC3, 257, 259, 0xBC}), "\xC3 na\xBC");
}

TEST(Bpe, NormalizesWhereTheModelDoes) {
  SmallVocabulary v = byte_level_vocabulary();
  const std::string decomposed = "e\u0301";
  EXPECT_EQ(make_tokenizer(v).decode(make_tokenizer(v).encode(decomposed, {})), decomposed);
  v.pre = "qwen2";
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(decomposed, {})), "\u00E9");
  // Bytes that are not UTF-8 stay as they are, and what stands around them is normalized.
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\xFF" + decomposed + "\xFF\xC3", {})),
            "\xFF\u00E9\xFF\xC3");
}

}  // namespace
}  // namespace weld::test
