// The threads of a pool: waiting, waking, sharing.
#include "kernels/cpu/pool.h"

#include <algorithm>
#include <system_error>

#include "fail.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weld::kernels {
namespace {

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Waits until `value` is no longer `old`. Who changes it does so in sequentially consistent order,
/// before the look for sleepers: one who is about to sleep sees the change or is seen.
void wait_while_equal(const std::atomic<uint32_t>& value, uint32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Pool::Pool(int threads, int spins)
    : spins_(spins), shares_(static_cast<size_t>(std::max(threads, 1))) {
  try {
    for (int thread = 1; thread < this->threads(); ++thread)
      workers_.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error& error) {
    stop();
    fail("cannot start {} threads: {}", threads, error.code().message());
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  start(0, nullptr, nullptr);
  for (std::thread& worker : workers_) worker.join();
}

uint32_t Pool::start(int pieces, const void* work, Call call) {
  order_.pieces = pieces;
  order_.work = work;
  order_.call = call;
  const uint32_t round = order_.round.fetch_add(1) + 1;
  order_.round.notify_all();
  return round;
}

void Pool::run_erased(int pieces, const void* work, Call call) {
  if (threads() == 1 || pieces <= 1) {
    for (int piece = 0; piece < pieces; ++piece) call(work, piece, 0);
    return;
  }
  const uint32_t round = start(pieces, work, call);
  work_as(0, round);
  const uint32_t finished = 2 * round;
  for (size_t worker = 1; worker < shares_.size(); ++worker) {
    std::atomic<uint32_t>& state = shares_[worker].state;
    uint32_t absent = finished - 2;
    // All pieces are taken: who has not begun is passed over.
    if (state.load(std::memory_order_acquire) == absent &&
        state.compare_exchange_strong(absent, finished))
      continue;
    wait_while_equal(state, finished - 1, spins_);
  }
}

int Pool::take(int owner, uint32_t round) {
  const auto bound = [this](int thread) {
    return static_cast<uint32_t>(static_cast<int64_t>(order_.pieces) * thread / threads());
  };
  std::atomic<uint64_t>& next = shares_[static_cast<size_t>(owner)].next;
  const uint32_t end = bound(owner + 1);
  // Looking before taking keeps the line of a finished run in everybody's cache.
  uint64_t seen = next.load(std::memory_order_relaxed);
  while (true) {
    const bool begun = static_cast<uint32_t>(seen >> 32) == round;
    const uint32_t piece = begun ? static_cast<uint32_t>(seen) : bound(owner);
    if (piece >= end) return -1;
    const uint64_t taken = uint64_t{round} << 32 | (piece + 1);
    if (next.compare_exchange_weak(seen, taken, std::memory_order_relaxed))
      return static_cast<int>(piece);
  }
}

void Pool::work_as(int thread, uint32_t round) {
  for (int i = 0; i < threads(); ++i) {
    const int owner = (thread + i) % threads();
    for (int piece = take(owner, round); piece >= 0; piece = take(owner, round))
      order_.call(order_.work, piece, thread);
  }
}

void Pool::serve(int thread) {
  std::atomic<uint32_t>& state = shares_[static_cast<size_t>(thread)].state;
  uint32_t round = 0;
  while (true) {
    wait_while_equal(order_.round, round, spins_);
    round = order_.round.load(std::memory_order_acquire);
    uint32_t absent = 2 * round - 2;
    // Once this has succeeded the caller waits, and until then the order is not to be read.
    if (!state.compare_exchange_strong(absent, absent + 1)) continue;
    if (!order_.call) return;
    work_as(thread, round);
    state.store(2 * round);
    state.notify_one();
  }
}

}  // namespace weld::kernels
