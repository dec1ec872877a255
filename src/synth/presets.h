// Models whose shapes weld knows by name.
#pragma once

#include <span>
#include <string>

#include "synth/shape.h"

namespace weld::synth {

struct Preset {
  std::string name;
  Shape shape;
};

/// Published models first, then small ones, `micro-...`, for tests.
std::span<const Preset> presets();

}  // namespace weld::synth
