// A model's hyperparameters, read from metadata and checked.
#pragma once

#include <string_view>

#include "gguf/file.h"
#include "kernels/cpu/kernels.h"

namespace weld::model {

/// What an architecture does differently from the others: data, so that the layer needs no branches
/// on names.
struct Architecture {
  const char* name;
  bool rotates_halves;        ///< rotary pairs (i, i + n/2) rather than (2i, 2i + 1)
  bool normed_heads;          ///< queries and keys are normed, head by head
  bool sinks;                 ///< a learned score a head takes part in the softmax
  bool windowed_even_layers;  ///< layers 0, 2, ... see a sliding window
  bool dense;                 ///< has a dense feed-forward form
  bool experts;               ///< has a mixture-of-experts form
  kernels::Gating gating;
  const char* feed_forward_norm;  ///< name of the norm before the feed-forward layer
};

/// The architecture of this name, or nullptr.
const Architecture* find_architecture(std::string_view name);
/// "llama, qwen2, ...": for messages.
std::string architecture_names();

enum class RopeScaling { None, Linear, Yarn };

/// Rotary positions, https://arxiv.org/abs/2104.09864, and their scaling,
/// https://arxiv.org/abs/2309.00071.
struct Rope {
  int dimensions = 0;
  double base = 10000;
  RopeScaling scaling = RopeScaling::None;
  double factor = 1;
  double original_context = 0;
  double attention_factor = 1;
  double beta_fast = 32;
  double beta_slow = 1;
};

struct Config {
  const Architecture* architecture = nullptr;
  int layers = 0;
  int context = 0;    ///< positions the model was trained for
  int embedding = 0;  ///< floats a token between the layers
  int heads = 0;
  int key_value_heads = 0;
  int key_size = 0;
  int value_size = 0;
  int feed_forward = 0;  ///< of the dense form
  int experts = 0;       ///< 0: dense
  int experts_used = 0;
  int expert_feed_forward = 0;
  int window = 0;  ///< of windowed layers
  float epsilon = 0;
  Rope rope;

  /// Positions that a layer's tokens see; 0: all.
  int window_of(int layer) const {
    return architecture->windowed_even_layers && layer % 2 == 0 ? window : 0;
  }
};

/// Reads and checks the hyperparameters, defaults filled in. Throws Error with file, field and
/// value.
Config read_config(const gguf::File& file);

}  // namespace weld::model
