// A scanner that is in one of two states: outside of tags, or inside of one.
#include "jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "jinja/unicode.h"
#include "jinja/value.h"

namespace weld::jinja {
namespace {

using Kind = Token::Kind;

bool is_digit_of(char c, int base) {
  if (c >= '0' && c <= '9') return c - '0' < base;
  const char letter = static_cast<char>(c | 0x20);
  return base == 16 && letter >= 'a' && letter <= 'f';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) {
    // Every line ends with \n alone, and the last with nothing.
    for (size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
      source_ += source[i] == '\r' ? '\n' : source[i];
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  std::vector<Token> run() {
    while (at_ < source_.size()) scan_outside();
    add(Kind::End, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string message) const { throw Fault{std::move(message), line_}; }
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool next_is(std::string_view text) const { return rest().starts_with(text); }

  void add(Kind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  void advance(size_t bytes) {
    line_ +=
        static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                    source_.begin() + static_cast<ptrdiff_t>(at_ + bytes), '\n'));
    at_ += bytes;
  }
  void skip_space() {
    while (at_ < source_.size()) {
      const auto [code, bytes] = first_character(rest());
      if (!is_space(code)) break;
      advance(bytes);
    }
  }

  /// Adds the text up to where a tag begins, less the white space that its sign takes away.
  void add_data(std::string_view text, char sign, bool strips_line) {
    std::string_view kept = text;
    if (sign == '-') {
      size_t end = 0;
      for (size_t i = 0; i < text.size();) {
        const auto [code, bytes] = first_character(text.substr(i));
        i += bytes;
        if (!is_space(code)) end = i;
      }
      kept = text.substr(0, end);
    } else if (sign != '+' && strips_line) {
      const size_t begin = text.rfind('\n') + 1;  // npos + 1 is 0
      std::string_view blank = text.substr(begin);
      while (!blank.empty() && is_space(first_character(blank).code))
        blank.remove_prefix(first_character(blank).bytes);
      if (blank.empty() && (begin > 0 || line_begins_)) kept = text.substr(0, begin);
    }
    if (!kept.empty()) add(Kind::Data, std::string(kept));
    advance(text.size());
  }

  /// The sign after the beginning of a tag, or 0.
  char sign_at(size_t at) const {
    const char c = at < source_.size() ? source_[at] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  void scan_outside() {
    size_t at = at_;
    for (;; ++at) {
      at = source_.find('{', at);
      if (at == source_.npos || at + 1 == source_.size()) {
        add(Kind::Data, std::string(rest()));
        advance(source_.size() - at_);
        return;
      }
      if (std::string_view("{%#").find(source_[at + 1]) != std::string_view::npos) break;
    }
    const char kind = source_[at + 1];
    const char sign = sign_at(at + 2);
    add_data(rest().substr(0, at - at_), sign, kind != '{');
    const size_t begin = at_;
    advance(sign ? 3 : 2);
    line_begins_ = false;
    if (kind == '#') {
      scan_comment();
    } else if (kind == '%' && scan_raw_begin()) {
      scan_raw();
    } else {
      const size_t inside = at_;
      at_ = begin;
      add(kind == '%' ? Kind::BlockBegin : Kind::VariableBegin, "");
      at_ = inside;
      scan_inside(kind == '%' ? '%' : '}');
    }
  }

  void scan_comment() {
    const size_t end = source_.find("#}", at_);
    if (end == source_.npos && at_ == source_.size()) return;  // as Jinja has it
    if (end == source_.npos) fail("Missing end of comment tag");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    advance(end + 2 - at_);
    finish_tag(sign, true);
  }

  /// What follows the end of a tag goes: all white space, or where TRIMS one newline.
  void finish_tag(char sign, bool trims) {
    const size_t begin = at_;
    if (sign == '-')
      skip_space();
    else if (sign != '+' && trims && next_is("\n"))
      advance(1);
    line_begins_ = at_ > begin && source_[at_ - 1] == '\n';
  }

  /// Takes a `raw` tag to its end, if this is one. No newline goes after it without a sign.
  bool scan_raw_begin() {
    const size_t begin = at_;
    const int line = line_;
    skip_space();
    if (next_is("raw")) {
      advance(3);
      skip_space();
      const bool strips = next_is("-%}");
      if (strips || next_is("%}")) {
        advance(strips ? 3 : 2);
        finish_tag(strips ? '-' : '+', false);
        return true;
      }
    }
    at_ = begin;
    line_ = line;
    return false;
  }

  void scan_raw() {
    for (size_t at = source_.find("{%", at_); at != source_.npos; at = source_.find("{%", at + 1)) {
      const char sign = sign_at(at + 2);
      size_t end = at + (sign ? 3 : 2);
      const auto skip = [&] {
        while (end < source_.size()) {
          const auto [code, bytes] = first_character(std::string_view(source_).substr(end));
          if (!is_space(code)) break;
          end += bytes;
        }
      };
      skip();
      if (source_.compare(end, 6, "endraw") != 0) continue;
      end += 6;
      skip();
      const char last = sign_at(end);
      if (source_.compare(last ? end + 1 : end, 2, "%}") != 0) continue;
      end += last ? 3 : 2;
      add_data(rest().substr(0, at - at_), sign, true);
      advance(end - at_);
      finish_tag(last, true);
      return;
    }
    fail("Missing end of raw directive");
  }

  /// The end of the tag, if it is here; `brackets_` keeps ends that belong to an expression.
  bool scan_end(char kind) {
    if (!brackets_.empty()) return false;
    const std::string end = {kind, '}'};
    const char sign = sign_at(at_);
    const bool signs = sign == '-' || (sign == '+' && kind == '%');
    if (!next_is(end) && !(signs && rest().substr(1).starts_with(end))) return false;
    add(kind == '%' ? Kind::BlockEnd : Kind::VariableEnd, "");
    advance(next_is(end) ? 2 : 3);
    finish_tag(signs ? sign : '\0', kind == '%');
    return true;
  }

  void scan_inside(char kind) {
    brackets_.clear();
    for (;;) {
      if (at_ == source_.size()) return;  // the parser says what is missing
      if (scan_end(kind)) return;
      const auto [code, bytes] = first_character(rest());
      if (is_space(code))
        skip_space();
      else if (code >= '0' && code <= '9')
        scan_number();
      else if (is_word(code))
        scan_name();
      else if (code == '"' || code == '\'')
        scan_string();
      else
        scan_operator();
    }
  }

  /// Bytes of digits with single underscores between them, from a place on.
  size_t digits(size_t at, int base) const {
    const size_t begin = at;
    while (at < source_.size() && is_digit_of(source_[at], base)) {
      ++at;
      if (at + 1 < source_.size() && source_[at] == '_' && is_digit_of(source_[at + 1], base)) ++at;
    }
    return at - begin;
  }

  void add_number(Kind kind, size_t bytes) {
    std::string text = source_.substr(at_, bytes);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    add(kind, std::move(text));
    at_ += bytes;
  }

  void scan_number() {
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (!after_dot) {
      size_t bytes = digits(at_, 10);
      bool real = false;
      if (at_ + bytes < source_.size() && source_[at_ + bytes] == '.' &&
          digits(at_ + bytes + 1, 10) > 0) {
        bytes += 1 + digits(at_ + bytes + 1, 10);
        real = true;
      }
      const char mark = at_ + bytes < source_.size() ? source_[at_ + bytes] : '\0';
      if (mark == 'e' || mark == 'E') {
        const size_t sign = sign_at(at_ + bytes + 1) ? 1 : 0;
        const size_t exponent = digits(at_ + bytes + 1 + sign, 10);
        if (exponent > 0) bytes += 1 + sign + exponent;
        real = real || exponent > 0;
      }
      if (real) return add_number(Kind::Float, bytes);
    }
    if (source_[at_] == '0') {
      const char letter = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : 0;
      const int base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
      const size_t underscore = at_ + 2 < source_.size() && source_[at_ + 2] == '_' ? 1 : 0;
      const size_t size = base ? digits(at_ + 2 + underscore, base) : 0;
      if (size > 0) return add_number(Kind::Integer, 2 + underscore + size);
      // A zero is followed by zeros alone.
      size_t zeros = 1;
      const size_t all = digits(at_, 10);
      while (zeros < all && (source_[at_ + zeros] == '0' || source_[at_ + zeros] == '_')) ++zeros;
      return add_number(Kind::Integer, zeros);
    }
    add_number(Kind::Integer, digits(at_, 10));
  }

  void scan_name() {
    const size_t begin = at_;
    while (at_ < source_.size() && is_word(first_character(rest()).code))
      at_ += first_character(rest()).bytes;
    add(Kind::Name, source_.substr(begin, at_ - begin));
  }

  void scan_string() {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail(fmt::format("unexpected char {}: a string has no end", quote));
    add(Kind::String, unescape(rest().substr(1, end - at_ - 1)));
    advance(end + 1 - at_);
  }

  std::string unescape(std::string_view text) const {
    std::string result;
    while (!text.empty()) {
      const size_t plain = std::min(text.find('\\'), text.size());
      result += text.substr(0, plain);
      text.remove_prefix(plain);
      if (text.empty()) break;
      const char c = text[1];
      text.remove_prefix(2);
      constexpr std::string_view letters = "\\'\"abfnrtv", meant = "\\'\"\a\b\f\n\r\t\v";
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
      if (const size_t i = letters.find(c); i != letters.npos) {
        result += meant[i];
      } else if (digits > 0) {
        result += encode_escape(text.substr(0, digits), 16, digits);
        text.remove_prefix(digits);
      } else if (is_digit_of(c, 8)) {
        size_t size = 0;
        while (size < 2 && size < text.size() && is_digit_of(text[size], 8)) ++size;
        result += encode_escape(std::string(1, c) + std::string(text.substr(0, size)), 8, 0);
        text.remove_prefix(size);
      } else if (c == 'N') {
        fail("\\N{...} in a string is not supported");
      } else if (c != '\n') {
        result += {'\\', c};
      }
    }
    return result;
  }

  std::string encode_escape(std::string_view digits, int base, size_t size) const {
    uint32_t code = 0;
    for (const char digit : digits) {
      if (!is_digit_of(digit, base)) fail("truncated escape in a string");
      const int value = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
      code = code * static_cast<uint32_t>(base) + static_cast<uint32_t>(value);
    }
    if (digits.size() < size) fail("truncated escape in a string");
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      fail("an escape in a string is no character");
    return encode(code);
  }

  void scan_operator() {
    constexpr std::string_view operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                              "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                              ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (const std::string_view name : operators) {
      if (!next_is(name)) continue;
      const char c = name[0];
      if (c == '(' || c == '[' || c == '{') brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (brackets_.empty()) fail(fmt::format("unexpected '{}'", c));
        if (brackets_.back() != c)
          fail(fmt::format("unexpected '{}', expected '{}'", c, brackets_.back()));
        brackets_.pop_back();
      }
      add(Kind::Operator, std::string(name));
      at_ += name.size();
      return;
    }
    fail(fmt::format("unexpected char '{}'", rest().substr(0, first_character(rest()).bytes)));
  }

  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_begins_ = true;  ///< whether what comes is at the beginning of a line
  std::string brackets_;     ///< those that are to be closed
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace weld::jinja
