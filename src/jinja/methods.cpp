// Methods of texts, lists and dicts, as Python has them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "jinja/format.h"
#include "jinja/functions.h"
#include "jinja/operations.h"
#include "jinja/text.h"
#include "jinja/unicode.h"

namespace weld::jinja {
namespace {

const Text& self(const Call& call) { return *as_text(call.self); }

/// A result that is markup where the text that it comes of is.
Value like_self(const Call& call, std::string_view bytes) {
  return make_text(call.heap, bytes, self(call).markup);
}

/// The part of the text that arguments I and I + 1 name, as a slice would; nothing if it begins
/// past the end.
struct Window {
  std::string_view text;
  size_t first;  ///< character
  bool valid;
};
Window window(const Call& call, size_t i) {
  const Text& text = self(call);
  const auto n = static_cast<int64_t>(text.length());
  const auto bound = [&](size_t at, int64_t otherwise) {
    if (!call.has(at) || is_none(call[at])) return otherwise;
    const int64_t index = call.integer(at, 0);
    return std::max<int64_t>(index < 0 ? index + n : index, 0);
  };
  const int64_t first = bound(i, 0), last = std::min(bound(i + 1, n), n);
  if (first > last) return {{}, 0, false};
  const size_t begin = text.offset(static_cast<size_t>(first));
  const size_t end = text.offset(static_cast<size_t>(last));
  return {std::string_view(text.bytes).substr(begin, end - begin), static_cast<size_t>(first),
          true};
}

Value find_in(Call& call, bool last, bool must) {
  const std::string& part = call.text(0);
  const Window within = window(call, 1);
  call.heap.step(within.text.size() / 16);
  const size_t at = !within.valid ? std::string_view::npos
                    : last        ? within.text.rfind(part)
                                  : within.text.find(part);
  if (at == std::string_view::npos) {
    if (must) fault("substring not found");
    return int64_t{-1};
  }
  return static_cast<int64_t>(within.first + count_characters(within.text.substr(0, at)));
}

/// Whether the text begins or ends with the argument, or with one of a tuple.
template <typename Match>
Value matches(Call& call, const char* name, Match match) {
  const Window within = window(call, 1);
  const List* list = as_list(call[0]);
  if (!as_text(call[0]) && !(list && list->tuple)) {
    need_defined(call[0]);
    fault(fmt::format("{} first arg must be str or a tuple of str, not {}", name,
                      type_name(call[0])));
  }
  const std::vector<Value> one{call[0]};
  for (const Value& part : list ? list->items : one) {
    if (!as_text(part)) fault(fmt::format("tuple for {} must only contain str", name));
    if (within.valid && match(within.text, std::string_view(as_text(part)->bytes))) return true;
  }
  return false;
}

bool begins_with_space(std::string_view text) { return is_space(first_character(text).code); }

/// The character at one end.
std::string_view end_character(std::string_view text, bool right) {
  if (!right) return text.substr(0, first_character(text).bytes);
  size_t at = text.size() - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
  return text.substr(at);
}

/// Takes the characters off one end that are space, or those that are not; returns them.
std::string_view take_run(std::string_view& text, bool right, bool space) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view character = end_character(rest, right);
    if (begins_with_space(character) != space) break;
    right ? rest.remove_suffix(character.size()) : rest.remove_prefix(character.size());
  }
  const size_t size = text.size() - rest.size();
  const std::string_view run = right ? text.substr(rest.size()) : text.substr(0, size);
  text = rest;
  return run;
}

std::string_view strip(const Call& call, bool left, bool right) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 16);
  if (!call.has(0) || is_none(call[0])) {
    if (left) take_run(text, false, true);
    if (right) take_run(text, true, true);
    return text;
  }
  const std::string_view set = call.text(0);
  const auto take = [&](bool at_right) {
    while (!text.empty()) {
      const std::string_view character = end_character(text, at_right);
      call.heap.step(set.size() / 16);
      if (set.find(character) == set.npos) break;
      at_right ? text.remove_suffix(character.size()) : text.remove_prefix(character.size());
    }
  };
  if (left) take(false);
  if (right) take(true);
  return text;
}

