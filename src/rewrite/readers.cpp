// The table, from the engines' sources: what each loads where it asks for attn_qkv or
// ffn_gate_up_exps (llama.cpp: src/models/*.cpp; ik_llama.cpp: src/llama-load-tensors.cpp).
#include "rewrite/readers.h"

#include <algorithm>
#include <span>

namespace weld::rewrite {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view llama_qkv[] = {"afmoe",
                                          "apertus",
                                          "arcee",
                                          "arctic",
                                          "baichuan",
                                          "bailingmoe",
                                          "bailingmoe2",
                                          "bert",
                                          "bloom",
                                          "chameleon",
                                          "chatglm",
                                          "codeshell",
                                          "cogvlm",
                                          "cohere2",
                                          "cohere2moe",
                                          "command-r",
                                          "dbrx",
                                          "deci",
                                          "deepseek",
                                          "dots1",
                                          "dream",
                                          "ernie4_5",
                                          "ernie4_5-moe",
                                          "eurobert",
                                          "exaone",
                                          "exaone-moe",
                                          "exaone4",
                                          "falcon",
                                          "falcon-h1",
                                          "gemma",
                                          "gemma-embedding",
                                          "gemma2",
                                          "gemma3",
                                          "gemma3n",
                                          "glm4",
                                          "glm4moe",
                                          "gpt-oss",
                                          "gpt2",
                                          "gptneox",
                                          "granite",
                                          "granitehybrid",
                                          "granitemoe",
                                          "grok",
                                          "grovemoe",
                                          "hunyuan-dense",
                                          "hunyuan-moe",
                                          "hunyuan_vl",
                                          "hy_v3",
                                          "internlm2",
                                          "jais",
                                          "jamba",
                                          "jina-bert-v2",
                                          "jina-bert-v3",
                                          "kimi-linear",
                                          "laguna",
                                          "lfm2",
                                          "lfm2moe",
                                          "llada-moe",
                                          "llama",
                                          "llama-embed",
                                          "llama4",
                                          "maincoder",
                                          "mellum",
                                          "mimo2",
                                          "minicpm",
                                          "minimax-m2",
                                          "minimax-m3",
                                          "mistral3",
                                          "modern-bert",
                                          "mpt",
                                          "nanbeige",
                                          "nemotron",
                                          "nemotron_h",
                                          "nemotron_h_moe",
                                          "neo-bert",
                                          "nomic-bert",
                                          "nomic-bert-moe",
                                          "olmo",
                                          "olmo2",
                                          "olmoe",
                                          "openelm",
                                          "orion",
                                          "paddleocr",
                                          "pangu-embedded",
                                          "phi2",
                                          "phi3",
                                          "phimoe",
                                          "plamo",
                                          "plamo2",
                                          "plamo3",
                                          "qwen",
                                          "qwen2",
                                          "qwen2moe",
                                          "qwen2vl",
                                          "qwen3",
                                          "qwen35",
                                          "qwen35moe",
                                          "qwen3moe",
                                          "qwen3next",
                                          "qwen3vl",
                                          "qwen3vlmoe",
                                          "refact",
                                          "rnd1",
                                          "seed_oss",
                                          "smallthinker",
                                          "smollm3",
                                          "stablelm",
                                          "starcoder",
                                          "starcoder2",
                                          "step35",
                                          "talkie",
                                          "xverse"};

constexpr std::string_view llama_gate_up[] = {"cohere2moe", "deepseek2", "deepseek2-ocr",
                                              "gemma4",     "hy_v3",     "mistral4",
                                              "qwen35moe",  "qwen3next"};

constexpr std::string_view ik_qkv[] = {"bailingmoe2", "bert",   "bloom", "chatglm",    "codeshell",
                                       "dbrx",        "falcon", "glm4",  "gpt2",       "gptneox",
                                       "internlm2",   "jais",   "mpt",   "nomic-bert", "openelm",
                                       "phi2",        "phi3",   "qwen",  "starcoder"};

constexpr std::string_view ik_gate_up[] = {
    "bailingmoe2", "bailingmoe3", "cohere2_moe", "dbrx",       "deepseek2",   "deepseek4",
    "dots1",       "gemma4",      "glm4moe",     "gpt-oss",    "hunyuan-moe", "laguna",
    "llama4",      "mellum",      "mimo2",       "minimax-m2", "minimax-m3",  "mistral4",
    "qwen2moe",    "qwen35moe",   "qwen3moe",    "qwen3next",  "qwen3vlmoe",  "step35"};

bool contains(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_qkv(const Group& group) { return &group == &groups()[0]; }

}  // namespace

const Reader readers[2] = {
    {"llama.cpp",
     [](std::string_view architecture, const Group& group) {
       return contains(is_qkv(group) ? Names(llama_qkv) : Names(llama_gate_up), architecture);
     }},
    {"ik_llama.cpp",
     [](std::string_view architecture, const Group& group) {
       return contains(is_qkv(group) ? Names(ik_qkv) : Names(ik_gate_up), architecture);
     }},
};

}  // namespace weld::rewrite
