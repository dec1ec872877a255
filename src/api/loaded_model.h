// What stands behind a weld::Model: the model and its tokenizer, which are known to agree.
#pragma once

#include <optional>

#include "model/model.h"
#include "text/tokenizer.h"
#include "weld/model.h"

namespace weld {

struct LoadedModel {
  model::Model model;
  std::optional<text::Tokenizer> tokenizer;  ///< if the file has one

  /// Throws Error where the file has none.
  const text::Tokenizer& need_tokenizer() const;
};

/// Checks everything in the file but the values of the weights. Throws Error.
LoadedModel load_model(gguf::File file);

struct Model::State : LoadedModel {};

}  // namespace weld