Value split(Call& call, bool right) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  const int64_t most = call.integer(1, -1);
  std::vector<Value> parts;
  const auto add = [&](std::string_view part) {
    call.heap.take(sizeof(Value));
    parts.push_back(like_self(call, part));
  };
  if (!call.has(0) || is_none(call[0])) {
    for (int64_t i = 0; take_run(text, right, true), !text.empty(); ++i) {
      if (i == most) {
        add(text);
        break;
      }
      add(take_run(text, right, false));
    }
  } else {
    const std::string_view separator = call.text(0);
    if (separator.empty()) fault("empty separator");
    for (int64_t i = 0; i != most; ++i) {
      const size_t at = right ? text.rfind(separator) : text.find(separator);
      if (at == text.npos) break;
      add(right ? text.substr(at + separator.size()) : text.substr(0, at));
      text = right ? text.substr(0, at) : text.substr(at + separator.size());
    }
    add(text);
  }
  if (right) std::reverse(parts.begin(), parts.end());
  return make_list(call.heap, std::move(parts));
}

Value split_lines(Call& call) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  const bool keep = call.flag(0, false);
  std::vector<Value> lines;
  for (const std::string_view line : lines_of(call.heap, text, keep)) {
    call.heap.take(sizeof(Value));
    lines.push_back(like_self(call, line));
  }
  return make_list(call.heap, std::move(lines));
}

Value partition(Call& call, bool right) {
  const std::string_view text = self(call).bytes, separator = call.text(0);
  call.heap.step(text.size() / 16);
  if (separator.empty()) fault("empty separator");
  const size_t at = right ? text.rfind(separator) : text.find(separator);
  const auto part = [&](std::string_view bytes) { return like_self(call, bytes); };
  std::vector<Value> parts;
  if (at != text.npos)
    parts = {part(text.substr(0, at)), part(separator), part(text.substr(at + separator.size()))};
  else if (right)
    parts = {part(""), part(""), part(text)};
  else
    parts = {part(text), part(""), part("")};
  return make_list(call.heap, std::move(parts), true);
}

Value replace(Call& call) {
  Builder out(call.heap);
  replace_text(out, self(call).bytes, call.text(0), call.text(1), call.integer(2, -1));
  return out.finish(self(call).markup);
}

Value join(Call& call) {
  Builder out(call.heap);
  const Next next = elements(call.heap, call[0]);
  Value element;
  for (size_t i = 0; next(element); ++i) {
    if (i > 0) out.add(self(call).bytes);
    if (!as_text(element))
      fault(
          fmt::format("sequence item {}: expected str instance, {} found", i, type_name(element)));
    out.add(as_text(element)->bytes);
  }
  return out.finish(self(call).markup);
}

Value count(Call& call) {
  const std::string& part = call.text(0);
  const Window within = window(call, 1);
  if (!within.valid) return int64_t{0};
  call.heap.step(within.text.size() / 4);
  if (part.empty()) return static_cast<int64_t>(count_characters(within.text)) + 1;
  int64_t found = 0;
  for (size_t at = 0; (at = within.text.find(part, at)) != within.text.npos; at += part.size())
    ++found;
  return found;
}

/// Fills up to a width: a share of the missing characters, in halves, goes to the left.
Value justify(Call& call, char align) {
  const int64_t width = call.integer(0, 0), size = static_cast<int64_t>(self(call).length());
  const std::string fill = call.has(1) ? call.text(1) : " ";
  if (count_characters(fill) != 1) fault("The fill character must be exactly one character long");
  const auto missing = static_cast<size_t>(std::max<int64_t>(width - size, 0));
  // Where both sides cannot have the same, Python gives the left side more if the width is odd.
  const size_t half = missing / 2 + (missing & static_cast<size_t>(width) & 1U);
  const size_t left = align == '<' ? 0 : align == '>' ? missing : half;
  Builder out(call.heap);
  out.add(left, fill);
  out.add(self(call).bytes);
  out.add(missing - left, fill);
  return out.finish(self(call).markup);
}

