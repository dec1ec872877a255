// The tile registers of Intel's AMX: 8 of them, here each of 16 rows of 64 bytes. In assembler, as
// GCC 12's intrinsics take only literal numbers of registers and do not say that they read memory.
#pragma once

#include <cstdint>

namespace weld::kernels::WELD_TARGET {

/// Tile registers while it lives: none are kept when threads are switched before and after.
class TileRegisters {
 public:
  TileRegisters() {
    static constexpr Shapes shapes;
    asm volatile("ldtilecfg %0" : : "m"(shapes) : "memory");
  }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
  ~TileRegisters() { asm volatile("tilerelease" : : : "memory"); }

 private:
  /// What ldtilecfg reads: bytes a row, and rows, of each register.
  struct alignas(64) Shapes {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
};

template <int tile>
[[gnu::always_inline]] inline void clear() {
  asm volatile("tilezero %%tmm%c0" : : "i"(tile));
}
/// 16 rows of 64 bytes, one after the other.
template <int tile>
[[gnu::always_inline]] inline void load(const void* rows) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(rows), "r"(int64_t{64}), "i"(tile)
               : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store(void* rows) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
               :
               : "r"(rows), "r"(int64_t{64}), "i"(tile)
               : "memory");
}
/// sum[m][n] += a[m][2 k + i] * b[k][2 n + i] over k < 16 and i < 2: BF16 numbers, float sums.
template <int sum, int a, int b>
[[gnu::always_inline]] inline void multiply_add() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sum), "i"(a), "i"(b));
}

}  // namespace weld::kernels::WELD_TARGET
