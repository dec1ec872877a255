// Reading and writing the journal.
#include "rewrite/journal.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::rewrite {
namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t body_offset = 3 * page;
constexpr std::array<char, 8> magic = {'W', 'E', 'L', 'D', 'J', 'R', 'N', '1'};

struct Head {
  std::array<char, 8> magic;
  uint64_t id;
  uint64_t file_bytes;
  uint64_t step_bytes;
  uint64_t tail_offset;
  uint64_t tail_bytes;
  uint64_t moves;
  uint64_t saved_bytes;
  uint64_t prefix_checksum;
  Front before, after;
  uint64_t body_checksum;
  uint64_t checksum;  ///< of all above
};

struct Slot {
  uint64_t id;
  uint64_t sequence;
  uint64_t step;
  uint64_t saved_checksum;
  uint64_t checksum;  ///< of all above
};

static_assert(std::has_unique_object_representations_v<Head> &&
              std::has_unique_object_representations_v<Slot> &&
              std::has_unique_object_representations_v<Move>);

/// Of a head or slot, without its last field.
template <typename T>
uint64_t checksum_of(const T& fields) {
  return XXH3_64bits(&fields, sizeof fields - sizeof fields.checksum);
}

std::vector<std::byte> body_of(const Plan& plan) {
  std::vector<std::byte> body(plan.moves.size() * sizeof(Move) + plan.tail.size());
  if (!plan.moves.empty())
    std::memcpy(body.data(), plan.moves.data(), plan.moves.size() * sizeof(Move));
  std::copy(plan.tail.begin(), plan.tail.end(),
            body.begin() + static_cast<ptrdiff_t>(plan.moves.size() * sizeof(Move)));
  return body;
}

uint64_t saved_offset_of(const Plan& plan) {
  const uint64_t body = plan.moves.size() * sizeof(Move) + plan.tail.size();
  return (body_offset + body + page - 1) / page * page;
}

/// Whether the plan stays inside its file.
bool is_sound(const Plan& plan) {
  const auto inside = [&](uint64_t offset, uint64_t bytes) {
    return bytes <= plan.file_bytes && offset <= plan.file_bytes - bytes;
  };
  uint64_t end = 0;
  for (const Move& move : plan.moves) {
    if (move.bytes == 0 || move.target < end || !inside(move.target, move.bytes) ||
        (move.source != zeros && !inside(move.source, move.bytes)))
      return false;
    end = move.target + move.bytes;
  }
  return plan.step_bytes > 0 && inside(plan.tail_offset, plan.tail.size());
}

/// Reads a plan; nullopt if it was not written to its end.
std::optional<Plan> read_plan(const DiskFile& file) {
  const uint64_t bytes = file.size();
  Head head{};
  if (bytes < body_offset) return std::nullopt;
  file.read(std::as_writable_bytes(std::span(&head, 1)), 0);
  if (head.magic != magic || head.checksum != checksum_of(head)) return std::nullopt;
  if (head.moves > (bytes - body_offset) / sizeof(Move) ||
      head.tail_bytes > bytes - body_offset - head.moves * sizeof(Move))
    return std::nullopt;

  Plan plan{head.id,
            head.file_bytes,
            head.step_bytes,
            head.before,
            head.after,
            head.prefix_checksum,
            head.tail_offset,
            std::vector<std::byte>(head.tail_bytes),
            std::vector<Move>(head.moves),
            head.saved_bytes};
  const auto moves = std::as_writable_bytes(std::span(plan.moves));
  file.read(moves, body_offset);
  file.read(plan.tail, body_offset + moves.size());
  const std::vector<std::byte> body = body_of(plan);
  if (XXH3_64bits(body.data(), body.size()) != head.body_checksum || !is_sound(plan))
    return std::nullopt;
  const uint64_t saved = saved_offset_of(plan);
  if (saved > bytes || plan.saved_bytes > bytes - saved) return std::nullopt;
  return plan;
}

}  // namespace

std::string Journal::path_of(const std::string& file) { return file + ".weld-journal"; }

Journal Journal::create(const std::string& file, Plan plan) {
  Journal journal(DiskFile(path_of(file), DiskFile::Mode::Create), std::move(plan));
  const DiskFile& disk = journal.file_;
  if (!disk.lock(true)) fail("{}: is being rewritten by another process", gguf::plain(file));
  try {
    disk.resize(0);
    const uint64_t bytes = journal.saved_offset() + journal.plan_.saved_bytes;
    disk.resize(bytes);
    try {
      disk.allocate(bytes);
    } catch (const Error& error) {
      fail("{}; rewriting in place needs {} bytes beside the file", error.what(), bytes);
    }
    const Plan& p = journal.plan_;
    const std::vector<std::byte> body = body_of(p);
    Head head{magic,
              p.id,
              p.file_bytes,
              p.step_bytes,
              p.tail_offset,
              p.tail.size(),
              p.moves.size(),
              p.saved_bytes,
              p.prefix_checksum,
              p.before,
              p.after,
              XXH3_64bits(body.data(), body.size()),
              0};
    head.checksum = checksum_of(head);
    disk.write(std::as_bytes(std::span(&head, 1)), 0);
    disk.write(body, body_offset);
    disk.sync();
    sync_folder(disk.path());
  } catch (...) {
    remove_file(disk.path());
    throw;
  }
  return journal;
}

std::optional<Journal> Journal::open(const std::string& file) {
  if (!exists(path_of(file))) return std::nullopt;
  DiskFile disk(path_of(file), DiskFile::Mode::ReadWrite);
  if (!disk.lock(true)) fail("{}: is being rewritten by another process", gguf::plain(file));
  auto plan = read_plan(disk);
  if (!plan) return std::nullopt;
  return Journal(std::move(disk), std::move(*plan));
}

bool Journal::is_cut_off(const std::string& file) {
  const DiskFile disk(path_of(file), DiskFile::Mode::Read);
  if (disk.size() == 0) return true;
  std::array<char, magic.size()> front{};
  if (disk.size() < front.size()) return false;
  disk.read(std::as_writable_bytes(std::span(front)), 0);
  return front == magic || front == std::array<char, magic.size()>{};
}

std::vector<std::pair<uint64_t, Position>> Journal::slots() const {
  std::vector<std::pair<uint64_t, Position>> found;
  for (uint64_t i = 1; i <= 2; ++i) {
    Slot slot{};
    file_.read(std::as_writable_bytes(std::span(&slot, 1)), i * page);
    if (slot.id == plan_.id && slot.checksum == checksum_of(slot))
      found.push_back({slot.sequence, {slot.step, slot.saved_checksum}});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  return found;
}

std::vector<Position> Journal::positions() const {
  std::vector<Position> positions;
  for (const auto& [sequence, position] : slots()) positions.push_back(position);
  return positions;
}

uint64_t Journal::saved_offset() const { return saved_offset_of(plan_); }

void Journal::advance(const Position& position) {
  const auto found = slots();
  const uint64_t sequence = found.empty() ? 1 : found.front().first + 1;
  Slot slot{plan_.id, sequence, position.step, position.checksum, 0};
  slot.checksum = checksum_of(slot);
  file_.write(std::as_bytes(std::span(&slot, 1)), (1 + sequence % 2) * page);
  file_.sync();
}

void Journal::remove() {
  remove_file(file_.path());
  sync_folder(file_.path());
}

}  // namespace weld::rewrite
