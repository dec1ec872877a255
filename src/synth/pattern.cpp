// Regular expressions, by PCRE2.
#include "synth/pattern.h"

#include <new>
#include <utility>

#include "fail.h"
#include "gguf/quoted.h"
#include "pcre.h"

namespace weld::synth {
namespace {

/// Steps of one search: far more than a name of a tensor needs, and done in a fraction of a second.
constexpr uint32_t most_steps = 1'000'000;

}  // namespace

Pattern::Pattern(const std::string& expression) : expression_(expression) {
  int error = 0;
  size_t offset = 0;
  PcreCode code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), 0,
                              &error, &offset, nullptr));
  if (!code) fail("{} is no regular expression: {}", gguf::quoted(expression), pcre_message(error));
  code_ = std::move(code);
}

bool Pattern::is_found_in(std::string_view text) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const PcreContext context(pcre2_match_context_create(nullptr));
  const PcreMatch match(pcre2_match_data_create(1, nullptr));
  if (!context || !match) throw std::bad_alloc();
  pcre2_set_match_limit(context.get(), most_steps);
  const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                                match.get(), context.get());
  if (found < 0 && found != PCRE2_ERROR_NOMATCH)
    fail("{} in {}: {}", gguf::quoted(expression_), gguf::quoted(text), pcre_message(found));
  return found != PCRE2_ERROR_NOMATCH;
}

}  // namespace weld::synth
