// JSON in, as values, and out, as `tojson` writes it.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "jinja/value.h"

namespace weld::jinja {

/// Throws Fault that says where the text is no JSON, or an integer has more than 64 bits. Of equal
/// keys the last counts.
Value parse_json(Heap& heap, std::string_view text);

/// What an error of nlohmann's reader says, without the name and number that it begins with.
std::string json_message(const std::exception& error);

/// As json.dumps() takes them.
struct JsonStyle {
  bool ascii = false;
  std::optional<std::string> indent;  ///< of one level; nothing: all in one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

/// Throws Fault at what JSON has no form for.
void write_json(Builder& out, Heap& heap, const Value& value, const JsonStyle& style);

}  // namespace weld::jinja
