// The order in which things reach the disk: the journal; the mark; for each step what it saves,
// then what it writes; the new header but for its magic; that all is done; the magic; no journal.
#include "rewrite/in_place.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>

#include "fail.h"
#include "gguf/header.h"
#include "gguf/pending_file.h"
#include "gguf/quoted.h"
#include "rewrite/journal.h"
#include "rewrite/runs.h"

namespace weld::rewrite {
namespace {

constexpr uint64_t buffer_bytes = 8U << 20U;
constexpr uint64_t least_step = 16U << 10U;
constexpr uint64_t most_step = 64U << 20U;

/// Where every byte of the new data section that is not already there comes from.
std::vector<Move> make_moves(const gguf::File& file, const OutputShard& shard) {
  std::vector<Move> moves;
  const auto add = [&](uint64_t target, uint64_t source, uint64_t bytes) {
    if (target == source || bytes == 0) return;
    if (!moves.empty() && source != zeros && moves.back().source != zeros &&
        moves.back().target + moves.back().bytes == target &&
        moves.back().source + moves.back().bytes == source)
      moves.back().bytes += bytes;
    else
      moves.push_back({target, source, bytes});
  };
  uint64_t position = shard.data_start;
  for (const OutputTensor* tensor : by_offset(shard)) {
    const uint64_t start = shard.data_start + tensor->offset;
    add(position, zeros, start - position);
    position = start;
    for_each_run(*tensor, [&](const Part& part, uint64_t offset, uint64_t bytes) {
      add(position, file.tensors()[part.source.tensor].offset + offset, bytes);
      position += bytes;
    });
  }
  add(position, zeros, shard.bytes - position);
  return moves;
}

uint64_t sum_of(const std::vector<Move>& moves) {
  uint64_t sum = 0;
  for (const Move& move : moves) sum += move.bytes;
  return sum;
}

/// A fraction of the largest group, so that all that is saved at a time is less than one group.
uint64_t choose_step(const gguf::File& file, const OutputShard& shard) {
  uint64_t largest = 0;
  const auto look = [&](std::string_view name, uint64_t bytes) {
    const auto parsed = parse_name(name);
    if (parsed && !parsed->member) largest = std::max(largest, bytes);
  };
  for (const gguf::Tensor& tensor : file.tensors()) look(tensor.name, tensor.bytes);
  for (const OutputTensor& tensor : shard.tensors) look(tensor.name, tensor.bytes);
  return std::clamp(largest / 8, least_step, most_step);
}

Front front_of(std::span<const std::byte> header) {
  Front front;
  std::copy_n(header.begin(), front.size(), front.begin());
  return front;
}

constexpr uint64_t magic_bytes = gguf::whole_magic.size();

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

bool is_mark(const Front& front) {
  return gguf::is_rewriting_magic({reinterpret_cast<const char*>(front.data()), magic_bytes});
}

uint64_t make_id() {
  std::random_device random;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return (uint64_t{random()} << 32 | random()) ^ static_cast<uint64_t>(now);
}

/// Of the header from its front to `end`.
uint64_t prefix_checksum(const DiskFile& file, uint64_t end) {
  std::vector<std::byte> bytes(end - sizeof(Front));
  file.read(bytes, sizeof(Front));
  return XXH3_64bits(bytes.data(), bytes.size());
}

Plan make_plan(const gguf::File& file, const OutputShard& shard, const DiskFile& disk) {
  std::vector<std::byte> header = shard.header;
  header.resize(shard.data_start);
  std::vector<std::byte> before(shard.data_start);
  disk.read(before, 0);

  Plan plan;
  plan.id = make_id();
  plan.file_bytes = shard.bytes;
  plan.step_bytes = choose_step(file, shard);
  plan.before = front_of(before);
  plan.after = front_of(header);
  const auto changed = static_cast<ptrdiff_t>(plan.after.size());
  const auto tail = std::mismatch(header.begin() + changed, header.end(), before.begin() + changed);
  plan.tail_offset = static_cast<uint64_t>(tail.first - header.begin());
  plan.tail.assign(tail.first, header.end());
  plan.prefix_checksum = prefix_checksum(disk, plan.tail_offset);
  plan.moves = make_moves(file, shard);
  Schedule rehearsal(plan.moves, plan.step_bytes);
  while (rehearsal.next()) {
  }
  plan.saved_bytes = rehearsal.saved_bytes();
  return plan;
}

/// Collects bytes that go to consecutive places of a file.
class Writer {
 public:
  explicit Writer(const DiskFile& file) : file_(file), buffer_(buffer_bytes) {}

