// The language as Jinja2 has it: tests/data/templates/language.json holds snippets and what Jinja2
// 3.1 makes of them, set up as Hugging Face does, or the exception that it raises.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "jinja/render.h"

namespace weld::test {
namespace {

TEST(Language, IsJinjas) {
  std::ifstream in(WELD_SOURCE_DIR "/tests/data/templates/language.json");
  // Variables keep their order, which loops and `tojson` show.
  const auto data = nlohmann::ordered_json::parse(in);
  ASSERT_GT(data.at("cases").size(), 1000U);
  for (const auto& item : data.at("cases")) {
    const auto source = item.at("source").get<std::string>();
    const auto& variables = data.at("variables").at(item.at("variables").get<std::string>());
    if (item.contains("error")) {
      EXPECT_NE(error_of(source, variables.dump()), "")
          << source << "\nwants " << item.at("error").get<std::string>();
      continue;
    }
    try {
      EXPECT_EQ(render(source, variables.dump()), item.at("expected").get<std::string>()) << source;
    } catch (const Error& error) {
      ADD_FAILURE() << source << "\n" << error.what();
    }
  }
}

// Jinja's sandbox forbids these; templates of models use them all the same.
TEST(Language, ListsAndDictsChange) {
  EXPECT_EQ(
      render("{% set l = [1] %}{% set _ = l.append(2) %}{% set m = l %}{{ m.pop(0) }}{{ l }}"),
      "1[2]");
  EXPECT_EQ(
      render("{% set l = [3, 1] %}{% set _ = l.extend([2]) %}{% set _ = l.insert(0, 9) %}"
             "{% set _ = l.sort() %}{% set _ = l.reverse() %}{% set _ = l.remove(2) %}{{ l }}"),
      "[9, 3, 1]");
  EXPECT_EQ(render("{% set d = {'a': 1} %}{% set _ = d.update({'b': 2}, c=3) %}{{ d.pop('a') }}"
                   "{{ d.pop('z', 7) }}{{ d.setdefault('q', 4) }}{{ d }}"),
            "174{'b': 2, 'c': 3, 'q': 4}");
  EXPECT_EQ(render("{% set l = [] %}{% for i in range(20) %}{% set _ = l.append({'k' ~ i: i}) %}"
                   "{% endfor %}{{ l[19].k19 }}{{ l|length }}"),
            "1920");
}

TEST(Language, LargeDictsFindTheirKeys) {
  EXPECT_EQ(render("{% set d = {} %}{% for i in range(1000) %}{% set _ = d.update({i: i * 2}) %}"
                   "{% endfor %}{% for i in range(500) %}{% set _ = d.pop(i * 2) %}{% endfor %}"
                   "{{ d[501] }}{{ 500 in d }}{{ 501.0 in d }}{{ d|length }}{{ d.items()|first }}"),
            "1002FalseTrue500(1, 2)");
}

TEST(Language, ContentIsNeverTemplate) {
  EXPECT_EQ(render("{{ s }}", R"({"s": "{{ 1 }}{% if %}"})"), "{{ 1 }}{% if %}");
}

TEST(Language, TheClockIsGiven) {
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y, %A, %j') }}"), "20 Nov 2026, Friday, 324");
}

TEST(Language, VariablesKeepTheirOrderAndTheLastOfEqualKeys) {
  EXPECT_EQ(render("{{ d|tojson }}", R"({"d": {"b": 1, "a": {"z": 0, "y": 1}, "b": 2}})"),
            R"({"b": 2, "a": {"z": 0, "y": 1}})");
}

}  // namespace
}  // namespace weld::test
