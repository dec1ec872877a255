// Errors: one line that names the template, its line and what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jinja/render.h"

namespace weld::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Errors, NameTheLine) {
  EXPECT_EQ(error_of("a\n{{ x.y }}"), "t:2: 'x' is undefined");
  EXPECT_EQ(error_of("\n\n{{ raise_exception('no system role') }}\n"), "t:3: no system role");
  EXPECT_EQ(error_of("{% if x %}\n{% endfor %}"),
            "t:2: Encountered unknown tag 'endfor'. Jinja was looking for the following tags: "
            "'elif' or 'else' or 'endif'.");
  EXPECT_EQ(error_of("{% macro m() %}\n{{ 1 + 'a' }}\n{% endmacro %}\n{{ m() }}"),
            "t:2: unsupported operand type(s) for +: 'int' and 'str'");
  EXPECT_EQ(error_of("{# one\ntwo #}\n{% raw %}\n{% endraw %}\n{{ 'a\nb' }}\n{{ 1 / 0 }}"),
            "t:7: division by zero");
  EXPECT_EQ(error_of("{%- if true -%}\n\n\n{{- nope() }}{% endif %}"), "t:4: 'nope' is undefined");
  EXPECT_EQ(error_of("\r\n\r{{ [] | first | upper | nosuch }}"), "t:3: No filter named 'nosuch'.");
}

TEST(Errors, NameTheAttributeThatIsNotThere) {
  const std::string variables = R"({"m": {"a": 1}, "l": []})";
  EXPECT_EQ(error_of("{{ m.b.c }}", variables), "t:1: 'dict object' has no attribute 'b'");
  EXPECT_EQ(error_of("{{ l[3].c }}", variables), "t:1: list object has no element 3");
  EXPECT_EQ(error_of("{{ m.a() }}", variables), "t:1: 'int' object is not callable");
}

TEST(Errors, NameWhatIsNotSupported) {
  for (const std::string tag :
       {"include 'a'", "import 'a' as b", "extends 'a'", "from 'a' import b", "autoescape true"})
    EXPECT_EQ(error_of("\n{% " + tag + " %}"),
              "t:2: '" + tag.substr(0, tag.find(' ')) + "' is not supported");
}

TEST(Errors, AreOneLineWhateverIsRaised) {
  EXPECT_EQ(error_of("{{ raise_exception('a\nb\x1b') }}"), R"(t:1: "a\nb\x1B")");
  const std::string error = error_of("{{ raise_exception('x' * 100000) }}");
  EXPECT_LT(error.size(), 3000U);
}

TEST(Errors, NameThePlaceInTheVariables) {
  EXPECT_THAT(error_of("", "{\"a\":\n  [1,}"), HasSubstr("line 2, column"));
  EXPECT_THAT(error_of("", "{\"a\": 1"), StartsWith("input: "));
  EXPECT_EQ(error_of("", "[1]"), "input: must be a JSON object, is list");
  EXPECT_EQ(error_of("", R"({"a": 18446744073709551616})"),
            "input: the integer 18446744073709551616 has more than 64 bits");
  EXPECT_NE(error_of("", R"({"a": 9223372036854775808})"), "");
  EXPECT_EQ(render("{{ a }}", R"({"a": -9223372036854775808})"), "-9223372036854775808");
}

TEST(Errors, SourceMustBeText) {
  EXPECT_EQ(error_of("a\xFF"), "t: is not UTF-8");
  EXPECT_THAT(error_of(std::string(1 << 20, 'a')), HasSubstr("1048576 bytes"));
}

}  // namespace
}  // namespace weld::test
