// Feeding tokens to a model, a batch at a time.
#include "engine/session.h"

#include <algorithm>
#include <thread>

#include "fail.h"

namespace weld::engine {
namespace {

/// Logits handed over at a time: enough rows to share out well, few enough to stay small for large
/// vocabularies.
constexpr int logit_rows = 32;

int in_range(const char* name, int value, int least, int most) {
  if (value < least || value > most)
    fail("{}: must be from {} to {}, is {}", name, least, most, value);
  return value;
}

}  // namespace

int default_threads() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 1024);
}

Session::Session(const model::Model& model, const SessionOptions& options)
    : model_(model),
      fuse_(options.fuse),
      context_(in_range("context", options.context ? options.context : model.config().context, 1,
                        1 << 30)),
      batch_(in_range("batch", options.batch, 1, 1 << 16)),
      kernels_(in_range("threads", options.threads ? options.threads : default_threads(), 1, 1024)),
      cache_(model, options.cache, context_, batch_),
      logits_(static_cast<size_t>(model.vocabulary())) {}

void Session::check(std::span<const int32_t> tokens) const {
  for (const int32_t token : tokens)
    if (token < 0 || token >= model_.vocabulary())
      fail("{}: token {}: is not in the vocabulary of {}", model_.file().path(), token,
           model_.vocabulary());
  if (tokens.size() > static_cast<size_t>(context_ - position_))
    fail("the context of {} tokens is full: {} are read and {} more do not fit; try a larger -c",
         context_, position_, tokens.size());
}

int Session::prefill(std::span<const int32_t> tokens, const Progress& progress) {
  check(tokens);
  int done = 0;
  while (static_cast<size_t>(done) < tokens.size()) {
    const auto batch = tokens.subspan(static_cast<size_t>(done))
                           .first(std::min(static_cast<size_t>(batch_),
                                           tokens.size() - static_cast<size_t>(done)));
    const float* hidden =
        model::forward(kernels_, model_, fuse_, cache_.layers(), batch, position_, workspace_);
    position_ += static_cast<int>(batch.size());
    done += static_cast<int>(batch.size());
    if (static_cast<size_t>(done) == tokens.size()) {
      const size_t last = (batch.size() - 1) * static_cast<size_t>(model_.config().embedding);
      model::compute_logits(kernels_, model_, hidden + last, 1, workspace_, logits_.data());
    }
    if (progress && !progress(done)) break;
  }
  return done;
}

bool Session::rewind(int position) {
  if (position < 0 || position > position_)
    fail("cannot go back to token {}: {} are read", position, position_);
  const int written = std::max(written_, position_);
  if (position > 0 && !cache_.holds(position, written)) return false;
  position_ = position;
  written_ = position > 0 ? written : 0;
  return true;
}

void Session::evaluate(std::span<const int32_t> tokens, const Rows& rows) {
  check(tokens);
  std::vector<float> logits;
  while (!tokens.empty()) {
    const auto batch = tokens.first(std::min(static_cast<size_t>(batch_), tokens.size()));
    tokens = tokens.subspan(batch.size());
    const float* hidden =
        model::forward(kernels_, model_, fuse_, cache_.layers(), batch, position_, workspace_);
    const int count = static_cast<int>(batch.size());
    position_ += count;
    for (int first = 0; first < count; first += logit_rows) {
      const int n = std::min(logit_rows, count - first);
      logits.resize(static_cast<size_t>(n) * logits_.size());
      const float* from =
          hidden + static_cast<size_t>(first) * static_cast<size_t>(model_.config().embedding);
      model::compute_logits(kernels_, model_, from, n, workspace_, logits.data());
      rows(logits.data(), n);
      if (first + n == count && tokens.empty())
        std::copy_n(logits.end() - static_cast<ptrdiff_t>(logits_.size()), logits_.size(),
                    logits_.begin());
    }
  }
}

}  // namespace weld::engine
