// Small vocabularies, right or wrong, written to GGUF files and read again.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/writer.h"
#include "text/byte_level.h"
#include "text/tokenizer.h"

namespace weld::test {

constexpr int32_t normal = 1;
constexpr int32_t unknown = 2;
constexpr int32_t control = 3;
constexpr int32_t user_defined = 4;
constexpr int32_t unused = 5;
constexpr int32_t byte = 6;

/// What a file says under `tokenizer.ggml.`; what is empty is left out, but for the tokens.
struct SmallVocabulary {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<float> scores;
  std::vector<std::string> merges;
  std::function<void(gguf::Writer&)> more = [](gguf::Writer&) {};

  void add(const std::string& token, int32_t type, float score = 0.0F) {
    tokens.push_back(token);
    types.push_back(type);
    if (model == "llama") scores.push_back(score);
  }

  /// Adds a merge, and what it gives if that is no token yet.
  void merge(const std::string& left, const std::string& right) {
    merges.push_back(left + " " + right);
    if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end())
      add(left + right, normal);
  }

  int32_t id(const std::string& token) const {
    const auto found = std::find(tokens.begin(), tokens.end(), token);
    EXPECT_NE(found, tokens.end()) << token;
    return static_cast<int32_t>(found - tokens.begin());
  }
};

/// All bytes, as byte-level BPE writes them; a token's id is its byte.
inline SmallVocabulary byte_level_vocabulary() {
  SmallVocabulary vocabulary;
  for (int i = 0; i < 256; ++i)
    vocabulary.add(text::to_byte_level(static_cast<uint8_t>(i)), normal);
  vocabulary.merges.push_back("h e");
  vocabulary.add("he", normal);
  return vocabulary;
}

/// `<unk>`, `<s>`, `</s>`, all byte tokens, the space, and no more.
inline SmallVocabulary sentencepiece_vocabulary() {
  SmallVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.pre = "";
  vocabulary.add("<unk>", unknown);
  vocabulary.add("<s>", control);
  vocabulary.add("</s>", control);
  constexpr char digits[] = "0123456789ABCDEF";
  for (int i = 0; i < 256; ++i)
    vocabulary.add(std::string("<0x") + digits[i / 16] + digits[i % 16] + '>', byte);
  vocabulary.add("\u2581", normal, -1.0F);
  return vocabulary;
}

/// The vocabulary, written and mapped again. The name that is left of its path is "m.gguf".
inline gguf::File write_and_open(const SmallVocabulary& vocabulary) {
  gguf::Writer writer;
  const auto key = [](const char* name) { return std::string("tokenizer.ggml.") + name; };
  if (!vocabulary.model.empty()) writer.add_string(key("model"), vocabulary.model);
  if (!vocabulary.pre.empty()) writer.add_string(key("pre"), vocabulary.pre);
  writer.add_strings(key("tokens"), vocabulary.tokens);
  if (!vocabulary.types.empty()) writer.add_i32s(key("token_type"), vocabulary.types);
  if (!vocabulary.scores.empty()) writer.add_f32s(key("scores"), vocabulary.scores);
  if (!vocabulary.merges.empty()) writer.add_strings(key("merges"), vocabulary.merges);
  vocabulary.more(writer);

  const auto folder =
      std::filesystem::temp_directory_path() / ("weld_text_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "m.gguf").string();
  writer.write(path);
  gguf::File file = gguf::File::open(path);
  std::filesystem::remove_all(folder);  // the mapping stays
  return file;
}

inline text::Tokenizer make_tokenizer(const SmallVocabulary& vocabulary) {
  return text::Tokenizer(write_and_open(vocabulary));
}

using Ids = std::vector<text::Token>;

}  // namespace weld::test
