// Names and patterns that become a recipe.
#include "cli/recipe_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "cli/output.h"
#include "synth/presets.h"

namespace weld::cli {
namespace {

const synth::Preset& find_preset(const std::string& name) {
  std::vector<std::string> names;
  for (const synth::Preset& preset : synth::presets()) {
    if (preset.name == name) return preset;
    names.push_back(preset.name);
  }
  throw UsageError(fmt::format("unknown preset {}{}; `weld synth --list` lists them", name,
                               suggestion(name, names)));
}

gguf::Type find_type(const std::string& name) {
  std::vector<std::string> names;
  for (const gguf::TypeInfo& info : gguf::type_table) {
    if (info.name == name) return info.type;
    names.emplace_back(info.name);
  }
  throw UsageError(fmt::format("unknown type {}; types are {}", name, fmt::join(names, ", ")));
}

/// A rule for nothing is a mistake.
void check_rules(const synth::Recipe& recipe, const std::vector<std::string>& words) {
  const auto tensors = synth::plan(recipe);
  for (size_t i = 0; i < words.size(); ++i)
    if (std::none_of(tensors.begin(), tensors.end(), [&](const synth::PlannedTensor& tensor) {
          return tensor.shape.role == synth::Role::Matrix &&
                 recipe.rules[i].pattern.is_found_in(tensor.shape.name);
        }))
      throw UsageError(fmt::format("--map: \"{}\" is for no matrix of this model", words[i]));
}

synth::TypeRule parse_rule(const std::string& word) {
  const size_t equals = word.rfind('=');
  if (equals == std::string::npos)
    throw UsageError(fmt::format("--map: must be REGEX=TYPE, is \"{}\"", word));
  try {
    return {synth::Pattern(word.substr(0, equals)), find_type(word.substr(equals + 1))};
  } catch (const Error& error) {
    throw UsageError(fmt::format("--map: {}", error.what()));
  }
}

}  // namespace

void add_recipe_flags(Flags& flags, RecipeFlags& values) {
  flags.add_number("--layers", values.layers, 1, 4096,
                   "layers (default as many as the preset has)");
  flags.add_words("--map", values.maps, "REGEX=TYPE",
                  "the type of the matrices in whose names REGEX is found; may be given again, the "
                  "last that applies counts");
  flags.add_choice("--layout", values.layout, {"separate", "merged"},
                   "whether Q, K and V, and gate and up of experts, are one tensor");
  flags.add_number("--seed", values.seed, 0, std::numeric_limits<int>::max(),
                   "the same seed gives the same file");
}

synth::Recipe make_recipe(const std::string& preset, const std::string& type,
                          const RecipeFlags& values) {
  synth::Recipe recipe;
  recipe.name = fmt::format("{} {}, random weights", preset, type);
  recipe.shape = find_preset(preset).shape;
  if (values.layers > 0) recipe.shape.layers = values.layers;
  recipe.type = find_type(type);
  for (const std::string& map : values.maps) recipe.rules.push_back(parse_rule(map));
  recipe.merged = values.layout == "merged";
  check_rules(recipe, values.maps);
  recipe.seed = static_cast<uint64_t>(values.seed);
  return recipe;
}

void print_substitutions(const std::vector<synth::PlannedTensor>& tensors) {
  std::map<std::pair<uint64_t, gguf::Type>, int> counts;
  for (const synth::PlannedTensor& tensor : tensors)
    if (tensor.substituted) ++counts[{tensor.shape.dims[0], tensor.type}];
  for (const auto& [key, count] : counts)
    print_line(
        fmt::format("{} tensors are {}: their rows of {} are no multiple of the type's block",
                    count, gguf::info(key.second).name, key.first));
}

}  // namespace weld::cli
