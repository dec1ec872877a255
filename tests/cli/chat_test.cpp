// weld chat, with lines from a pipe: answers on standard output, everything else on standard error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/process.h"
#include "gguf/file.h"
#include "micro_model.h"

namespace weld::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* plain_template =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

std::string write_model(const std::string& from, const std::string& source, int window = 0) {
  Draft draft(gguf::File::open(model(from)));
  draft.set_string("tokenizer.chat_template", source);
  if (window > 0) draft.set_u32("gpt-oss.attention.sliding_window", static_cast<uint32_t>(window));
  const std::string path = scratch(from + "-chat.gguf");
  draft.write(path);
  return path;
}

Words chat_with(const std::string& path, const Words& words = {}) {
  Words all{"chat", "-m", path, "--temp", "0", "-n", "12", "-t", "1"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

/// A conversation of these lines, as it is saved.
struct Saved {
  Result result;
  json messages;
};
Saved talk(const Words& words, const std::string& lines) {
  const std::string path = scratch("saved.json");
  Saved saved{weld(words, lines + "/save " + path + "\n"), {}};
  EXPECT_EQ(saved.result.status, 0) << saved.result.err;
  saved.messages = json::parse(read_file(path)).at("messages");
  return saved;
}

/// What the model answers if it reads the conversation afresh: the first COUNT messages.
std::string fresh_answer(const std::string& path, const json& messages, size_t count) {
  json input{{"messages", json::array()}, {"add_generation_prompt", true}};
  for (size_t i = 0; i < count; ++i) input["messages"].push_back(messages.at(i));
  const std::string prompt = weld({"template", "-m", path}, input.dump()).out;
  return weld({"run", "-m", path, "-p", prompt, "--temp", "0", "-n", "12", "-t", "1", "-ub", "1"})
      .out;
}

void expect_fresh_answers(const std::string& path) {
  // One token at a time: bits depend on how they are batched.
  const Saved saved = talk(chat_with(path, {"-ub", "1"}), "Hello\nAnd now?\nMore, please.\n");
  ASSERT_EQ(saved.messages.size(), 6U);
  std::string all;
  for (size_t i = 1; i < 6; i += 2) {
    EXPECT_EQ(saved.messages[i]["role"], "assistant");
    const std::string answer = fresh_answer(path, saved.messages, i);
    EXPECT_EQ(saved.messages[i]["content"].get<std::string>() + "\n", answer);
    all += answer;
  }
  EXPECT_EQ(saved.result.out, all);
}

TEST(Chat, AnswersAsIfItHadReadEverythingAfresh) {
  expect_fresh_answers(write_model("qwen3-salad", plain_template));
}

TEST(Chat, AnswersSoWithASlidingWindowToo) {
  expect_fresh_answers(write_model("gpt-oss-mxfp4", plain_template, 16));
}

TEST(Chat, AnswersSoWhenTheTemplateChangesThePast) {
  expect_fresh_answers(write_model("gpt-oss-mxfp4",
                                   "ab{{ 'c' * 60 }}{{ messages|length }}{% for m in messages %}{{ "
                                   "m.role * 9 }}{{ m.content if loop.last else m.role }}\n"
                                   "{% endfor %}",
                                   16));
}

TEST(Chat, ReadsOnlyWhatIsNew) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Result result = weld(chat_with(path, {"--timings"}), "Hello\nHello\n");
  EXPECT_EQ(result.status, 0) << result.err;
  int read = 0, all = 0;
  const std::string second = result.err.substr(result.err.rfind("prefill: "));
  ASSERT_EQ(std::sscanf(second.c_str(), "prefill: %d of %d tokens", &read, &all), 2) << result.err;
  EXPECT_GT(all, 40);
  const auto first = static_cast<int>(std::string_view("user: Hello\nassistant: ").size());
  EXPECT_EQ(read, all - first)
      << "random bytes are no text: the answer is read again, as tokens of "
         "its own text; the prompt before it is not";
}

TEST(Chat, EndsWhereAnswersCannotBeWritten) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Result result = weld(chat_with(path), "one\ntwo\n", Output::Full);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(
      result.err.ends_with("\nweld: standard output: cannot write: No space left on device\n"))
      << result.err;
}

