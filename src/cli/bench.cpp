// weld bench: how fast models are read and continued, beside what the machine can do at best.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <optional>

#include "cli/bench_report.h"
#include "cli/benchmark.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/nameless_file.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/recipe_flags.h"
#include "cli/session_flags.h"
#include "engine/session.h"
#include "fail.h"

namespace weld::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> models;
  std::vector<std::string> more_models;
  std::vector<std::string> presets;
  std::vector<int> prompts{512};
  std::vector<int> counts{128};
  std::vector<int> threads{engine::default_threads()};
  std::vector<std::string> fuses{"all"};
  int rounds = 5;
  std::string format = "md";
  std::string plot;
  SessionFlags session;
  RecipeFlags recipe;
};

void add_flags(Flags& flags, BenchFlags& values) {
  flags.add_words("-m,--model", values.models, "FILE", "a model, a GGUF file; may be given again");
  flags.add_option("FILES", values.more_models, "more models");
  flags.add_words("--preset", values.presets, "PRESET:TYPE",
                  "a model of this shape and type with random weights, in a temporary file: see "
                  "weld synth; may be given again");
  flags.add_numbers("-p,--n-prompt", values.prompts, 0, 1 << 20,
                    "tokens of prompts to read; 0: none");
  flags.add_numbers("-n,--n-gen", values.counts, 0, 1 << 20, "tokens to generate; 0: none");
  flags.add_numbers("-t,--threads", values.threads, 1, 1024, "threads");
  flags.add_choices("--fuse", values.fuses, {"all", "none", "qkv", "gate-up"},
                    "projections that run as one operation");
  flags.add_number("-r,--repetitions", values.rounds, 1, 1000,
                   "rounds that count; one to warm up comes before them");
  add_context_flag(flags, values.session, 0, "tokens of context; 0: as many as the tests need");
  add_batch_flags(flags, values.session);
  flags.add_choice("-o,--output", values.format, {"md", "json", "csv"}, "form of the results");
  flags.add_option("--plot", values.plot, "write bars to an SVG picture")->type_name("FILE");
  add_recipe_flags(flags, values.recipe);
}

std::vector<Test> tests_of(const BenchFlags& values) {
  std::vector<Test> tests;
  for (const int tokens : values.prompts)
    if (tokens > 0) tests.push_back({Phase::Prefill, tokens});
  for (const int tokens : values.counts)
    if (tokens > 0) tests.push_back({Phase::Generation, tokens});
  if (tests.empty()) throw UsageError("there is nothing to measure: -p and -n are 0");
  for (const Test& test : tests)
    if (values.session.context > 0 && test.tokens > values.session.context)
      throw UsageError(fmt::format("-c: must have room for {} tokens, is {}", test.tokens,
                                   values.session.context));
  return tests;
}

BenchmarkOptions options_of(const BenchFlags& values) {
  BenchmarkOptions options{.tests = tests_of(values),
                           .threads = values.threads,
                           .fuses = values.fuses,
                           .rounds = values.rounds,
                           .session = batch_options(values.session)};
  for (const Test& test : options.tests)
    if (values.session.context == 0)
      options.session.context = std::max(options.session.context, test.tokens);
  return options;
}

/// A preset and what was made of it.
struct Preset {
  std::string label;
  synth::Recipe recipe;
};

Preset parse_preset(const std::string& word, const RecipeFlags& flags) {
  const size_t colon = word.rfind(':');
  if (colon == std::string::npos)
    throw UsageError(
        fmt::format("--preset: must be PRESET:TYPE, as in qwen3-8b:Q4_K, is \"{}\"", word));
  std::string label = word;
  if (flags.layers > 0)
    label += fmt::format(", {} layer{}", flags.layers, flags.layers == 1 ? "" : "s");
  return {label, make_recipe(word.substr(0, colon), word.substr(colon + 1), flags)};
}

/// Makes the model in a file that goes with the program.
Subject make_subject(const Preset& preset) {
  const auto tensors = synth::plan(preset.recipe);
  print_substitutions(tensors);
  const uint64_t bytes = synth::bytes_of(tensors);
  const std::string folder = temporary_folder();
  print_line(fmt::format("{}: {:.2f} GB of random weights in {}, gone when weld ends", preset.label,
                         static_cast<double>(bytes) / 1e9, folder));
  const NamelessFile file(folder, bytes);
  ByteProgress bar("writing", bytes);
  synth::make(preset.recipe, [&](uint64_t written) {
    if (interrupted()) fail("stopped before anything was measured");
    bar.add(written);
  }).write(file.descriptor(), folder);
  return {preset.label, file.path()};  // the mappings keep the file
}

void run(const std::vector<std::string>& paths, const std::vector<Preset>& presets,
         const BenchmarkOptions& options, const BenchFlags& values) {
  std::optional<OutputFile> plot;  // opened now, lest a wrong path is told of after minutes
  if (!values.plot.empty()) plot.emplace(values.plot);
  std::list<Subject> subjects;
  for (const std::string& path : paths)
    subjects.emplace_back(std::filesystem::path(path).stem().string(), path);
  for (const Preset& preset : presets) subjects.push_back(make_subject(preset));
  const std::vector<Measurement> measurements = measure(subjects, options);
  if (values.format == "json")
    write_output(to_json(measurements, options.session));
  else
    write_output(values.format == "csv" ? to_csv(measurements) : to_markdown(measurements));
  if (!plot) return;
  plot->write(to_svg(measurements));
  plot->close();
}

}  // namespace

int bench(const Words& words) {
  BenchFlags values;
  Flags flags(
      "bench",
      "Measures prefill and generation, all configurations in turn, round by round. Prints\n"
      "medians, and what was reached of the machine's own limits in the same rounds: of its\n"
      "multiply-adds a second in prefill, of its bandwidth in generation.");
  add_flags(flags, values);
  if (!flags.read(words)) return 0;
  std::vector<std::string> paths = values.models;
  paths.insert(paths.end(), values.more_models.begin(), values.more_models.end());
  if (paths.empty() && values.presets.empty())
    throw UsageError("which model? -m FILE or --preset PRESET:TYPE");
  const BenchmarkOptions options = options_of(values);
  std::vector<Preset> presets;
  for (const std::string& preset : values.presets)
    presets.push_back(parse_preset(preset, values.recipe));
  return run_interruptible([&] { run(paths, presets, options, values); });
}

}  // namespace weld::cli
