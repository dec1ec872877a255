// The filters, `value | name(arguments)`. A generator does its work when its elements are asked
// for.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "jinja/format.h"
#include "jinja/functions.h"
#include "jinja/json.h"
#include "jinja/operations.h"
#include "jinja/text.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

std::string text_of(const Call& call) {
  Builder out(call.heap);
  write_text(out, call.heap, call.self);
  return out.bytes();
}

/// A result that is markup where the text that it comes of is.
Value like_self(const Call& call, std::string_view bytes) {
  const Text* text = as_text(call.self);
  return make_text(call.heap, bytes, text && text->markup);
}

/// A generator of what a function returns, called for the first element.
Value lazily(Heap& heap, std::function<std::vector<Value>()> make) {
  return heap.make<Generator>([make = std::move(make), items = std::vector<Value>(), at = size_t{0},
                               made = false](Value& element) mutable {
    if (!made) items = make();
    made = true;
    if (at == items.size()) return false;
    element = items[at++];
    return true;
  });
}

/// Follows "a.b.0" from a value.
class Path {
 public:
  Path(Heap& heap, const Value& attribute) : heap_(heap) {
    const Text* text = as_text(attribute);
    if (!text) {
      if (!is_none(attribute)) parts_.push_back(attribute);
      return;
    }
    std::string_view rest = text->bytes;
    for (;;) {
      const std::string_view part = rest.substr(0, rest.find('.'));
      int64_t index = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool number = !part.empty() && part[0] != '-' && end == part.data() + part.size() &&
                          error == std::errc();
      parts_.push_back(number ? Value(index) : make_text(heap, part));
      if (part.size() == rest.size()) break;
      rest.remove_prefix(part.size() + 1);
    }
  }
  Value follow(Value value) const {
    for (const Value& part : parts_) value = get_item(heap_, value, part);
    return value;
  }

 private:
  Heap& heap_;
  std::vector<Value> parts_;
};

/// What to sort and compare by: an attribute of an element (several, for SORT), in lower case
/// unless case counts.
class Key {
 public:
  Key(Heap& heap, const Value& attribute, bool case_sensitive, Value otherwise = None{})
      : heap_(heap), lower_(!case_sensitive), otherwise_(std::move(otherwise)) {
    paths_.emplace_back(heap, attribute);
  }
  /// By several attributes with commas between.
  static Key of_several(Heap& heap, const Value& attribute, bool case_sensitive) {
    Key key(heap, attribute, case_sensitive);
    key.several_ = true;
    const Text* text = as_text(attribute);
    if (!text || text->bytes.find(',') == std::string::npos) return key;
    key.paths_.clear();
    std::string_view rest = text->bytes;
    for (;;) {
      const std::string_view part = rest.substr(0, rest.find(','));
      key.paths_.emplace_back(heap, make_text(heap, part));
      if (part.size() == rest.size()) return key;
      rest.remove_prefix(part.size() + 1);
    }
  }
  Value of(const Value& item) const {
    if (!several_) return part(paths_[0], item);
    std::vector<Value> parts;
    parts.reserve(paths_.size());
    for (const Path& path : paths_) parts.push_back(part(path, item));
    return make_list(heap_, std::move(parts), true);
  }
  std::vector<Value> of_all(const std::vector<Value>& items) const {
    std::vector<Value> keys;
    keys.reserve(items.size());
    for (const Value& item : items) keys.push_back(of(item));
    heap_.take(keys.size() * sizeof(Value));
    return keys;
  }

 private:
  Value part(const Path& path, const Value& item) const {
    Value value = path.follow(item);
    if (is_undefined(value) && !is_none(otherwise_)) value = otherwise_;
    const Text* text = as_text(value);
    return text && lower_ ? make_text(heap_, to_lower(text->bytes)) : value;
  }

  Heap& heap_;
  std::vector<Path> paths_;
  bool lower_;
  bool several_ = false;  ///< a tuple, even of one: equal ones need no order
  Value otherwise_;
};

Value absolute(Call& call) {
  need_defined(call.self);
  if (const double* number = std::get_if<double>(&call.self)) return std::fabs(*number);
  const auto integer = as_int(call.self);
  if (!integer) fault(fmt::format("bad operand type for abs(): '{}'", type_name(call.self)));
  return *integer < 0 ? negate(*integer) : Value(*integer);
}

