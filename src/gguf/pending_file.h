// A file that appears when it is complete.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace weld::gguf {

/// A file that is being written under a name of its own beside the target, and removed unless
/// finished: until then whatever the target names stays as it is, and what is mapped of it too.
class PendingFile {
 public:
  /// Throws Error if the target is something else than a file, or none can be created beside it. A
  /// symbolic link stays one: what it leads to is replaced.
  explicit PendingFile(const std::string& path);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();

  /// Throws Error if the bytes cannot be written.
  void write(std::span<const std::byte> bytes);
  /// Gives the file its name; on the disk first, so that a crash leaves the old file or the new
  /// one. Throws Error if it cannot.
  void finish();

 private:
  std::string shown_;
  std::string target_;
  std::string pending_;
  int descriptor_ = -1;
};

/// The path without symbolic links if it names something, else the path as it is.
std::string resolve(const std::string& path);

/// Writes all bytes to a descriptor, which messages call `shown`. Throws Error.
void write_all(int descriptor, const std::string& shown, std::span<const std::byte> bytes);

}  // namespace weld::gguf
