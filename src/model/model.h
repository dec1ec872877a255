// A model: its tensors bound to segments of the mapped file, layer by layer.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "kernels/cpu/project.h"
#include "kernels/cpu/tokens.h"
#include "model/config.h"

namespace weld::model {

/// The weights of one layer. What an architecture does not have stays empty.
struct Layer {
  const float* attention_norm = nullptr;  ///< [embedding]
  kernels::Heads heads;                   ///< with the norms and sinks of this layer
  std::vector<kernels::Segment> qkv;      ///< q, k, v
  kernels::Segment attention_output;
  const float* feed_forward_norm = nullptr;  ///< [embedding]
  kernels::Segment router;                   ///< only with experts
  kernels::Segment gate, up, down;           ///< of all experts, where there are any
};

/// A group of projections that read the same activation.
struct FusedGroup {
  std::string name;                        ///< "qkv", "gate-up"
  std::string layout;                      ///< "separate" or "merged"
  std::vector<std::string> members;        ///< "attn_q", ...
  std::vector<kernels::Segment> segments;  ///< one a member
};

class Model {
 public:
  /// Maps and checks the file, all of it but the weights' values. Throws Error with file, field and
  /// value.
  explicit Model(gguf::File file);

  const gguf::File& file() const { return file_; }
  const Config& config() const { return config_; }
  int vocabulary() const { return vocabulary_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const kernels::Segment& embedding() const { return embedding_; }
  const float* output_norm() const { return output_norm_; }
  const kernels::Segment& output() const { return output_; }
  /// Per pair of dimensions, what divides the rotary frequency; null: nothing.
  const float* rope_factors() const { return rope_factors_; }

  /// What fuses with what in a layer, for people to look at.
  std::vector<FusedGroup> fused_groups(int layer) const;

 private:
  friend class Binder;

  gguf::File file_;
  Config config_;
  int vocabulary_ = 0;
  std::vector<Layer> layers_;
  kernels::Segment embedding_, output_;
  const float* output_norm_ = nullptr;
  const float* rope_factors_ = nullptr;
  std::deque<std::vector<float>>
      converted_;  ///< small tensors that are not aligned F32 in the file
};

}  // namespace weld::model
