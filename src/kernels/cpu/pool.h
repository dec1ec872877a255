// A pool of threads that share out numbered pieces of work.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace weld::kernels {

/// Threads that are created once. The caller of run() is one of them.
///
/// Pieces are dealt out evenly, in runs, one run a thread; a thread that has finished its own takes
/// single pieces from the others' runs. So no counter is shared while work is even, and a slow core
/// delays nobody. Who does which piece is open: a piece's result must not depend on it.
class Pool {
 public:
  /// threads >= 1, the calling one included.
  explicit Pool(int threads);
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
  /// Ends the threads that there are.
  void stop();

  using Call = void (*)(const void* work, int piece, int thread);

  /// A thread's run of pieces, on cache lines of its own.
  struct alignas(128) Share {
    std::atomic<int> next{0};
    int end = 0;
  };

  void run_erased(int pieces, const void* work, Call call);
  void work_as(int thread);
  void serve(int thread);

  std::vector<Share> shares_;
  std::vector<std::thread> workers_;
  const void* work_ = nullptr;
  Call call_ = nullptr;
  alignas(128) std::atomic<uint32_t> round_{
      0};                                  ///< counts calls of run(); a change wakes the workers
  alignas(128) std::atomic<int> busy_{0};  ///< workers that have not finished this round
  std::atomic<bool> stop_{false};
};

}  // namespace weld::kernels
