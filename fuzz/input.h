// What the fuzzers' targets share: an input as a file, and what a reader may do with it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "weld/error.h"

/// The path of a file in memory that holds the input, until the next call.
inline const std::string& file_of(const uint8_t* data, size_t size) {
  static const int memory = memfd_create("fuzz.gguf", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(memory);
  if (ftruncate(memory, static_cast<off_t>(size)) != 0 ||
      pwrite(memory, data, size, 0) != static_cast<ssize_t>(size))
    __builtin_trap();
  return path;
}

/// Runs the action; an Error is its right, but must be one line.
template <typename Action>
void allow_error(Action action) {
  try {
    action();
  } catch (const weld::Error& error) {
    const std::string_view line = error.what();
    if (line.empty() || line.find('\n') != std::string_view::npos) __builtin_trap();
  }
}
