// The log of changes that fault.cpp writes, and the disks that a power cut may leave behind it.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace weld::test {

/// How a record begins; `bytes` of data follow.
struct LogRecord {
  enum Kind : uint64_t {
    Create,  ///< data: the path
    Write,   ///< data: what was written at `offset`
    Resize,  ///< to `offset` bytes
    Sync,    ///< of a file or folder
    Rename,  ///< data: from, newline, to
    Unlink,  ///< data: the path
  };
  Kind kind;
  uint64_t file;  ///< inode
  uint64_t offset;
  uint64_t bytes;
};

struct LogEntry {
  LogRecord record;
  std::string data;
};

/// Reads a log.
std::vector<LogEntry> read_log(const std::string& path);

/// The files of a folder, by path.
using Files = std::map<std::string, std::string>;

/// How a power cut treats what was not synced.
enum class Loss {
  All,      ///< nothing of it is there
  None,     ///< all of it is there
  Calls,    ///< any of the calls may be lost
  Sectors,  ///< any 512 bytes of any write may be lost too
};

/// A state in which the disk may be if power is lost after the first `count` entries. `before` is
/// what was there at first, `inodes` the inodes of its files, and `folder` that of their folder.
Files after_power_loss(const std::vector<LogEntry>& log, size_t count, Loss loss,
                       const Files& before, const std::map<std::string, uint64_t>& inodes,
                       uint64_t folder, std::mt19937& random);

}  // namespace weld::test
