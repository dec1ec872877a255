// Reading the special token ids of a file, and knowing the end of a turn where a file does not
// tell.
#include "text/roles.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "fail.h"

namespace weld::text {

namespace {

// Texts of control tokens after which a model has nothing more to say, and waits. Many files name
// one such token as eos and leave the others to be known: a chat model's eos may be its base
// model's.
constexpr std::string_view known_ends[] = {
    "<|im_end|>",             // ChatML: Qwen and many others
    "<|endoftext|>",          // GPT-2, Qwen, Phi
    "<|eot_id|>",             // Llama 3
    "<|eom_id|>",             // Llama 3, before a tool call
    "<|end_of_text|>",        // Llama 3, Granite
    "<|eot|>",                // Llama 4
    "<|eom|>",                // Llama 4
    "<|end|>",                // Phi 3
    "<|return|>",             // gpt-oss
    "<|call|>",               // gpt-oss, before a tool call
    "<end_of_turn>",          // Gemma
    "<EOT>",                  // Refact, CodeLlama
    "</s>",                   // SentencePiece
    "<｜end▁of▁sentence｜>",  // DeepSeek
    "<|END_OF_TURN_TOKEN|>",  // Command R
};

std::optional<Token> find_control(const Vocabulary& vocabulary, std::string_view text) {
  const std::optional<Token> token = vocabulary.find(text);
  return token && vocabulary.type(*token) == TokenType::Control ? token : std::nullopt;
}

}  // namespace

Roles read_roles(const gguf::File& file, const Vocabulary& vocabulary, bool sentencepiece) {
  const auto read = [&](std::string_view role) -> std::optional<Token> {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", role);
    const std::optional<uint64_t> id = file.find_uint(key);
    if (!id) return std::nullopt;
    if (*id >= vocabulary.size())
      fail("{}: {}: {} is not in the vocabulary of {} tokens", file.path(), key, *id,
           vocabulary.size());
    return static_cast<Token>(*id);
  };

  Roles roles{read("bos"), read("eos"), read("unknown"), {}};
  if (sentencepiece) {
    const auto find_typed = [&](std::string_view text) -> std::optional<Token> {
      const std::optional<Token> token = vocabulary.find(text);
      return token && vocabulary.type(*token) != TokenType::Normal ? token : std::nullopt;
    };
    if (!roles.bos) roles.bos = find_typed("<s>");
    if (!roles.eos) roles.eos = find_typed("</s>");
    if (!roles.unknown) roles.unknown = find_typed("<unk>");
  }

  for (const std::optional<Token> token : {roles.eos, read("eot"), read("eom")})
    if (token) roles.ends.push_back(*token);
  // In gpt-oss `<|end|>` ends a message, and the next one, of another channel, follows.
  const bool messages_follow =
      find_control(vocabulary, "<|return|>") && find_control(vocabulary, "<|call|>");
  for (const std::string_view text : known_ends) {
    if (text == "<|end|>" && messages_follow) continue;
    if (const auto token = find_control(vocabulary, text)) roles.ends.push_back(*token);
  }
  std::sort(roles.ends.begin(), roles.ends.end());

  // The roles that weld has no use for are checked all the same. "seperator" is how the format
  // spells it.
  for (const std::string_view role :
       {"seperator", "padding", "cls", "mask", "prefix", "suffix", "middle", "fim_pre", "fim_suf",
        "fim_mid", "fim_pad", "fim_rep", "fim_sep"})
    read(role);
  return roles;
}

}  // namespace weld::text
