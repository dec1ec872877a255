// Sessions, as the public interface shows them: reading, and the loop of generation.
#include "weld/session.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "api/loaded_model.h"
#include "engine/session.h"
#include "fail.h"

namespace weld {
namespace {

engine::SessionOptions to_engine(const SessionOptions& options) {
  return {
      .context = options.context,
      .batch = options.batch,
      .threads = options.threads,
      .cache = options.cache == CacheType::F16 ? kernels::CacheType::F16 : kernels::CacheType::F32,
      .fuse = {.qkv = options.fuse.qkv, .gate_up = options.fuse.gate_up}};
}

}  // namespace

struct Session::State {
  std::shared_ptr<const Model::State> model;
  engine::Session session;
  /// The last token that was generated: it is read when there is a use for its logits.
  std::optional<Token> unread;

  int unread_count() const { return unread ? 1 : 0; }

  /// The unread token, if there is one, and then TOKENS.
  std::vector<Token> after_unread(std::span<const Token> tokens) const {
    std::vector<Token> all(unread_count(), unread.value_or(0));
    all.insert(all.end(), tokens.begin(), tokens.end());
    return all;
  }
};

Session::Session(const Model& model, const SessionOptions& options)
    : state_(new State{model.state_, {model.state_->model, to_engine(options)}, {}}) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

int Session::prefill(std::span<const Token> tokens, const Progress& progress) {
  const int before = state_->unread_count();
  const auto count = [before](int done) { return std::max(done - before, 0); };
  engine::Session::Progress report;
  if (progress) report = [&](int done) { return progress(count(done)); };
  const int done = state_->session.prefill(state_->after_unread(tokens), report);
  if (done > 0) state_->unread.reset();
  return count(done);
}

void Session::evaluate(std::span<const Token> tokens, const Rows& rows) {
  const size_t vocabulary = logits().size();
  int skip = state_->unread_count();
  state_->session.evaluate(state_->after_unread(tokens), [&](const float* logits, int count) {
    const std::span<const float> all(logits, static_cast<size_t>(count) * vocabulary);
    if (count > skip) rows(all.subspan(static_cast<size_t>(skip) * vocabulary), count - skip);
    skip = 0;
  });
  state_->unread.reset();
}

Stop Session::generate(Sampler& sampler, int count, const OnToken& on_token) {
  if (position() == 0 && !state_->unread) fail("there is no text to go on from: prefill it first");
  const auto& tokenizer = state_->model->tokenizer;
  for (int i = 0; count < 0 || i < count; ++i) {
    if (state_->unread) {
      if (position() == context()) return Stop::Context;
      prefill({});
    }
    const Token token = sampler.sample(logits());
    if (tokenizer && tokenizer->ends_generation(token)) return Stop::EndOfText;
    state_->unread = token;
    if (!on_token(token)) return Stop::Caller;
  }
  return Stop::Count;
}

bool Session::rewind(int position) {
  if (!state_->session.rewind(position)) return false;
  state_->unread.reset();
  return true;
}

std::span<const float> Session::logits() const { return state_->session.logits(); }
int Session::position() const { return state_->session.position(); }
int Session::context() const { return state_->session.context(); }
int Session::threads() const { return state_->session.threads(); }

}  // namespace weld
