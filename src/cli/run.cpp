// weld run: reads a prompt, streams what the model makes of it, and says how fast that was.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <limits>
#include <random>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session_flags.h"
#include "fail.h"
#include "text/tokenizer.h"
#include "weld/weld.h"

namespace weld::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// What a shell reports of a program that Ctrl-C ended.
constexpr int interrupted_status = 130;

struct RunFlags {
  std::string model;
  std::string prompt;
  std::string file;
  int count = 256;
  std::string seed = "0";
  SamplerOptions sampler;
  SessionFlags session;
};

void add_flags(Flags& flags, RunFlags& values) {
  constexpr int any = std::numeric_limits<int>::max();
  SamplerOptions& sampler = values.sampler;
  add_model_flag(flags, values.model);
  flags.add_option("-p,--prompt", values.prompt, "the text to continue")->type_name("TEXT");
  flags
      .add_option("-f,--file", values.file,
                  "the same from a file (-: standard input), but for its last newline")
      ->type_name("FILE");
  flags.add_number("-n,--predict", values.count, -1, any,
                   "tokens to generate; -1: to the end of the text or the context");
  add_context_flag(flags, values.session, 0,
                   "tokens of context; 0: what the model was trained for");
  flags.add_number("--temp", sampler.temperature, 0, 1000, "temperature; 0: the likeliest token");
  flags.add_number("--top-k", sampler.top_k, 0, any, "sample from so many tokens; 0: from all");
  flags.add_number("--top-p", sampler.top_p, 0, 1, "... from those with this share of probability");
  flags.add_number("--min-p", sampler.min_p, 0, 1,
                   "... from those so many times as likely as the best");
  flags.add_number("--repeat-penalty", sampler.repeat_penalty, 0.01F, 100,
                   "make the last 64 tokens less likely; 1: do not");
  flags
      .add_option("--seed", values.seed,
                  "the same seed gives the same text; -1: a new one (default 0)")
      ->type_name("N");
  add_session_flags(flags, values.session);
}

uint64_t parse_seed(const std::string& word) {
  if (word == "-1") {
    std::random_device random;
    const uint64_t seed = uint64_t{random()} << 32 | random();
    print_line(fmt::format("seed: {}", seed));
    return seed;
  }
  uint64_t seed = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, seed);
  if (stop != end || error != std::errc())
    throw UsageError(
        fmt::format("--seed: must be a whole number from -1 to 2^64 - 1, is \"{}\"", word));
  return seed;
}

std::string read_prompt(const RunFlags& flags) {
  if (flags.file.empty()) return flags.prompt;
  std::string text = read_input(flags.file);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// "prefill: 512 tokens, 2.91 s, 176.0 tokens/s"
void report(const char* phase, int tokens, Clock::time_point begin) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string rate =
      tokens > 0 ? fmt::format(", {:.1f} tokens/s", tokens / std::max(seconds, 1e-9)) : "";
  print_line(fmt::format("{}: {} tokens, {:.2f} s{}", phase, tokens, seconds, rate));
}

/// Reads the prompt; false if Ctrl-C came first.
bool prefill(Session& session, Sampler& sampler, std::span<const Token> prompt, int batch) {
  const auto total = static_cast<int>(prompt.size());
  const auto begin = Clock::now();
  int done = 0;
  {
    const ProgressBar bar("prefill", total > batch ? total : 0);
    bar.show(0);
    done = session.prefill(prompt, [&](int so_far) {
      bar.show(so_far);
      return !interrupted();
    });
  }
  for (const Token token : prompt) sampler.accept(token);
  report("prefill", done, begin);
  return done == total;
}

/// Writes text as its characters become whole, and a newline after the last.
class TextStream {
 public:
  void push(std::string_view bytes) { write(utf8_.push(bytes)); }
  void finish() {
    write(utf8_.finish());
    if (last_ != '\n') write("\n");
  }

 private:
  void write(std::string_view text) {
    if (text.empty()) return;
    write_output(text);
    flush_output();
    last_ = text.back();
  }

  text::Utf8Stream utf8_;
  char last_ = '\n';
};

void generate(const Model& model, Session& session, Sampler& sampler, int count) {
  TextStream text;
  const int before = session.position();
  const auto begin = Clock::now();
  const Stop stop = session.generate(sampler, count, [&](Token token) {
    text.push(model.piece(token));
    return !interrupted();
  });
  text.finish();
  // The first token comes of the prompt's logits, so the tokens read are what took the time.
  report("generation", session.position() - before, begin);
  if (stop == Stop::Context)
    print_line(fmt::format("stopped: the context of {} tokens is full", session.context()));
}

}  // namespace

int run(const Words& words) {
  RunFlags values;
  Flags flags("run", "Continues a text. The new text alone goes to standard output.");
  add_flags(flags, values);
  if (!flags.read(words)) return 0;
  const bool from_file = flags.count("-f") > 0;
  if ((flags.count("-p") > 0) == from_file)
    throw UsageError("give a prompt: either -p TEXT or -f FILE");
  const SessionOptions options = session_options(flags, values.session);
  values.sampler.seed = parse_seed(values.seed);

  const Model model = Model::load(values.model);
  const std::vector<Token> prompt =
      model.encode(read_prompt(values), {.beginning = model.adds_beginning()});
  if (prompt.empty()) fail("the prompt has no tokens");
  print_line(model.description());

  Sampler sampler(values.sampler);
  Session session(model, options);
  catch_interrupt();
  if (prefill(session, sampler, prompt, options.batch))
    generate(model, session, sampler, values.count);
  return interrupted() ? interrupted_status : 0;
}

}  // namespace weld::cli
