// A session: one text that a model reads and writes.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "weld/error.h"
#include "weld/model.h"
#include "weld/sampler.h"

namespace weld {

/// Which groups of projections run as one operation. The logits are the same bits either way.
struct Fuse {
  bool qkv = true;      ///< Q, K and V
  bool gate_up = true;  ///< gate and up, of experts too
};

/// How the key-value cache stores its numbers.
enum class CacheType { F16, F32 };

/// What a session is opened with.
struct SessionOptions {
  int context = 0;  ///< tokens that the text may have, 1 to 2^30; 0: what the model was trained for
  int batch = 512;  ///< tokens that go through the layers together, 1 to 65536
  int threads = 0;  ///< 1 to 1024; 0: one a processor core
  CacheType cache = CacheType::F16;  ///< of keys and values; memory is taken as it is used
  Fuse fuse = {};                    ///< all of them, unless told otherwise
};

/// Why Session::generate() came back.
enum class Stop {
  Count,      ///< as many tokens as asked for
  EndOfText,  ///< the model said that it is done
  Context,    ///< the context has no room for the last token
  Caller,     ///< the callback returned false
};

/// The state of one text: what the model remembers of the tokens read so far. One thread at a time.
class Session {
 public:
  /// Called between batches with the number of tokens read so far; false stops the reading.
  using Progress = std::function<bool(int done)>;
  /// Called with the logits after some consecutive tokens, [rows][Model::vocabulary()]; they are
  /// gone when it returns.
  using Rows = std::function<void(std::span<const float> logits, int rows)>;
  /// Called with each new token; false stops the generation.
  using OnToken = std::function<bool(Token token)>;

  /// Throws Error if an option is out of range or there is no memory for the context.
  explicit Session(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Reads tokens and computes the logits after the last of them. Returns how many were read: fewer
  /// than given only if PROGRESS said so, and then logits() is what it was. Throws Error, before
  /// anything is changed, if a token is not in the vocabulary or the context has too little room.
  int prefill(std::span<const Token> tokens, const Progress& progress = {});

  /// Reads tokens and hands over the logits after each of them. Throws as prefill() does.
  void evaluate(std::span<const Token> tokens, const Rows& rows);

  /// Goes on with the text: draws a token, hands it over, reads it, and so on, for COUNT tokens
  /// (-1: no limit) or until the model ends the text. The token that ends the text is not handed
  /// over. The last token handed over is not read yet: the next call of prefill(), evaluate() or
  /// generate() reads it first. Throws Error if no token was read before.
  Stop generate(Sampler& sampler, int count, const OnToken& on_token);

  /// Forgets all but the first POSITION tokens read, and a token that generate() handed over last.
  /// Read at least one token before using logits() or generate() again. Returns false, with nothing
  /// changed, where that cannot be: layers with a sliding window keep only the end of a long text.
  /// 0 is always possible. Throws Error if fewer tokens were read.
  bool rewind(int position);

  /// The logits after the last token read, [Model::vocabulary()]; zeros before there was one. Valid
  /// until the next call that reads.
  std::span<const float> logits() const;

  /// Tokens read so far.
  int position() const;
  /// Tokens that the text may have.
  int context() const;
  /// Threads that work on it.
  int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weld
