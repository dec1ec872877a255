// weld run: reads a prompt, streams what the model makes of it, and says how fast that was.
#include <fmt/format.h>

#include <limits>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/sampler_flags.h"
#include "cli/session_flags.h"
#include "cli/text_stream.h"
#include "fail.h"
#include "stopwatch.h"
#include "weld/weld.h"

namespace weld::cli {
namespace {

struct RunFlags {
  std::string model;
  std::string prompt;
  std::string file;
  int count = 256;
  SamplerFlags sampler;
  SessionFlags session;
};

void add_flags(Flags& flags, RunFlags& values) {
  constexpr int any = std::numeric_limits<int>::max();
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
  add_sampler_flags(flags, values.sampler);
  add_session_flags(flags, values.session);
}

std::string read_prompt(const std::string& file) {
  std::string text = read_input(file);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// "prefill: 512 tokens, 2.91 s, 176.0 tokens/s"
void report(const char* phase, int tokens, double seconds) {
  const std::string rate = tokens > 0 ? fmt::format(", {:.1f} tokens/s", tokens / seconds) : "";
  print_line(fmt::format("{}: {} tokens, {:.2f} s{}", phase, tokens, seconds, rate));
}

/// Reads the prompt; false if Ctrl-C came first.
bool prefill(Session& session, Sampler& sampler, std::span<const Token> prompt, int batch) {
  const auto total = static_cast<int>(prompt.size());
  const Stopwatch watch;
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
  report("prefill", done, watch.seconds());
  return done == total;
}

void generate(const Model& model, Session& session, Sampler& sampler, int count) {
  TextStream text;
  const int before = session.position();
  const Stopwatch watch;
  const Stop stop = session.generate(sampler, count, [&](Token token) {
    text.push(model.piece(token));
    return !interrupted();
  });
  text.finish();
  // The first token comes of the prompt's logits, so the tokens read are what took the time.
  report("generation", session.position() - before, watch.seconds());
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
  const SamplerOptions sampling = sampler_options(values.sampler);

  const Model model = Model::load(values.model);
  const std::string text = from_file ? read_prompt(values.file) : values.prompt;
  const std::vector<Token> prompt = model.encode(text, {.beginning = model.adds_beginning()});
  if (prompt.empty()) fail("the prompt has no tokens");
  print_line(model.description());

  Sampler sampler(sampling);
  Session session(model, options);
  catch_interrupt();
  if (prefill(session, sampler, prompt, options.batch))
    generate(model, session, sampler, values.count);
  return interrupted() ? interrupted_status() : 0;
}

}  // namespace weld::cli
