// What to write: the tensors of the rewritten file, where the bytes of each come from, and headers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "rewrite/original.h"

namespace weld::rewrite {

/// What is asked for.
struct Request {
  enum class Action { Merge, Split } action = Action::Merge;
  bool qkv = true;  ///< groups that it is asked of; all others stay as they are
  bool gate_up = true;
  bool retype = false;       ///< members of different types get the widest type among them
  uint64_t shard_bytes = 0;  ///< write shards of at most so many bytes; 0: see lay_out()
};

/// A member within a tensor that is to be written.
struct Part {
  gguf::Type type{};  ///< in the source; where it is not the tensor's it is encoded anew
  Slices source;
};

/// A tensor to be written: `count` times the next run of each part in turn.
struct OutputTensor {
  std::string name;
  gguf::Type type{};
  int rank = 0;
  std::array<uint64_t, 4> dims{1, 1, 1, 1};
  uint64_t count = 1;
  std::vector<Part> parts;
  uint64_t bytes = 0;
  uint64_t offset = 0;  ///< from the start of the data section

  uint64_t row_bytes() const;
};

/// A file to be written.
struct OutputShard {
  std::string path;
  std::vector<std::byte> header;  ///< without the padding that follows
  uint64_t data_start = 0;
  std::vector<OutputTensor> tensors;
  uint64_t bytes = 0;
};

/// Its tensors in the order in which they lie in the file.
std::vector<const OutputTensor*> by_offset(const OutputShard& shard);

/// What came of a unit.
struct UnitResult {
  Unit unit;
  std::string reason;        ///< why it was left as it is; empty: it was not
  uint64_t bytes_added = 0;  ///< by retyping
};

struct Layout {
  std::vector<OutputShard> shards;
  std::vector<UnitResult> units;  ///< all that the request is about
  bool unchanged = false;         ///< the output is the input
  bool restored = false;          ///< the output is the file that merge was given
};

/// The layout of the file that the request makes of this one, at OUT. It is in one file, unless
/// `shard_bytes` says otherwise or OUT is named like the first of as many shards as the input has,
/// which are then kept. Throws Error if OUT cannot be named so, or the file's record is wrong.
Layout lay_out(const gguf::File& file, const Request& request, const std::string& out);

/// The same for one file in place: the data starts where it did. Throws Error where the header has
/// not the room, or the data would not have the same size.
Layout lay_out_in_place(const gguf::File& file, const Request& request);

}  // namespace weld::rewrite