TEST(Chat, AnswersTheMessageThatTheInputEndsIn) {
  const std::string path = write_model("qwen3-salad", plain_template);
  for (const char* input : {"one\\", "\"\"\"\none\n"})
    EXPECT_NE(weld(chat_with(path), input).out, "") << input;
}

TEST(Chat, SavesOverNoModel) {
  const std::string path = write_model("qwen3-salad", plain_template), bytes = read_file(path);
  const Result result = weld(chat_with(path), "/save " + path + "\nHello\n");
  EXPECT_THAT(result.err, HasSubstr("\n" + path + ": is a GGUF file, and would be lost\n"));
  EXPECT_NE(result.out, "");
  EXPECT_TRUE(read_file(path) == bytes);
}

TEST(Chat, TakesMessagesOfSeveralLines) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Saved saved =
      talk(chat_with(path), "one\\\ntwo\\\n\\\nthree\n\n\"\"\"\n/a\n\nb\\\n\"\"\"\n");
  ASSERT_EQ(saved.messages.size(), 4U);
  EXPECT_EQ(saved.messages[0]["content"], "one\ntwo\n\nthree");
  EXPECT_EQ(saved.messages[2]["content"], "/a\n\nb\\");
}

TEST(Chat, TakesBytesThatAreNoText) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Saved saved = talk(chat_with(path), "a\xFF\nb\n");
  ASSERT_EQ(saved.messages.size(), 4U) << saved.result.err;
  EXPECT_EQ(saved.messages[0]["content"], "a\xEF\xBF\xBD");
}

TEST(Chat, KnowsItsCommands) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const std::string file = scratch("loaded.json");
  write_file(file, R"({"messages": [{"role": "user", "content": "old"}]})");
  const Saved saved = talk(chat_with(path, {"--system", "be brief"}),
                           "forgotten\n/reset\n/set temp 0.5\n/set top-k x\n/set what 1\n/hlep\n"
                           "/load no-such-file\n/load " +
                               file + "\n/system be kind\nnew\n");
  ASSERT_EQ(saved.messages.size(), 4U);
  EXPECT_EQ(saved.messages[0], (json{{"role", "system"}, {"content", "be kind"}}));
  EXPECT_EQ(saved.messages[1]["content"], "old");
  EXPECT_EQ(saved.messages[2]["content"], "new");
  EXPECT_THAT(saved.result.err, HasSubstr("\ntemp 0.5, top-k 40, "));
  EXPECT_THAT(saved.result.err, HasSubstr("\n/set top-k: must be a whole number, is \"x\"\n"));
  EXPECT_THAT(saved.result.err, HasSubstr("\n/set: \"what\" is none of temp, "));
  EXPECT_THAT(saved.result.err, HasSubstr("\n/hlep is no command, did you mean help?; "));
  EXPECT_THAT(saved.result.err, HasSubstr("\nno-such-file: cannot open: "));
  EXPECT_EQ(weld(chat_with(path), "/exit\nnot said\n").out, "");
}

TEST(Chat, TakesBlanksAroundCommands) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Result result = weld(chat_with(path), "/set  temp \t 0.25 \r\n/set\ttop-k 7\n/exit\r\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("temp 0.25"));
  EXPECT_THAT(result.err, HasSubstr("top-k 7"));
  EXPECT_THAT(result.err, Not(HasSubstr("no command")));
}

