// What methods and filters both do with texts and with order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace weld::jinja {

/// The lines as str.splitlines() has them, with what ends each if KEEP.
std::vector<std::string_view> lines_of(Heap& heap, std::string_view text, bool keep);

/// Adds TEXT with the first MOST (negative: all) places of OLD replaced. An empty OLD is between
/// all characters.
void replace_text(Builder& out, std::string_view text, std::string_view old,
                  std::string_view replacement, int64_t most);

/// The first character as it begins a word, all others in lower case.
std::string capitalize(std::string_view text);

/// Sorts items by their keys, one for one; equal ones stay in order, whichever way.
void sort_values(Heap& heap, std::vector<Value>& items, const std::vector<Value>& keys,
                 bool descending);

}  // namespace weld::jinja
