// One description of how a value is to be shown, read from either notation.
#include "jinja/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "jinja/operations.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

constexpr int64_t most_precision = 4000;

struct Spec {
  std::string fill = " ";
  char align = 0;  ///< < > ^ =, or 0: as the type has it
  char sign = '-';
  bool alternate = false;
  int64_t width = 0;
  char group = 0;  ///< , or _ between thousands
  std::optional<int64_t> precision;
  char type = 0;
};

/// Reads a number at the front; nothing if there is none.
std::optional<int64_t> read_number(std::string_view& text) {
  std::optional<int64_t> number;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (number.value_or(0) > INT32_MAX / 10) fault("format: a number is too large");
    number = number.value_or(0) * 10 + (text[0] - '0');
    text.remove_prefix(1);
  }
  return number;
}

char take(std::string_view& text) {
  const char c = text[0];
  text.remove_prefix(1);
  return c;
}

/// Adds text of a width; `prefix` is a sign and such, after which '=' fills.
void pad(Builder& out, const Spec& spec, char align, std::string_view prefix,
         std::string_view text) {
  const auto size = static_cast<int64_t>(count_characters(prefix) + count_characters(text));
  const auto missing = static_cast<size_t>(std::max<int64_t>(spec.width - size, 0));
  const size_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  const size_t inside = align == '=' ? missing : 0;
  out.add(before, spec.fill);
  out.add(prefix);
  out.add(inside, spec.fill);
  out.add(text);
  out.add(missing - before - inside, spec.fill);
}

/// Puts a separator between groups of the digits that the text begins with.
std::string group_digits(std::string_view text, char separator, size_t size) {
  const size_t digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
  std::string result;
  for (size_t i = 0; i < digits; ++i) {
    if (i > 0 && (digits - i) % size == 0) result += separator;
    result += text[i];
  }
  return result.append(text.substr(digits));
}

std::string float_digits(double value, char type, std::optional<int64_t> precision,
                         bool alternate) {
  const int64_t places = precision.value_or(6);
  if (places > most_precision) fault("format: the precision is too large");
  return fmt::format(fmt::runtime(fmt::format("{{:{}.{}{}}}", alternate ? "#" : "", places, type)),
                     value);
}

void add_float(Builder& out, const Spec& spec, double value) {
  const double size = std::fabs(value);
  std::string digits;
  if (spec.type == 0 && !spec.precision) {
    digits = float_repr(size);
  } else if (spec.type == '%') {
    digits = float_digits(size * 100, 'f', spec.precision, spec.alternate) + "%";
  } else {
    const char type = spec.type == 0 || spec.type == 'n' ? 'g' : spec.type;
    const auto places = type == 'g' || type == 'G'
                            ? std::optional(std::max<int64_t>(spec.precision.value_or(6), 1))
                            : spec.precision;
    digits = float_digits(size, type, places, spec.alternate);
    if (spec.type == 0 && digits.find_first_of(".en") == std::string::npos) digits += ".0";
  }
  if (spec.group != 0) digits = group_digits(digits, spec.group, 3);
  const bool negative = std::signbit(value) && !std::isnan(value);
  const std::string prefix = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  pad(out, spec, spec.align ? spec.align : '>', prefix, digits);
}

void add_integer(Builder& out, const Spec& spec, int64_t value) {
  if (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos)
    return add_float(out, spec, static_cast<double>(value));
  if (spec.type == 'c') {
    if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      fault("%c arg not in range(0x110000)");
    return pad(out, spec, spec.align ? spec.align : '<', "", encode(static_cast<uint32_t>(value)));
  }
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string prefix = value < 0 ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  std::string digits;
  switch (spec.type) {
    case 'x':
    case 'X':
    case 'o':
    case 'b':
      digits = spec.type == 'x'   ? fmt::format("{:x}", size)
               : spec.type == 'X' ? fmt::format("{:X}", size)
               : spec.type == 'o' ? fmt::format("{:o}", size)
                                  : fmt::format("{:b}", size);
      if (spec.alternate) prefix += {'0', spec.type};
      break;
    case 0:
    case 'd':
    case 'n':
      digits = fmt::format("{}", size);
      break;
    default:
      fault(fmt::format("Unknown format code '{}' for object of type 'int'", spec.type));
  }
  if (spec.precision) {
    const auto places = static_cast<size_t>(std::min(*spec.precision, most_precision));
    if (digits.size() < places) digits.insert(0, places - digits.size(), '0');
  }
  const bool decimal = spec.type == 0 || spec.type == 'd';
  if (spec.group != 0) digits = group_digits(digits, spec.group, decimal ? 3 : 4);
  pad(out, spec, spec.align ? spec.align : '>', prefix, digits);
}

