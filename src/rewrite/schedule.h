// Permuting the bytes of a file within the file: in which steps, and what must be saved before
// each.
//
// Steps go through the file from front to back. A step first saves those bytes that it will
// overwrite and that somebody still needs, then writes what belongs there: from the file where that
// is still untouched, else from what was saved. So no more needs saving than what was written from
// further back in the file and a step; as room is not used again at once, it takes two.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace weld::rewrite {

/// What `source` means in place of an offset: the bytes become zeros.
inline constexpr uint64_t zeros = UINT64_MAX;

/// `bytes` from `target` on become what was from `source` on before anything was moved.
struct Move {
  uint64_t target = 0;
  uint64_t source = 0;
  uint64_t bytes = 0;
};

struct Step {
  struct Save {
    uint64_t file = 0;   ///< from here in the file
    uint64_t saved = 0;  ///< to here among what is saved
    uint64_t bytes = 0;
  };
  struct Fill {
    enum class From { File, Saved, Zeros } from = From::File;
    uint64_t source = 0;
    uint64_t target = 0;
    uint64_t bytes = 0;
  };
  std::vector<Save> saves;
  std::vector<Fill>
      fills;  ///< by target; none reads in the file what this or an earlier step writes
};

/// Makes the steps one after the other; the same ones from the same moves, always. A step may be
/// repeated as long as no save of the next but one has begun: space is not used again before.
class Schedule {
 public:
  /// Moves by target; neither targets nor sources may overlap one another.
  Schedule(std::vector<Move> moves, uint64_t step_bytes);

  /// Nullopt after the last.
  std::optional<Step> next();
  /// The most room that saved bytes have needed so far.
  uint64_t saved_bytes() const { return top_; }

 private:
  struct Extent {
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  void save(uint64_t begin, uint64_t end, uint64_t step_begin, Step& step);
  void fill(const Move& move, Step& step);
  std::vector<Extent> take_room(uint64_t bytes);
  void give_back(const Extent& extent);

  std::vector<Move> moves_;
  std::vector<size_t> by_source_;
  uint64_t step_bytes_;
  size_t next_ = 0;                    ///< the move that comes next
  uint64_t done_ = 0;                  ///< bytes of it that are done
  std::map<uint64_t, Extent> saved_;   ///< by offset in the file: where among what is saved
  std::map<uint64_t, uint64_t> room_;  ///< free: offset to bytes
  std::vector<Extent> freed_now_, freed_before_;
  uint64_t top_ = 0;
};

}  // namespace weld::rewrite
