// Finding special tokens in a text, leftmost first and longest first as Hugging Face's tokenizers
// do.
#include "text/special.h"

#include <algorithm>
#include <cstdint>

#include "text/sentencepiece.h"
#include "text/utf8.h"

namespace weld::text {

namespace {

/// Phi-3's own tokenizer says of all but these that they swallow the white space that follows. The
/// format has no place for that, so it is known by the architecture.
bool phi3_strips_right(std::string_view text) {
  return text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
}

}  // namespace

SpecialTokens::SpecialTokens(const gguf::File& file, const Vocabulary& vocabulary,
                             bool sentencepiece) {
  const bool phi3 = sentencepiece && file.find_string("general.architecture") == "phi3";
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto token = static_cast<Token>(i);
    const TokenType type = vocabulary.type(token);
    const bool control = type == TokenType::Control || type == TokenType::Unknown;
    if (!control && type != TokenType::UserDefined) continue;
    const std::string_view text = vocabulary.text(token);
    if (text.empty()) continue;
    entries_.push_back({sentencepiece ? unescape_spaces(text) : std::string(text), token, control,
                        phi3 && phi3_strips_right(text)});
    begins_[static_cast<uint8_t>(entries_.back().text.front())] = true;
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.text < b.text; });
}

/// Narrows the sorted entries byte by byte to those that begin as TEXT does; of an entry that has
/// no more bytes TEXT begins with the whole.
const SpecialTokens::Entry* SpecialTokens::longest_at(std::string_view text, bool control) const {
  const Entry* longest = nullptr;
  auto first = entries_.begin();
  auto last = entries_.end();
  for (size_t depth = 0; first != last; ++depth) {
    for (; first != last && first->text.size() == depth; ++first)
      if ((control || !first->control) && (longest == nullptr || longest->text.size() < depth))
        longest = &*first;
    if (depth == text.size()) break;
    const auto byte_at = [depth](const Entry& entry) {
      return static_cast<uint8_t>(entry.text[depth]);
    };
    const auto byte = static_cast<uint8_t>(text[depth]);
    first = std::partition_point(first, last, [&](const Entry& e) { return byte_at(e) < byte; });
    last = std::partition_point(first, last, [&](const Entry& e) { return byte_at(e) <= byte; });
  }
  return longest;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, size_t from,
                                                        bool control) const {
  for (size_t at = from; at < text.size(); ++at) {
    if (!begins_[static_cast<uint8_t>(text[at])]) continue;
    const Entry* entry = longest_at(text.substr(at), control);
    if (entry == nullptr) continue;
    size_t end = at + entry->text.size();
    if (entry->strips_right) end += utf8_space_prefix(text.substr(end));
    return Match{at, end, entry->token};
  }
  return std::nullopt;
}

}  // namespace weld::text
