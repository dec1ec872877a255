// The command line: which subcommand, and how an error is shown.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <new>

#include "cli/commands.h"
#include "cli/output.h"

namespace weld::cli {
namespace {

struct Command {
  const char* name;
  int (*main)(const Words& words);
  const char* summary;
};

constexpr Command commands[] = {
    {"run", run, "continue a text"},
    {"chat", chat, "talk with a model"},
    {"inspect", inspect, "show what a model is, and what fuses with what"},
    {"logits", logits, "write the logits of some tokens"},
    {"perplexity", perplexity, "measure how well a model predicts a text"},
    {"template", render_template, "print the prompt that a chat template makes"},
    {"merge", merge, "put Q, K, V, and gate, up into one tensor each"},
    {"split", split, "put merged tensors into one a member again"},
    {"verify", verify, "tell whether two files hold the same model"},
    {"checksum", checksum, "print a digest of a model that no layout changes"},
    {"recover", recover, "finish an interrupted rewrite in place"},
    {"tokenize", tokenize, "turn text into token ids, or back"},
    {"bench", bench, "measure speed, beside what the machine can do at best"},
    {"synth", synth, "write a model of a real shape with random weights"},
};

constexpr int usage_status = 2;

const Command& find_command(const std::string& name) {
  std::vector<std::string> names{"help"};
  for (const Command& command : commands) {
    if (name == command.name) return command;
    names.emplace_back(command.name);
  }
  throw UsageError(fmt::format("unknown subcommand {}{}", name, suggestion(name, names)));
}

void print_help() {
  std::string text =
      "weld runs GGUF language models with fused projections.\n\n"
      "Usage: weld SUBCOMMAND [OPTIONS]\n\n";
  for (const Command& command : commands)
    text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  text +=
      "\n`weld help SUBCOMMAND` tells more, `weld --version` the version.\n"
      "Results go to standard output, everything else to standard error.\n";
  write_output(text);
}

int help(const Words& words) {
  if (words.empty() || words == Words{"help"}) {
    print_help();
    return 0;
  }
  if (words.size() > 1) throw UsageError("help: takes one subcommand");
  return find_command(words.front()).main({"--help"});
}

/// Runs what the words say; `name` becomes "weld" and the subcommand, once that is known.
int dispatch(const Words& words, std::string& name) {
  if (words.empty()) throw UsageError("which subcommand? `weld help` lists them");
  const std::string& first = words.front();
  const Words rest(words.begin() + 1, words.end());
  if (first == "--version") {
    write_output("weld " WELD_VERSION "\n");
    return 0;
  }
  if (first == "help" || first == "--help" || first == "-h") return help(rest);
  if (first.starts_with('-')) {
    const std::vector<std::string> flags{"--version", "--help", "-h"};
    throw UsageError(fmt::format("unknown flag {}{}", first, suggestion(first, flags)));
  }
  const Command& command = find_command(first);
  name += fmt::format(" {}", command.name);
  return command.main(rest);
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_streams();
  // A reader that goes away, or a limit to the size of files, is an error like any other.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::string name = "weld";
  try {
    const int status = dispatch(Words(argv + std::min(argc, 1), argv + argc), name);
    flush_output();
    return status;
  } catch (const UsageError& error) {
    print_line(fmt::format("{}: {}", name, error.what()));
    return usage_status;
  } catch (const std::bad_alloc&) {
    print_line("weld: out of memory");
  } catch (const std::exception& error) {
    print_line(fmt::format("weld: {}", error.what()));
  }
  return EXIT_FAILURE;
}

}  // namespace weld::cli

int main(int argc, char** argv) { return weld::cli::main(argc, argv); }