Value fill_zeros(Call& call) {
  const Text& text = self(call);
  const bool sign = !text.bytes.empty() && (text.bytes[0] == '-' || text.bytes[0] == '+');
  const int64_t missing = call.integer(0, 0) - static_cast<int64_t>(text.length());
  Builder out(call.heap);
  out.add(std::string_view(text.bytes).substr(0, sign ? 1 : 0));
  out.add(static_cast<size_t>(std::max<int64_t>(missing, 0)), "0");
  out.add(std::string_view(text.bytes).substr(sign ? 1 : 0));
  return out.finish();
}

/// Whether there are characters and each is of a kind.
template <bool (*is_kind)(uint32_t)>
Value all_are(Call& call) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  const bool some = !text.empty();
  for (; !text.empty(); text.remove_prefix(first_character(text).bytes))
    if (!is_kind(first_character(text).code)) return false;
  return some;
}

/// Whether there are cased characters and all are of one case.
template <bool (*is_kind)(uint32_t), bool (*is_other)(uint32_t)>
Value all_cased(Call& call) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  bool some = false;
  for (; !text.empty(); text.remove_prefix(first_character(text).bytes)) {
    const uint32_t code = first_character(text).code;
    if (is_other(code)) return false;
    some = some || is_kind(code);
  }
  return some;
}

bool is_alphanumeric(uint32_t code) { return is_alpha(code) || is_numeric(code); }

/// Each character by itself, told whether a cased one stands before it.
template <typename Map>
Value map_words(Call& call, Map map) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  Builder out(call.heap);
  bool inside = false;
  for (; !text.empty(); text.remove_prefix(first_character(text).bytes)) {
    const std::string_view character = end_character(text, false);
    const uint32_t code = first_character(text).code;
    out.add(map(character, inside));
    inside = is_upper(code) || is_lower(code);
  }
  return out.finish(self(call).markup);
}

template <std::string (*map)(std::string_view)>
Value map_all(Call& call) {
  call.heap.step(self(call).bytes.size() / 4);
  return like_self(call, map(self(call).bytes));
}

Value is_identifier(Call& call) {
  std::string_view text = self(call).bytes;
  call.heap.step(text.size() / 4);
  if (text.empty() || is_numeric(first_character(text).code)) return false;
  for (; !text.empty(); text.remove_prefix(first_character(text).bytes))
    if (!is_word(first_character(text).code)) return false;
  return true;
}

Value is_title(Call& call) {
  const Value title = map_words(call, [](std::string_view character, bool inside) {
    return inside ? to_lower(character) : to_title(character);
  });
  const std::string& bytes = self(call).bytes;
  return as_text(title)->bytes == bytes && to_lower(bytes) != to_upper(bytes);
}

