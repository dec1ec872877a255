// Where results and messages go, and where text comes from. Every failure to read or write is an
// Error; nothing is lost silently.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/pending_file.h"
#include "weld/error.h"

namespace weld::cli {

/// Standard output cannot be written: whatever else goes wrong may be told and be over, not this.
class OutputError : public Error {
 public:
  using Error::Error;
};

/// Results: to standard output. Throws OutputError if they cannot be written.
void write_output(std::string_view text);
/// Makes what was written visible; the end of a program that went well.
void flush_output();

/// Messages: one line to standard error. Control characters in it are made visible, whatever file
/// names and words they come from.
void print_line(std::string_view text);

/// A result file, which appears when it is complete: until then one that is there stays as it is.
/// "-" is standard output; devices and pipes are written to as they are.
class OutputFile {
 public:
  /// Throws Error if the file cannot be created, or if it would replace a model.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Throws Error if the bytes cannot be written.
  void write(std::string_view bytes);
  /// Throws Error if something written before did not arrive.
  void close();

 private:
  std::string path_;
  std::FILE* stream_ = nullptr;               ///< standard output, a device or a pipe
  std::optional<gguf::PendingFile> pending_;  ///< a file in a folder
};

/// More bytes than these are no text.
inline constexpr size_t most_text = size_t{1} << 30U;

/// All bytes of a text, a file's or standard input's if the path is "-". Throws Error, of more than
/// 1 GiB too: some devices never end.
std::string read_input(const std::string& path);

/// Makes sure that descriptors 0, 1 and 2 are taken, lest a file opened later be mistaken for one
/// of them. Reading or writing one that was closed is an error, as it should be.
void reserve_standard_streams();

}  // namespace weld::cli
