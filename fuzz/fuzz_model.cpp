// Fuzzes tokenizer and model binding: any file ends in a model that runs, or in one line of error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/session.h"
#include "gguf/file.h"
#include "input.h"
#include "model/model.h"
#include "text/tokenizer.h"

using weld::gguf::File;

namespace {

void use_tokenizer(const File& file) {
  const weld::text::Tokenizer tokenizer(file);
  const auto size = static_cast<int32_t>(tokenizer.size());
  const std::string text = "Two  words, 123 o'clock\n\xC3\xA9\xFF<s>";
  for (const int32_t token : tokenizer.encode(text, {.bos = true, .special = true}))
    if (token < 0 || token >= size) __builtin_trap();
  for (int32_t token = 0; token < std::min(size, 300); ++token) {
    tokenizer.piece(token, true);
    tokenizer.ends_generation(token);
  }
}

/// A file of some kilobytes holds only small models, so two tokens are soon read.
void use_model(File file) {
  const weld::model::Model model(std::move(file));
  for (int i = 0; i < model.config().layers; ++i) model.fused_groups(i);
  weld::engine::SessionOptions options;
  options.context = 8;
  options.batch = 2;
  options.threads = 1;
  weld::engine::Session session(model, options);
  const std::vector<int32_t> tokens = {0, model.vocabulary() - 1, 0};
  session.prefill(tokens);
  if (session.logits().size() != static_cast<size_t>(model.vocabulary())) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string& path = file_of(data, size);
  allow_error([&] { use_tokenizer(File::open(path)); });
  allow_error([&] { use_model(File::open(path)); });
  return 0;
}
