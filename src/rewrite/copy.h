// Writing the files of a layout: complete under their names, or not there at all.
#pragma once

#include <cstdint>
#include <vector>

#include "gguf/file.h"
#include "rewrite/disk.h"
#include "rewrite/layout.h"

namespace weld::rewrite {

/// What retyping did to the weights that were encoded anew: the sums of their squares and of their
/// errors' squares.
struct RetypeError {
  double squares = 0;
  double errors = 0;
};

/// All bytes that write_layout() will report.
uint64_t output_bytes(const Layout& layout);

/// Writes the files. Each is written beside its target under a temporary name, brought to the disk,
/// and renamed; of several the first is renamed last, so that there is all of them or no first one.
/// What is left of an earlier try is removed. Throws Error if an output is one of the file's own
/// shards, if something cannot be written, or if progress says stop; then no output is there.
RetypeError write_layout(const gguf::File& file, const Layout& layout, const Progress& progress);

}  // namespace weld::rewrite