constexpr Builtin text_methods[] = {
    {"capitalize", "", [](Call& call) { return like_self(call, capitalize(self(call).bytes)); }},
    {"casefold", "", map_all<fold_case>},
    {"center", "width fillchar?", [](Call& call) { return justify(call, '^'); }},
    {"count", "sub start? end?", count},
    {"endswith", "suffix start? end?",
     [](Call& call) {
       return matches(call, "endswith", [](std::string_view text, std::string_view part) {
         return text.ends_with(part);
       });
     }},
    {"find", "sub start? end?", [](Call& call) { return find_in(call, false, false); }},
    {"format", "*",
     [](Call& call) { return format_braces(call.heap, self(call), call.arguments); }},
    {"index", "sub start? end?", [](Call& call) { return find_in(call, false, true); }},
    {"isalnum", "", all_are<is_alphanumeric>},
    {"isalpha", "", all_are<is_alpha>},
    {"isascii", "", [](Call& call) { return Value(self(call).ascii()); }},
    {"isdecimal", "", all_are<is_decimal>},
    {"isdigit", "", all_are<is_digit>},
    {"isidentifier", "", is_identifier},
    {"islower", "", all_cased<is_lower, is_upper>},
    {"isnumeric", "", all_are<is_numeric>},
    {"isprintable", "",
     [](Call& call) {
       return self(call).bytes.empty() ? Value(true) : all_are<is_printable>(call);
     }},
    {"isspace", "", all_are<is_space>},
    {"istitle", "", is_title},
    {"isupper", "", all_cased<is_upper, is_lower>},
    {"join", "iterable", join},
    {"ljust", "width fillchar?", [](Call& call) { return justify(call, '<'); }},
    {"lower", "", map_all<to_lower>},
    {"lstrip", "chars?", [](Call& call) { return like_self(call, strip(call, true, false)); }},
    {"partition", "sep", [](Call& call) { return partition(call, false); }},
    {"removeprefix", "prefix",
     [](Call& call) {
       const std::string_view text = self(call).bytes, part = call.text(0);
       return like_self(call, text.starts_with(part) ? text.substr(part.size()) : text);
     }},
    {"removesuffix", "suffix",
     [](Call& call) {
       const std::string_view text = self(call).bytes, part = call.text(0);
       return like_self(call,
                        text.ends_with(part) ? text.substr(0, text.size() - part.size()) : text);
     }},
    {"replace", "old new count?", replace},
    {"rfind", "sub start? end?", [](Call& call) { return find_in(call, true, false); }},
    {"rindex", "sub start? end?", [](Call& call) { return find_in(call, true, true); }},
    {"rjust", "width fillchar?", [](Call& call) { return justify(call, '>'); }},
    {"rpartition", "sep", [](Call& call) { return partition(call, true); }},
    {"rsplit", "sep? maxsplit?", [](Call& call) { return split(call, true); }},
    {"rstrip", "chars?", [](Call& call) { return like_self(call, strip(call, false, true)); }},
    {"split", "sep? maxsplit?", [](Call& call) { return split(call, false); }},
    {"splitlines", "keepends?", split_lines},
    {"startswith", "prefix start? end?",
     [](Call& call) {
       return matches(call, "startswith", [](std::string_view text, std::string_view part) {
         return text.starts_with(part);
       });
     }},
    {"strip", "chars?", [](Call& call) { return like_self(call, strip(call, true, true)); }},
    {"swapcase", "",
     [](Call& call) {
       return map_words(call, [](std::string_view character, bool) {
         return is_upper(first_character(character).code) ? to_lower(character)
                                                          : to_upper(character);
       });
     }},
    {"title", "",
     [](Call& call) {
       return map_words(call, [](std::string_view character, bool inside) {
         return inside ? to_lower(character) : to_title(character);
       });
     }},
    {"upper", "", map_all<to_upper>},
    {"zfill", "width", fill_zeros},
};

Dict& dict(const Call& call) { return *as_dict(call.self); }
List& list(const Call& call) { return *as_list(call.self); }

Value view(Call& call, DictView::Part part) { return call.heap.make<DictView>(dict(call), part); }

Value update(Call& call) {
  for (const Value& source : call.arguments.positional) {
    if (!as_dict(source)) fault("update() takes a dict here");
    const std::vector<Dict::Entry> entries = as_dict(source)->entries();
    for (const Dict::Entry& entry : entries) dict(call).set(call.heap, entry.key, entry.value);
  }
  for (const auto& [name, value] : call.arguments.named)
    dict(call).set(call.heap, make_text(call.heap, name), value);
  return None{};
}

constexpr Builtin dict_methods[] = {
    {"clear", "",
     [](Call& call) {
       dict(call).clear();
       return Value(None{});
     }},
    {"copy", "",
     [](Call& call) {
       Dict* copy = call.heap.make<Dict>(call.heap);
       for (const Dict::Entry& entry : dict(call).entries())
         copy->set(call.heap, entry.key, entry.value);
       return Value(copy);
     }},
    {"get", "key default?",
     [](Call& call) {
       const Value* value = dict(call).find(call.heap, call[0]);
       return value ? *value : call.value(1, None{});
     }},
    {"items", "", [](Call& call) { return view(call, DictView::Part::Items); }},
    {"keys", "", [](Call& call) { return view(call, DictView::Part::Keys); }},
    {"pop", "key default?",
     [](Call& call) {
       if (auto value = dict(call).take(call.heap, call[0])) return *value;
       if (!call.has(1)) fault(fmt::format("KeyError: {}", repr(call.heap, call[0])));
       return call[1];
     }},
    {"popitem", "",
     [](Call& call) {
       if (dict(call).entries().empty()) fault("popitem(): dictionary is empty");
       const Dict::Entry last = dict(call).entries().back();
       dict(call).take(call.heap, last.key);
       return make_list(call.heap, {last.key, last.value}, true);
     }},
    {"setdefault", "key default?",
     [](Call& call) {
       if (const Value* value = dict(call).find(call.heap, call[0])) return *value;
       dict(call).set(call.heap, call[0], call.value(1, None{}));
       return call.value(1, None{});
     }},
    {"update", "*", update},
    {"values", "", [](Call& call) { return view(call, DictView::Part::Values); }},
};

