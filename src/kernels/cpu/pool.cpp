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

/// Rounds of spinning before a thread sleeps: some 50 microseconds, longer than anything that the
/// calling thread does between two operations of a layer, and short enough not to steal a core from
/// anybody.
constexpr int spin_rounds = 2000;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Waits until `value` is no longer `old`.
template <typename T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  for (int i = 0; i < spin_rounds; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Pool::Pool(int threads) : shares_(static_cast<size_t>(std::max(threads, 1))) {
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
  stop_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::run_erased(int pieces, const void* work, Call call) {
  const int n = threads();
  if (n == 1 || pieces <= 1) {
    for (int piece = 0; piece < pieces; ++piece) call(work, piece, 0);
    return;
  }
  work_ = work;
  call_ = call;
  for (int thread = 0; thread < n; ++thread) {
    const auto bound = [&](int t) {
      return static_cast<int>(static_cast<int64_t>(pieces) * t / n);
    };
    Share& share = shares_[static_cast<size_t>(thread)];
    share.end = bound(thread + 1);
    share.next.store(bound(thread), std::memory_order_relaxed);
  }
  busy_.store(n - 1, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  work_as(0);
  for (int busy = busy_.load(std::memory_order_acquire); busy != 0;
       busy = busy_.load(std::memory_order_acquire))
    wait_while_equal(busy_, busy);
}

void Pool::work_as(int thread) {
  const int n = threads();
  for (int i = 0; i < n; ++i) {
    Share& share = shares_[static_cast<size_t>((thread + i) % n)];
    // Looking before taking keeps the counter of a finished run in everybody's cache.
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const int piece = share.next.fetch_add(1, std::memory_order_relaxed);
      if (piece >= share.end) break;
      call_(work_, piece, thread);
    }
  }
}

void Pool::serve(int thread) {
  uint32_t seen = 0;
  while (true) {
    wait_while_equal(round_, seen);
    // Rounds end only when every worker has finished, so this is the next one and not a later one.
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    work_as(thread);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace weld::kernels