  /// Takes bytes from a file, or zeros; `seen` is shown what was taken.
  template <typename Seen>
  void add(const DiskFile* source, uint64_t from, uint64_t to, uint64_t bytes, Seen seen) {
    while (bytes > 0) {
      if (used_ == buffer_.size() || to != start_ + used_) flush();
      if (used_ == 0) start_ = to;
      const uint64_t part = std::min<uint64_t>(bytes, buffer_.size() - used_);
      const auto place = std::span(buffer_).subspan(used_, part);
      if (source)
        source->read(place, from);
      else
        std::fill(place.begin(), place.end(), std::byte{0});
      seen(place);
      used_ += part;
      from += part;
      to += part;
      bytes -= part;
    }
  }

  void flush() {
    file_.write(std::span(buffer_).first(used_), start_);
    file_.flush(start_, used_);
    used_ = 0;
  }

 private:
  const DiskFile& file_;
  std::vector<std::byte> buffer_;
  size_t used_ = 0;
  uint64_t start_ = 0;
};

/// Carries out a plan from any point on.
class Worker {
 public:
  Worker(const DiskFile& file, Journal& journal, const Progress& progress)
      : file_(file), journal_(journal), progress_(progress) {}

  /// All steps from the first on, or from that of the position on, whose saves are there.
  void run(const Position& position) {
    Schedule schedule(journal_.plan().moves, journal_.plan().step_bytes);
    if (position.step == Position::finishing) return finish();
    for (uint64_t number = 1; const auto step = schedule.next(); ++number) {
      if (number > position.step) journal_.advance({number, save(*step)});
      const uint64_t bytes = number >= position.step ? write(*step) : 0;
      if (bytes > 0 && !progress_(bytes)) fail("interrupted");
    }
    finish();
  }

  /// The last position whose saved bytes are all there.
  Position last_position() const {
    for (const Position& position : journal_.positions())
      if (position.step == Position::finishing || checksum(position.step) == position.checksum)
        return position;
    return {};
  }

 private:
  using Hash = std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)>;
  static Hash new_hash() {
    Hash hash(XXH3_createState(), &XXH3_freeState);
    if (!hash) throw std::bad_alloc();
    XXH3_64bits_reset(hash.get());
    return hash;
  }

  /// Saves what the step is about to overwrite; the checksum of it.
  uint64_t save(const Step& step) {
    const Hash hash = new_hash();
    Writer out(journal_.file());
    for (const Step::Save& s : step.saves)
      out.add(&file_, s.file, journal_.saved_offset() + s.saved, s.bytes,
              [&](std::span<const std::byte> bytes) {
                XXH3_64bits_update(hash.get(), bytes.data(), bytes.size());
              });
    out.flush();
    return XXH3_64bits_digest(hash.get());
  }

  /// The checksum of what a step has saved, as it is on the disk.
  uint64_t checksum(uint64_t wanted) const {
    Schedule schedule(journal_.plan().moves, journal_.plan().step_bytes);
    std::optional<Step> step;
    for (uint64_t number = 0; number < wanted; ++number)
      if (!(step = schedule.next())) break;
    const Hash hash = new_hash();
    std::vector<std::byte> buffer;
    for (const Step::Save& s : step ? step->saves : std::vector<Step::Save>{}) {
      for (uint64_t done = 0; done < s.bytes; done += buffer.size()) {
        buffer.resize(std::min(s.bytes - done, buffer_bytes));
        journal_.file().read(buffer, journal_.saved_offset() + s.saved + done);
        XXH3_64bits_update(hash.get(), buffer.data(), buffer.size());
      }
    }
    return XXH3_64bits_digest(hash.get());
  }

  uint64_t write(const Step& step) {
    using From = Step::Fill::From;
    Writer out(file_);
    uint64_t bytes = 0;
    for (const Step::Fill& f : step.fills) {
      const DiskFile* source = f.from == From::File    ? &file_
                               : f.from == From::Saved ? &journal_.file()
                                                       : nullptr;
      const uint64_t base = f.from == From::Saved ? journal_.saved_offset() : 0;
      out.add(source, base + f.source, f.target, f.bytes, [](std::span<const std::byte>) {});
      bytes += f.bytes;
    }
    out.flush();
    file_.sync();
    return bytes;
  }

