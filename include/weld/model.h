// A language model: a GGUF file, mapped and checked, and its tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weld/error.h"

namespace weld {

/// A token's id: from 0 to Model::vocabulary() - 1.
using Token = int32_t;

/// How text becomes tokens.
struct EncodeOptions {
  /// Begin with the beginning-of-text token, if the model has one. Before a prompt this should be
  /// what Model::adds_beginning() says.
  bool beginning = false;
  /// Recognize control tokens (`<|im_start|>`) where the text spells them out. Text that somebody
  /// else wrote should not be able to do that.
  bool special = true;
};

/// An open model. Copies are cheap and share the file; every member may be called from several
/// threads at once.
class Model {
 public:
  /// Maps the file at PATH (and its other shards, if it is one of several) and checks all of it but
  /// the values of the weights, which stay in the file and are read as they are needed. A file
  /// without tokenizer metadata will do; its model has no tokenizer. Throws Error, in one line that
  /// names file, field and value, where anything is wrong or not supported.
  static Model load(const std::string& path);

  /// The name, architecture, parameters and size of the model, in one line for people.
  std::string description() const;

  /// Tokens that the model knows: the length of a row of logits.
  int vocabulary() const;

  /// Positions, in tokens, that the model was trained for.
  int context() const;

  /// Whether the file has a tokenizer. All members below throw Error if it has none.
  bool has_tokenizer() const;

  /// The tokens of TEXT, which may hold any bytes. Throws Error if a byte has no token.
  std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const;

  /// The bytes that TOKENS stand for; control tokens give their own text only if SPECIAL. Throws
  /// Error if a token is not in the vocabulary.
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  /// The bytes of one token within a text; they may end in the middle of a character. Control
  /// tokens give their own text only if SPECIAL. Throws Error if it is not in the vocabulary.
  std::string piece(Token token, bool special = false) const;

  /// Whether the model expects the beginning-of-text token before a prompt.
  bool adds_beginning() const;

  /// The beginning-of-text token, if there is one.
  std::optional<Token> beginning() const;

  /// Whether a text, a turn or a message is over with this token.
  bool ends_generation(Token token) const;

 private:
  friend class Session;
  struct State;
  explicit Model(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace weld
