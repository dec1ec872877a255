// A session: one text being read and written by a model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/cache.h"
#include "kernels/cpu/context.h"
#include "model/forward.h"
#include "model/model.h"

namespace weld::engine {

struct SessionOptions {
  int context = 0;  ///< positions; 0: as many as the model was trained for
  int batch = 512;  ///< tokens that go through the layers together
  int threads = 0;  ///< 0: one a processor core
  kernels::CacheType cache = kernels::CacheType::F16;
  model::Fuse fuse;
};

/// How many threads `threads = 0` means on this machine.
int default_threads();

class Session {
 public:
  /// The model must outlive the session. Throws Error if an option is out of range.
  Session(const model::Model& model, const SessionOptions& options);

  /// Called with the number of tokens read so far; false stops the reading.
  using Progress = std::function<bool(int done)>;
  /// Called with the logits of some consecutive tokens, [rows][vocabulary].
  using Rows = std::function<void(const float* logits, int rows)>;

  /// Reads tokens and computes the logits after the last of them. Returns how many were read: fewer
  /// than given only if `progress` said so, and then logits() is what it was. Throws Error, before
  /// anything is changed, if a token is not in the vocabulary or the context has too little room.
  int prefill(std::span<const int32_t> tokens, const Progress& progress = {});

  /// Reads tokens and hands over the logits after each of them.
  void evaluate(std::span<const int32_t> tokens, const Rows& rows);

  /// Forgets the tokens after the first `position`; logits() is then of no use until tokens are
  /// read. Returns false, with nothing changed, where a layer with a window no longer holds what
  /// the next token would see; 0 is always possible. Throws Error if so many were not read.
  bool rewind(int position);

  /// The logits after the last token read, [vocabulary].
  std::span<const float> logits() const { return logits_; }

  int position() const { return position_; }  ///< tokens read so far
  int context() const { return context_; }
  int threads() const { return kernels_.pool.threads(); }
  const kernels::Counters& counters() const { return kernels_.counters; }
  /// Bytes of the cache that are in use.
  size_t cache_bytes() const { return cache_.bytes_of(position_); }

 private:
  void check(std::span<const int32_t> tokens) const;

  const model::Model& model_;
  model::Fuse fuse_;
  int context_;
  int batch_;
  kernels::Context kernels_;
  Cache cache_;
  model::Workspace workspace_;
  std::vector<float> logits_;
  int position_ = 0;
  int written_ = 0;  ///< positions entered into the cache since it was empty
};

}  // namespace weld::engine
