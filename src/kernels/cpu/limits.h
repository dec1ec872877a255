// What the machine reaches at best, measured: the yardsticks for everything else.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/pool.h"

namespace weld::kernels {

enum class Arithmetic { Codes, Floats };

/// Multiply-adds a second of all threads together with their operands in registers, by the
/// instructions that this build multiplies codes, or floats, with. Takes 20 milliseconds.
double measure_multiply_adds(Pool& pool, const Kernels& kernels, Arithmetic arithmetic);

/// Bytes a second at which the threads read runs of memory in the order given, sharing them out,
/// and do nothing else.
double measure_reading(Pool& pool, const Kernels& kernels,
                       std::span<const std::span<const std::byte>> runs);

}  // namespace weld::kernels