TEST(Chat, GoesOnAfterAFileThatCannotBeRead) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const std::string deep = scratch("deep.json"), large = scratch("large.json");
  const std::string message = "{\"messages\": [{\"role\": \"user\", \"content\": \"x\", \"n\": ";
  write_file(deep, message + std::string(100000, '[') + std::string(100000, ']') + "}]}");
  write_file(large, message + "1e999}]}");
  const Saved saved = talk(chat_with(path), "Hello\n/load " + deep + "\n/load " + large + "\n");
  EXPECT_THAT(saved.result.err, HasSubstr(deep + ": is nested more than 100 deep"));
  EXPECT_THAT(saved.result.err, HasSubstr(large + ": "));
  EXPECT_EQ(saved.messages.size(), 2U);
}

TEST(Chat, RefusesAFileThatIsNoConversation) {
  const std::string path = write_model("qwen3-salad", plain_template);
  for (const char* text : {"{", "[]", R"({"messages": 1})", R"({"messages": [1]})",
                           R"({"messages": [{"role": "user", "content": 5}]})"}) {
    const std::string file = scratch("bad.json");
    write_file(file, text);
    const Saved saved = talk(chat_with(path), "said\n/load " + file + "\n");
    EXPECT_EQ(saved.messages.size(), 2U) << text;
    EXPECT_THAT(saved.result.err, HasSubstr("\n" + file + ": ")) << text;
  }
}

TEST(Chat, TellsWhereATemplateFailsAndGoesOn) {
  const std::string path =
      write_model("qwen3-salad",
                  "{% for m in messages %}\n{% if m.content == 'bad' %}\n"
                  "{{ raise_exception('not this') }}{% endif %}{{ m.content }}{% endfor %}");
  const Saved saved = talk(chat_with(path), "bad\ngood\n");
  EXPECT_THAT(saved.result.err, HasSubstr("\n" + path + ": tokenizer.chat_template:3: not this\n"));
  ASSERT_EQ(saved.messages.size(), 2U);
  EXPECT_EQ(saved.messages[0]["content"], "good");
  const std::string other = scratch("other.jinja");
  write_file(other, plain_template);
  EXPECT_THAT(talk(chat_with(path, {"--template", other}), "bad\n").result.err,
              Not(HasSubstr("not this")));
  write_file(other, "\n{% if %}");
  const Result broken = weld(chat_with(path, {"--template", other}), "good\n");
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.err, HasSubstr("weld: " + other + ":2: "));
  EXPECT_THAT(weld(chat_with(model("qwen3-salad"))).err,
              HasSubstr("tokenizer.chat_template: is missing; --template FILE gives one\n"));
}

TEST(Chat, ForgetsTheOldestWhereTheContextIsFull) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const Saved saved = talk(
      chat_with(path, {"-c", "160", "--system", "S"}),
      "one one one\ntwo two two\nthree three\nfour four four\n" + std::string(200, 'x') + "\n");
  EXPECT_THAT(saved.result.err,
              ContainsRegex("\nthe context of 160 tokens is full: the oldest [24] messages are "
                            "forgotten\n"));
  EXPECT_THAT(saved.result.err, HasSubstr("\nthe message is too long: "));
  EXPECT_EQ(saved.messages[0]["content"], "S");
  EXPECT_EQ(saved.messages[1]["role"], "user");
  EXPECT_NE(saved.messages[1]["content"], "one one one");
  const size_t last = saved.messages.size() - 2;
  EXPECT_EQ(saved.messages[last]["content"], "four four four");
}

TEST(Chat, CtrlCStopsTheAnswerAndNotTheProgram) {
  const std::string path = write_model("qwen3-salad", plain_template);
  const std::string file = scratch("stopped.json");
  Process process(WELD_BINARY, {"chat", "-m", path, "-c", "200000", "-n", "100000", "--seed", "1"},
                  "go on\n/save " + file + "\n");
  for (int i = 0; i < 3000 && process.output().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  process.interrupt();
  const Result result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.back(), '\n');
  const json saved = json::parse(read_file(file));
  EXPECT_EQ(saved["messages"].size(), 2U);
}

}  // namespace
}  // namespace weld::test
