// weld template: the prompt on standard output, exactly, or one line of error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/process.h"
#include "gguf/file.h"
#include "micro_model.h"

namespace weld::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

const std::string conversation =
    R"({"messages": [{"role": "user", "content": "Hé\n"}], "add_generation_prompt": true,)"
    R"( "eos_token": "</s>", "more": 1})";

std::string write_template(const std::string& source) {
  const std::string path = scratch("chat.jinja");
  write_file(path, source);
  return path;
}

/// A model with a chat template.
std::string write_model(const std::string& source) {
  Draft draft(gguf::File::open(model("qwen3-salad")));
  draft.set_string("tokenizer.chat_template", source);
  const std::string path = scratch("chat.gguf");
  draft.write(path);
  return path;
}

TEST(Template, PrintsThePromptExactly) {
  const std::string path = write_template(
      "{%- for m in messages %}\n  {{- m.role }}: {{ m.content }}{{ eos_token }}\n{%- endfor %}\n"
      "{% if add_generation_prompt %}bot{{ more }}{{ tools }}{% endif %}\n");
  const Result result = weld({"template", "--template", path}, conversation);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "user: Hé\n</s>bot1");
  EXPECT_EQ(result.err, "");
}

TEST(Template, IsTheModelsUnlessAnotherIsGiven) {
  const std::string gguf = write_model("of the model");
  const std::string path = write_template("of the file");
  EXPECT_EQ(weld({"template", "-m", gguf}, conversation).out, "of the model");
  EXPECT_EQ(weld({"template", "-m", gguf, "--template", path}, conversation).out, "of the file");
}

TEST(Template, FailsInOneLineThatNamesThePlace) {
  const std::string path = write_template("a\n{{ raise_exception('No system role') }}");
  const Result raised = weld({"template", "--template", path}, conversation);
  EXPECT_EQ(raised.status, 1);
  EXPECT_EQ(raised.out, "");
  EXPECT_EQ(raised.err, "weld: " + path + ":2: No system role\n");
  const std::string gguf = write_model("\n\n{% if %}");
  EXPECT_THAT(weld({"template", "-m", gguf}, conversation).err,
              MatchesRegex("weld: " + gguf + ": tokenizer.chat_template:3: [^\n]*\n"));
  const Result json = weld({"template", "--template", path}, "{\"messages\": [\n}");
  EXPECT_EQ(json.status, 1);
  EXPECT_THAT(json.err, MatchesRegex("weld: standard input: parse error at line 2, [^\n]*\n"));
}

TEST(Template, SaysWhatIsMissing) {
  const Result none = weld({"template"});
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.err, "weld template: give a template: -m FILE or --template FILE\n");
  const Result model_without = weld({"template", "-m", model("qwen3-salad")}, conversation);
  EXPECT_EQ(model_without.status, 1);
  EXPECT_THAT(model_without.err, HasSubstr("tokenizer.chat_template: is missing"));
  EXPECT_THAT(weld({"template", "--template", "no-such-file"}).err,
              HasSubstr("weld: no-such-file: cannot open"));
}

TEST(Template, TakesTheDateFromTheEnvironment) {
  const std::string path = write_template("{{ strftime_now('%d %b %Y %A') }}");
  const auto with_date = [&](const char* date) {
    setenv("WELD_DATE", date, 1);
    Result result = weld({"template", "--template", path}, conversation);
    unsetenv("WELD_DATE");
    return result;
  };
  EXPECT_EQ(with_date("2024-02-29").out, "29 Feb 2024 Thursday");
  for (const char* date : {"2023-02-29", "2024-2-29", "", "today", "2024-13-01", "2024-00-10"}) {
    const Result result = with_date(date);
    EXPECT_EQ(result.status, 1) << date;
    EXPECT_THAT(result.err, HasSubstr("weld: WELD_DATE: must be a day, YYYY-MM-DD, is ")) << date;
  }
  EXPECT_EQ(weld({"template", "--template", path}, conversation).status, 0);
}

}  // namespace
}  // namespace weld::test
