// The tile registers of Intel's AMX: 8 of them, here each of 16 rows of 64 bytes. In assembler, as
// GCC 12's intrinsics take only literal numbers of registers and do not say that they read memory.
#pragma once

#include <cstddef>
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
/// 16 rows of 64 bytes, `stride` bytes from one to the next.
template <int tile>
[[gnu::always_inline]] inline void load(const void* rows, int64_t stride = 64) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store(void* rows, int64_t stride = 64) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(tile) : "memory");
}
/// sum[m][n] += a[m][2 k + i] * b[k][2 n + i] over k < 16 and i < 2: BF16 numbers, float sums.
template <int sum, int a, int b>
[[gnu::always_inline]] inline void multiply_add() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sum), "i"(a), "i"(b));
}

/// BF16 numbers of a tile register.
constexpr int tile_numbers = 512;

/// Adds the products of two tiles of rows, a and a + next_a, with one or two tiles of columns, b
/// and b + next_b, to registers 0 to 3: row by row. Each step is a tile further in all of them.
template <int columns>
[[gnu::always_inline]] inline void multiply_tiles(const uint16_t* a, size_t next_a,
                                                  const uint16_t* b, size_t next_b, int steps) {
  for (int s = 0; s < steps; ++s, a += tile_numbers, b += tile_numbers) {
    load<4>(a);
    load<6>(b);
    multiply_add<0, 4, 6>();
    if constexpr (columns == 2) {
      load<7>(b + next_b);
      multiply_add<1, 4, 7>();
    }
    load<5>(a + next_a);
    multiply_add<2, 5, 6>();
    if constexpr (columns == 2) multiply_add<3, 5, 7>();
  }
}

}  // namespace weld::kernels::WELD_TARGET
