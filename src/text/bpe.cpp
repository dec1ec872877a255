// Byte-level BPE: text is cut into words, a word into bytes, and the bytes merge in the order of
// the merges' ranks (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword
// Units").
#include "text/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "text/byte_level.h"
#include "text/nfc.h"
#include "text/utf8.h"

namespace weld::text {

namespace {

constexpr uint32_t none = std::numeric_limits<uint32_t>::max();

/// A part of a word that is one token so far, in a doubly linked list.
struct Symbol {
  Token token;
  Token merged;   ///< what it and the next one become
  uint32_t rank;  ///< of that merge; `none` where they do not merge, or where this symbol is gone
  uint32_t previous;
  uint32_t next;
};

}  // namespace

/// Memory that one word after the other uses.
struct Bpe::Work {
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;  ///< possible merges: rank << 32 | left symbol, the least on top
};

Bpe::Bpe(const gguf::File& file, const Vocabulary& vocabulary, std::optional<Token> unknown)
    : pretokenizer_(file),
      merges_(file, vocabulary),
      byte_tokens_(vocabulary, unknown, to_byte_level) {}

void Bpe::encode(const Vocabulary& vocabulary, std::string_view text,
                 std::vector<Token>& out) const {
  Work work;
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, utf8_valid_prefix(text));
    if (rules().nfc && may_need_nfc(valid)) {
      encode_words(vocabulary, nfc(valid), work, out);
    } else {
      encode_words(vocabulary, valid, work, out);
    }
    text.remove_prefix(valid.size());
    // What is not UTF-8 has no letters or spaces to cut at: it is one word.
    const size_t invalid = utf8_invalid_prefix(text);
    if (invalid > 0) encode_word(vocabulary, text.substr(0, invalid), work, out);
    text.remove_prefix(invalid);
  }
}

void Bpe::encode_words(const Vocabulary& vocabulary, std::string_view text, Work& work,
                       std::vector<Token>& out) const {
  for (const std::string_view word : pretokenizer_.split(text))
    encode_word(vocabulary, word, work, out);
}

void Bpe::encode_word(const Vocabulary& vocabulary, std::string_view word, Work& work,
                      std::vector<Token>& out) const {
  if (rules().whole_words && word.size() <= vocabulary.longest()) {
    const std::optional<Token> token = vocabulary.find(to_byte_level(word));
    if (token && vocabulary.type(*token) == TokenType::Normal) {
      out.push_back(*token);
      return;
    }
  }

  std::vector<Symbol>& symbols = work.symbols;
  std::vector<uint64_t>& heap = work.heap;
  symbols.clear();
  heap.clear();
  const auto size = static_cast<uint32_t>(word.size());
  for (uint32_t i = 0; i < size; ++i) {
    const Token token = byte_tokens_[static_cast<uint8_t>(word[i])];
    symbols.push_back({token, -1, none, i == 0 ? none : i - 1, i + 1 == size ? none : i + 1});
  }

  const auto find_merge = [&](uint32_t left) {
    Symbol& symbol = symbols[left];
    symbol.rank = none;
    if (symbol.next == none) return false;
    const Merges::Merge* merge = merges_.find(symbol.token, symbols[symbol.next].token);
    if (merge == nullptr) return false;
    symbol.rank = merge->rank;
    symbol.merged = merge->token;
    heap.push_back(static_cast<uint64_t>(merge->rank) << 32 | left);
    return true;
  };
  const auto find_and_push = [&](uint32_t left) {
    if (find_merge(left)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };

  for (uint32_t i = 0; i < size; ++i) find_merge(i);
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(heap.back() >> 32);
    const auto left = static_cast<uint32_t>(heap.back());
    heap.pop_back();
    Symbol& symbol = symbols[left];
    // A rank belongs to one pair, so an entry whose symbol or neighbour has changed since shows by
    // it.
    if (symbol.rank != rank) continue;
    Symbol& gone = symbols[symbol.next];
    symbol.token = symbol.merged;
    symbol.next = gone.next;
    gone.rank = none;
    if (symbol.next != none) symbols[symbol.next].previous = left;
    find_and_push(left);
    if (symbol.previous != none) find_and_push(symbol.previous);
  }
  for (uint32_t i = 0; i != none && i < size; i = symbols[i].next) out.push_back(symbols[i].token);
}

}  // namespace weld::text
