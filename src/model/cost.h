// What a model's tokens cost at least, counted from its segments: bytes to read, multiply-adds to
// do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"

namespace weld::model {

/// Multiply-adds of matrices; attention over what is cached comes on top.
struct MultiplyAdds {
  double codes = 0;   ///< by weights of block types
  double floats = 0;  ///< by weights of float types

  MultiplyAdds operator*(double times) const { return {codes * times, floats * times}; }
  MultiplyAdds operator+(const MultiplyAdds& other) const {
    return {codes + other.codes, floats + other.floats};
  }
};

/// Of one token in all layers; with experts, of as many as one token uses.
MultiplyAdds layer_multiply_adds(const Model& model);
/// Of the output matrix, for one token's logits.
MultiplyAdds output_multiply_adds(const Model& model);

/// The runs of the mapped file that generating one token reads: all matrices, but only some experts
/// of each layer, chosen at random from `seed`, and one row of the embedding.
std::vector<std::span<const std::byte>> token_reads(const Model& model, uint64_t seed);

/// The sum of their sizes, which is the same for every choice of experts.
uint64_t token_bytes(const Model& model);

}  // namespace weld::model