std::optional<size_t> find_element(Call& call) {
  const std::vector<Value>& items = list(call).items;
  for (size_t i = 0; i < items.size(); ++i)
    if (equals(call.heap, items[i], call[0])) return i;
  return std::nullopt;
}

Value pop(Call& call) {
  std::vector<Value>& items = list(call).items;
  if (items.empty()) fault("pop from empty list");
  const auto at = index_in(call.integer(0, -1), items.size());
  if (!at) fault("pop index out of range");
  call.heap.step(items.size() - *at);
  Value value = std::move(items[*at]);
  items.erase(items.begin() + static_cast<ptrdiff_t>(*at));
  return value;
}

// A tuple has the first two of these.
constexpr Builtin list_methods[] = {
    {"count", "value",
     [](Call& call) {
       int64_t found = 0;
       for (const Value& item : list(call).items) found += equals(call.heap, item, call[0]) ? 1 : 0;
       return Value(found);
     }},
    {"index", "value",
     [](Call& call) {
       const auto at = find_element(call);
       if (!at) fault(fmt::format("{} is not in list", repr(call.heap, call[0])));
       return Value(static_cast<int64_t>(*at));
     }},
    {"append", "object",
     [](Call& call) {
       list(call).append(call.heap, call[0]);
       return Value(None{});
     }},
    {"clear", "",
     [](Call& call) {
       list(call).items.clear();
       return Value(None{});
     }},
    {"copy", "", [](Call& call) { return make_list(call.heap, collect(call.heap, call.self)); }},
    {"extend", "iterable",
     [](Call& call) {
       for (const Value& item : collect(call.heap, call[0])) list(call).append(call.heap, item);
       return Value(None{});
     }},
    {"insert", "index object",
     [](Call& call) {
       std::vector<Value>& items = list(call).items;
       const auto size = static_cast<int64_t>(items.size());
       const int64_t index = call.integer(0, 0);
       const int64_t at = std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
       call.heap.step(static_cast<uint64_t>(size - at));
       call.heap.take(2 * sizeof(Value));
       items.insert(items.begin() + at, call[1]);
       return Value(None{});
     }},
    {"pop", "index?", pop},
    {"remove", "value",
     [](Call& call) {
       const auto at = find_element(call);
       if (!at) fault("list.remove(x): x not in list");
       list(call).items.erase(list(call).items.begin() + static_cast<ptrdiff_t>(*at));
       return Value(None{});
     }},
    {"reverse", "",
     [](Call& call) {
       call.heap.step(list(call).items.size());
       std::reverse(list(call).items.begin(), list(call).items.end());
       return Value(None{});
     }},
    {"sort", "reverse?",
     [](Call& call) {
       std::vector<Value> items = list(call).items;
       sort_values(call.heap, items, items, call.flag(0, false));
       list(call).items = std::move(items);
       return Value(None{});
     }},
};
constexpr size_t tuple_methods = 2;

constexpr Builtin float_methods[] = {
    {"is_integer", "",
     [](Call& call) {
       const double number = std::get<double>(call.self);
       return Value(std::isfinite(number) && number == std::floor(number));
     }},
};

const Builtin* find_in(const Builtin* first, size_t count, std::string_view name) {
  for (size_t i = 0; i < count; ++i)
    if (first[i].name == name) return first + i;
  return nullptr;
}

}  // namespace

const Builtin* find_method(const Value& value, std::string_view name) {
  if (as_text(value)) return find_in(text_methods, std::size(text_methods), name);
  if (as_dict(value)) return find_in(dict_methods, std::size(dict_methods), name);
  if (const List* items = as_list(value))
    return find_in(list_methods, items->tuple ? tuple_methods : std::size(list_methods), name);
  if (is_float(value)) return find_in(float_methods, std::size(float_methods), name);
  return find_cycler_method(value, name);
}

}  // namespace weld::jinja
