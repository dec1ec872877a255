// The yardsticks do what they are measured by: all of the memory is read, every product is counted.
#include "kernels/cpu/limits.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <span>
#include <vector>

#include "builds.h"

namespace weld::test {
namespace {

class Limits : public testing::TestWithParam<const kernels::Kernels*> {};

/// Memory that has no page yet, so that it shows which of its pages were read.
class Untouched {
 public:
  explicit Untouched(size_t pages)
      : pages_(pages),
        data_(mmap(nullptr, bytes(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~Untouched() { munmap(data_, bytes()); }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

  std::span<const std::byte> page_range(size_t first, size_t count) const {
    return {static_cast<const std::byte*>(data_) + first * page_size, count * page_size};
  }
  std::vector<bool> read_pages() const {
    std::vector<unsigned char> states(pages_);
    EXPECT_EQ(mincore(data_, bytes(), states.data()), 0);
    std::vector<bool> read(pages_);
    for (size_t i = 0; i < pages_; ++i) read[i] = (states[i] & 1U) != 0;
    return read;
  }

 private:
  size_t bytes() const { return pages_ * page_size; }

  static inline const auto page_size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t pages_;
  void* data_;
};

TEST_P(Limits, ReadingReadsAllOfTheRunsAndNothingElse) {
  const Untouched memory(1100);
  const std::vector runs{memory.page_range(1, 1), memory.page_range(10, 1033)};
  kernels::Pool pool(2);
  EXPECT_GT(kernels::measure_reading(pool, *GetParam(), runs), 0);
  std::vector<bool> expected(1100, false);
  expected[1] = true;
  for (size_t page = 10; page < 1043; ++page) expected[page] = true;
  EXPECT_EQ(memory.read_pages(), expected);
}

TEST_P(Limits, MultiplyAddsAreCountedByTheStep) {
  for (const auto loop :
       {GetParam()->limits->multiply_codes, GetParam()->limits->multiply_floats}) {
    const int64_t one = loop(1);
    EXPECT_GT(one, 0);
    EXPECT_EQ(loop(1000), 1000 * one);
  }
  kernels::Pool pool(2);
  for (const auto arithmetic : {kernels::Arithmetic::Codes, kernels::Arithmetic::Floats})
    EXPECT_GT(kernels::measure_multiply_adds(pool, *GetParam(), arithmetic), 1e7);
}

INSTANTIATE_TEST_SUITE_P(Builds, Limits, testing::ValuesIn(all_builds()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace weld::test