void add_text(Builder& out, const Spec& spec, std::string_view text) {
  if (spec.precision)
    text = text.substr(0, character_offset(text, static_cast<size_t>(*spec.precision)));
  pad(out, spec, spec.align ? spec.align : '<', "", text);
}

/// Formats by one conversion of `%`.
void add_percent(Builder& out, Heap& heap, Spec spec, const Value& value) {
  Builder text(heap);
  switch (spec.type) {
    case 's':
      write_text(text, heap, value);
      return add_text(out, spec, text.bytes());
    case 'r':
    case 'a':
      write_repr(text, heap, value);
      return add_text(out, spec, text.bytes());
    case 'c':
      if (const Text* character = as_text(value)) {
        if (character->length() != 1) fault("%c requires int or char");
        spec.precision.reset();
        return add_text(out, spec, character->bytes);
      }
      if (is_float(value)) fault("%c requires int or char");
      break;
    default:
      break;
  }
  need_defined(value);
  const auto number = as_number(value);
  const auto integer = as_int(value);
  const bool floating = std::string_view("eEfFgG").find(spec.type) != std::string_view::npos;
  if (!number || (!integer && (spec.type == 'x' || spec.type == 'X' || spec.type == 'o')))
    fault(fmt::format("%{} format: a number is required, not {}", spec.type, type_name(value)));
  if (floating) return add_float(out, spec, *number);
  if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
  if (std::string_view("dxXoc").find(spec.type) == std::string_view::npos)
    fault(fmt::format("unsupported format character '{}'", spec.type));
  if (!integer && !(std::fabs(*number) < 9e18))
    fault("integer overflow: integers have 64 bits here");
  add_integer(out, spec, integer ? *integer : static_cast<int64_t>(*number));
}

/// The values that conversions take, in order or by key.
class PercentValues {
 public:
  PercentValues(Heap& heap, const Value& values) : heap_(heap), values_(values) {
    const List* list = as_list(values);
    if (list && list->tuple) tuple_ = list;
  }
  Value next() {
    const size_t size = tuple_ ? tuple_->items.size() : 1;
    if (used_ == size) fault("not enough arguments for format string");
    return tuple_ ? tuple_->items[used_++] : (++used_, values_);
  }
  Value at(std::string_view key) {
    const Dict* dict = as_dict(values_);
    if (!dict) fault("format requires a mapping");
    by_key_ = true;
    const Value* value = dict->find(heap_, make_text(heap_, key));
    if (!value) fault(fmt::format("KeyError: '{}'", key));
    return *value;
  }
  void finish() const {
    // What has elements by key may have more than are used.
    const bool mapping = !tuple_ && (is_undefined(values_) || as_dict(values_) ||
                                     as_list(values_) || as<Range>(values_));
    if (!by_key_ && !mapping && used_ < (tuple_ ? tuple_->items.size() : 1))
      fault("not all arguments converted during string formatting");
  }

 private:
  Heap& heap_;
  const Value& values_;
  const List* tuple_ = nullptr;
  size_t used_ = 0;
  bool by_key_ = false;
};

int64_t take_star(PercentValues& values) {
  if (const auto integer = as_int(values.next())) return std::min<int64_t>(*integer, INT32_MAX);
  fault("* wants int");
}

