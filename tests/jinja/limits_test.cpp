// A template may be anybody's: what it asks for is bounded, whatever it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jinja/render.h"

namespace weld::test {
namespace {

using testing::HasSubstr;

std::string repeat(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(Limits, Steps) {
  const jinja::Limits few{.steps = 100'000};
  const auto error = [&](const std::string& source) { return error_of(source, "{}", few); };
  const char* const wanted = "more than 100000 steps";
  EXPECT_THAT(
      error("{% for i in range(50000) %}{% for j in range(50000) %}{% endfor %}{% endfor %}"),
      HasSubstr(wanted));
  EXPECT_THAT(error("{% set l = [1] %}{% for i in l %}{% set _ = l.append(1) %}{% endfor %}"),
              HasSubstr(wanted));
  EXPECT_THAT(
      error("{% set s = 'ab' * 1000000 %}{% for i in range(99) %}{{ 'x' in s }}{% endfor %}"),
      HasSubstr(wanted));
  EXPECT_THAT(error("{{ range(99999)|sum }}{{ range(99999)|sum }}"), HasSubstr(wanted));
  EXPECT_EQ(error("{% for i in range(1000) %}{% endfor %}"), "");
}

TEST(Limits, Memory) {
  const auto error = [&](const std::string& source) { return error_of("\n" + source); };
  const char* const wanted = "t:2: more than 268435456 bytes of memory";
  EXPECT_EQ(error("{{ 'a' * 10 ** 9 }}"), wanted);
  EXPECT_EQ(error("{{ 'abc' * 10 ** 18 }}"), wanted);
  EXPECT_EQ(error("{{ [0] * 10 ** 9 }}"), wanted);
  EXPECT_EQ(error("{{ [0, 1] * 9223372036854775807 }}"), wanted);
  EXPECT_EQ(error("{{ '%999999999s' % 'a' }}"), wanted);
  EXPECT_EQ(error("{{ 'a'.ljust(10 ** 9) }}"), wanted);
  EXPECT_EQ(error("{{ 'a'.zfill(10 ** 9) }}"), wanted);
  EXPECT_EQ(error("{{ 'a'|center(10 ** 9) }}"), wanted);
  EXPECT_EQ(error("{{ 'a'|indent(10 ** 9) }}"), wanted);
  EXPECT_EQ(error("{{ {}|tojson(indent=10 ** 9) }}"), wanted);
  EXPECT_EQ(error("{{ '{:>999999999}'.format(1) }}"), wanted);
  EXPECT_EQ(error("{{ ('a' * 10 ** 6).replace('a', 'b' * 1000) }}"), wanted);
  EXPECT_EQ(error("{{ ('a,' * 10 ** 7).split(',') }}"), wanted);
  EXPECT_THAT(
      error("{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
            "{% endfor %}"),
      HasSubstr("t:2: more than "));
  EXPECT_THAT(error("{% set ns = namespace(l=[1]) %}{% for i in range(99) %}"
                    "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|string|length }}"),
              HasSubstr("t:2: more than "));
  EXPECT_EQ(error("{% set ns = namespace(l=[]) %}{% for i in range(9999) %}"
                  "{% set ns.l = ns.l + range(9999)|list %}{% endfor %}"),
            wanted);
}

TEST(Limits, Texts) {
  EXPECT_EQ(render("{% for i in range(200) %}{% set s = 'a' * 10 ** 6 %}{% endfor %}ok"), "ok")
      << "the memory of a text that is gone is free again";
}

TEST(Limits, Output) {
  const jinja::Limits small{.output = 1000};
  EXPECT_THAT(error_of("{{ 'a' * 1001 }}", "{}", small),
              HasSubstr("more than 1000 bytes of output"));
  EXPECT_EQ(error_of("{{ 'a' * 1000 }}", "{}", small), "");
  EXPECT_EQ(error_of("{{ ('a' * 5000)|length }}", "{}", small), "");
}

TEST(Limits, Ranges) {
  EXPECT_EQ(error_of("{{ range(10 ** 9) }}"), "t:1: range too big: more than 100000 elements");
  EXPECT_EQ(render("{{ range(100000)|length }}"), "100000");
  EXPECT_EQ(
      render("{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775807)|list }}"),
      "[-9223372036854775807, 0]");
}

TEST(Limits, DepthOfTheSource) {
  const char* const wanted = "nested too deeply";
  for (const auto& [open, close] : {std::pair("(", ")"),
                                    {"[", "]"},
                                    {"{1:", "}"},
                                    {"-", ""},
                                    {"not ", ""},
                                    {"x(", ")"},
                                    {"x[", "]"},
                                    {"x|f(", ")"},
                                    {"1 if 1 else ", ""},
                                    {"x is f(", ")"}}) {
    const std::string deep = repeat(open, 20'000) + "1" + repeat(close, 20'000);
    EXPECT_THAT(error_of("{{ " + deep + " }}"), HasSubstr(wanted)) << open;
    EXPECT_THAT(error_of("{% set " + deep + " = 1 %}"), testing::Not("")) << open;
  }
  EXPECT_THAT(
      error_of(repeat("{% if 1 %}", 20'000) + repeat("{% endif %}", 20'000).substr(0, 50'000)),
      HasSubstr(wanted));
}

TEST(Limits, DepthOfChains) {
  // What needs no nesting in the source may nest in the tree.
  for (const char* link : {"+1", ".a", "[0]", "|e", "()", " is odd", " and 1", " or 1"})
    EXPECT_NE(error_of("{{ 1" + repeat(link, 30'000) + " }}"), "") << link;
  EXPECT_EQ(render("{{ 0" + repeat(" ~ 1", 20'000) + " }}").size(), 20'001U);
}

TEST(Limits, DepthOfCalls) {
  const char* const wanted = "nested too deeply";
  EXPECT_THAT(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), HasSubstr(wanted));
  EXPECT_THAT(
      error_of("{% macro m() %}{% call m() %}{% endcall %}{{ caller() }}{% endmacro %}{{ m() }}"),
      HasSubstr(wanted));
  EXPECT_THAT(error_of("{% set l = [] %}{% set _ = l.append(l) %}"
                       "{% for x in l recursive %}{{ loop(x) }}{% endfor %}"),
              HasSubstr(wanted));
  EXPECT_THAT(error_of("{% set ns = namespace(g=[1]) %}{% for i in range(5000) %}"
                       "{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}"),
              HasSubstr(wanted));
}

TEST(Limits, DepthOfData) {
  const char* const wanted = "nested too deeply";
  const std::string variables =
      "{\"a\": " + repeat("[", 100'000) + repeat("]", 100'000) + ", \"b\": 1}";
  EXPECT_EQ(render("{{ b }}", variables), "1");
  for (const char* source : {"{{ a }}", "{{ a|tojson }}", "{{ a == [a] }}", "{{ a < [a] }}",
                             "{{ '%s' % a }}", "{{ '{}'.format(a) }}"})
    EXPECT_THAT(error_of(source, variables), HasSubstr(wanted)) << source;
  const std::string tuples =
      "{% set ns = namespace(t=()) %}{% for i in range(5000) %}{% set ns.t = (ns.t,) %}{% endfor "
      "%}";
  EXPECT_THAT(error_of(tuples + "{{ {ns.t: 1} }}"), HasSubstr(wanted));
  const std::string cycle = "{% set l = [] %}{% set _ = l.append(l) %}";
  EXPECT_THAT(error_of(cycle + "{{ l }}"), HasSubstr(wanted));
  EXPECT_THAT(error_of(cycle + "{{ l|tojson }}"), HasSubstr(wanted));
  EXPECT_THAT(error_of(cycle + "{% set m = [] %}{% set _ = m.append(m) %}{{ l == m }}"),
              HasSubstr(wanted));
}

TEST(Limits, Integers) {
  const char* const wanted = "integer overflow";
  for (const char* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 10 ** 19 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ 4611686018427387904 * 2 }}", "{{ '9223372036854775808'|int }}", "{{ 1e19|int }}",
        "{{ (-9223372036854775807 - 1)|abs }}", "{{ [9223372036854775807, 1]|sum }}"})
    EXPECT_THAT(error_of(source), HasSubstr(wanted)) << source;
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}{{ 2 ** 62 }}"), "04611686018427387904");
  EXPECT_EQ(render("{{ 'abc'[-9223372036854775807 - 1:9223372036854775807:9223372036854775807] }}"),
            "a");
}

}  // namespace
}  // namespace weld::test
