// Random bytes, whose scales are then given a small exponent.
#include "synth/weights.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace weld::synth {
namespace {

using gguf::Type;

template <typename Word>
Word load(const std::byte* place) {
  Word word;
  std::memcpy(&word, place, sizeof word);
  return word;
}

template <typename Word>
void store(std::byte* place, Word word) {
  std::memcpy(place, &word, sizeof word);
}

/// A half-precision scale in a block: its sign and its power of two.
struct Scale {
  int place;
  int exponent;
  bool negative = false;
};

/// The half-precision scales of a block type; `second`, if there is one, is that of the offsets.
struct Scales {
  Type type;
  Scale first;
  Scale second{-1, 0};
};

// The exponents make weights of the order of 0.05, and offsets that take their mean to about zero.
constexpr Scales scales_table[] = {
    {Type::Q4_0, {0, -7}},
    {Type::Q4_1, {0, -8}, {2, -5, true}},
    {Type::Q5_0, {0, -9}},
    {Type::Q5_1, {0, -9}, {2, -5, true}},
    {Type::Q8_0, {0, -11}},
    {Type::Q2_K, {80, -8}, {82, -8}},
    {Type::Q3_K, {108, -11}},
    {Type::Q4_K, {0, -13}, {2, -10}},
    {Type::Q5_K, {0, -14}, {2, -10}},
    {Type::Q6_K, {208, -15}},
    {Type::IQ1_S, {0, -8}},
    {Type::IQ2_XXS, {0, -11}},
    {Type::IQ2_XS, {0, -11}},
    {Type::IQ2_S, {0, -11}},
    {Type::IQ3_XXS, {0, -12}},
    {Type::IQ3_S, {0, -12}},
    {Type::IQ4_NL, {0, -11}},
    {Type::IQ4_XS, {0, -15}},
    {Type::TQ1_0, {52, -5}},
    {Type::TQ2_0, {64, -5}},
};

/// Sets sign and exponent; the mantissa stays. An exponent of -15 makes subnormal numbers, below
/// 2^-14.
void set_half(std::byte* block, const Scale& scale) {
  const unsigned mantissa = load<uint16_t>(block + scale.place) & 0x3ffU;
  const auto exponent = static_cast<unsigned>(scale.exponent + 15);
  store(block + scale.place,
        static_cast<uint16_t>((scale.negative ? 0x8000U : 0U) | exponent << 10U | mantissa));
}

/// IQ1_M's scale has its four digits at the top of four words; the first two hold mantissa alone.
void set_iq1_m(std::byte* block) {
  constexpr unsigned exponent = 15 - 8;
  const auto set_digit = [block](int word, unsigned digit) {
    std::byte& high = block[48 + 2 * word + 1];
    high = (high & std::byte{0x0f}) | static_cast<std::byte>(digit << 4U);
  };
  const auto mantissa = static_cast<unsigned>(block[48 + 2 * 2 + 1]) >> 4U & 3U;
  set_digit(2, (exponent & 3U) << 2U | mantissa);
  set_digit(3, exponent >> 2U);
}

template <typename Set>
void each_block(std::span<std::byte> blocks, size_t block_bytes, const Set& set) {
  for (size_t at = 0; at < blocks.size(); at += block_bytes) set(blocks.data() + at);
}

/// Floats from 2^-7 to 2^-3: of the exponent, which follows `mantissa_bits` of mantissa, the two
/// lowest bits stay random.
template <typename Word>
void set_exponents(std::span<std::byte> floats, int mantissa_bits, Word exponent) {
  const auto kept =
      static_cast<Word>(Word{1} << (8 * sizeof(Word) - 1) | ((Word{4} << mantissa_bits) - Word{1}));
  each_block(floats, sizeof(Word), [=](std::byte* place) {
    store(place, static_cast<Word>((load<Word>(place) & kept) | exponent << mantissa_bits));
  });
}

}  // namespace

Random::Random(uint64_t seed) {
  // splitmix64, which the generator's authors recommend for this.
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111eb;
    word = mixed ^ mixed >> 31U;
  }
}

uint64_t Random::next() {
  uint64_t(&s)[4] = state_;
  const uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const uint64_t shifted = s[1] << 17U;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

float Random::uniform(float least, float most) {
  return least + (most - least) * static_cast<float>(next() >> 40U) * 0x1p-24F;
}

void fill_weights(Type type, std::span<std::byte> blocks, Random& random) {
  for (size_t at = 0; at < blocks.size(); at += sizeof(uint64_t)) {
    const uint64_t word = random.next();
    std::memcpy(blocks.data() + at, &word, std::min(sizeof word, blocks.size() - at));
  }
  const size_t block_bytes = gguf::info(type).block_bytes;
  switch (type) {
    case Type::F32:
      return set_exponents<uint32_t>(blocks, 23, 127 - 7);
    case Type::F16:
      return set_exponents<uint16_t>(blocks, 10, 15 - 7);
    case Type::BF16:
      return set_exponents<uint16_t>(blocks, 7, 127 - 7);
    case Type::MXFP4:
      return each_block(blocks, block_bytes, [](std::byte* block) {
        block[0] = static_cast<std::byte>(120U + (static_cast<unsigned>(block[0]) & 1U));
      });
    case Type::NVFP4:
      return each_block(blocks, block_bytes, [](std::byte* block) {
        for (int i = 0; i < 4; ++i)
          block[i] = static_cast<std::byte>(4U + (static_cast<unsigned>(block[i]) & 7U));
      });
    case Type::IQ1_M:
      return each_block(blocks, block_bytes, set_iq1_m);
    default:
      for (const Scales& scales : scales_table)
        if (scales.type == type)
          each_block(blocks, block_bytes, [&](std::byte* block) {
            set_half(block, scales.first);
            if (scales.second.place >= 0) set_half(block, scales.second);
          });
  }
}

void fill_tensor(Role role, Type type, std::span<std::byte> blocks, Random& random) {
  const auto fill = [&](const auto& value_of) {
    for (size_t i = 0; i < blocks.size() / sizeof(float); ++i)
      store(blocks.data() + i * sizeof(float), value_of(i));
  };
  const auto fill_uniform = [&](float least, float most) {
    fill([&](size_t) { return random.uniform(least, most); });
  };
  switch (role) {
    case Role::Matrix:
    case Role::Router:
      return fill_weights(type, blocks, random);
    case Role::Norm:
      return fill_uniform(0.5F, 1.5F);
    case Role::Bias:
      return fill_uniform(-0.2F, 0.2F);
    case Role::Sinks:
      return fill_uniform(-1, 1);
    case Role::RopeFactors: {  // larger where frequencies are lower
      const auto count = static_cast<float>(blocks.size() / sizeof(float));
      return fill([=](size_t i) { return 1 + 7 * static_cast<float>(i) / count; });
    }
  }
}

}  // namespace weld::synth
