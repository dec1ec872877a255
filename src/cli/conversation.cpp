// The cache is kept from turn to turn: of a new prompt only what differs is read.
#include "cli/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/chat_template.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text_stream.h"
#include "fail.h"
#include "jinja/json.h"
#include "stopwatch.h"

namespace weld::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Tokens that must be left for an answer.
int room_for_answer(int context) { return std::min(256, context / 4); }

/// What is typed may be no UTF-8, which JSON cannot say.
std::string to_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string role(const Json& message) { return message.at("role").get<std::string>(); }

}  // namespace

Conversation::Conversation(const Model& model, const SessionOptions& options, jinja::Template chat,
                           Names names)
    : model_(model),
      session_(model, options),
      template_(std::move(chat)),
      names_(std::move(names)),
      batch_(options.batch) {
  const std::vector<Token> mark = model.encode("<|message|>");
  if (mark.size() == 1) message_mark_ = mark[0];
}

void Conversation::say(const std::string& text, Sampler& sampler, int count) {
  const Json before = messages_;
  messages_.push_back({{"role", "user"}, {"content", text}});
  try {
    if (!read(fit_prompt(), sampler)) {
      print_line("stopped before there was an answer: the message is forgotten");
      messages_ = before;
      return;
    }
    messages_.push_back({{"role", "assistant"}, {"content", write_answer(sampler, count)}});
  } catch (const Error&) {
    messages_ = before;
    throw;
  }
}

std::vector<Token> Conversation::encode_prompt() const {
  const Json variables{{"messages", messages_},
                       {"add_generation_prompt", true},
                       {"bos_token", names_.beginning},
                       {"eos_token", names_.end}};
  const std::string prompt = template_.render(
      to_text(variables, -1), {.input = "the conversation", .now = template_time(), .limits = {}});
  const bool begins = !names_.beginning.empty() && prompt.starts_with(names_.beginning);
  return model_.encode(prompt, {.beginning = model_.adds_beginning() && !begins});
}

size_t Conversation::kept() const {
  return !messages_.empty() && role(messages_.front()) == "system" ? 1 : 0;
}

std::vector<Token> Conversation::fit_prompt() {
  const int context = session_.context();
  const auto most = static_cast<size_t>(context - room_for_answer(context));
  size_t forgotten = 0;
  for (;;) {
    std::vector<Token> prompt = encode_prompt();
    if (prompt.empty()) fail("the prompt has no tokens");
    if (prompt.size() <= most) {
      if (forgotten > 0)
        print_line(
            fmt::format("the context of {} tokens is full: the oldest {} messages are forgotten",
                        context, forgotten));
      return prompt;
    }
    const size_t first = kept();
    if (first + 1 >= messages_.size())
      fail(
          "the message is too long: with it the prompt has {} tokens, and of the context of {} "
          "there "
          "is room for {}; try a larger -c",
          prompt.size(), context, most);
    // From one message of the user to the next.
    do {
      messages_.erase(first);
      ++forgotten;
    } while (first + 1 < messages_.size() && role(messages_[first]) != "user");
  }
}

bool Conversation::read(const std::vector<Token>& prompt, Sampler& sampler) {
  held_.resize(static_cast<size_t>(session_.position()));
  const auto same = std::mismatch(held_.begin(), held_.end(), prompt.begin(), prompt.end());
  // The last token is read in any case: an answer begins with its logits.
  auto common = std::min(static_cast<size_t>(same.second - prompt.begin()), prompt.size() - 1);
  if (!session_.rewind(static_cast<int>(common))) {
    session_.rewind(0);
    common = 0;
  }
  const std::span<const Token> rest = std::span(prompt).subspan(common);
  const auto total = static_cast<int>(rest.size());
  const Stopwatch watch;
  int done = 0;
  {
    const ProgressBar bar("prefill", total > batch_ ? total : 0);
    bar.show(0);
    done = session_.prefill(rest, [&](int so_far) {
      bar.show(so_far);
      return !interrupted();
    });
  }
  if (reports_)
    print_line(
        fmt::format("prefill: {} of {} tokens, {:.2f} s", done, prompt.size(), watch.seconds()));
  held_.assign(prompt.begin(), prompt.begin() + static_cast<ptrdiff_t>(common) + done);
  for (const Token token : rest.first(static_cast<size_t>(done))) sampler.accept(token);
  return done == total;
}

std::string Conversation::write_answer(Sampler& sampler, int count) {
  TextStream answer;
  const Stopwatch watch;
  const size_t before = held_.size();
  const Stop stop = session_.generate(sampler, count, [&](Token token) {
    held_.push_back(token);
    answer.push(model_.piece(token));
    return !interrupted();
  });
  answer.finish();
  if (reports_) {
    const size_t tokens = held_.size() - before;
    print_line(fmt::format("generation: {} tokens, {:.2f} s, {:.1f} tokens/s", tokens,
                           watch.seconds(), static_cast<double>(tokens) / watch.seconds()));
  }
  if (stop == Stop::Context)
    print_line(
        fmt::format("the context of {} tokens is full: the answer ends here", session_.context()));
  // In a model that speaks in channels (gpt-oss) the last message is the answer.
  const auto begin = held_.begin() + static_cast<ptrdiff_t>(before);
  const auto mark = std::find(held_.rbegin(), std::make_reverse_iterator(begin), message_mark_);
  if (mark.base() == begin) return answer.text();
  return model_.decode(std::span(mark.base(), held_.end()));
}

void Conversation::set_system(const std::string& text) {
  if (kept() > 0) messages_.erase(0);
  if (!text.empty())
    messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", text}});
}

void Conversation::reset() {
  while (messages_.size() > kept()) messages_.erase(messages_.size() - 1);
}

std::string Conversation::to_json() const {
  return to_text(Json{{"messages", messages_}}, 2) + "\n";
}

void Conversation::from_json(const std::string& name, const std::string& text) {
  // Nobody nests messages so deep, and what writes them again would overflow the stack.
  constexpr int most_depth = 100;
  Json saved;
  try {
    saved = Json::parse(text, [&](int depth, Json::parse_event_t, const Json&) {
      if (depth > most_depth) fail("{}: is nested more than {} deep", name, most_depth);
      return true;
    });
  } catch (const Json::exception& error) {
    fail("{}: {}", name, jinja::json_message(error));
  }
  if (!saved.is_object() || !saved.contains("messages") || !saved["messages"].is_array())
    fail("{}: messages: must be an array", name);
  size_t number = 0;
  for (const Json& message : saved["messages"]) {
    for (const char* key : {"role", "content"})
      if (!message.is_object() || !message.contains(key) || !message[key].is_string())
        fail("{}: messages[{}].{}: must be a string", name, number, key);
    ++number;
  }
  messages_ = saved["messages"];
}

}  // namespace weld::cli
