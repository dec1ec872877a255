// Template source into tokens, with the white space that tags take away already gone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weld::jinja {

struct Token {
  enum class Kind {
    Data,           ///< text outside of tags
    BlockBegin,     ///< {%
    BlockEnd,       ///< %}
    VariableBegin,  ///< {{
    VariableEnd,    ///< }}
    Name,
    String,  ///< without its quotes, escapes resolved
    Integer,
    Float,
    Operator,
    End,
  };
  Kind kind;
  int line;
  std::string text;
};

/// Ends with an End token. As Hugging Face sets Jinja up: a newline after a block goes
/// (trim_blocks), as does white space before one on its line (lstrip_blocks), and one newline at
/// the end of the source. Throws Fault.
std::vector<Token> tokenize(std::string_view source);

}  // namespace weld::jinja
