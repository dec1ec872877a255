// A block's scales are fitted to the range of each group and written; then each weight gets the
// code that decodes nearest to it, by the scales as the decoder reads them.
#include "quant/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quant/types.h"

namespace weld::quant {
namespace {

/// Rounded to nearest, ties to even; too large numbers become the largest.
uint16_t to_f16(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::min(std::fabs(value), 65504.0F);
  if (magnitude < 0x1p-14F)  // subnormal: a multiple of 2^-24
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24F)));
  uint32_t bits;
  std::memcpy(&bits, &magnitude, sizeof bits);
  bits += 0xfffU + (bits >> 13 & 1U);
  const uint32_t half = (bits >> 13) - (112U << 10);
  return static_cast<uint16_t>(sign | std::min(half, 0x7bffU));
}

void put_u16(std::byte* place, uint16_t value) { std::memcpy(place, &value, sizeof value); }

void add_bits(std::byte& byte, int value, int shift) {
  byte |= static_cast<std::byte>(value << shift);
}

struct Range {
  float least = 0, most = 0;  ///< 0 is always inside
  /// The value of the largest magnitude, with its sign.
  float extreme() const { return -least > most ? least : most; }
};

Range range_of(const float* x, int n) {
  Range range;
  for (int i = 0; i < n; ++i) {
    range.least = std::min(range.least, x[i]);
    range.most = std::max(range.most, x[i]);
  }
  return range;
}

// For each type: fit() writes a zeroed block's scales, put() a weight's code.

/// One scale, codes around zero; the extreme value gets the code that is farthest from zero.
template <typename Block>
void fit_centred(const float* x, std::byte* block) {
  put_u16(block, to_f16(range_of(x, 32).extreme() / static_cast<float>(-Block::zero)));
}

/// One scale and one offset.
template <typename Block>
void fit_between(const float* x, std::byte* block) {
  float least = x[0], most = x[0];
  for (int i = 1; i < 32; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
  }
  put_u16(block, to_f16((most - least) / static_cast<float>(Block::max_code)));
  put_u16(block + 2, to_f16(least));
}

/// Eight scales and minimums of 6 bits, as k_scales.h has them.
template <typename Block>
void fit_k(const float* x, std::byte* block) {
  float scale[8], minimum[8];
  for (int g = 0; g < 8; ++g) {
    const Range range = range_of(x + 32 * g, 32);
    scale[g] = (range.most - range.least) / static_cast<float>(Block::max_code);
    minimum[g] = -range.least;
  }
  const float most_scale = *std::max_element(scale, scale + 8);
  const float most_minimum = *std::max_element(minimum, minimum + 8);
  put_u16(block, to_f16(most_scale / 63));
  put_u16(block + 2, to_f16(most_minimum / 63));
  const auto part = [](float value, float unit) {
    return unit > 0 ? std::clamp(static_cast<int>(std::nearbyint(value / unit)), 0, 63) : 0;
  };
  std::byte* packed = block + 4;
  for (int g = 0; g < 8; ++g) {
    const int s = part(scale[g], f16_at(block, 0)), m = part(minimum[g], f16_at(block, 2));
    if (g < 4) {
      add_bits(packed[g], s, 0);
      add_bits(packed[g + 4], m, 0);
    } else {
      add_bits(packed[g + 4], s & 15, 0);
      add_bits(packed[g + 4], m & 15, 4);
      add_bits(packed[g - 4], s >> 4, 6);
      add_bits(packed[g], m >> 4, 6);
    }
  }
}

template <typename Block>
struct Encoder;

template <>
struct Encoder<Q8_0> {
  static void fit(const float* x, std::byte* block) {
    const Range range = range_of(x, 32);
    put_u16(block, to_f16(std::max(-range.least, range.most) / 127));
  }
  static void put(std::byte* block, int i, int code) { add_bits(block[2 + i], code ^ 128, 0); }
};

template <>
struct Encoder<Q4_0> {
  static void fit(const float* x, std::byte* block) { fit_centred<Q4_0>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[2 + i % 16], code, 4 * (i / 16));
  }
};

