// SentencePiece's BPE: characters merge where what they make is a token, the best score first (Kudo
// and Richardson 2018, "SentencePiece"); what no token covers becomes bytes.
#include "text/sentencepiece.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "fail.h"
#include "gguf/quoted.h"
#include "text/utf8.h"

namespace weld::text {

namespace {

constexpr uint32_t none = std::numeric_limits<uint32_t>::max();
constexpr std::string_view escaped_space = "\xE2\x96\x81";  // U+2581

/// A part of the text that is one token so far, or one character, in a doubly linked list.
struct Symbol {
  size_t begin;
  size_t bytes;  ///< 0 where it has become part of another
  Token token;   ///< -1 where the vocabulary has none for it
  uint32_t previous;
  uint32_t next;
};

/// A possible merge of a symbol and the next one.
struct Candidate {
  float score;
  uint32_t left;
  size_t bytes;  ///< of both together
  Token token;   ///< what they become

  /// Whether the other goes first: it has the better score, or the same and stands more to the
  /// left.
  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

std::string byte_token_text(uint8_t byte) { return fmt::format("<0x{:02X}>", byte); }

/// The token with this text if it is one that text consists of.
Token find_piece(const Vocabulary& vocabulary, std::string_view text) {
  if (text.size() > vocabulary.longest()) return -1;
  const Token token = vocabulary.find(text).value_or(-1);
  if (token < 0) return -1;
  const TokenType type = vocabulary.type(token);
  return type == TokenType::Normal || type == TokenType::UserDefined ? token : -1;
}

std::vector<Symbol> split_characters(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = utf8_head(text.substr(at)).bytes;
    const auto index = static_cast<uint32_t>(symbols.size());
    symbols.push_back({at, bytes, find_piece(vocabulary, text.substr(at, bytes)),
                       index == 0 ? none : index - 1, index + 1});
    at += bytes;
  }
  symbols.back().next = none;
  return symbols;
}

void merge(const Vocabulary& vocabulary, std::string_view text, std::vector<Symbol>& symbols) {
  std::vector<Candidate> heap;
  const auto push = [&](uint32_t left) {
    const Symbol& symbol = symbols[left];
    if (symbol.next == none) return;
    const size_t bytes = symbol.bytes + symbols[symbol.next].bytes;
    const Token token = find_piece(vocabulary, text.substr(symbol.begin, bytes));
    if (token < 0) return;
    heap.push_back({vocabulary.score(token), left, bytes, token});
    std::push_heap(heap.begin(), heap.end());
  };

  for (uint32_t i = 0; i < symbols.size(); ++i) push(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate best = heap.back();
    heap.pop_back();
    Symbol& symbol = symbols[best.left];
    // The two have changed since if together they are not as long any more.
    if (symbol.bytes == 0 || symbol.next == none ||
        symbol.bytes + symbols[symbol.next].bytes != best.bytes)
      continue;
    Symbol& gone = symbols[symbol.next];
    symbol.bytes = best.bytes;
    symbol.token = best.token;
    symbol.next = gone.next;
    gone.bytes = 0;
    if (symbol.next != none) symbols[symbol.next].previous = best.left;
    push(best.left);
    if (symbol.previous != none) push(symbol.previous);
  }
}

}  // namespace

std::string escape_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char byte : text) {
    if (byte == ' ') {
      out += escaped_space;
    } else {
      out += byte;
    }
  }
  return out;
}

std::string unescape_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const bool space = text.substr(0, escaped_space.size()) == escaped_space;
    out += space ? ' ' : text.front();
    text.remove_prefix(space ? escaped_space.size() : 1);
  }
  return out;
}

std::optional<uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text.back() != '>') return std::nullopt;
  uint8_t byte = 0;
  const char* end = text.data() + 5;
  const auto [stopped, error] = std::from_chars(text.data() + 3, end, byte, 16);
  return error == std::errc() && stopped == end ? std::optional(byte) : std::nullopt;
}

SentencePiece::SentencePiece(const gguf::File& file, const Vocabulary& vocabulary,
                             std::optional<Token> unknown)
    : byte_tokens_(vocabulary, unknown, byte_token_text),
      adds_space_(file.find_bool("tokenizer.ggml.add_space_prefix").value_or(true)) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto token = static_cast<Token>(i);
    const std::string_view text = vocabulary.text(token);
    if (vocabulary.type(token) == TokenType::Byte && !parse_byte_token(text))
      fail("{}: tokenizer.ggml.tokens[{}]: {} is typed as a byte but is not `<0xNN>`", file.path(),
           i, gguf::quoted(text));
  }
}

void SentencePiece::encode(const Vocabulary& vocabulary, std::string_view text,
                           std::vector<Token>& out) const {
  if (text.empty()) return;
  const std::string escaped = (adds_space_ ? std::string(escaped_space) : "") + escape_spaces(text);
  std::vector<Symbol> symbols = split_characters(vocabulary, escaped);
  merge(vocabulary, escaped, symbols);
  for (uint32_t i = 0; i != none; i = symbols[i].next) {
    const Symbol& symbol = symbols[i];
    if (symbol.token >= 0) {
      out.push_back(symbol.token);
    } else {
      for (const char byte : std::string_view(escaped).substr(symbol.begin, symbol.bytes))
        out.push_back(byte_tokens_[static_cast<uint8_t>(byte)]);
    }
  }
}

}  // namespace weld::text
