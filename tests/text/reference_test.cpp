// Real vocabularies: the ids that the models' own tokenizers give.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "refs.h"
#include "text/tokenizer.h"

namespace weld::test {
namespace {

class Reference : public testing::TestWithParam<const char*> {
 protected:
  static std::filesystem::path path(const std::string& ending) {
    return refs() / "tokenizers" / (GetParam() + ending);
  }
};

TEST_P(Reference, GivesTheSameIds) {
  WELD_NEEDS_REFS();
  const text::Tokenizer tokenizer(gguf::File::open(path(".vocab.gguf").string()));
  std::ifstream in(path(".cases.json"));
  const nlohmann::json cases = nlohmann::json::parse(in);
  ASSERT_GT(cases.size(), 40U);
  for (const nlohmann::json& item : cases) {
    const auto text = item.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text, {}), item.at("ids").get<std::vector<text::Token>>()) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, Reference,
                         testing::Values("deepseek-coder", "gpt-2", "gpt-4o", "llama-spm",
                                         "llama3_1", "phi-3", "qwen3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

text::Tokenizer open(const std::string& name) {
  return text::Tokenizer(
      gguf::File::open((refs() / "tokenizers" / (name + ".vocab.gguf")).string()));
}

TEST(RealVocabularies, SayWhetherAndWithWhatToBegin) {
  WELD_NEEDS_REFS();
  EXPECT_EQ(open("llama3_1").bos(), 128000);
  EXPECT_TRUE(open("llama3_1").add_bos());
  EXPECT_EQ(open("llama-spm").bos(), 1);
  EXPECT_TRUE(open("llama-spm").add_bos());
  EXPECT_EQ(open("qwen3").bos(), std::nullopt);
  EXPECT_FALSE(open("qwen3").add_bos());
  EXPECT_EQ(open("qwen3").size(), 151669U);
}

TEST(RealVocabularies, SayWhatEndsGeneration) {
  WELD_NEEDS_REFS();
  const text::Tokenizer qwen3 = open("qwen3");
  EXPECT_EQ(qwen3.eos(), 151645);
  EXPECT_TRUE(qwen3.ends_generation(151645));   // <|im_end|>
  EXPECT_TRUE(qwen3.ends_generation(151643));   // <|endoftext|>
  EXPECT_FALSE(qwen3.ends_generation(151644));  // <|im_start|>
  EXPECT_FALSE(qwen3.ends_generation(0));
  const text::Tokenizer llama = open("llama3_1");
  EXPECT_TRUE(llama.ends_generation(128009));  // <|eot_id|>
  EXPECT_TRUE(llama.ends_generation(128001));  // <|end_of_text|>
  EXPECT_FALSE(llama.ends_generation(128000));
  const text::Tokenizer phi = open("phi-3");
  EXPECT_TRUE(phi.ends_generation(32007));  // <|end|>
  EXPECT_FALSE(phi.ends_generation(32010));
}

// Phi-3's markers swallow the white space after them, its <s> does not.
TEST(RealVocabularies, Phi3MarkersSwallowWhiteSpace) {
  WELD_NEEDS_REFS();
  const text::Tokenizer phi = open("phi-3");
  const std::vector<text::Token> chat{32010, 15043, 32007, 32001};
  EXPECT_EQ(phi.encode("<|user|>\nHello<|end|>\n<|assistant|>\n", {}), chat);
  EXPECT_EQ(phi.encode("<|user|> \t\u3000\u00A0Hello<|end|><|assistant|>", {}), chat);
  EXPECT_EQ(phi.encode("<s> Hello", {}), (std::vector<text::Token>{1, 29871, 15043}));
}

TEST(RealVocabularies, ControlTokensAreTextUnlessAskedFor) {
  WELD_NEEDS_REFS();
  const text::Tokenizer qwen3 = open("qwen3");
  const std::string text = "<think><|im_end|>";
  EXPECT_EQ(qwen3.encode(text, {}), (std::vector<text::Token>{151667, 151645}));
  const auto plain = qwen3.encode(text, {.special = false});
  EXPECT_EQ(plain.front(), 151667);  // a user-defined token
  EXPECT_GT(plain.size(), 2U);
  EXPECT_EQ(qwen3.decode(plain), text);
  EXPECT_EQ(qwen3.decode(std::vector<text::Token>{151645}), "");
  EXPECT_EQ(qwen3.decode(std::vector<text::Token>{151645}, true), "<|im_end|>");
}

}  // namespace
}  // namespace weld::test
