// weld chat: a conversation on a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "cli/chat_template.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/output.h"
#include "cli/sampler_flags.h"
#include "cli/session_flags.h"
#include "fail.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

constexpr std::string_view quotes = "\"\"\"";

constexpr const char* help_text =
    "/help             this list\n"
    "/reset            forget the conversation, but not the system's message\n"
    "/system TEXT      set the system's message; without TEXT there is none\n"
    "/save FILE        write the conversation to a file, as JSON\n"
    "/load FILE        go on with a conversation from a file\n"
    "/set NAME VALUE   temp, top-k, top-p, min-p or repeat-penalty; /set alone shows them\n"
    "/exit             end, as Ctrl-D does\n"
    "A line that ends with a backslash goes on in the next. A line of three double quotes begins "
    "a\n"
    "message of several lines, and another ends it. Ctrl-C stops an answer.\n";

struct ChatFlags {
  std::string model = WELD_DEFAULT_MODEL;
  std::string chat_template;
  std::string system;
  int count = -1;
  bool timings = false;
  SamplerFlags sampler;
  SessionFlags session;
};

void add_flags(Flags& flags, ChatFlags& values) {
  flags.add_option("-m,--model", values.model, "the model, a GGUF file (default: weld's own)")
      ->type_name("FILE");
  flags.add_option("--template", values.chat_template, "a chat template, in place of the model's")
      ->type_name("FILE");
  flags.add_option("--system", values.system, "the system's message")->type_name("TEXT");
  flags.add_number("-n,--predict", values.count, -1, std::numeric_limits<int>::max(),
                   "tokens that an answer may have; -1: any number");
  flags.add_flag("--timings", values.timings,
                 "before and after each answer, what was read and generated, and how fast");
  add_context_flag(flags, values.session, 0,
                   "tokens of context; 0: what the model was trained for");
  add_sampler_flags(flags, values.sampler);
  add_session_flags(flags, values.session);
}

Conversation::Names read_names(const gguf::File& file, const Model& model) {
  const auto text = [&](const std::optional<uint64_t>& id) {
    return id ? model.piece(static_cast<Token>(*id), true) : "";
  };
  return {text(model.beginning()), text(file.find_uint("tokenizer.ggml.eos_token_id"))};
}

/// A line, with those that belong to it.
struct Message {
  std::string text;
  bool is_command = false;
};

/// The next message or command. Nothing at the end.
std::optional<Message> read_message(LineReader& reader) {
  const auto first = reader.read("> ");
  if (!first) return std::nullopt;
  if (reader.cancelled()) return Message{};
  Message message{*first, first->starts_with('/')};
  // The end of the input is that of the message too.
  if (message.text == quotes) {
    message.text.clear();
    while (const auto line = reader.read("... ")) {
      if (reader.cancelled()) return Message{};
      if (*line == quotes) break;
      message.text += *line + "\n";
    }
    if (!message.text.empty()) message.text.pop_back();
    return message;
  }
  while (message.text.ends_with('\\')) {
    message.text.back() = '\n';
    const auto line = reader.read("... ");
    if (!line) break;
    if (reader.cancelled()) return Message{};
    message.text += *line;
  }
  return message;
}

template <typename T>
T parse(const std::string& name, const std::string& word) {
  try {
    size_t end = 0;
    const double value = std::stod(word, &end);
    if (end == word.size() && value >= -1e9 && value <= 1e9 &&
        (std::is_floating_point_v<T> || value == std::floor(value)))
      return static_cast<T>(value);
  } catch (const std::exception&) {
    // Said below.
  }
  fail("/set {}: must be {}, is {}", name,
       std::is_floating_point_v<T> ? "a number" : "a whole number", gguf::quoted(word));
}

/// The first word of a line and what follows it, without the blanks around both.
std::pair<std::string, std::string> split_word(std::string_view line) {
  constexpr std::string_view blanks = " \t";
  const auto trim = [&](std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
  };
  line = trim(line);
  const size_t end = std::min(line.find_first_of(blanks), line.size());
  return {std::string(line.substr(0, end)), std::string(trim(line.substr(end)))};
}

void set(const std::string& words, SamplerOptions& options, Sampler& sampler) {
  SamplerOptions changed = options;
  const auto [name, value] = split_word(words);
  if (name == "temp")
    changed.temperature = parse<float>(name, value);
  else if (name == "top-k")
    changed.top_k = parse<int>(name, value);
  else if (name == "top-p")
    changed.top_p = parse<float>(name, value);
  else if (name == "min-p")
    changed.min_p = parse<float>(name, value);
  else if (name == "repeat-penalty")
    changed.repeat_penalty = parse<float>(name, value);
  else if (!name.empty())
    fail("/set: {} is none of temp, top-k, top-p, min-p, repeat-penalty", gguf::quoted(name));
  if (!name.empty()) sampler = Sampler(changed);
  options = changed;
  print_line(fmt::format("temp {}, top-k {}, top-p {}, min-p {}, repeat-penalty {}",
                         options.temperature, options.top_k, options.top_p, options.min_p,
                         options.repeat_penalty));
}

/// Does what a line that begins with a slash says; false if that is to end.
bool run_command(const std::string& line, Conversation& conversation, SamplerOptions& options,
                 Sampler& sampler) {
  const auto words = split_word(std::string_view(line).substr(1));
  const std::string &name = words.first, &rest = words.second;
  const auto need_file = [&] {
    if (rest.empty()) fail("/{}: wants a file", name);
  };
  if (name == "exit" || name == "quit") return false;
  if (name == "help") {
    std::fputs(help_text, stderr);
  } else if (name == "reset") {
    conversation.reset();
  } else if (name == "system") {
    conversation.set_system(rest);
  } else if (name == "save") {
    need_file();
    OutputFile file(rest);
    file.write(conversation.to_json());
    file.close();
  } else if (name == "load") {
    need_file();
    conversation.from_json(rest, read_input(rest));
    print_line(fmt::format("{} messages", conversation.size()));
  } else if (name == "set") {
    set(rest, options, sampler);
  } else {
    const std::vector<std::string> names{"help", "reset", "system", "save", "load", "set", "exit"};
    fail("/{} is no command{}; /help lists them", name, suggestion(name, names));
  }
  return true;
}

void converse(Conversation& conversation, SamplerOptions options, int count) {
  Sampler sampler(options);
  LineReader reader;
  while (const auto message = read_message(reader)) {
    if (message->text.empty()) continue;
    forget_interrupt();
    try {
      if (!message->is_command)
        conversation.say(message->text, sampler, count);
      else if (!run_command(message->text, conversation, options, sampler))
        break;
    } catch (const OutputError&) {
      throw;
    } catch (const Error& error) {
      print_line(error.what());
    }
  }
}

}  // namespace

int chat(const Words& words) {
  ChatFlags values;
  Flags flags("chat",
              "Talks with a model. /help, once it runs, lists what can be said besides messages.");
  add_flags(flags, values);
  if (!flags.read(words)) return 0;
  const SessionOptions options = session_options(flags, values.session);
  const SamplerOptions sampling = sampler_options(values.sampler);

  const gguf::File file = gguf::File::open(values.model);
  jinja::Template chat_template = load_template(values.chat_template, &file);
  const Model model = Model::load(values.model);
  Conversation conversation(model, options, std::move(chat_template), read_names(file, model));
  conversation.set_system(values.system);
  if (values.timings) conversation.report_timings();
  print_line(model.description());
  catch_interrupts();
  converse(conversation, sampling, values.count);
  return 0;
}

}  // namespace weld::cli
