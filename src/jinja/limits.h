// What a template, which anybody may have written, may use of the machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weld::jinja {

/// Limits of one render. Beyond each of them rendering ends with an Error that names it.
struct Limits {
  /// Nodes evaluated, elements passed over, and every 16 bytes of text copied.
  uint64_t steps = 20'000'000;
  /// Bytes of texts that are alive and of all lists, dicts and other objects that were ever made.
  size_t memory = size_t{256} << 20;
  /// Bytes of the result.
  size_t output = size_t{16} << 20;
  /// Calls and expressions within each other, and data within data.
  int depth = 1000;
};

/// Bytes that a template may have.
inline constexpr size_t max_source = size_t{256} << 10;
/// Blocks and parentheses within each other that a template may have.
inline constexpr int max_nesting = 150;

}  // namespace weld::jinja
