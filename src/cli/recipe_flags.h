// The flags that describe a model with random weights.
#pragma once

#include <string>
#include <vector>

#include "cli/flags.h"
#include "synth/model.h"

namespace weld::cli {

struct RecipeFlags {
  int layers = 0;  ///< 0: as many as the preset has
  std::string layout = "separate";
  std::vector<std::string> maps;
  int seed = 1;
};

/// `--layers --map --layout --seed`. The values must outlive the flags.
void add_recipe_flags(Flags& flags, RecipeFlags& values);

/// The recipe of a preset in a type, both by name. Throws UsageError.
synth::Recipe make_recipe(const std::string& preset, const std::string& type,
                          const RecipeFlags& values);

/// Says which tensors do not have the type that was asked for, if any.
void print_substitutions(const std::vector<synth::PlannedTensor>& tensors);

}  // namespace weld::cli
