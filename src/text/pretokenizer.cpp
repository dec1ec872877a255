// The pre-tokenizers that weld knows, and the regular expressions (PCRE2) that they are made of.
#include "text/pretokenizer.h"

#include <algorithm>
#include <string>

#include "fail.h"
#include "gguf/quoted.h"
#include "pcre.h"

namespace weld::text {

namespace {

// The patterns are those of the models' own tokenizer.json files. `default` has none of its own: it
// is what readers of the format take for files that name no pre-tokenizer.
constexpr std::string_view gpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view gpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Named {
  std::vector<std::string_view> names;
  PretokenizerRules rules;
};

const std::vector<Named>& known() {
  static const std::vector<Named> table = {
      {{"default"},
       {.patterns = {R"([\p{P}\$\+<=>\^~\|]+)", gpt2, R"(\p{N}+)", R"([0-9][0-9][0-9])"}}},
      {{"gpt-2", "phi-2"}, {.patterns = {gpt2}}},
      {{"mpt", "olmo"}, {.patterns = {gpt2}, .nfc = true}},
      {{"starcoder", "refact", "smollm"}, {.patterns = {R"(\p{N})", gpt2}}},
      {{"command-r"}, {.patterns = {R"(\p{N})", gpt2}, .nfc = true}},
      {{"qwen2", "deepseek-r1-qwen"}, {.patterns = {qwen2}, .nfc = true}},
      {{"llama-bpe", "llama3", "llama-v3"},
       {.patterns = {llama3}, .whole_words = true, .add_bos = true}},
      {{"dbrx", "smaug-bpe"}, {.patterns = {llama3}}},
      {{"gpt-4o", "llama4"}, {.patterns = {gpt4o}}},
      {{"tekken"}, {.patterns = {tekken}, .whole_words = true, .add_bos = true}},
      {{"deepseek-coder"},
       {.patterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", R"([一-龥ࠀ-一가-\x{D7FF}]+)",
                     R"(\p{N})"}}},
      {{"deepseek-v3"}, {.patterns = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)", deepseek3}}},
  };
  return table;
}

/// PATTERN with `\s` spelled out as the Unicode property White_Space, which is what it means to the
/// models' own tokenizers; to PCRE2 it also means U+180E.
std::string spell_out_spaces(std::string_view pattern) {
  constexpr std::string_view spaces = R"(\t-\r\x{85}\p{Z})";
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's' && in_class) {
        out += spaces;
      } else if (next == 's' || next == 'S') {
        out += fmt::format("[{}{}]", next == 'S' ? "^" : "", spaces);
      } else {
        out += {'\\', next};
      }
    } else {
      if (pattern[i] == '[') in_class = true;
      if (pattern[i] == ']') in_class = false;
      out += pattern[i];
    }
  }
  return out;
}

}  // namespace

/// A compiled regular expression.
class Pretokenizer::Pattern {
 public:
  explicit Pattern(std::string_view pattern) {
    const std::string spelled = spell_out_spaces(pattern);
    int error = 0;
    size_t offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled.data()), spelled.size(),
                              PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
    if (!code_) fail("pattern {}: at {}: {}", spelled, offset, pcre_message(error));
    // Where no JIT compiler is to be had PCRE2 interprets: slower, and all the same.
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
    // Backtracking within one repeat costs no memory, but it is counted, and a repeat may be as
    // long as the text.
    context_.reset(pcre2_match_context_create(nullptr));
    if (!context_) fail("out of memory for a regular expression");
    pcre2_set_match_limit(context_.get(), UINT32_MAX);
  }

  /// Appends the matches in TEXT, and what lies between them, to PIECES.
  void split(std::string_view text, std::vector<std::string_view>& pieces) const {
    const PcreMatch match(pcre2_match_data_create(1, nullptr));
    if (!match) fail("out of memory for a regular expression");
    size_t end = 0;  // of what is in pieces
    while (end < text.size()) {
      const int found =
          pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), end,
                      PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, match.get(), context_.get());
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) fail("cutting text into words: {}", pcre_message(found));
      const size_t* bounds = pcre2_get_ovector_pointer(match.get());
      if (bounds[0] > end) pieces.push_back(text.substr(end, bounds[0] - end));
      pieces.push_back(text.substr(bounds[0], bounds[1] - bounds[0]));
      end = bounds[1];
    }
    if (end < text.size()) pieces.push_back(text.substr(end));
  }

 private:
  PcreCode code_;
  PcreContext context_;
};

Pretokenizer::Pretokenizer(const gguf::File& file) {
  const std::string_view name = file.find_string("tokenizer.ggml.pre").value_or("default");
  const auto found = std::find_if(known().begin(), known().end(), [name](const Named& entry) {
    return std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end();
  });
  if (found == known().end())
    fail("{}: tokenizer.ggml.pre: {} is not a pre-tokenizer that weld knows", file.path(),
         gguf::quoted(name));
  rules_ = &found->rules;
  for (const std::string_view pattern : rules_->patterns) patterns_.emplace_back(pattern);
}

Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;
Pretokenizer::~Pretokenizer() = default;

std::vector<std::string_view> Pretokenizer::split(std::string_view text) const {
  std::vector<std::string_view> words{text};
  std::vector<std::string_view> finer;
  for (const Pattern& pattern : patterns_) {
    finer.clear();
    for (const std::string_view word : words) pattern.split(word, finer);
    words.swap(finer);
  }
  return words;
}

}  // namespace weld::text
