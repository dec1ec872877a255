// weld perplexity: how well a model predicts a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session_flags.h"
#include "fail.h"
#include "weld/weld.h"

namespace weld::cli {
namespace {

/// Sums over the scored tokens; their surprise is -log p.
struct Score {
  int64_t tokens = 0;
  double surprise = 0;
  double squares = 0;

  void add(double value) {
    ++tokens;
    surprise += value;
    squares += value * value;
  }
  double mean() const { return surprise / static_cast<double>(tokens); }
  double perplexity() const { return std::exp(mean()); }
  /// The standard error of the mean, carried over to its exponential.
  double error() const {
    if (tokens < 2) return 0;
    const double variance = squares / static_cast<double>(tokens) - mean() * mean();
    return perplexity() * std::sqrt(std::max(variance, 0.0) / static_cast<double>(tokens - 1));
  }
};

/// -log of the probability that the softmax of the logits gives to a token.
double surprise(std::span<const float> logits, Token token) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - most);
  return std::log(sum) + most - logits[static_cast<size_t>(token)];
}

/// Reads the first half of a chunk for context and scores the rest.
void score_chunk(const Model& model, const SessionOptions& options, std::span<const Token> chunk,
                 Score& score) {
  const size_t half = chunk.size() / 2;
  const auto vocabulary = static_cast<size_t>(model.vocabulary());
  Session session(model, options);
  session.prefill(chunk.first(half));
  size_t next = half + 1;
  session.evaluate(
      chunk.subspan(half, chunk.size() - half - 1), [&](std::span<const float> logits, int rows) {
        for (size_t row = 0; row < static_cast<size_t>(rows); ++row)
          score.add(surprise(logits.subspan(row * vocabulary, vocabulary), chunk[next++]));
      });
}

}  // namespace

int perplexity(const Words& words) {
  std::string path, file;
  SessionFlags values;
  values.context = 512;
  Flags flags(
      "perplexity",
      "Prints the perplexity of a text. It is cut into chunks of -c tokens, each read by\n"
      "itself, the rest left out; a beginning-of-text token, where the model wants one,\n"
      "takes the place of a chunk's first. In the second half of each chunk every token but\n"
      "the half's first is scored; the result is exp(mean of -log p), with its standard error.");
  add_model_flag(flags, path);
  flags.add_option("-f,--file", file, "the text (-: standard input)")
      ->type_name("FILE")
      ->required();
  add_context_flag(flags, values, 4, "tokens of a chunk");
  add_session_flags(flags, values);
  if (!flags.read(words)) return 0;
  const SessionOptions options = session_options(flags, values);

  const Model model = Model::load(path);
  const bool beginning = model.adds_beginning();
  std::vector<Token> tokens = model.encode(read_input(file), {.beginning = beginning});
  const auto size = static_cast<size_t>(values.context);
  const size_t chunks = tokens.size() / size;
  if (chunks == 0)
    fail("the text has {} tokens, fewer than a chunk of {}; try a smaller -c", tokens.size(), size);

  Score score;
  for (size_t i = 0; i < chunks; ++i) {
    const std::span<Token> chunk(tokens.data() + i * size, size);
    if (beginning && model.beginning()) chunk[0] = *model.beginning();
    score_chunk(model, options, chunk, score);
    print_line(fmt::format("chunk {} of {}: {:.4f}", i + 1, chunks, score.perplexity()));
  }
  write_output(fmt::format("perplexity: {:.4f} +/- {:.4f} ({} tokens scored, {} chunks of {})\n",
                           score.perplexity(), score.error(), score.tokens, chunks, size));
  return 0;
}

}  // namespace weld::cli
