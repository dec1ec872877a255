// weld synth: writes a model of a real shape with random weights.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/recipe_flags.h"
#include "fail.h"
#include "gguf/quoted.h"
#include "synth/presets.h"

namespace weld::cli {
namespace {

void print_presets() {
  std::string text =
      fmt::format("{:<20}{:<13}{:>6}{:>11}{:>7}{:>14}{:>9}{:>12}{:>12}\n", "preset", "architecture",
                  "layers", "embedding", "heads", "feed-forward", "experts", "parameters", "Q4_K");
  for (const synth::Preset& preset : synth::presets()) {
    const synth::Shape& s = preset.shape;
    synth::Recipe recipe;
    recipe.shape = s;
    recipe.type = gguf::Type::Q4_K;
    const auto tensors = synth::plan(recipe);
    text += fmt::format("{:<20}{:<13}{:>6}{:>11}{:>7}{:>14}{:>9}{:>10.2f} B{:>9.2f} GB\n",
                        preset.name, s.architecture, s.layers, s.embedding,
                        fmt::format("{}/{}", s.heads, s.key_value_heads),
                        s.experts > 0 ? s.expert_feed_forward : s.feed_forward,
                        s.experts > 0 ? fmt::format("{}/{}", s.experts_used, s.experts) : "-",
                        static_cast<double>(synth::parameters_of(tensors)) / 1e9,
                        static_cast<double>(synth::bytes_of(tensors)) / 1e9);
  }
  write_output(text);
}

void write(const synth::Recipe& recipe, const std::string& path) {
  const auto tensors = synth::plan(recipe);
  print_substitutions(tensors);
  const uint64_t bytes = synth::bytes_of(tensors);
  {
    ByteProgress bar("writing", bytes);
    synth::make(recipe, [&](uint64_t written) {
      if (interrupted()) fail("{}: stopped, nothing is written", gguf::plain(path));
      bar.add(written);
    }).write(path);
  }
  print_line(fmt::format("{}: {} tensors, {:.2f} billion parameters, {:.2f} GB", path,
                         tensors.size(), static_cast<double>(synth::parameters_of(tensors)) / 1e9,
                         static_cast<double>(bytes) / 1e9));
}

}  // namespace

int synth(const Words& words) {
  std::string preset, type, path;
  RecipeFlags values;
  bool list = false;
  Flags flags("synth",
              "Writes a model of a real shape with random weights, to measure speed with.");
  flags.add_option("PRESET", preset, "a model's shape by name: --list lists them");
  flags.add_option("TYPE", type,
                   "block type of the matrices; the embedding is Q8_0 and the output matrix Q6_K "
                   "unless --map says otherwise");
  flags.add_option("OUT", path, "the file to write");
  flags.add_flag("--list", list, "list the presets with their sizes");
  add_recipe_flags(flags, values);
  if (!flags.read(words)) return 0;
  if (list) {
    print_presets();
    return 0;
  }
  if (path.empty()) throw UsageError("give PRESET TYPE OUT.gguf, or --list");
  const synth::Recipe recipe = make_recipe(preset, type, values);
  return run_interruptible([&] { write(recipe, path); });
}

}  // namespace weld::cli