Value attribute(Call& call) {
  const Dict* dict = as_dict(call.self);
  const std::string& name = call.text(0);
  if (dict && !find_method(call.self, name))
    return make_undefined(call.heap, fmt::format("'dict object' has no attribute '{}'", name));
  return get_attribute(call.heap, call.self, name);
}

Value batch(Call& call) {
  return lazily(call.heap, [&heap = call.heap, self = call.self, size = call.integer(0, 0),
                            fill = call.value(1, None{})] {
    std::vector<Value> batches;
    List* last = nullptr;
    for (Value& item : collect(heap, self)) {
      if (!last || static_cast<int64_t>(last->items.size()) == size)
        batches.emplace_back(last = heap.make<List>(false));
      last->append(heap, std::move(item));
    }
    if (last && !is_none(fill))
      while (static_cast<int64_t>(last->items.size()) < size) last->append(heap, fill);
    return batches;
  });
}

Value slice_filter(Call& call) {
  return lazily(call.heap, [&heap = call.heap, self = call.self, slices = call.integer(0, 0),
                            fill = call.value(1, None{})] {
    const std::vector<Value> items = collect(heap, self);
    if (slices == 0) fault("integer division or modulo by zero");
    const auto size = static_cast<int64_t>(items.size());
    std::vector<Value> result;
    for (int64_t i = 0, at = 0; i < slices; ++i) {
      heap.step();
      const int64_t count = size / slices + (i < size % slices ? 1 : 0);
      List* list = heap.make<List>(false);
      for (int64_t end = at + count; at < end; ++at)
        list->append(heap, items[static_cast<size_t>(at)]);
      if (!is_none(fill) && i >= size % slices) list->append(heap, fill);
      result.emplace_back(list);
    }
    return result;
  });
}

Value default_value(Call& call) {
  const bool missing = is_undefined(call.self) || (call.flag(1, false) && !truth(call.self));
  return missing ? call.value(0, make_text(call.heap, "")) : call.self;
}

Value sort_dict(Call& call) {
  const Dict* dict = as_dict(call.self);
  need_defined(call.self);
  if (!dict) fault(fmt::format("'{}' object has no attribute 'items'", type_name(call.self)));
  const std::string by = call.has(1) ? call.text(1) : "key";
  if (by != "key" && by != "value") fault("You can only sort by either \"key\" or \"value\"");
  const Key key(call.heap, None{}, call.flag(0, false));
  std::vector<Value> pairs, keys;
  for (const Dict::Entry& entry : dict->entries()) {
    pairs.push_back(make_list(call.heap, {entry.key, entry.value}, true));
    keys.push_back(key.of(by == "key" ? entry.key : entry.value));
  }
  sort_values(call.heap, pairs, keys, call.flag(2, false));
  return make_list(call.heap, std::move(pairs));
}

Value first(Call& call) {
  Value element;
  return elements(call.heap, call.self)(element)
             ? element
             : make_undefined(call.heap, "No first item, sequence was empty.");
}

/// The elements from the last to the first, of what knows its length.
std::vector<Value> reversed(const Call& call) {
  if (!find_length(call.self))
    fault(fmt::format("'{}' object is not reversible", type_name(call.self)));
  std::vector<Value> items = collect(call.heap, call.self);
  std::reverse(items.begin(), items.end());
  return items;
}

Value last(Call& call) {
  if (as_list(call.self) || as_text(call.self)) {
    Value found = length(call.self) ? get_item(call.heap, call.self, int64_t{-1}) : Value();
    if (!is_undefined(found)) return found;
  }
  const std::vector<Value> items = reversed(call);
  return items.empty() ? make_undefined(call.heap, "No last item, sequence was empty.") : items[0];
}

Value reverse(Call& call) {
  if (as_text(call.self)) return slice(call.heap, call.self, None{}, None{}, int64_t{-1});
  if (!find_length(call.self)) {
    std::vector<Value> items = collect(call.heap, call.self);
    std::reverse(items.begin(), items.end());
    return make_list(call.heap, std::move(items));
  }
  return lazily(call.heap, [items = reversed(call)] { return items; });
}

