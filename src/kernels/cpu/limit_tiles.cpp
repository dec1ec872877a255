// What one core reaches at best with AMX: a loop that multiplies tile registers.
#include "kernels/cpu/target.h"
#include "kernels/cpu/tile_registers.h"

namespace weld::kernels::avx512amx {
namespace {

/// Sums that do not wait for each other: the product's latency is 52 cycles, and one begins
/// every 16.
constexpr int sums = 4;
constexpr int multiply_adds = 16 * packed_tokens * packed_columns;  // of an instruction

int64_t multiply_codes(int64_t steps) {
  const TileRegisters registers;
  clear<4>();
  clear<5>();
  for (int64_t step = 0; step < steps; ++step) {
    multiply_add<0, 4, 5>();
    multiply_add<1, 4, 5>();
    multiply_add<2, 4, 5>();
    multiply_add<3, 4, 5>();
  }
  return steps * sums * multiply_adds;
}

/// Of F16 weights, which take three products of parts: see multiply_packed.cpp.
int64_t multiply_floats(int64_t steps) { return multiply_codes(3 * steps) / 3; }

}  // namespace

const Limits limits = {multiply_codes, multiply_floats, avx512::limits.read};

}  // namespace weld::kernels::avx512amx
