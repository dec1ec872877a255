// A progress bar on a terminal; nothing where standard error is something else.
#pragma once

#include <chrono>
#include <cstdint>

namespace weld::cli {

class ProgressBar {
 public:
  ProgressBar(const char* label, int total);
  /// Wipes the bar.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(int done) const;

 private:
  const char* label_;
  int total_;
  bool terminal_;
};

/// The same for bytes, with their rate and the time left; drawn a few times a second.
class ByteProgress {
 public:
  ByteProgress(const char* label, uint64_t total);
  /// Wipes the bar.
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  void add(uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;
  const char* label_;
  uint64_t total_;
  uint64_t done_ = 0;
  bool terminal_;
  Clock::time_point begin_, shown_;
};

}  // namespace weld::cli