template <>
struct Encoder<Q4_1> {
  static void fit(const float* x, std::byte* block) { fit_between<Q4_1>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[4 + i % 16], code, 4 * (i / 16));
  }
};

template <>
struct Encoder<Q5_0> {
  static void fit(const float* x, std::byte* block) { fit_centred<Q5_0>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[6 + i % 16], code & 15, 4 * (i / 16));
    add_bits(block[2 + i / 8], code >> 4, i % 8);
  }
};

template <>
struct Encoder<Q5_1> {
  static void fit(const float* x, std::byte* block) { fit_between<Q5_1>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[8 + i % 16], code & 15, 4 * (i / 16));
    add_bits(block[4 + i / 8], code >> 4, i % 8);
  }
};

template <>
struct Encoder<Q4_K> {
  static void fit(const float* x, std::byte* block) { fit_k<Q4_K>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[16 + i / 64 * 32 + i % 32], code, 4 * (i / 32 % 2));
  }
};

template <>
struct Encoder<Q5_K> {
  static void fit(const float* x, std::byte* block) { fit_k<Q5_K>(x, block); }
  static void put(std::byte* block, int i, int code) {
    add_bits(block[48 + i / 64 * 32 + i % 32], code & 15, 4 * (i / 32 % 2));
    add_bits(block[16 + i % 32], code >> 4, i / 32);
  }
};

template <>
struct Encoder<Q6_K> {
  static void fit(const float* x, std::byte* block) {
    float scale[16], most = 0;
    for (int g = 0; g < 16; ++g) {
      scale[g] = range_of(x + 16 * g, 16).extreme() / -32;
      most = std::max(most, std::fabs(scale[g]));
    }
    put_u16(block + 208, to_f16(most / 127));
    const float unit = f16_at(block, 208);
    for (int g = 0; g < 16; ++g) {
      const float part = unit > 0 ? std::nearbyint(scale[g] / unit) : 0;
      block[192 + g] =
          static_cast<std::byte>(static_cast<int8_t>(std::clamp(part, -127.0F, 127.0F)));
    }
  }
  static void put(std::byte* block, int i, int code) {
    const int half = i / 128, j = i / 32 % 4, l = i % 32;
    add_bits(block[64 * half + 32 * (j % 2) + l], code & 15, 4 * (j / 2));
    add_bits(block[128 + 32 * half + l], code >> 4, 2 * j);
  }
};

template <typename Block>
void encode_block(const float* x, std::byte* block) {
  std::fill_n(block, bytes<Block>, std::byte{0});
  Encoder<Block>::fit(x, block);
  for (int i = 0; i < elements<Block>; ++i) {
    const float scale = Block::scale(block, i / Block::group);
    const float offset = Block::offset(block, i / Block::group);
    const float code = scale == 0 ? 0 : std::nearbyint((x[i] - offset) / scale);
    const auto top = static_cast<float>(Block::max_code - Block::zero);
    const auto bottom = static_cast<float>(-Block::zero);
    Encoder<Block>::put(block, i, static_cast<int>(std::clamp(code, bottom, top)) + Block::zero);
  }
}

template <typename Block>
concept Encodable = requires(std::byte* block) {
  Encoder<Block>::put(block, 0, 0);
};

}  // namespace

bool can_encode(gguf::Type type) {
  return visit(type, []<typename Block>() { return is_float<Block> || Encodable<Block>; });
}

void encode(gguf::Type type, const float* values, int64_t n, std::byte* out) {
  visit(type, [=]<typename Block>() {
    float x[256];
    for (int64_t b = 0; b < n / elements<Block>; ++b) {
      std::byte* block = out + b * bytes<Block>;
      for (int i = 0; i < elements<Block>; ++i) {
        const float value = values[b * elements<Block> + i];
        x[i] = std::isnan(value) ? 0 : value;
      }
      if constexpr (Encodable<Block>)
        encode_block<Block>(x, block);
      else if constexpr (Block::type == Type::F32)
        std::memcpy(block, x, sizeof(float));
      else if constexpr (Block::type == Type::F16)
        put_u16(block, to_f16(x[0]));
      else if constexpr (Block::type == Type::BF16)
        put_u16(block, to_bf16(x[0]));
    }
  });
}

}  // namespace weld::quant
