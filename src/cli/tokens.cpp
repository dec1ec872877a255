// Reading lists of token ids.
#include "cli/tokens.h"

#include <charconv>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

constexpr std::string_view space = " \t\r\n";

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

int32_t parse_token(std::string_view word) {
  int32_t token = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, token);
  if (stop != end || error != std::errc() || token < 0)
    fail("{} is not a token id", gguf::quoted(word));
  return token;
}

}  // namespace

std::vector<int32_t> parse_tokens(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) fail("a list of token ids has no \"]\" at its end");
    text = trim(text.substr(1, text.size() - 2));
  }
  std::vector<int32_t> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(", \t\r\n"), text.size());
    tokens.push_back(parse_token(text.substr(0, end)));
    text = trim(text.substr(end));
    if (!text.starts_with(',')) continue;
    text = trim(text.substr(1));
    if (text.empty()) fail("a list of token ids ends with a comma");
  }
  return tokens;
}

}  // namespace weld::cli