  void finish() {
    const Plan& plan = journal_.plan();
    file_.write(plan.tail, plan.tail_offset);
    file_.write(std::span(plan.after).subspan(magic_bytes), magic_bytes);
    file_.sync();
    journal_.advance({Position::finishing, 0});
    file_.write(bytes_of(gguf::whole_magic), 0);
    file_.sync();
    journal_.remove();
  }

  const DiskFile& file_;
  Journal& journal_;
  const Progress& progress_;
};

/// Runs the plan to its end; what fails on the way can be finished later, and the error says so.
void run_marked(const DiskFile& file, Journal& journal, const Position& position,
                const Progress& progress) {
  try {
    Worker(file, journal, progress).run(position);
  } catch (const std::exception& error) {
    fail("{}; {} is in mid-flight, `weld recover` finishes it", error.what(),
         gguf::plain(file.path()));
  }
}

Front read_front(const DiskFile& file) {
  Front front{};
  file.read(std::span(front).first(std::min<uint64_t>(file.size(), front.size())), 0);
  return front;
}

/// Whether the journal is that of this file, marked or whole: all of its beginning but the magic,
/// and what stays of its header, are as the plan says.
bool is_of(const Journal& journal, const DiskFile& file, const Front& front) {
  const Plan& plan = journal.plan();
  if (plan.file_bytes != file.size() || plan.tail_offset < front.size()) return false;
  for (size_t i = magic_bytes; i < front.size(); ++i)
    if (front[i] != plan.before[i] && front[i] != plan.after[i]) return false;
  return plan.prefix_checksum == prefix_checksum(file, plan.tail_offset);
}

void lock_alone(const DiskFile& file) {
  if (!file.lock(true)) fail("{}: is in use by another weld", gguf::plain(file.path()));
}

}  // namespace

Layout rewrite_in_place(const std::string& path, const Request& request, const Start& start) {
  const DiskFile disk(gguf::resolve(path), DiskFile::Mode::ReadWrite);
  lock_alone(disk);
  const gguf::File file = gguf::File::open(path);  // under the lock: nobody changes it any more
  Layout layout = lay_out_in_place(file, request);
  if (layout.unchanged) return layout;
  Journal journal = Journal::create(disk.path(), make_plan(file, layout.shards.front(), disk));
  const Progress progress = start(sum_of(journal.plan().moves));
  try {
    if (!progress(0)) fail("interrupted");
    disk.write(bytes_of(gguf::rewriting_magic), 0);
    disk.sync();
  } catch (const Error&) {
    // Whether the mark is on the disk is not known. Before the journal goes it must not be there;
    // if that cannot be had, the journal stays, and with it a way on.
    disk.write(bytes_of(gguf::whole_magic), 0);
    disk.sync();
    journal.remove();
    throw;
  }
  run_marked(disk, journal, {}, progress);
  return layout;
}

bool needs_recovery(const std::string& path) {
  const std::string file = gguf::resolve(path);
  if (!exists(file)) return false;
  return exists(Journal::path_of(file)) ||
         is_mark(read_front(DiskFile(file, DiskFile::Mode::Read)));
}

Recovery recover(const std::string& path, const Start& start) {
  const DiskFile disk(gguf::resolve(path), DiskFile::Mode::ReadWrite);
  lock_alone(disk);
  const Front front = read_front(disk);
  auto journal = Journal::open(disk.path());
  const std::string journal_path = Journal::path_of(disk.path());
  if (!is_mark(front)) {
    gguf::File::open(path);  // throws unless it is a whole model
    if (!exists(journal_path)) return Recovery::Whole;
    if (journal ? !is_of(*journal, disk, front) : !Journal::is_cut_off(disk.path()))
      fail("{}: is whole, and {} is not its journal: move that elsewhere", gguf::plain(path),
           gguf::plain(journal_path));
    const bool finished = journal && journal->plan().after == front;
    remove_file(journal_path);
    sync_folder(journal_path);
    return finished ? Recovery::Finished : Recovery::RolledBack;
  }
  if (!journal)
    fail("{}: is in mid-flight, and its journal {} is missing or damaged", gguf::plain(path),
         gguf::plain(journal_path));
  if (!is_of(*journal, disk, front))
    fail("{}: is in mid-flight, and {} is another file's journal", gguf::plain(path),
         gguf::plain(journal_path));
  const Progress progress = start(sum_of(journal->plan().moves));
  run_marked(disk, *journal, Worker(disk, *journal, progress).last_position(), progress);
  return Recovery::Finished;
}

}  // namespace weld::rewrite
