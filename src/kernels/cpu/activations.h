// Activations of some tokens in the forms that kernels read, and how they lie in memory.
//
// They lie in strips: first so many columns of all tokens, then the next columns of all tokens, and
// so on. A kernel decodes as many columns of some rows and multiplies them with one token after the
// other: so it reads memory in order. In whole rows, whose length is often a power of two, the
// tokens' columns would also fall on the same few lines of the cache and throw each other out.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "gguf/type.h"
#include "kernels/cpu/buffer.h"

namespace weld::kernels {

struct Kernels;

/// Activations that share a scale when they are quantized.
inline constexpr int group_size = 32;

/// Columns of a strip of codes: what is decoded of 32 rows, 16 KiB, fills half of the first-level
/// cache.
inline constexpr int code_strip = 512;
/// Columns of a strip of floats, for the same 16 KiB.
inline constexpr int value_strip = 128;

/// What is quantized continues with zeros up to a multiple of so many columns, so that kernels
/// which take as many at once need no other path for the last ones.
inline constexpr int padded_columns = 256;

/// Where a column of a token is in strips. The last strip is as wide as the others. Inlined always,
/// as all that the builds for several instruction sets share: the linker must not take one build's
/// function for another's.
[[gnu::always_inline]] inline size_t in_strips(int strip, int tokens, int token, int column) {
  const auto whole = static_cast<size_t>(column / strip) * static_cast<size_t>(tokens);
  return (whole + static_cast<size_t>(token)) * static_cast<size_t>(strip) +
         static_cast<size_t>(column % strip);
}

/// The size of all strips.
[[gnu::always_inline]] inline size_t strips_size(int strip, int tokens, int columns) {
  const auto strips = static_cast<size_t>((columns + strip - 1) / strip);
  return strips * static_cast<size_t>(tokens) * static_cast<size_t>(strip);
}

/// What is packed: BF16 numbers in tiles of 16 tokens. 32 columns are 16 rows of a tile register,
/// each with 2 columns of all tokens.
inline constexpr int packed_tokens = 16;
inline constexpr int packed_columns = 32;

/// Tiles that so many tokens take.
[[gnu::always_inline]] inline int packed_tiles(int tokens) {
  return (tokens + packed_tokens - 1) / packed_tokens;
}

/// Numbers of a packed tile of so many columns.
[[gnu::always_inline]] inline size_t packed_size(int columns) {
  const int steps = (columns + packed_columns - 1) / packed_columns;
  return static_cast<size_t>(steps) * packed_columns * packed_tokens;
}

/// Where a tile of packed activations goes.
struct PackedTile {
  uint16_t* data;
  size_t part_size;  ///< from one part to the next
  int parts;
};

/// A scale without its last two bits, so that kernels can multiply it by 3 exactly.
[[gnu::always_inline]] inline float short_scale(float scale) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scale) & ~3U);
}

/// The forms of activations that a product reads.
struct Forms {
  bool values = false;   ///< as they are
  bool rounded = false;  ///< in BF16
  bool codes = false;    ///< quantized
  bool words = false;    ///< and what sums in 16 bits need: wide codes, lane sums
  bool pairs = false;    ///< and the codes by pairs of groups
  bool places = false;   ///< and the codes by place
  int parts = 0;         ///< packed, in so many parts

  /// Asks for what either asks for.
  void add(const Forms& more);

  /// Whether they lie in strips, at least one of them.
  bool in_strips() const { return values || rounded || codes; }
};

/// What most products read, whatever the number of tokens: values for a float type, else codes.
Forms usual_forms(gguf::Type type, int tokens);

/// Activations of some tokens; a form that no weight needs is null. Quantized: value = scale *
/// code, by groups of group_size.
struct Activations {
  int tokens = 0;
  int columns = 0;                ///< a multiple of group_size if there are codes
  const float* values = nullptr;  ///< in strips of value_strip
  /// In BF16, in strips of value_strip; where the number of columns is odd, a 0 follows.
  const uint16_t* rounded = nullptr;
  const int8_t* codes = nullptr;  ///< in strips of code_strip, as all that follows
  /// The codes as rows meet them on AVX2, then without their signs: two bytes a column. Of each 256
  /// columns, [with sign, without][group i of the first four][half][group i, group i + 4][16].
  const int8_t* pairs = nullptr;
  /// The codes by place, two bytes a column, as two rows meet them at once. Of each 256 columns, of
  /// which 32 runs of eight are made: [place in the run][twice][run].
  const int8_t* places = nullptr;
  const int16_t* wide_codes =
      nullptr;                    ///< the codes in 16 bits, for products too large for vpmaddubsw
  const float* scales = nullptr;  ///< of groups, each a short_scale()
  const int16_t* half_sums = nullptr;  ///< sums of half groups' codes
  /// The same apart for columns 0 and 1 modulo 4, and for 2 and 3, as the two 16-bit lanes add them
  /// up that vpmaddubsw has for 4 columns.
  const int16_t* lane_sums = nullptr;

  /// [part][tile][column / 32][column / 2 % 16][token][column % 2], in BF16: the first part is the
  /// value rounded, the next what is left of it, and so on.
  const uint16_t* packed = nullptr;
  size_t packed_part = 0;  ///< from one part to the next

  [[gnu::always_inline]] const uint16_t* packed_at(int part, int tile, int column) const {
    return packed + static_cast<size_t>(part) * packed_part +
           static_cast<size_t>(tile) * packed_size(columns) +
           static_cast<size_t>(column) * packed_tokens;
  }
  [[gnu::always_inline]] size_t value_at(int token, int column) const {
    return in_strips(value_strip, tokens, token, column);
  }
  [[gnu::always_inline]] size_t code_at(int token, int column) const {
    return in_strips(code_strip, tokens, token, column);
  }
};

/// What activations are copied or quantized to.
class ActivationBuffers {
 public:
  /// Room for so many rows of `columns` floats in all forms that are wanted but packed.
  void reserve(int tokens, int columns, const Forms& forms);

  /// Takes the activations of one token, `columns` floats. Tokens may be entered by several threads
  /// at once.
  void enter(const Kernels& kernels, int token, const float* x);

  /// Room for so many tiles, as the view's packed form, after reserve().
  void reserve_packed(int tiles, int parts);

  /// Takes the activations of a tile's tokens, as enter().
  void pack(const Kernels& kernels, int tile, const float* const* rows, int tokens);

  /// What was entered, until the next reserve().
  const Activations& view() const { return view_; }

 private:
  Activations view_;
  Buffer<float> values_;
  Buffer<uint16_t> rounded_;
  Buffer<int8_t> codes_;
  Buffer<int8_t> pairs_;
  Buffer<int8_t> places_;
  Buffer<int16_t> wide_codes_;
  Buffer<float> scales_;
  Buffer<int16_t> half_sums_;
  Buffer<int16_t> lane_sums_;
  Buffer<uint16_t> packed_;
  int parts_ = 0;
};

}  // namespace weld::kernels
