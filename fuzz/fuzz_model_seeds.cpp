// Writes a small model of each architecture, with a tokenizer, for the fuzzer to start from:
// fuzz_model_seeds FOLDER
#include <cstdio>
#include <string>
#include <vector>

#include "micro_model.h"
#include "text/byte_level.h"
#include "weld/error.h"

using namespace weld::test;

namespace {

/// As small as an architecture can be: libFuzzer learns faster from short inputs.
Draft make_small(const std::string& architecture, int experts) {
  Micro micro;
  micro.architecture = architecture;
  micro.layers = 1;
  micro.embedding = 32;
  micro.heads = 2;
  micro.key_value_heads = 1;
  micro.key_size = micro.value_size = 8;
  micro.feed_forward = 32;
  micro.experts = experts;
  micro.experts_used = 1;
  micro.vocabulary = 260;
  micro.tied = true;
  micro.choose_type = [](std::string_view name, weld::gguf::Type type) {
    return name == "token_embd" || name == "attn_k" ? weld::gguf::Type::Q4_0 : type;
  };
  return make(micro);
}

void add_byte_level(Draft& draft, const std::string& pretokenizer) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 256; ++i)
    tokens.push_back(weld::text::to_byte_level(static_cast<uint8_t>(i)));
  tokens.insert(tokens.end(), {"he", "the", "<s>", "<e>"});
  draft.set_string("tokenizer.ggml.model", "gpt2");
  draft.set_string("tokenizer.ggml.pre", pretokenizer);
  draft.set_strings("tokenizer.ggml.tokens", tokens);
  draft.set_strings("tokenizer.ggml.merges", std::vector<std::string>{"h e", "t he"});
  draft.set_u32("tokenizer.ggml.bos_token_id", 258);
  draft.set_u32("tokenizer.ggml.eos_token_id", 259);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_model_seeds FOLDER\n", stderr);
    return 2;
  }
  const std::string folder = std::string(argv[1]) + "/";
  const struct {
    const char* architecture;
    int experts;
    const char* pretokenizer;
  } seeds[] = {{"llama", 0, "llama-bpe"}, {"llama", 2, "gpt-2"},    {"qwen2", 0, "qwen2"},
               {"qwen3", 0, "qwen2"},     {"qwen3moe", 3, "qwen2"}, {"gpt-oss", 2, "gpt-4o"}};
  try {
    for (const auto& seed : seeds) {
      Draft draft = make_small(seed.architecture, seed.experts);
      add_byte_level(draft, seed.pretokenizer);
      draft.write(folder + seed.architecture + std::to_string(seed.experts) + ".gguf");
    }
  } catch (const weld::Error& error) {
    std::fprintf(stderr, "fuzz_model_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
