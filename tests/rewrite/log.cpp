// A disk that keeps what was synced and any part of the rest.
#include "rewrite/log.h"

#include <algorithm>
#include <cstring>

#include "cli/process.h"

namespace weld::test {
namespace {

constexpr uint64_t sector = 512;

void put(std::string& content, uint64_t offset, std::string_view data) {
  if (content.size() < offset + data.size()) content.resize(offset + data.size());
  content.replace(offset, data.size(), data);
}

}  // namespace

std::vector<LogEntry> read_log(const std::string& path) {
  const std::string bytes = read_file(path);
  std::vector<LogEntry> log;
  for (size_t at = 0; at + sizeof(LogRecord) <= bytes.size();) {
    LogEntry entry;
    std::memcpy(&entry.record, bytes.data() + at, sizeof entry.record);
    at += sizeof entry.record;
    entry.data = bytes.substr(at, entry.record.bytes);
    at += entry.record.bytes;
    log.push_back(std::move(entry));
  }
  return log;
}

Files after_power_loss(const std::vector<LogEntry>& log, size_t count, Loss loss,
                       const Files& before, const std::map<std::string, uint64_t>& inodes,
                       uint64_t folder, std::mt19937& random) {
  const auto keeps = [&] { return loss == Loss::None || (loss != Loss::All && random() % 2 == 0); };
  std::map<uint64_t, std::string> contents;
  std::map<std::string, uint64_t> names = inodes;
  for (const auto& [path, inode] : inodes) contents[inode] = before.at(path);

  // The last sync of each file within what happened: what came before it is on the disk.
  std::map<uint64_t, size_t> synced;
  for (size_t i = 0; i < count; ++i)
    if (log[i].record.kind == LogRecord::Sync) synced[log[i].record.file] = i;

  for (size_t i = 0; i < count; ++i) {
    const auto& [record, data] = log[i];
    const bool is_name = record.kind == LogRecord::Create || record.kind == LogRecord::Rename ||
                         record.kind == LogRecord::Unlink;
    const auto sync = synced.find(is_name ? folder : record.file);
    const bool is_safe = sync != synced.end() && sync->second > i;
    switch (record.kind) {
      case LogRecord::Create:
        contents[record.file];
        if (is_safe || keeps()) names[data] = record.file;
        break;
      case LogRecord::Write:
        if (is_safe || loss != Loss::Sectors) {
          if (is_safe || keeps()) put(contents[record.file], record.offset, data);
          break;
        }
        for (uint64_t at = 0; at < data.size();) {
          const uint64_t rest = sector - (record.offset + at) % sector;
          const std::string_view part = std::string_view(data).substr(at, rest);
          if (keeps()) put(contents[record.file], record.offset + at, part);
          at += part.size();
        }
        break;
      case LogRecord::Resize:
        if (is_safe || keeps()) contents[record.file].resize(record.offset);
        break;
      case LogRecord::Rename: {
        const size_t newline = data.find('\n');
        const auto from = names.find(data.substr(0, newline));
        if (from == names.end() || !(is_safe || keeps())) break;
        const uint64_t inode = from->second;
        names.erase(from);
        names[data.substr(newline + 1)] = inode;
        break;
      }
      case LogRecord::Unlink:
        if (is_safe || keeps()) names.erase(data);
        break;
      case LogRecord::Sync:
        break;
    }
  }
  Files files;
  for (const auto& [path, inode] : names) files[path] = contents[inode];
  return files;
}

}  // namespace weld::test
