// A tensor's bytes as runs of source bytes, in order.
#pragma once

#include <cstdint>

#include "rewrite/layout.h"

namespace weld::rewrite {

/// Calls f(const Part&, offset, bytes) for each run of the tensor's bytes, in order; `offset` is in
/// the part's source tensor. Runs of one source that follow each other are one.
template <typename F>
void for_each_run(const OutputTensor& tensor, F f) {
  if (tensor.parts.size() == 1) {
    const Part& part = tensor.parts.front();
    if (tensor.count == 1 || part.source.stride == part.source.bytes) {
      f(part, part.source.offset, part.source.bytes * tensor.count);
      return;
    }
  }
  for (uint64_t i = 0; i < tensor.count; ++i)
    for (const Part& part : tensor.parts)
      f(part, part.source.offset + i * part.source.stride, part.source.bytes);
}

}  // namespace weld::rewrite
