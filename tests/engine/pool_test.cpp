// The pool of threads: every piece exactly once, whatever the sizes, again and again.
#include "kernels/cpu/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

using weld::kernels::Pool;

namespace {

/// Runs `pieces` pieces and says whether each was done once, by a thread that there is. Neither
/// array is atomic: that nobody shares an element is part of what is tested.
::testing::AssertionResult each_piece_once(Pool& pool, int pieces) {
  std::vector<int> done(static_cast<size_t>(pieces));
  std::vector<int> by_thread(static_cast<size_t>(pool.threads()));
  pool.run(pieces, [&](int piece, int thread) noexcept {
    ++done[static_cast<size_t>(piece)];
    ++by_thread[static_cast<size_t>(thread)];
  });
  for (size_t piece = 0; piece < done.size(); ++piece)
    if (done[piece] != 1)
      return ::testing::AssertionFailure()
             << "piece " << piece << " of " << pieces << " was done " << done[piece] << " times";
  if (std::accumulate(by_thread.begin(), by_thread.end(), 0) != pieces)
    return ::testing::AssertionFailure() << "two threads went by the same number";
  return ::testing::AssertionSuccess();
}

class PoolOf : public ::testing::TestWithParam<int> {};

TEST_P(PoolOf, DoesEachPieceOnceWhateverTheirNumber) {
  Pool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const int pieces : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 64, 100, 1000, 12345})
    EXPECT_TRUE(each_piece_once(pool, pieces));
}

TEST_P(PoolOf, IsUsedThousandsOfTimes) {
  Pool pool(GetParam());
  for (int round = 0; round < 5000; ++round) ASSERT_TRUE(each_piece_once(pool, round % 13));
}

TEST_P(PoolOf, WakesThreadsThatHaveGoneToSleep) {
  Pool pool(GetParam(), /*spins=*/0);
  for (int round = 0; round < 2000; ++round) ASSERT_TRUE(each_piece_once(pool, 20));
}

/// A thread that is held up leaves its other pieces to those who have time: it ends only when all
/// of them are done.
TEST(Pool, LeavesNobodyWaitingForASlowThread) {
  for (const int threads : {2, 3, 5, 8}) {
    Pool pool(threads);
    for (const int slow : {0, 7, 15}) {
      std::atomic<int> done = 0;
      pool.run(16, [&](int piece, int) noexcept {
        if (piece == slow)
          while (done < 15) std::this_thread::yield();
        ++done;
      });
      EXPECT_EQ(done, 16);
    }
  }
}

/// Rounds in which most threads have nothing of their own, between others in which they have.
TEST(Pool, HasMoreThreadsThanCoresAndPieces) {
  Pool pool(64, /*spins=*/1);
  for (int round = 0; round < 200; ++round)
    ASSERT_TRUE(each_piece_once(pool, round % 3 == 0 ? 3 : 200));
}

TEST_P(PoolOf, EndsUnused) { const Pool pool(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Threads, PoolOf, ::testing::Values(1, 2, 3, 5, 8),
                         ::testing::PrintToStringParamName());

TEST(Pool, MakesAtLeastOneThread) {
  EXPECT_EQ(Pool(0).threads(), 1);
  EXPECT_EQ(Pool(-3).threads(), 1);
}

TEST(Pool, SeesWhatTheCallerWroteAndShowsWhatItWrote) {
  Pool pool(4);
  std::vector<int> numbers(1000, 1);
  for (int round = 0; round < 500; ++round) {
    pool.run(static_cast<int>(numbers.size()),
             [&](int piece, int) noexcept { numbers[static_cast<size_t>(piece)] *= 2; });
    for (int& number : numbers) {
      ASSERT_EQ(number, 2);
      number = 1;
    }
  }
}

TEST(Pool, DoesNotMindOthers) {
  std::vector<std::thread> callers;
  std::atomic<int> done = 0;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&] {
      Pool pool(3);
      for (int round = 0; round < 300; ++round) pool.run(10, [&](int, int) noexcept { ++done; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 3 * 300 * 10);
}

}  // namespace
