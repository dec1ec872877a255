// Flags that become sampler options.
#include "cli/sampler_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <random>

#include "cli/output.h"

namespace weld::cli {
namespace {

uint64_t parse_seed(const std::string& word) {
  if (word == "-1") {
    std::random_device random;
    const uint64_t seed = uint64_t{random()} << 32 | random();
    print_line(fmt::format("seed: {}", seed));
    return seed;
  }
  uint64_t seed = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, seed);
  if (stop != end || error != std::errc())
    throw UsageError(
        fmt::format("--seed: must be a whole number from -1 to 2^64 - 1, is \"{}\"", word));
  return seed;
}

}  // namespace

void add_sampler_flags(Flags& flags, SamplerFlags& values) {
  constexpr int any = std::numeric_limits<int>::max();
  SamplerOptions& sampler = values.options;
  flags.add_number("--temp", sampler.temperature, 0, 1000, "temperature; 0: the likeliest token");
  flags.add_number("--top-k", sampler.top_k, 0, any, "sample from so many tokens; 0: from all");
  flags.add_number("--top-p", sampler.top_p, 0, 1, "... from those with this share of probability");
  flags.add_number("--min-p", sampler.min_p, 0, 1,
                   "... from those so many times as likely as the best");
  flags.add_number("--repeat-penalty", sampler.repeat_penalty, 0.01F, 100,
                   "make the last 64 tokens less likely; 1: do not");
  flags
      .add_option("--seed", values.seed,
                  "the same seed gives the same text; -1: a new one (default 0)")
      ->type_name("N");
}

SamplerOptions sampler_options(const SamplerFlags& values) {
  SamplerOptions options = values.options;
  options.seed = parse_seed(values.seed);
  return options;
}

}  // namespace weld::cli
