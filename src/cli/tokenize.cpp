// weld tokenize: text to token ids and back.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session_flags.h"
#include "cli/tokens.h"
#include "text/tokenizer.h"
#include "weld/error.h"

namespace weld::cli {
namespace {

/// Ids that came as a word of the command line make a bad command line when they are none.
std::vector<text::Token> read_ids(const std::string& text, bool is_word) {
  if (!is_word) return parse_tokens(text);
  try {
    return parse_tokens(text);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

int tokenize(const Words& words) {
  std::string path, text;
  bool json = false, bos = false, no_special = false, decode = false;
  Flags flags("tokenize",
              "Prints the token ids of TEXT, or of standard input byte for byte. A file with a\n"
              "vocabulary and no tensors will do.");
  add_model_flag(flags, path);
  flags.add_option("TEXT", text, "the text (after -- if it begins with a dash)");
  flags.add_flag("--json", json, "print a JSON array instead of ids with spaces between");
  flags.add_flag("--bos", bos, "begin with the beginning-of-text token");
  flags.add_flag(
      "--no-special", no_special,
      "take control tokens such as <|im_start|> for text; with --decode, leave them out");
  flags.add_flag("--decode", decode, "turn ids, in either form, into the bytes they stand for");
  if (!flags.read(words)) return 0;

  const text::Tokenizer tokenizer(gguf::File::open(path));
  const bool is_word = flags.count("TEXT") > 0;
  if (!is_word) text = read_input("-");
  if (decode) {
    write_output(tokenizer.decode(read_ids(text, is_word), !no_special));
    return 0;
  }
  const auto tokens = tokenizer.encode(text, {.bos = bos, .special = !no_special});
  write_output(json ? fmt::format("[{}]\n", fmt::join(tokens, ", "))
                    : fmt::format("{}\n", fmt::join(tokens, " ")));
  return 0;
}

}  // namespace weld::cli
