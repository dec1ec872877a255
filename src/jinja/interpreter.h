// Runs a parsed template.
#pragma once

#include <ctime>
#include <string>

#include "jinja/program.h"
#include "jinja/value.h"

namespace weld::jinja {

/// The text that the program prints. Throws Fault.
std::string interpret(Heap& heap, const Program& program, const Dict& variables,
                      const std::tm& now);

}  // namespace weld::jinja
