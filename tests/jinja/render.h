// Rendering as tests do it: one line in, one text or one line of error out.
#pragma once

#include <string>

#include "jinja/template.h"
#include "weld/error.h"

namespace weld::test {

/// The text, on 20 November 2026.
inline std::string render(const std::string& source, const std::string& variables = "{}",
                          jinja::Limits limits = {}) {
  std::tm now{};
  now.tm_year = 126;
  now.tm_mon = 10;
  now.tm_mday = 20;
  now.tm_hour = 12;
  now.tm_yday = 323;
  now.tm_wday = 5;
  return jinja::Template("t", source).render(variables, {.now = now, .limits = limits});
}

/// The error; nothing if there is none.
inline std::string error_of(const std::string& source, const std::string& variables = "{}",
                            jinja::Limits limits = {}) {
  try {
    render(source, variables, limits);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace weld::test
