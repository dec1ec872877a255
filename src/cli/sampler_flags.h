// The flags that say how the next token is chosen.
#pragma once

#include <cstdint>
#include <string>

#include "cli/flags.h"
#include "weld/sampler.h"

namespace weld::cli {

struct SamplerFlags {
  SamplerOptions options;
  std::string seed = "0";
};

/// `--temp --top-k --top-p --min-p --repeat-penalty --seed`. The values must outlive the flags.
void add_sampler_flags(Flags& flags, SamplerFlags& values);

/// The options with the seed read; a random one, which is told, for -1. Throws UsageError.
SamplerOptions sampler_options(const SamplerFlags& values);

}  // namespace weld::cli