std::string_view trim_space(std::string_view text) {
  while (!text.empty() && is_space(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

/// Digits with single underscores between them, without those; nothing if they are elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string result;
  const auto digit = [&](size_t i) {
    return i < text.size() && (is_decimal(static_cast<unsigned char>(text[i])) ||
                               (text[i] >= 'A' && text[i] <= 'z' && text[i] != '_'));
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_')
      result += text[i];
    else if (i == 0 || !digit(i - 1) || !digit(i + 1))
      return std::nullopt;
  }
  return result;
}

/// As int() and float() read texts.
std::optional<int64_t> parse_int(std::string_view text, int64_t base) {
  text = trim_space(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto prefixed = [&](char letter, int64_t its_base) {
    if (text.size() < 2 || text[0] != '0' || (text[1] | 0x20) != letter) return false;
    if (base != its_base && base != 0) return false;
    base = its_base;
    text.remove_prefix(text.size() > 2 && text[2] == '_' ? 3 : 2);
    return true;
  };
  if (!prefixed('x', 16) && !prefixed('o', 8) && !prefixed('b', 2) && base == 0) {
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != text.npos)
      return std::nullopt;
    base = 10;
  }
  if (base < 2 || base > 36) return std::nullopt;
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || digits->front() == '-') return std::nullopt;
  int64_t value = 0;
  std::string signed_digits(negative ? "-" : "");
  signed_digits.append(*digits);
  const char* end = signed_digits.data() + signed_digits.size();
  const auto [stop, error] =
      std::from_chars(signed_digits.data(), end, value, static_cast<int>(base));
  if (stop != end) return std::nullopt;
  if (error != std::errc()) fault("integer overflow: integers have 64 bits here");
  return value;
}

std::optional<double> parse_float(std::string_view text) {
  text = trim_space(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || digits->front() == '-' ||
      digits->find('(') != std::string::npos)
    return std::nullopt;
  double value = 0;
  const char* end = digits->data() + digits->size();
  const auto [stop, error] = std::from_chars(digits->data(), end, value);
  if (stop != end) return std::nullopt;
  if (error != std::errc()) {
    // Too large or too small: strtod says which.
    value = std::strtod(digits->c_str(), nullptr);
  }
  return negative ? -value : value;
}

std::optional<double> to_float(const Value& value) {
  need_defined(value);
  const Text* text = as_text(value);
  return text ? parse_float(text->bytes) : as_number(value);
}

Value to_int(Call& call) {
  need_defined(call.self);
  if (const Text* text = as_text(call.self))
    if (const auto integer = parse_int(text->bytes, call.integer(1, 10))) return *integer;
  if (const auto integer = as_int(call.self)) return *integer;
  if (is_float(call.self) && std::isinf(std::get<double>(call.self)))
    fault("cannot convert float infinity to integer");
  const auto number = to_float(call.self);
  if (!number || !std::isfinite(*number)) return call.value(0, int64_t{0});
  if (std::fabs(*number) >= 9223372036854775808.0)
    fault("integer overflow: integers have 64 bits here");
  return static_cast<int64_t>(*number);
}

Value group_by(Call& call) {
  const Value otherwise = call.value(1, None{});
  const Key key(call.heap, call[0], call.flag(2, false), otherwise);
  const Key exact(call.heap, call[0], true, otherwise);
  std::vector<Value> items = collect(call.heap, call.self);
  sort_values(call.heap, items, key.of_all(items), false);
  std::vector<Value> groups;
  List* members = nullptr;
  Value current;
  for (const Value& item : items) {
    const Value its = key.of(item);
    if (!members || !equals(call.heap, its, current)) {
      members = call.heap.make<List>(false);
      const Value pair = make_list(call.heap, {exact.of(item), members}, true);
      as_list(pair)->group = true;
      groups.push_back(pair);
      current = its;
    }
    members->append(call.heap, item);
  }
  return make_list(call.heap, std::move(groups));
}

Value indent(Call& call) {
  const Text* text = as_text(call.self);
  need_defined(call.self);
  if (!text) fault(fmt::format("indent: must be str, not {}", type_name(call.self)));
  Builder indention(call.heap), out(call.heap);
  if (call.has(0) && as_text(call[0]))
    indention.add(call.text(0));
  else
    indention.add(static_cast<size_t>(std::max<int64_t>(call.integer(0, 4), 0)), " ");
  const bool blank = call.flag(2, false);
  if (call.flag(1, false)) out.add(indention.bytes());
  const std::string lines = text->bytes + "\n";
  bool begun = false;
  for (const std::string_view line : lines_of(call.heap, lines, false)) {
    if (begun) {
      out.add("\n");
      if (blank || !line.empty()) out.add(indention.bytes());
    }
    out.add(line);
    begun = true;
  }
  return out.finish(text->markup);
}

Value items(Call& call) {
  if (!is_undefined(call.self) && !as_dict(call.self))
    return lazily(call.heap,
                  []() -> std::vector<Value> { fault("Can only get item pairs from a mapping."); });
  return lazily(call.heap, [&heap = call.heap, self = call.self] {
    Dict* dict = as_dict(self);
    return dict ? collect(heap, heap.make<DictView>(*dict, DictView::Part::Items))
                : std::vector<Value>();
  });
}

Value join(Call& call) {
  Builder separator(call.heap), out(call.heap);
  if (call.has(0)) write_text(separator, call.heap, call[0]);
  const Path path(call.heap, call.value(1, None{}));
  const Next next = elements(call.heap, call.self);
  Value element;
  for (bool begun = false; next(element); begun = true) {
    if (begun) out.add(separator.bytes());
    write_text(out, call.heap, path.follow(element));
  }
  return out.finish();
}

std::string name_argument(Arguments& arguments, const char* missing) {
  if (arguments.positional.empty()) fault(missing);
  const Value name = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  if (!as_text(name))
    fault(fmt::format("a filter or test is named by a str, not {}", type_name(name)));
  return as_text(name)->bytes;
}

/// A generator of what a function makes of each element; nothing leaves the element out.
Value transform(Call& call, std::function<std::optional<Value>(const Value&)> change) {
  // Passing over begins when the first element is asked for.
  return call.heap.make<Generator>([&heap = call.heap, self = call.self, change = std::move(change),
                                    next = Next()](Value& element) mutable {
    if (!next) next = elements(heap, self);
    Value item;
    while (next(item)) {
      std::optional<Value> changed = change(item);
      if (!changed) continue;
      element = std::move(*changed);
      return true;
    }
    return false;
  });
}

/// What `map`, `select` and their like give for a value that is not true, whatever it is.
Value nothing(Call& call) {
  return call.heap.make<Generator>([](Value&) { return false; });
}

Value map(Call& call) {
  if (!truth(call.self)) return nothing(call);
  Arguments arguments = call.arguments;
  if (arguments.positional.empty()) {
    const auto attribute = arguments.take("attribute");
    if (!attribute) fault("map requires a filter argument");
    const Key key(call.heap, *attribute, true, arguments.take("default").value_or(None{}));
    if (!arguments.named.empty())
      fault(fmt::format("Unexpected keyword argument '{}'", arguments.named.front().first));
    return transform(call, [key](const Value& item) { return key.of(item); });
  }
  const std::string name = name_argument(arguments, "map requires a filter argument");
  return transform(call, [&heap = call.heap, name, arguments](const Value& item) {
    return apply_filter(heap, name, item, arguments);
  });
}

template <bool wanted, bool by_attribute>
Value choose(Call& call) {
  if (!truth(call.self)) return nothing(call);
  Arguments arguments = call.arguments;
  Value attribute = None{};
  if (by_attribute) {
    if (arguments.positional.empty()) fault("Missing parameter for attribute name");
    attribute = arguments.positional.front();
    arguments.positional.erase(arguments.positional.begin());
  }
  const Path path(call.heap, attribute);
  const bool plain = arguments.positional.empty();
  const std::string name = plain ? "" : name_argument(arguments, "");
  return transform(
      call,
      [&heap = call.heap, path, plain, name, arguments](const Value& item) -> std::optional<Value> {
        const Value value = path.follow(item);
        const bool holds = plain ? truth(value) : apply_test(heap, name, value, arguments);
        return holds == wanted ? std::optional(item) : std::nullopt;
      });
}

template <bool greatest>
Value extreme(Call& call) {
  const Key key(call.heap, call.value(1, None{}), call.flag(0, false));
  const Next next = elements(call.heap, call.self);
  Value best, item;
  if (!next(best)) return make_undefined(call.heap, "No aggregated item, sequence was empty.");
  Value best_key = key.of(best);
  while (next(item)) {
    const Value its = key.of(item);
    if (!(greatest ? less(call.heap, best_key, its) : less(call.heap, its, best_key))) continue;
    best = item;
    best_key = its;
  }
  return best;
}

Value round_number(Call& call) {
  need_defined(call.self);
  const int64_t places = call.integer(0, 0);
  const std::string method = call.has(1) ? call.text(1) : "common";
  const auto number = as_number(call.self);
  if (method != "common" && method != "ceil" && method != "floor")
    fault("method must be common, ceil or floor");
  if (!number) fault(fmt::format("type {} doesn't define __round__ method", type_name(call.self)));
  if (places > 300 || places < -300) fault("round: the precision is too large");
  const double scale = std::pow(10.0, static_cast<double>(places));
  // Python rounds to an integer here, which has no negative zero.
  if (method == "ceil") return (std::ceil(*number * scale) + 0.0) / scale;
  if (method == "floor") return (std::floor(*number * scale) + 0.0) / scale;
  const auto integer = as_int(call.self);
  if (integer && places >= 0) return *integer;
  // Halves go to the even digit.
  const double rounded = places >= 0 ? *parse_float(fmt::format("{:.{}f}", *number, places))
                                     : std::nearbyint(*number * scale) / scale;
  return integer ? Value(static_cast<int64_t>(rounded)) : Value(rounded);
}

Value sum(Call& call) {
  const Path path(call.heap, call.value(0, None{}));
  Value total = call.value(1, int64_t{0});
  if (as_text(total)) fault("sum() can't sum strings [use ''.join(seq) instead]");
  const Next next = elements(call.heap, call.self);
  Value item;
  while (next(item)) total = calculate(call.heap, Operator::Add, total, path.follow(item));
  return total;
}

Value title(Call& call) {
  const std::string text = text_of(call);
  std::string_view rest = text;
  Builder out(call.heap);
  call.heap.step(text.size());
  bool begins = true;
  while (!rest.empty()) {
    const auto [code, bytes] = first_character(rest);
    const std::string_view character = rest.substr(0, bytes);
    out.add(begins ? to_upper(character) : to_lower(character));
    begins = is_space(code) ||
             (code < 0x80 &&
              std::string_view("-({[<").find(static_cast<char>(code)) != std::string_view::npos);
    rest.remove_prefix(bytes);
  }
  return out.finish();
}

Value to_json(Call& call) {
  JsonStyle style;
  style.ascii = call.flag(0, false);
  if (call.has(1) && !is_none(call[1])) {
    Builder indention(call.heap);
    if (as_text(call[1]))
      indention.add(call.text(1));
    else
      indention.add(static_cast<size_t>(std::max<int64_t>(call.integer(1, 0), 0)), " ");
    style.indent = indention.bytes();
    style.item_separator = std::string(1, ',');
  }
  if (call.has(2) && !is_none(call[2])) {
    const std::vector<Value> pair = collect(call.heap, call[2]);
    if (pair.size() != 2 || !as_text(pair[0]) || !as_text(pair[1]))
      fault("tojson: separators must be two texts");
    style.item_separator = as_text(pair[0])->bytes;
    style.key_separator = as_text(pair[1])->bytes;
  }
  style.sort_keys = call.flag(3, false);
  Builder out(call.heap);
  write_json(out, call.heap, call.self, style);
  return out.finish();
}

Value truncate(Call& call) {
  const auto size = static_cast<int64_t>(length(call.self));
  const int64_t most = call.integer(0, 255), leeway = call.integer(3, 5);
  const Value end = call.value(2, make_text(call.heap, "..."));
  const auto ending = static_cast<int64_t>(length(end));
  if (most < ending) fault(fmt::format("expected length >= {}, got {}", ending, most));
  if (leeway < 0) fault(fmt::format("expected leeway >= 0, got {}", leeway));
  if (size - leeway <= most) return call.self;
  const Value kept = slice(call.heap, call.self, None{}, most - ending, None{});
  if (!as_text(kept)) fault("truncate: must be str");
  std::string_view text = as_text(kept)->bytes;
  if (!call.flag(1, false)) text = text.substr(0, text.rfind(' '));
  return calculate(call.heap, Operator::Add, like_self(call, text), end);
}

Value unique(Call& call) {
  const Key key(call.heap, call.value(1, None{}), call.flag(0, false));
  Dict* seen = call.heap.make<Dict>(call.heap);
  auto change = [&heap = call.heap, key, seen](const Value& item) -> std::optional<Value> {
    const Value its = key.of(item);
    if (seen->find(heap, its)) return std::nullopt;
    seen->set(heap, its, None{});
    return item;
  };
  return transform(call, change);
}

Value count_words(Call& call) {
  const std::string text = text_of(call);
  std::string_view rest = text;
  call.heap.step(text.size());
  int64_t words = 0;
  for (bool inside = false; !rest.empty(); rest.remove_prefix(first_character(rest).bytes)) {
    const bool word = is_word(first_character(rest).code);
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return words;
}

Value call_method(Call& call, const char* name) {
  const Value text = to_text(call.heap, call.self);
  return call_builtin(call.heap, *find_method(text, name), text, call.arguments);
}

Value escape(Call& call) {
  if (const Text* text = as_text(call.self); text && text->markup) return call.self;
  Builder out(call.heap);
  add_escaped(out, text_of(call));
  return out.finish(true);
}

Value length_of(Call& call) { return static_cast<int64_t>(length(call.self)); }

constexpr Builtin filters[] = {
    {"abs", "", absolute},
    {"attr", "name", attribute},
    {"batch", "linecount fill_with?", batch},
    {"capitalize", "", [](Call& call) { return call_method(call, "capitalize"); }},
    {"center", "width?",
     [](Call& call) {
       call.arguments = {{call.value(0, int64_t{80})}, {}};
       return call_method(call, "center");
     }},
    {"count", "", length_of},
    {"d", "default_value? boolean?", default_value},
    {"default", "default_value? boolean?", default_value},
    {"dictsort", "case_sensitive? by? reverse?", sort_dict},
    {"e", "", escape},
    {"escape", "", escape},
    {"first", "", first},
    {"float", "default?",
     [](Call& call) {
       const auto number = to_float(call.self);
       return number ? Value(*number) : call.value(0, 0.0);
     }},
    {"forceescape", "",
     [](Call& call) {
       Builder out(call.heap);
       add_escaped(out, text_of(call));
       return out.finish(true);
     }},
    {"format", "*",
     [](Call& call) {
       Arguments& arguments = call.arguments;
       if (!arguments.positional.empty() && !arguments.named.empty())
         fault("can't handle positional and keyword arguments at the same time");
       Dict* named = call.heap.make<Dict>(call.heap);
       for (const auto& [name, value] : arguments.named)
         named->set(call.heap, make_text(call.heap, name), value);
       const Value values = arguments.named.empty()
                                ? make_list(call.heap, arguments.positional, true)
                                : Value(named);
       return format_percent(call.heap, *as_text(to_text(call.heap, call.self)), values);
     }},
    {"groupby", "attribute default? case_sensitive?", group_by},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", to_int},
    {"items", "", items},
    {"join", "d? attribute?", join},
    {"last", "", last},
    {"length", "", length_of},
    {"list", "", [](Call& call) { return make_list(call.heap, collect(call.heap, call.self)); }},
    {"lower", "", [](Call& call) { return call_method(call, "lower"); }},
    {"map", "*", map},
    {"max", "case_sensitive? attribute?", extreme<true>},
    {"min", "case_sensitive? attribute?", extreme<false>},
    {"reject", "*", choose<false, false>},
    {"rejectattr", "*", choose<false, true>},
    {"replace", "old new count?",
     [](Call& call) {
       Builder out(call.heap);
       const int64_t most = call.has(2) && !is_none(call[2]) ? call.integer(2, -1) : -1;
       replace_text(out, text_of(call), as_text(to_text(call.heap, call[0]))->bytes,
                    as_text(to_text(call.heap, call[1]))->bytes, most);
       return out.finish();
     }},
    {"reverse", "", reverse},
    {"round", "precision? method?", round_number},
    {"safe", "", [](Call& call) { return make_text(call.heap, text_of(call), true); }},
    {"select", "*", choose<true, false>},
    {"selectattr", "*", choose<true, true>},
    {"slice", "slices fill_with?", slice_filter},
    {"sort", "reverse? case_sensitive? attribute?",
     [](Call& call) {
       const Key key = Key::of_several(call.heap, call.value(2, None{}), call.flag(1, false));
       std::vector<Value> sorted = collect(call.heap, call.self);
       sort_values(call.heap, sorted, key.of_all(sorted), call.flag(0, false));
       return make_list(call.heap, std::move(sorted));
     }},
    {"string", "", [](Call& call) { return to_text(call.heap, call.self); }},
    {"sum", "attribute? start?", sum},
    {"title", "", title},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", to_json},
    {"trim", "chars?",
     [](Call& call) {
       call.arguments = {{call.value(0, None{})}, {}};
       return call_method(call, "strip");
     }},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"unique", "case_sensitive? attribute?", unique},
    {"upper", "", [](Call& call) { return call_method(call, "upper"); }},
    {"wordcount", "", count_words},
};

}  // namespace

const Builtin* find_filter(std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(filters), std::end(filters), name,
      [](const Builtin& filter, std::string_view wanted) { return filter.name < wanted; });
  return found != std::end(filters) && found->name == name ? found : nullptr;
}

}  // namespace weld::jinja
