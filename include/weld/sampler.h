// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "weld/error.h"
#include "weld/model.h"

namespace weld {

/// What a sampler does, in this order: penalty, top-k, top-p, min-p, temperature, one draw.
struct SamplerOptions {
  float temperature = 0.8F;     ///< 0 takes the likeliest token; otherwise logits are divided by it
  int top_k = 40;               ///< keep so many of the likeliest tokens; 0 keeps all
  float top_p = 0.95F;          ///< keep the likeliest with this share of all probability; 1: all
  float min_p = 0.05F;          ///< keep those this many times as likely as the likeliest; 0: all
  float repeat_penalty = 1.0F;  ///< makes recent tokens less likely; 1 does nothing
  int repeat_last = 64;         ///< how many tokens are recent
  uint64_t seed = 0;            ///< the same seed and the same logits give the same tokens
};

/// Chooses tokens, and remembers those that were chosen.
class Sampler {
 public:
  /// Throws Error if an option is out of range.
  explicit Sampler(const SamplerOptions& options = {});
  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;
  ~Sampler();

  /// The next token after LOGITS, [vocabulary]. Throws Error if they are empty.
  Token sample(std::span<const float> logits);

  /// Counts a token that was not sampled, one of a prompt, as recent.
  void accept(Token token);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weld