/// A format specification of str.format().
Spec parse_spec(std::string_view text) {
  Spec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!text.empty()) {
    const size_t first = first_character(text).bytes;
    if (text.size() > first && is_align(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (is_align(text[0])) {
      spec.align = take(text);
    }
  }
  if (!text.empty() && (text[0] == '+' || text[0] == '-' || text[0] == ' ')) spec.sign = take(text);
  if (!text.empty() && text[0] == '#') spec.alternate = take(text) == '#';
  if (!text.empty() && text[0] == '0') {
    take(text);
    if (spec.align == 0) {
      spec.align = '=';
      spec.fill = "0";
    }
  }
  spec.width = read_number(text).value_or(0);
  if (!text.empty() && (text[0] == ',' || text[0] == '_')) spec.group = take(text);
  if (!text.empty() && text[0] == '.') {
    take(text);
    spec.precision = read_number(text);
    if (!spec.precision) fault("Format specifier missing precision");
  }
  if (!text.empty()) spec.type = take(text);
  if (!text.empty()) fault("Invalid format specifier");
  return spec;
}

void add_formatted(Builder& out, Heap& heap, const Value& value, std::string_view text) {
  if (text.empty()) return write_text(out, heap, value);
  Spec spec = parse_spec(text);
  if (const double* number = std::get_if<double>(&value)) {
    if (spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) == std::string_view::npos)
      fault(fmt::format("Unknown format code '{}' for object of type 'float'", spec.type));
    return add_float(out, spec, *number);
  }
  if (const auto integer = as_int(value)) {
    const bool real = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
    if (spec.precision && !real) fault("Precision not allowed in integer format specifier");
    return add_integer(out, spec, *integer);
  }
  const Text* string = as_text(value);
  if (!string)
    fault(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  if ((spec.type != 0 && spec.type != 's') || spec.group != 0 || spec.sign != '-' ||
      (spec.align == '=' && spec.fill != "0"))
    fault("Invalid format specifier for object of type 'str'");
  if (spec.align == '=') spec.align = '<';
  add_text(out, spec, string->bytes);
}

/// Reads replacement fields, which may hold others in their specification.
class BraceFormat {
 public:
  BraceFormat(Heap& heap, const Arguments& arguments) : heap_(heap), arguments_(arguments) {}

  void add(Builder& out, std::string_view text, int level) {
    while (!text.empty()) {
      const size_t plain = std::min(text.find_first_of("{}"), text.size());
      out.add(text.substr(0, plain));
      text.remove_prefix(plain);
      if (text.empty()) return;
      if (text.size() > 1 && text[1] == text[0]) {
        out.add(text.substr(0, 1));
        text.remove_prefix(2);
      } else if (take(text) == '}') {
        fault("Single '}' encountered in format string");
      } else {
        add_field(out, text, level);
      }
    }
  }

 private:
  void add_field(Builder& out, std::string_view& text, int level) {
    if (level > 1) fault("Max string recursion exceeded");
    size_t end = 0;
    int depth = 1;
    for (; end < text.size(); ++end) {
      if (text[end] == '{') ++depth;
      if (text[end] == '}' && --depth == 0) break;
    }
    if (end == text.size()) fault("expected '}' before end of string");
    std::string_view field = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t name = std::min(field.find_first_of("!:"), field.size());
    Value value = find(field.substr(0, name));
    field.remove_prefix(name);
    if (field.starts_with('!')) {
      const std::string_view conversion = field.substr(1, field.find(':') - 1);
      if (conversion == "r" || conversion == "a")
        value = make_text(heap_, repr(heap_, value));
      else if (conversion == "s")
        value = to_text(heap_, value);
      else
        fault(fmt::format("Unknown conversion specifier '{}'", conversion));
      field.remove_prefix(std::min(conversion.size() + 1, field.size()));
    }
    if (field.starts_with(':')) field.remove_prefix(1);
    Builder spec(heap_);
    add(spec, field, level + 1);
    add_formatted(out, heap_, value, spec.bytes());
  }

  /// The value that `0.name[key]` names.
  Value find(std::string_view path) {
    const size_t size = std::min(path.find_first_of(".["), path.size());
    Value value = first(path.substr(0, size));
    path.remove_prefix(size);
    while (!path.empty()) {
      const bool item = take(path) == '[';
      const size_t end = std::min(path.find_first_of(item ? "]" : ".["), path.size());
      if (item && end == path.size()) fault("Missing ']' in format string");
      std::string_view name = path.substr(0, end);
      path.remove_prefix(item ? end + 1 : end);
      std::string_view rest = name;
      const auto index = item ? read_number(rest) : std::nullopt;
      const Value key = index && rest.empty() ? Value(*index) : make_text(heap_, name);
      value = item ? get_item(heap_, value, key) : get_attribute(heap_, value, std::string(name));
    }
    return value;
  }

  Value first(std::string_view name) {
    std::string_view rest = name;
    const auto index = name.empty() ? std::optional(next_++) : read_number(rest);
    numbered_ = numbered_ || (!name.empty() && index);
    if (numbered_ && next_ > 0) fault("cannot mix numbered and automatic fields");
    if (index && rest.empty()) {
      if (static_cast<size_t>(*index) >= arguments_.positional.size())
        fault(fmt::format("Replacement index {} out of range for positional args tuple", *index));
      return arguments_.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [known, value] : arguments_.named)
      if (known == name) return value;
    fault(fmt::format("KeyError: '{}'", name));
  }

  Heap& heap_;
  const Arguments& arguments_;
  int64_t next_ = 0;       ///< of the fields without a number
  bool numbered_ = false;  ///< whether there are fields with one
};

}  // namespace

