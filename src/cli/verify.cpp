// weld verify: whether two files hold the same model.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "fail.h"
#include "gguf/quoted.h"
#include "rewrite/compare.h"
#include "weld/weld.h"

namespace weld::cli {
namespace {

constexpr size_t most_shown = 20;
/// Tokens of the prompt that both run; any will do, as long as they are the same.
constexpr int prompt_tokens = 48;

std::vector<float> logits_of(const Model& model) {
  std::vector<Token> prompt;
  const int count = std::min(prompt_tokens, model.context());
  for (int64_t i = 0; i < count; ++i)
    prompt.push_back(static_cast<Token>((i * 7919 + 1) % model.vocabulary()));
  Session session(model, {.context = count});
  std::vector<float> all;
  session.evaluate(prompt, [&](std::span<const float> rows, int) {
    all.insert(all.end(), rows.begin(), rows.end());
  });
  return all;
}

/// Throws unless both models have the same logits, to the bit.
void compare_logits(const std::string& a, const std::string& b) {
  const std::vector<float> one = logits_of(Model::load(a)), other = logits_of(Model::load(b));
  if (one.size() != other.size() ||
      std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) != 0)
    fail("{} and {}: their logits differ", gguf::plain(a), gguf::plain(b));
}

}  // namespace

int verify(const Words& words) {
  std::string a, b;
  bool logits = false;
  Flags flags(
      "verify",
      "Tells whether A and B hold the same model, whatever their layouts: the same tensors\n"
      "member by member, the same metadata but for weld's own. Prints each difference.");
  flags.add_option("A", a, "a model")->required();
  flags.add_option("B", b, "another")->required();
  flags.add_flag("--logits", logits, "run a prompt on both and compare the logits' bits too");
  if (!flags.read(words)) return 0;

  const gguf::File first = gguf::File::open(a), second = gguf::File::open(b);
  std::vector<std::string> differences;
  {
    ByteProgress bar("verify", rewrite::tensor_bytes(first));
    differences = rewrite::find_differences(first, second, [&](uint64_t bytes) {
      bar.add(bytes);
      return true;
    });
  }
  for (size_t i = 0; i < std::min(differences.size(), most_shown); ++i)
    write_output(differences[i] + "\n");
  if (differences.size() > most_shown)
    write_output(fmt::format("... and {} more\n", differences.size() - most_shown));
  if (!differences.empty()) {
    flush_output();
    fail("{} and {}: differ in {} places", gguf::plain(a), gguf::plain(b), differences.size());
  }
  if (logits) compare_logits(a, b);
  write_output(fmt::format("the same model{}\n", logits ? ", the same logits to the bit" : ""));
  return 0;
}

}  // namespace weld::cli
