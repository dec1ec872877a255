// Files as rewriting needs them: every result checked, written so that they survive a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace weld::rewrite {

/// An open file. Every member throws Error with the path where the system says no.
class DiskFile {
 public:
  enum class Mode { Read, ReadWrite, Create };
  /// Create: makes the file or opens the one that is there; never follows a symbolic link.
  DiskFile(std::string path, Mode mode);
  DiskFile(DiskFile&& other) noexcept;
  DiskFile& operator=(DiskFile&& other) noexcept;
  ~DiskFile();

  const std::string& path() const { return path_; }
  uint64_t size() const;
  /// Throws at the end of the file too.
  void read(std::span<std::byte> bytes, uint64_t offset) const;
  void write(std::span<const std::byte> bytes, uint64_t offset) const;
  /// Copies within or between files, in the kernel where it can; the ranges must not overlap.
  void copy_from(const DiskFile& source, uint64_t source_offset, uint64_t offset,
                 uint64_t bytes) const;
  /// Sets the size; what is new is zeros.
  void resize(uint64_t bytes) const;
  /// Takes disk space for the first bytes, where the file system can do that beforehand.
  void allocate(uint64_t bytes) const;
  /// Starts to bring what was written to the disk, without waiting.
  void flush(uint64_t offset, uint64_t bytes) const;
  /// Asks for bytes to be read soon.
  void prefetch(uint64_t offset, uint64_t bytes) const;
  /// Returns when all that was written is on the disk.
  void sync() const;
  /// False if another process holds it. Shared or not, it is held until the file is closed.
  bool lock(bool exclusive) const;
  /// Whether the path still names this file.
  bool is_at_path() const;

 private:
  [[noreturn]] void fail_errno(const char* action) const;

  std::string path_;
  int descriptor_ = -1;
};

/// Makes creations, renamings and removals in the folder of this path last.
void sync_folder(const std::string& path);
/// Replaces what is there.
void rename_file(const std::string& from, const std::string& to);
/// Returns whether there was one.
bool remove_file(const std::string& path);
bool exists(const std::string& path);
/// Whether both paths name the same existing file, through whatever links.
bool is_same_file(const std::string& a, const std::string& b);

/// Told how many bytes were written since the last call; false ends the work with an Interrupted.
using Progress = std::function<bool(uint64_t bytes)>;

}  // namespace weld::rewrite
