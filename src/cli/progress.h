// A progress bar on a terminal; nothing where standard error is something else.
#pragma once

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

}  // namespace weld::cli
