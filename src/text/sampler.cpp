// Sampling: a cut to the likely tokens, then one draw. Nothing here rounds differently from one
// machine to the next: no math library, no distribution of the standard library, one generator.
#include "text/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fail.h"

namespace weld::text {

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators", with
/// Vigna's constants).
uint64_t next_random(uint64_t& state) {
  state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// Uniform in [0, 1).
double next_uniform(uint64_t& state) {
  return static_cast<double>(next_random(state) >> 11) * 0x1p-53;
}

/// e^x for x <= 0, to about one unit in the last place. Its own, for math libraries differ in
/// theirs. x = k ln 2 + r with ln 2 in two parts (Cody and Waite 1980), then the Taylor series of
/// e^r, whose terms beyond the 13th are below 2^-53 for |r| <= ln 2 / 2.
double exponential(double x) {
  if (x < -745.0) return 0.0;
  const double k = std::floor(x * 1.4426950408889634 + 0.5);
  const double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
  double sum = 1.0;
  for (int n = 13; n > 0; --n) sum = 1.0 + sum * r / n;
  return std::ldexp(sum, static_cast<int>(k));
}

/// A finite value in the same order: not a number counts as impossible.
float finite(float logit) {
  constexpr float greatest = std::numeric_limits<float>::max();
  return std::isnan(logit) ? -greatest : std::clamp(logit, -greatest, greatest);
}

/// Whether a goes before b: it is likelier, or as likely and has the lower id.
bool before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

bool after(const Candidate& a, const Candidate& b) { return before(b, a); }

/// Leaves the COUNT first candidates, in their order. One pass with a heap of the best so far,
/// whose last is on top: few of the others get past it.
void keep_top_k(std::vector<Candidate>& candidates, size_t count) {
  if (count >= candidates.size()) return;
  const auto end = candidates.begin() + static_cast<ptrdiff_t>(count);
  std::make_heap(candidates.begin(), end, before);
  for (auto it = end; it != candidates.end(); ++it) {
    if (!before(*it, candidates.front())) continue;
    std::pop_heap(candidates.begin(), end, before);
    *(end - 1) = *it;
    std::push_heap(candidates.begin(), end, before);
  }
  candidates.erase(end, candidates.end());
  std::sort_heap(candidates.begin(), candidates.end(), before);
}

/// Leaves the fewest candidates, likeliest first, that have the share P of all probability
/// (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration").
void keep_top_p(std::vector<Candidate>& candidates, double p, float best) {
  double total = 0.0;
  for (const Candidate& candidate : candidates)
    total += exponential(static_cast<double>(candidate.logit) - best);
  // Taken from a heap one at a time: the rest need not be sorted.
  std::make_heap(candidates.begin(), candidates.end(), after);
  auto rest = candidates.end();
  double sum = 0.0;
  do {
    std::pop_heap(candidates.begin(), rest, after);
    --rest;
    sum += exponential(static_cast<double>(rest->logit) - best);
  } while (sum < p * total && rest != candidates.begin());
  candidates.erase(candidates.begin(), rest);
  std::reverse(candidates.begin(), candidates.end());
}

/// Leaves the candidates that are at least P times as likely as the likeliest (Nguyen et al. 2024,
/// "Turning Up the Heat: Min-p Sampling").
void keep_min_p(std::vector<Candidate>& candidates, double p, float best) {
  candidates.erase(
      std::remove_if(candidates.begin(), candidates.end(),
                     [&](const Candidate& candidate) {
                       return exponential(static_cast<double>(candidate.logit) - best) < p;
                     }),
      candidates.end());
}

void check(bool good, const char* name, double value, const char* range) {
  if (!good) fail("sampler: {} {} is not {}", name, value, range);
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options), state_(options.seed) {
  const auto within = [](float value, float low, float high) {
    return value >= low && value <= high;
  };
  constexpr float greatest = std::numeric_limits<float>::max();
  check(within(options.temperature, 0.0F, greatest), "temperature", options.temperature,
        "0 or more");
  check(options.top_k >= 0, "top_k", options.top_k, "0 or more");
  check(within(options.top_p, 0.0F, 1.0F), "top_p", options.top_p, "between 0 and 1");
  check(within(options.min_p, 0.0F, 1.0F), "min_p", options.min_p, "between 0 and 1");
  check(within(options.repeat_penalty, std::numeric_limits<float>::min(), greatest),
        "repeat_penalty", options.repeat_penalty, "more than 0");
  check(options.repeat_last >= 0, "repeat_last", options.repeat_last, "0 or more");
}

int32_t Sampler::sample(std::span<const float> logits) {
  if (logits.empty()) fail("sampler: there are no logits to choose from");
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i)
    candidates_.push_back({finite(logits[i]), static_cast<int32_t>(i)});
  penalize();
  const int32_t token = choose();
  accept(token);
  return token;
}

void Sampler::accept(int32_t token) {
  recent_.push_back(token);
  const size_t most = static_cast<size_t>(options_.repeat_last);
  if (recent_.size() > most)
    recent_.erase(recent_.begin(), recent_.end() - static_cast<ptrdiff_t>(most));
}

/// Makes tokens that were there lately less likely (Keskar et al. 2019, "CTRL", section 4.1), each
/// once.
void Sampler::penalize() {
  if (options_.repeat_penalty == 1.0F) return;
  std::vector<int32_t> tokens = recent_;
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (const int32_t token : tokens) {
    if (token < 0 || static_cast<size_t>(token) >= candidates_.size()) continue;
    float& logit = candidates_[token].logit;
    logit =
        finite(logit > 0.0F ? logit / options_.repeat_penalty : logit * options_.repeat_penalty);
  }
}

/// One of the candidates, which are in the order of their ids.
int32_t Sampler::choose() {
  const Candidate best = *std::min_element(candidates_.begin(), candidates_.end(), before);
  if (options_.temperature == 0.0F || options_.top_k == 1) return best.token;
  if (options_.top_k > 0) keep_top_k(candidates_, static_cast<size_t>(options_.top_k));
  if (options_.top_p < 1.0F) keep_top_p(candidates_, options_.top_p, best.logit);
  if (options_.min_p > 0.0F) keep_min_p(candidates_, options_.min_p, best.logit);

  weights_.clear();
  double total = 0.0;
  for (const Candidate& candidate : candidates_) {
    const double above = static_cast<double>(candidate.logit) - best.logit;
    weights_.push_back(exponential(above / options_.temperature));
    total += weights_.back();
  }
  double target = next_uniform(state_) * total;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    target -= weights_[i];
    if (target < 0.0) return candidates_[i].token;
  }
  return best.token;  // the subtractions were rounded to leave just nothing
}

}  // namespace weld::text
