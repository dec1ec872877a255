// The AVX2 decoders against the scalar specification, on blocks of random bytes that end where
// readable memory ends, or begin where it begins.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "decoders.h"
#include "gguf/type.h"
#include "scalar_decoder.h"
#include "type_params.h"

namespace weld::quant::test {

Decoder portable_decoder(gguf::Type type) {
  return visit(type, []<typename Block>() { return scalar_decoder<Block>(); });
}

bool have_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

namespace {

// A page of memory between two that may not be touched.
class GuardedPage {
 public:
  GuardedPage() {
    void* p = mmap(nullptr, 3 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) std::abort();
    base_ = static_cast<std::byte*>(p);
    if (mprotect(begin(), size_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  ~GuardedPage() { munmap(base_, 3 * size_); }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;

  std::byte* begin() const { return base_ + size_; }
  std::byte* end() const { return base_ + 2 * size_; }

 private:
  size_t size_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::byte* base_;
};

std::vector<uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<uint32_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), std::bit_cast<uint32_t, float>);
  return bits;
}

class Avx2 : public testing::TestWithParam<gguf::TypeInfo> {
 protected:
  void SetUp() override {
    if (!have_avx2()) GTEST_SKIP() << "this CPU has no AVX2 and FMA";
  }

  // Calls check with many random blocks, one after the other at both ends of a guarded page.
  template <typename Check>
  void for_random_blocks(size_t size, Check check) {
    const GuardedPage page;
    std::mt19937 random(std::mt19937::default_seed + static_cast<uint32_t>(GetParam().type));
    for (int n = 0; n < 4000 && !HasFailure(); ++n) {
      std::byte* block = n % 2 ? page.begin() : page.end() - size;
      std::generate(block, block + size, [&] { return static_cast<std::byte>(random()); });
      check(block);
    }
  }

  const Decoder expected_ = portable_decoder(GetParam().type);
  const Decoder vector_ = avx2_decoder(GetParam().type);
  const Decoder scalar_ = avx2_scalar_decoder(GetParam().type);
};

class Avx2Quantized : public Avx2 {};

TEST_P(Avx2Quantized, CodesAreTheSpecifications) {
  for_random_blocks(GetParam().block_bytes, [&](const std::byte* block) {
    for (int i = 0; i < static_cast<int>(GetParam().block_elements) / 32; ++i) {
      std::vector<uint8_t> expected(32), vector(32), scalar(32);
      expected_.codes(block, i, expected.data());
      vector_.codes(block, i, vector.data());
      scalar_.codes(block, i, scalar.data());
      ASSERT_LE(*std::max_element(expected.begin(), expected.end()), expected_.max_code);
      ASSERT_EQ(vector, expected) << "weights from " << 32 * i;
      ASSERT_EQ(scalar, expected) << "weights from " << 32 * i;
    }
  });
}

TEST_P(Avx2Quantized, ScalesAndOffsetsAreTheSpecificationsToTheBit) {
  for_random_blocks(GetParam().block_bytes, [&](const std::byte* block) {
    const auto scales = [&](const Decoder& decoder) {
      std::vector<float> scale(expected_.groups), offset(expected_.groups);
      decoder.scales(block, scale.data(), expected_.has_offset ? offset.data() : nullptr);
      scale.insert(scale.end(), offset.begin(), offset.end());
      return bits_of(scale);
    };
    ASSERT_EQ(scales(vector_), scales(expected_));
    ASSERT_EQ(scales(scalar_), scales(expected_));
  });
}

class Avx2Float : public Avx2 {};

TEST_P(Avx2Float, ValuesAreTheSpecificationsToTheBit) {
  for_random_blocks(size_t{8} * GetParam().block_bytes, [&](const std::byte* blocks) {
    std::vector<float> expected(8), vector(8), scalar(8);
    expected_.values(blocks, expected.data());
    vector_.values(blocks, vector.data());
    scalar_.values(blocks, scalar.data());
    ASSERT_EQ(bits_of(vector), bits_of(expected));
    ASSERT_EQ(bits_of(scalar), bits_of(expected));
  });
}

INSTANTIATE_TEST_SUITE_P(Types, Avx2Quantized,
                         testing::ValuesIn(types_where(std::not_fn(&gguf::TypeInfo::is_float))),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Types, Avx2Float,
                         testing::ValuesIn(types_where(std::mem_fn(&gguf::TypeInfo::is_float))),
                         name_of);

}  // namespace
}  // namespace weld::quant::test
