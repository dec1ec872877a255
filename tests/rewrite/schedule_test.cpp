// Steps of permutations: the result, what may be repeated, and how much is saved.
#include "rewrite/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

namespace weld::rewrite {
namespace {

/// A file of distinct pieces, the order in which they are wanted, and the moves to it.
struct Puzzle {
  std::string before, after;
  std::vector<Move> moves;
};

Puzzle make_puzzle(std::mt19937& random, const std::vector<size_t>& order,
                   const std::vector<uint64_t>& sizes) {
  Puzzle puzzle;
  std::vector<uint64_t> starts;
  for (const uint64_t size : sizes) {
    starts.push_back(puzzle.before.size());
    for (uint64_t i = 0; i < size; ++i) puzzle.before += static_cast<char>(random());
  }
  for (const size_t piece : order) {
    if (starts[piece] != puzzle.after.size())
      puzzle.moves.push_back({puzzle.after.size(), starts[piece], sizes[piece]});
    puzzle.after += puzzle.before.substr(starts[piece], sizes[piece]);
  }
  return puzzle;
}

void save(const Step& step, const std::string& file, std::string& saved) {
  for (const auto& s : step.saves) {
    if (saved.size() < s.saved + s.bytes) saved.resize(s.saved + s.bytes);
    saved.replace(s.saved, s.bytes, file.substr(s.file, s.bytes));
  }
}

void fill(const Step& step, std::string& file, const std::string& saved) {
  for (const auto& f : step.fills) {
    const bool is_zeros = f.from == Step::Fill::From::Zeros;
    const std::string& source = f.from == Step::Fill::From::File ? file : saved;
    file.replace(f.target, f.bytes,
                 is_zeros ? std::string(f.bytes, '\0') : source.substr(f.source, f.bytes));
  }
}

/// Carries the schedule out, repeating each step, after the next one's saves too.
std::string solve(const Puzzle& puzzle, uint64_t step_bytes, uint64_t* most = nullptr) {
  Schedule schedule(puzzle.moves, step_bytes);
  std::string file = puzzle.before, saved;
  std::optional<Step> last;
  while (const auto step = schedule.next()) {
    save(*step, file, saved);
    if (last) fill(*last, file, saved);
    fill(*step, file, saved);
    fill(*step, file, saved);
    last = step;
  }
  EXPECT_GE(schedule.saved_bytes(), saved.size());
  if (most) *most = schedule.saved_bytes();
  return file;
}

TEST(Schedule, PutsAnyPermutationInOrder) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint64_t> sizes(1 + random() % 20);
    for (uint64_t& size : sizes) size = 1 + random() % 40;
    std::vector<size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    const Puzzle puzzle = make_puzzle(random, order, sizes);
    ASSERT_EQ(solve(puzzle, 1 + random() % 64), puzzle.after) << i;
  }
}

TEST(Schedule, WritesZeros) {
  Puzzle puzzle{"abcdefgh", std::string("efgh\0\0ab", 8), {{0, 4, 4}, {4, zeros, 2}, {6, 0, 2}}};
  for (uint64_t step = 1; step < 9; ++step) EXPECT_EQ(solve(puzzle, step), puzzle.after);
}

TEST(Schedule, SavesNoMoreThanWhatComesFromBehindAndAStep) {
  // Gate and up of 64 experts, with something large between them.
  std::mt19937 random(2);
  constexpr uint64_t slice = 100, experts = 64, between = 20000, step = 500;
  std::vector<uint64_t> sizes(experts, slice);
  sizes.push_back(between);
  sizes.insert(sizes.end(), experts, slice);
  std::vector<size_t> order;
  for (size_t e = 0; e < experts; ++e) order.insert(order.end(), {e, experts + 1 + e});
  order.push_back(experts);
  const Puzzle puzzle = make_puzzle(random, order, sizes);
  uint64_t most = 0;
  EXPECT_EQ(solve(puzzle, step, &most), puzzle.after);
  EXPECT_LE(most, experts * slice + 2 * step);
  EXPECT_GE(most, experts * slice / 2);
}

TEST(Schedule, OfNothingHasNoSteps) { EXPECT_FALSE(Schedule({}, 10).next()); }

}  // namespace
}  // namespace weld::rewrite
