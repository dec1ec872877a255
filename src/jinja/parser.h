// Tokens into a tree.
#pragma once

#include <string_view>

#include "jinja/program.h"

namespace weld::jinja {

/// Throws Fault with the line where the source is no template.
Program parse(std::string_view source);

}  // namespace weld::jinja
