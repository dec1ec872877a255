// The forward pass: from token ids to the logits of the tokens that follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/context.h"
#include "kernels/cpu/tokens.h"
#include "model/model.h"

namespace weld::model {

/// Which groups of projections run as one operation. The logits are the same bits either way.
struct Fuse {
  bool qkv = true;
  bool gate_up = true;
};

/// The activations of a batch between operations; reused from batch to batch.
struct Workspace {
  kernels::Buffer<float> residual;  ///< [tokens][embedding]
  kernels::Buffer<float> normed;    ///< [tokens][embedding]
  kernels::Buffer<float> qkv;       ///< [tokens][q, k, v]
  kernels::Buffer<float> attended;  ///< [tokens][heads * value_size]
  kernels::Buffer<float> gate, up;  ///< [tokens or slots][feed_forward]
  kernels::Buffer<float> router;    ///< [tokens][experts]
  kernels::Routes routes;
  std::vector<float> cosine, sine;  ///< [tokens][pairs]
};

/// Cosines and sines for positions `position` and on, [tokens][rope.dimensions / 2].
void compute_rotation(const Model& model, int position, int tokens, std::vector<float>& cosine,
                      std::vector<float>& sine);

/// Runs all layers for `tokens` at consecutive positions from `position` on, and enters them into
/// `caches` (one a layer). Ids must be inside the vocabulary. Returns the last layer's output,
/// [tokens][embedding], which lives in the workspace.
const float* forward(kernels::Context& context, const Model& model, const Fuse& fuse,
                     std::span<const kernels::LayerCache> caches, std::span<const int32_t> tokens,
                     int position, Workspace& workspace);

/// logits[r] of `rows` rows of forward()'s result, [rows][vocabulary].
void compute_logits(kernels::Context& context, const Model& model, const float* hidden, int rows,
                    Workspace& workspace, float* logits);

}  // namespace weld::model
