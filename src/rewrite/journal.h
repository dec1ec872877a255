// The journal of a rewrite in place: everything that is needed to go on after a crash.
//
// FILE.weld-journal, little-endian:
//   byte 0      head, 4096 bytes: what is rewritten, and a checksum over head and body
//   byte 4096   two slots of 4096 bytes, written in turn: how far the work is, each with a checksum
//   byte 12288  body: the moves, then the end of the new header
//   then        room for saved bytes
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rewrite/disk.h"
#include "rewrite/schedule.h"

namespace weld::rewrite {

/// How a file begins: magic, version, numbers of tensors and of metadata entries.
using Front = std::array<std::byte, 24>;

/// What is to be done. Does not change once it is on the disk.
struct Plan {
  uint64_t id = 0;  ///< of this rewrite, so that an older one's slots are not taken for its own
  uint64_t file_bytes = 0;
  uint64_t step_bytes = 0;
  Front before{}, after{};       ///< of the file; between the two the magic is another
  uint64_t prefix_checksum = 0;  ///< of the header between front and tail, which stays as it is
  uint64_t tail_offset = 0;      ///< from here on the header changes
  std::vector<std::byte> tail;
  std::vector<Move> moves;
  uint64_t saved_bytes = 0;  ///< room for what must be saved
};

/// How far the work is.
struct Position {
  static constexpr uint64_t finishing = UINT64_MAX;
  uint64_t step = 0;      ///< its saves are on the disk, and all steps before it are done; from 1
  uint64_t checksum = 0;  ///< of the bytes that it saved
};

class Journal {
 public:
  static std::string path_of(const std::string& file);

  /// Makes the journal, with room for all that will be saved, and brings it to the disk.
  static Journal create(const std::string& file, Plan plan);
  /// Opens and checks the one that is there. Nullopt where there is none, or one that was not
  /// finished before anything was changed. Throws Error if another process works with it.
  static std::optional<Journal> open(const std::string& file);
  /// Whether what lies there is a journal that was not written to its end: nothing, zeros or the
  /// magic at its beginning.
  static bool is_cut_off(const std::string& file);

  const Plan& plan() const { return plan_; }
  /// The positions on the disk, the last one first; a slot that was half written is not among them.
  std::vector<Position> positions() const;
  /// Where saved bytes go: byte 0 of them is at this offset of the journal's file.
  uint64_t saved_offset() const;
  const DiskFile& file() const { return file_; }
  /// Brings what was saved and how far the work is to the disk, in no certain order: the position's
  /// checksum tells whether what was saved is there.
  void advance(const Position& position);
  /// Removes it; the folder is brought to the disk.
  void remove();

 private:
  Journal(DiskFile file, Plan plan) : file_(std::move(file)), plan_(std::move(plan)) {}
  std::vector<std::pair<uint64_t, Position>> slots() const;

  DiskFile file_;
  Plan plan_;
};

}  // namespace weld::rewrite
