// Throwing a weld::Error with a formatted message.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "weld/error.h"

namespace weld {

/// Throws an Error whose message is the formatted text; keep it to one line.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace weld
