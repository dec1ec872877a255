// weld logits: the logits after each of some tokens, for programs to compare.
#include <bit>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/session_flags.h"
#include "cli/tokens.h"
#include "weld/weld.h"

namespace weld::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "the output is little-endian");

std::vector<Token> parse_token_flag(const std::string& text) {
  try {
    std::vector<Token> tokens = parse_tokens(text);
    if (tokens.empty()) throw Error("is empty");
    return tokens;
  } catch (const Error& error) {
    throw UsageError(std::string("--tokens: ") + error.what());
  }
}

}  // namespace

int logits(const Words& words) {
  std::string path, token_list, output_path;
  SessionFlags values;
  Flags flags("logits",
              "Writes the logits after each token: rows x vocabulary, little-endian float32.");
  add_model_flag(flags, path);
  flags.add_option("--tokens", token_list, "token ids: 1,2,3")->type_name("LIST")->required();
  flags.add_option("-o,--output", output_path, "where to (-: standard output)")
      ->type_name("FILE")
      ->required();
  add_context_flag(flags, values, 0, "tokens of context; 0: what the model was trained for");
  add_session_flags(flags, values);
  if (!flags.read(words)) return 0;
  const SessionOptions options = session_options(flags, values);
  const std::vector<Token> tokens = parse_token_flag(token_list);

  const Model model = Model::load(path);
  Session session(model, options);
  return run_interruptible([&] {
    OutputFile output(output_path);
    session.evaluate(tokens, [&](std::span<const float> rows, int) {
      if (interrupted()) throw Error("interrupted");
      output.write({reinterpret_cast<const char*>(rows.data()), rows.size_bytes()});
    });
    output.close();
  });
}

}  // namespace weld::cli
