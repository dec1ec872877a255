// Regular expressions, by PCRE2.
#include "synth/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::synth {
namespace {

/// Steps of one search: far more than a name of a tensor needs, and done in a fraction of a second.
constexpr uint32_t most_steps = 1'000'000;

std::string message(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

Pattern::Pattern(const std::string& expression) : expression_(expression) {
  int error = 0;
  size_t offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                   expression.size(), 0, &error, &offset, nullptr);
  if (!code) fail("{} is no regular expression: {}", gguf::quoted(expression), message(error));
  code_ = std::shared_ptr<const void>(code, [](const void* held) {
    pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(held)));
  });
}

bool Pattern::is_found_in(std::string_view text) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
      pcre2_match_context_create(nullptr), &pcre2_match_context_free);
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create(1, nullptr), &pcre2_match_data_free);
  if (!context || !match) throw std::bad_alloc();
  pcre2_set_match_limit(context.get(), most_steps);
  const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                                match.get(), context.get());
  if (found < 0 && found != PCRE2_ERROR_NOMATCH)
    fail("{} in {}: {}", gguf::quoted(expression_), gguf::quoted(text), message(found));
  return found != PCRE2_ERROR_NOMATCH;
}

}  // namespace weld::synth
