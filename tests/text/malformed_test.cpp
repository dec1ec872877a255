// Vocabularies with one thing wrong: each is refused with the line that names it.
#include <limits>
#include <ostream>
#include <string>

#include "small_vocabulary.h"
#include "weld/error.h"

namespace weld::test {
namespace {

struct Malformed {
  const char* name;
  std::function<void(SmallVocabulary&)> change;
  std::string error;  ///< what follows the file's name
};

void PrintTo(const Malformed& file, std::ostream* out) { *out << file.name; }

class MalformedVocabulary : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedVocabulary, IsRefused) {
  SmallVocabulary vocabulary = byte_level_vocabulary();
  GetParam().change(vocabulary);
  const gguf::File file = write_and_open(vocabulary);
  try {
    text::Tokenizer tokenizer(file);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::EndsWith("m.gguf: " + GetParam().error));
  }
}

SmallVocabulary sentencepiece_with(const std::string& token, int32_t type, float score) {
  SmallVocabulary vocabulary = sentencepiece_vocabulary();
  vocabulary.add(token, type, score);
  return vocabulary;
}

const Malformed malformed[] = {
    {"no_model", [](auto& v) { v.model = ""; }, "tokenizer.ggml.model: missing"},
    {"bert", [](auto& v) { v.model = "bert"; },
     "tokenizer.ggml.model: \"bert\" is not a tokenizer that weld knows (gpt2 and llama are)"},
    {"model_with_a_newline", [](auto& v) { v.model = "a\nb"; },
     "tokenizer.ggml.model: \"a\\nb\" is not a tokenizer that weld knows (gpt2 and llama are)"},
    {"unknown_pre", [](auto& v) { v.pre = "falcon-9\x1B"; },
     "tokenizer.ggml.pre: \"falcon-9\\x1B\" is not a pre-tokenizer that weld knows"},
    {"no_tokens", [](auto& v) { v.tokens.clear(); }, "tokenizer.ggml.tokens: empty"},
    {"too_few_types", [](auto& v) { v.types.pop_back(); },
     "tokenizer.ggml.token_type: 256 for 257 tokens"},
    {"type_0", [](auto& v) { v.types[3] = 0; },
     "tokenizer.ggml.token_type[3]: 0 is not a token type"},
    {"type_7", [](auto& v) { v.types[256] = 7; },
     "tokenizer.ggml.token_type[256]: 7 is not a token type"},
    {"negative_type", [](auto& v) { v.types[0] = -1; },
     "tokenizer.ggml.token_type[0]: -1 is not a token type"},
    {"too_many_scores", [](auto& v) { v.scores.resize(300); },
     "tokenizer.ggml.scores: 300 for 257 tokens"},
    {"score_not_a_number",
     [](auto& v) { v = sentencepiece_with("x", normal, std::numeric_limits<float>::quiet_NaN()); },
     "tokenizer.ggml.scores[260]: not a number"},
    {"no_merges", [](auto& v) { v.merges.clear(); }, "tokenizer.ggml.merges: missing"},
    {"merge_without_space", [](auto& v) { v.merges.emplace_back("ab"); },
     "tokenizer.ggml.merges[1]: \"ab\" is not two texts with a space between"},
    {"empty_merge", [](auto& v) { v.merges.emplace_back(""); },
     "tokenizer.ggml.merges[1]: \"\" is not two texts with a space between"},
    {"merge_of_a_space", [](auto& v) { v.merges.emplace_back(" "); },
     "tokenizer.ggml.merges[1]: \" \" is not two texts with a space between"},
    {"merge_without_right", [](auto& v) { v.merges.emplace_back("a "); },
     "tokenizer.ggml.merges[1]: \"a \" is not two texts with a space between"},
    {"merge_without_left", [](auto& v) { v.merges.emplace_back(" a"); },
     "tokenizer.ggml.merges[1]: \" a\" is not two texts with a space between"},
    {"merge_of_no_token", [](auto& v) { v.merges.emplace_back("xy\n z"); },
     "tokenizer.ggml.merges[1]: \"xy\\n z\" needs \"xy\\n\", which is no token"},
    {"merge_with_no_token", [](auto& v) { v.merges.emplace_back("z xy"); },
     "tokenizer.ggml.merges[1]: \"z xy\" needs \"xy\", which is no token"},
    {"merge_of_three", [](auto& v) { v.merges.emplace_back("a b c"); },
     "tokenizer.ggml.merges[1]: \"a b c\" needs \"b c\", which is no token"},
    {"byte_token_that_is_none", [](auto& v) { v = sentencepiece_with("<0x1G>", byte, 0); },
     "tokenizer.ggml.tokens[260]: \"<0x1G>\" is typed as a byte but is not `<0xNN>`"},
    {"signed_byte_token", [](auto& v) { v = sentencepiece_with("<0x-1>", byte, 0); },
     "tokenizer.ggml.tokens[260]: \"<0x-1>\" is typed as a byte but is not `<0xNN>`"},
};
INSTANTIATE_TEST_SUITE_P(Files, MalformedVocabulary, testing::ValuesIn(malformed),
                         [](const auto& info) { return std::string(info.param.name); });

class RoleOutsideVocabulary : public testing::TestWithParam<const char*> {};

TEST_P(RoleOutsideVocabulary, IsRefused) {
  const std::string key = std::string("tokenizer.ggml.") + GetParam() + "_token_id";
  SmallVocabulary v = byte_level_vocabulary();
  v.more = [&](gguf::Writer& writer) { writer.add_u32(key, 257); };
  try {
    make_tokenizer(v);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::EndsWith("m.gguf: " + key +
                                                ": 257 is not in the vocabulary of 257 tokens"));
  }
}

INSTANTIATE_TEST_SUITE_P(Roles, RoleOutsideVocabulary,
                         testing::Values("bos", "eos", "eot", "eom", "unknown", "seperator",
                                         "padding", "cls", "mask", "fim_pre", "fim_suf",
                                         "fim_mid"));

TEST(MalformedTokens, AreRefused) {
  gguf::Writer writer;
  const auto path = std::filesystem::temp_directory_path() /
                    ("weld_text_tokens_" + std::to_string(getpid()) + ".gguf");
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.write(path.string());
  EXPECT_THROW(text::Tokenizer{gguf::File::open(path.string())}, Error);
  writer.add_string("tokenizer.ggml.tokens", "one string");
  writer.write(path.string());
  EXPECT_THROW(text::Tokenizer{gguf::File::open(path.string())}, Error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace weld::test
