// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weld::text {

struct SamplerOptions {
  float temperature = 0.8F;  ///< 0 takes the most likely token
  int top_k = 40;            ///< 0: all
  float top_p = 0.95F;       ///< 1: all
  float min_p = 0.05F;       ///< 0: all
  float repeat_penalty = 1.0F;
  int repeat_last = 64;  ///< tokens that the penalty looks back on
  uint64_t seed = 0;
};

/// A token that may be chosen.
struct Candidate {
  float logit;
  int32_t token;
};

/// Same options, same logits: same tokens, on every machine. Logits that are not finite do no harm:
/// infinity is the greatest number, and what is not a number is the least likely.
class Sampler {
 public:
  /// Throws Error if an option is out of range.
  explicit Sampler(const SamplerOptions& options);
  /// The next token: penalty, top-k, top-p, min-p, temperature, in this order, then one draw. With
  /// temperature 0 or top_k 1 the likeliest, the lowest id of equals, and no draw. Throws Error if
  /// there are no logits.
  int32_t sample(std::span<const float> logits);
  /// Tells the sampler of a token that was not sampled (the prompt), for the penalty.
  void accept(int32_t token);

 private:
  void penalize();
  int32_t choose();

  SamplerOptions options_;
  uint64_t state_;
  std::vector<int32_t> recent_;
  std::vector<Candidate> candidates_;  ///< memory that one call after the other uses
  std::vector<double> weights_;
};

}  // namespace weld::text
