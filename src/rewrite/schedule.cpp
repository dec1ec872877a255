// Making steps.
#include "rewrite/schedule.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace weld::rewrite {

Schedule::Schedule(std::vector<Move> moves, uint64_t step_bytes)
    : moves_(std::move(moves)), step_bytes_(step_bytes) {
  for (size_t i = 0; i < moves_.size(); ++i)
    if (moves_[i].source != zeros) by_source_.push_back(i);
  std::sort(by_source_.begin(), by_source_.end(),
            [&](size_t a, size_t b) { return moves_[a].source < moves_[b].source; });
}

std::optional<Step> Schedule::next() {
  if (next_ == moves_.size()) return std::nullopt;
  for (const Extent& extent : freed_before_) give_back(extent);
  freed_before_ = std::exchange(freed_now_, {});

  std::vector<Move> parts;
  for (uint64_t room = step_bytes_; room > 0 && next_ < moves_.size();) {
    const Move& move = moves_[next_];
    const uint64_t bytes = std::min(room, move.bytes - done_);
    parts.push_back(
        {move.target + done_, move.source == zeros ? zeros : move.source + done_, bytes});
    room -= bytes;
    done_ += bytes;
    if (done_ < move.bytes) break;
    ++next_;
    done_ = 0;
  }
  Step step;
  const uint64_t begin = parts.front().target;
  for (const Move& part : parts) save(part.target, part.target + part.bytes, begin, step);
  for (const Move& part : parts) fill(part, step);
  return step;
}

void Schedule::save(uint64_t begin, uint64_t end, uint64_t step_begin, Step& step) {
  // The first move whose source ends after `begin`.
  auto it = std::partition_point(by_source_.begin(), by_source_.end(), [&](size_t i) {
    return moves_[i].source + moves_[i].bytes <= begin;
  });
  for (; it != by_source_.end() && moves_[*it].source < end; ++it) {
    const Move& move = moves_[*it];
    uint64_t from = std::max(begin, move.source);
    const uint64_t to = std::min(end, move.source + move.bytes);
    // What belongs before this step was written by an earlier one.
    if (move.target < step_begin)
      from = std::max(from, move.source + std::min(move.bytes, step_begin - move.target));
    if (from >= to) continue;
    for (const Extent& extent : take_room(to - from)) {
      step.saves.push_back({from, extent.offset, extent.bytes});
      saved_[from] = extent;
      from += extent.bytes;
    }
  }
}

void Schedule::fill(const Move& move, Step& step) {
  using From = Step::Fill::From;
  if (move.source == zeros) {
    step.fills.push_back({From::Zeros, 0, move.target, move.bytes});
    return;
  }
  for (uint64_t done = 0; done < move.bytes;) {
    const uint64_t source = move.source + done;
    uint64_t bytes = move.bytes - done;
    auto it = saved_.upper_bound(source);
    if (it != saved_.begin() && std::prev(it)->first + std::prev(it)->second.bytes > source) {
      --it;
      const auto [start, extent] = *it;
      const uint64_t skip = source - start;
      bytes = std::min(bytes, extent.bytes - skip);
      const Extent used{extent.offset + skip, bytes};
      saved_.erase(it);
      if (skip > 0) saved_[start] = {extent.offset, skip};
      if (const uint64_t rest = extent.bytes - skip - bytes; rest > 0)
        saved_[source + bytes] = {used.offset + bytes, rest};
      step.fills.push_back({From::Saved, used.offset, move.target + done, bytes});
      freed_now_.push_back(used);
    } else {
      if (it != saved_.end()) bytes = std::min(bytes, it->first - source);
      step.fills.push_back({From::File, source, move.target + done, bytes});
    }
    done += bytes;
  }
}

std::vector<Schedule::Extent> Schedule::take_room(uint64_t bytes) {
  std::vector<Extent> extents;
  while (bytes > 0 && !room_.empty()) {
    const auto first = room_.begin();
    const auto [offset, free] = *first;
    const uint64_t part = std::min(bytes, free);
    room_.erase(first);
    if (part < free) room_[offset + part] = free - part;
    extents.push_back({offset, part});
    bytes -= part;
  }
  if (bytes > 0) {
    extents.push_back({top_, bytes});
    top_ += bytes;
  }
  return extents;
}

void Schedule::give_back(const Extent& extent) {
  auto [offset, bytes] = extent;
  auto after = room_.lower_bound(offset);
  if (after != room_.end() && after->first == offset + bytes) {
    bytes += after->second;
    after = room_.erase(after);
  }
  if (after != room_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  room_[offset] = bytes;
}

}  // namespace weld::rewrite
