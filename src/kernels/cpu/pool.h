// A pool of threads that share out numbered pieces of work.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace weld::kernels {

/// Threads that are created once. The caller of run() is one of them.
///
/// Pieces are dealt out evenly, in runs, one run a thread; a thread that has finished its own takes
/// single pieces from the others' runs, and nobody waits for one that has not begun: so a core that
/// is slow or busy with something else delays the others by a piece at most. Who does which piece
/// is open: a piece's result must not depend on it.
///
/// With many cores what costs is cache lines on their way between them, one after another. So none
/// is written by all: the caller writes one that all read, and each thread one of its own, which
/// the others look at when they have nothing else to do. A run begins as soon as anybody takes of
/// it, so the caller need not set them all, and the caller sees who has finished in their lines, so
/// nobody counts. (Threads that sleep meet in the C++ library; they do so only after a while.)
class Pool {
 public:
  /// Looks at what it waits for this often before a thread sleeps: some 50 microseconds, longer
  /// than anything that the calling thread does between two operations of a layer, and short
  /// enough not to steal a core from anybody.
  static constexpr int default_spins = 2000;

  /// threads >= 1, the calling one included.
  explicit Pool(int threads, int spins = default_spins);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(shares_.size()); }

  /// Calls work(piece, thread) for every piece in [0, pieces) and returns when all are done; thread
  /// is in [0, threads()). `work` must not throw. One call at a time.
  template <typename Work>
  void run(int pieces, const Work& work) {
    static_assert(std::is_nothrow_invocable_v<const Work&, int, int>,
                  "mark the piece of work noexcept");
    run_erased(pieces, &work, [](const void* erased, int piece, int thread) {
      (*static_cast<const Work*>(erased))(piece, thread);
    });
  }

 private:
  using Call = void (*)(const void* work, int piece, int thread);

  /// A thread's run of pieces and what it has done, on cache lines of its own: two, as processors
  /// fetch them in pairs.
  struct alignas(128) Share {
    std::atomic<uint64_t> next{0};  ///< the round it was last taken from, 32 bits; the next piece
    /// Twice the last round that the thread has finished or was passed over in; between it and the
    /// next while the thread is at work.
    std::atomic<uint32_t> state{0};
  };

  /// What the caller wants, on a cache line that it alone writes. A worker reads it once it is at
  /// work in the round.
  struct alignas(128) Order {
    std::atomic<uint32_t> round{0};  ///< counts calls of run(); a change wakes the workers
    int pieces = 0;
    const void* work = nullptr;
    Call call = nullptr;  ///< null: it is over
  };

  void run_erased(int pieces, const void* work, Call call);
  /// Returns the number of the round that begins.
  uint32_t start(int pieces, const void* work, Call call);
  /// The next piece of a thread's run, or -1.
  int take(int owner, uint32_t round);
  void work_as(int thread, uint32_t round);
  void serve(int thread);
  /// Ends the threads that there are.
  void stop();

  int spins_;
  std::vector<Share> shares_;
  std::vector<std::thread> workers_;
  Order order_;
};

}  // namespace weld::kernels
