// Drawing the progress bar.
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace weld::cli {

ProgressBar::ProgressBar(const char* label, int total)
    : label_(label), total_(total), terminal_(total > 0 && isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (terminal_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(int done) const {
  if (!terminal_) return;
  constexpr int width = 30;
  const auto filled = static_cast<int>(int64_t{done} * width / total_);
  fmt::print(stderr, "\r{} [{:#<{}}{:{}}] {} of {} tokens", label_, "", filled, "", width - filled,
             done, total_);
}

ByteProgress::ByteProgress(const char* label, uint64_t total)
    : label_(label),
      total_(total),
      terminal_(total > 0 && isatty(STDERR_FILENO) != 0),
      begin_(Clock::now()),
      shown_(begin_) {}

ByteProgress::~ByteProgress() {
  if (terminal_) std::fputs("\r\x1b[K", stderr);
}

void ByteProgress::add(uint64_t bytes) {
  done_ += bytes;
  const auto now = Clock::now();
  if (!terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  constexpr int width = 30;
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const auto filled = static_cast<int>(share * width);
  const auto left = static_cast<int>(seconds / std::max(share, 1e-9) * (1 - share));
  fmt::print(stderr, "\r{} [{:#<{}}{:{}}] {:.2f} of {:.2f} GB, {:.0f} MB/s, {}:{:02} left\x1b[K",
             label_, "", filled, "", width - filled, static_cast<double>(done_) / 1e9,
             static_cast<double>(total_) / 1e9, static_cast<double>(done_) / 1e6 / seconds,
             left / 60, left % 60);
}

}  // namespace weld::cli
