// Drawing the progress bar.
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

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

}  // namespace weld::cli
