// Lines that a user types, with editing and history on a terminal, or that a pipe brings.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace weld::cli {

class LineReader {
 public:
  LineReader();
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line, without its newline; PROMPT is shown on a terminal. Where interrupts are
  /// caught, Ctrl-C there gives an empty line. Nothing at the end of the input. Throws Error if it
  /// cannot be read.
  std::optional<std::string> read(const char* prompt);

  /// Whether the last line was given up with Ctrl-C.
  bool cancelled() const { return cancelled_; }

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;  ///< null where standard input is none
  bool cancelled_ = false;
};

}  // namespace weld::cli
