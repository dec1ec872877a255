// Which tokens begin a text, and which end generation.
#include <string>

#include "small_vocabulary.h"

namespace weld::test {
namespace {

TEST(Roles, AreWhatTheFileSays) {
  SmallVocabulary v = byte_level_vocabulary();
  v.more = [](gguf::Writer& writer) {
    writer.add_u32("tokenizer.ggml.bos_token_id", 5);
    writer.add_u32("tokenizer.ggml.eos_token_id", 6);
    writer.add_u32("tokenizer.ggml.eot_token_id", 7);
    writer.add_i32("tokenizer.ggml.eom_token_id", 8);
    writer.add_u32("tokenizer.ggml.padding_token_id", 9);
  };
  const auto tokenizer = make_tokenizer(v);
  EXPECT_EQ(tokenizer.bos(), 5);
  EXPECT_EQ(tokenizer.eos(), 6);
  EXPECT_FALSE(tokenizer.add_bos());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(tokenizer.ends_generation(i), i >= 6 && i <= 8) << i;
}

TEST(Roles, AreNoneWhereNoneIsGiven) {
  const auto tokenizer = make_tokenizer(byte_level_vocabulary());
  EXPECT_EQ(tokenizer.bos(), std::nullopt);
  EXPECT_EQ(tokenizer.eos(), std::nullopt);
  EXPECT_FALSE(tokenizer.add_bos());
}

TEST(Roles, WhetherToAddBosHasADefault) {
  SmallVocabulary v = byte_level_vocabulary();
  v.pre = "llama-bpe";
  EXPECT_FALSE(make_tokenizer(v).add_bos()) << "there is none to add";
  v.more = [](gguf::Writer& writer) { writer.add_u32("tokenizer.ggml.bos_token_id", 5); };
  EXPECT_TRUE(make_tokenizer(v).add_bos());
  v.more = [](gguf::Writer& writer) {
    writer.add_u32("tokenizer.ggml.bos_token_id", 5);
    writer.add_bool("tokenizer.ggml.add_bos_token", false);
  };
  EXPECT_FALSE(make_tokenizer(v).add_bos());
}

TEST(Roles, EndsAreKnownByTheirText) {
  SmallVocabulary v = byte_level_vocabulary();
  v.add("<|im_end|>", control);
  v.add("<|im_start|>", control);
  v.add("<|eot_id|>", user_defined);
  v.add("<|end|>", control);
  v.add("<|return|>", control);
  const auto tokenizer = make_tokenizer(v);
  EXPECT_TRUE(tokenizer.ends_generation(v.id("<|im_end|>")));
  EXPECT_FALSE(tokenizer.ends_generation(v.id("<|im_start|>")));
  EXPECT_FALSE(tokenizer.ends_generation(v.id("<|eot_id|>"))) << "it is not a control token";
  EXPECT_TRUE(tokenizer.ends_generation(v.id("<|end|>")));
}

// gpt-oss ends its thoughts with <|end|> and goes on to its answer.
TEST(Roles, AMessagesEndIsNoneWhereAnotherMessageFollows) {
  SmallVocabulary v = byte_level_vocabulary();
  for (const char* token : {"<|end|>", "<|return|>", "<|call|>"}) v.add(token, control);
  const auto tokenizer = make_tokenizer(v);
  EXPECT_FALSE(tokenizer.ends_generation(v.id("<|end|>")));
  EXPECT_TRUE(tokenizer.ends_generation(v.id("<|return|>")));
  EXPECT_TRUE(tokenizer.ends_generation(v.id("<|call|>")));
}

}  // namespace
}  // namespace weld::test
