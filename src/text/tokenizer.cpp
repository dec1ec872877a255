// The tokenizer of a file: which kind it is, and what all kinds have in common.
#include "text/tokenizer.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "fail.h"
#include "gguf/quoted.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/roles.h"
#include "text/sentencepiece.h"
#include "text/special.h"
#include "text/vocabulary.h"

namespace weld::text {

namespace {

bool is_sentencepiece(const gguf::File& file) {
  const auto model = file.find_string("tokenizer.ggml.model");
  if (!model) fail("{}: tokenizer.ggml.model: missing", file.path());
  if (*model != "llama" && *model != "gpt2")
    fail("{}: tokenizer.ggml.model: {} is not a tokenizer that weld knows (gpt2 and llama are)",
         file.path(), gguf::quoted(*model));
  return *model == "llama";
}

}  // namespace

struct Tokenizer::State {
  explicit State(const gguf::File& file)
      : sentencepiece(is_sentencepiece(file)),
        vocabulary(file),
        roles(read_roles(file, vocabulary, sentencepiece)),
        special(file, vocabulary, sentencepiece),
        model(make_model(file)),
        add_bos(roles.bos &&
                file.find_bool("tokenizer.ggml.add_bos_token").value_or(bos_default())) {}

  std::variant<Bpe, SentencePiece> make_model(const gguf::File& file) const {
    if (sentencepiece) return SentencePiece(file, vocabulary, roles.unknown);
    return Bpe(file, vocabulary, roles.unknown);
  }

  bool bos_default() const { return sentencepiece || std::get<Bpe>(model).rules().add_bos; }

  /// Whether encode() puts a space before a text.
  bool adds_space() const { return sentencepiece && std::get<SentencePiece>(model).adds_space(); }

  bool sentencepiece;
  Vocabulary vocabulary;
  Roles roles;
  SpecialTokens special;
  std::variant<Bpe, SentencePiece> model;
  bool add_bos;
};

Tokenizer::Tokenizer(const gguf::File& file) : state_(std::make_unique<const State>(file)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<Token> Tokenizer::encode(std::string_view text, Options options) const {
  // Positions within a text are kept in 32 bits, and escaping makes a space three bytes.
  constexpr size_t limit = std::numeric_limits<int32_t>::max() / 3;
  if (text.size() > limit)
    fail("a text of {} bytes is too long to tokenize at once; {} are the most", text.size(), limit);

  const State& state = *state_;
  std::vector<Token> out;
  if (options.bos && state.roles.bos) out.push_back(*state.roles.bos);
  const auto encode_plain = [&](std::string_view plain) {
    std::visit([&](const auto& model) { model.encode(state.vocabulary, plain, out); }, state.model);
  };
  size_t at = 0;
  while (const auto match = state.special.find(text, at, options.special)) {
    encode_plain(text.substr(at, match->begin - at));
    out.push_back(match->token);
    at = match->end;
  }
  encode_plain(text.substr(at));
  return out;
}

std::string Tokenizer::piece(Token token, bool special) const {
  const State& state = *state_;
  if (token < 0 || static_cast<size_t>(token) >= size())
    fail("token {} is not in the vocabulary of {} tokens", token, size());
  const std::string_view text = state.vocabulary.text(token);
  switch (state.vocabulary.type(token)) {
    case TokenType::Unknown:
    case TokenType::Control:
    case TokenType::Unused:
      return special ? std::string(text) : std::string();
    case TokenType::UserDefined:
      return state.sentencepiece ? unescape_spaces(text) : std::string(text);
    case TokenType::Byte:
      if (state.sentencepiece) return {static_cast<char>(*parse_byte_token(text))};
      break;
    case TokenType::Normal:
      break;
  }
  return state.sentencepiece ? unescape_spaces(text) : from_byte_level(text);
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string out;
  bool at_beginning = state_->adds_space();
  for (const Token token : tokens) {
    std::string text = piece(token, special);
    if (text.empty()) continue;
    if (at_beginning && text.front() == ' ') text.erase(0, 1);
    at_beginning = false;
    out += text;
  }
  return out;
}

size_t Tokenizer::size() const { return state_->vocabulary.size(); }
std::optional<Token> Tokenizer::bos() const { return state_->roles.bos; }
std::optional<Token> Tokenizer::eos() const { return state_->roles.eos; }
bool Tokenizer::add_bos() const { return state_->add_bos; }

bool Tokenizer::ends_generation(Token token) const {
  const std::vector<Token>& ends = state_->roles.ends;
  return std::binary_search(ends.begin(), ends.end(), token);
}

}  // namespace weld::text
