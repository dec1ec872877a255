// The sampler, as the public interface shows it.
#include "weld/sampler.h"

#include "text/sampler.h"

namespace weld {

struct Sampler::State {
  text::Sampler sampler;
};

Sampler::Sampler(const SamplerOptions& options)
    : state_(new State{text::Sampler({.temperature = options.temperature,
                                      .top_k = options.top_k,
                                      .top_p = options.top_p,
                                      .min_p = options.min_p,
                                      .repeat_penalty = options.repeat_penalty,
                                      .repeat_last = options.repeat_last,
                                      .seed = options.seed})}) {}
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

Token Sampler::sample(std::span<const float> logits) { return state_->sampler.sample(logits); }

void Sampler::accept(Token token) { state_->sampler.accept(token); }

}  // namespace weld
