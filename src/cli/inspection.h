// What there is to know about a model file without running it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "model/config.h"

namespace weld::cli {

/// Tensors of one type.
struct TypeUse {
  std::string type;
  int64_t tensors = 0;
  uint64_t bytes = 0;
};

/// One projection of a fused projection.
struct Member {
  std::string name;
  std::string type;
  int rows = 0;     ///< of each expert
  int experts = 1;  ///< 1: no experts
  uint64_t bytes = 0;

  bool operator==(const Member&) const = default;
};

/// Projections that run as one operation.
struct Fusion {
  std::string name;
  std::string layout;
  std::vector<Member> members;
  uint64_t bytes_moved = 0;  ///< weights that are not read where the file has them

  bool operator==(const Fusion&) const = default;
};

/// Consecutive layers in which the same things fuse.
struct FusionRange {
  int first = 0;
  int last = 0;
  std::vector<Fusion> fusions;
};

struct Inspection {
  std::string name;  ///< empty where the file has none, as all strings here
  std::string architecture;
  uint64_t parameters = 0;
  std::string refusal;                  ///< why weld cannot run it; empty: it can
  std::optional<model::Config> config;  ///< if weld can run it
  std::string tokenizer, pretokenizer;
  uint64_t tokens = 0;
  std::vector<TypeUse> types;  ///< most bytes first
  std::vector<FusionRange> ranges;
};

/// Examines an open file. One that is for weld to run is checked as a whole, as if it were to run:
/// throws Error where anything is wrong. Of others, a vocabulary without tensors or an architecture
/// that weld does not know, only what is there is told.
Inspection examine(const gguf::File& file);

}  // namespace weld::cli