Value format_percent(Heap& heap, const Text& format, const Value& arguments) {
  Builder out(heap);
  PercentValues values(heap, arguments);
  std::string_view text = format.bytes;
  for (;;) {
    const size_t plain = text.find('%');
    out.add(text.substr(0, plain));
    if (plain == text.npos) break;
    text.remove_prefix(plain + 1);
    if (text.empty()) fault("incomplete format");
    if (text[0] == '%') {
      out.add(text.substr(0, 1));
      text.remove_prefix(1);
      continue;
    }
    Spec spec;
    std::optional<Value> value;
    if (text[0] == '(') {
      const size_t end = text.find(')');
      if (end == text.npos) fault("incomplete format key");
      value = values.at(text.substr(1, end - 1));
      text.remove_prefix(end + 1);
    }
    bool left = false, zeros = false;
    for (; !text.empty() && std::string_view("-+ #0").find(text[0]) != text.npos; take(text)) {
      if (text[0] == '-') left = true;
      if (text[0] == '0') zeros = true;
      if (text[0] == '#') spec.alternate = true;
      if (text[0] == '+' || (text[0] == ' ' && spec.sign == '-')) spec.sign = text[0];
    }
    const auto number = [&] {
      if (text.empty() || text[0] != '*') return read_number(text).value_or(0);
      take(text);
      return take_star(values);
    };
    spec.width = number();
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (!text.empty() && text[0] == '.') {
      take(text);
      spec.precision = std::max<int64_t>(number(), 0);
    }
    while (!text.empty() && std::string_view("hlL").find(text[0]) != text.npos) take(text);
    if (text.empty()) fault("incomplete format");
    spec.type = take(text);
    const bool textual = std::string_view("srac").find(spec.type) != std::string_view::npos;
    spec.align = left ? '<' : zeros && !textual ? '=' : '>';
    if (zeros && !textual && !left) spec.fill = "0";
    add_percent(out, heap, spec, value ? *value : values.next());
  }
  values.finish();
  return out.finish(format.markup);
}

Value format_braces(Heap& heap, const Text& format, const Arguments& arguments) {
  Builder out(heap);
  BraceFormat(heap, arguments).add(out, format.bytes, 0);
  return out.finish(format.markup);
}

}  // namespace weld::jinja
