// System calls, repeated where a signal or a short count cuts them off.
#include "rewrite/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>
#include <vector>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::rewrite {
namespace {

[[noreturn]] void fail_path(const std::string& path, const char* action) {
  const std::error_code error(errno, std::generic_category());
  fail("{}: cannot {}: {}", gguf::plain(path), action, error.message());
}

/// Runs a system call until no signal cuts it off.
template <typename Call>
auto retry(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

DiskFile::DiskFile(std::string path, Mode mode) : path_(std::move(path)) {
  const int flags = mode == Mode::Read        ? O_RDONLY | O_NONBLOCK
                    : mode == Mode::ReadWrite ? O_RDWR | O_NONBLOCK
                                              : O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  descriptor_ = retry([&] { return open(path_.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666); });
  if (descriptor_ < 0) fail_errno(mode == Mode::Create ? "create" : "open");
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(std::exchange(descriptor_, -1));
    fail("{}: is not a regular file", gguf::plain(path_));
  }
}

DiskFile::DiskFile(DiskFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DiskFile& DiskFile::operator=(DiskFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DiskFile::~DiskFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void DiskFile::fail_errno(const char* action) const { fail_path(path_, action); }

uint64_t DiskFile::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail_errno("read");
  return static_cast<uint64_t>(status.st_size);
}

void DiskFile::read(std::span<std::byte> bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t n = retry(
        [&] { return pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) fail_errno("read");
    if (n == 0) fail("{}: ends at byte {}, too early", gguf::plain(path_), offset);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

void DiskFile::write(std::span<const std::byte> bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] {
      return pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (n < 0) fail_errno("write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

void DiskFile::copy_from(const DiskFile& source, uint64_t source_offset, uint64_t offset,
                         uint64_t bytes) const {
  while (bytes > 0) {
    auto from = static_cast<loff_t>(source_offset), to = static_cast<loff_t>(offset);
    const ssize_t n = retry([&] {
      return copy_file_range(source.descriptor_, &from, descriptor_, &to,
                             std::min<uint64_t>(bytes, 1U << 30U), 0);
    });
    if (n == 0) fail("{}: ends at byte {}, too early", gguf::plain(source.path_), source_offset);
    if (n < 0) {
      if (errno != EXDEV && errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP &&
          errno != EBADF && errno != ETXTBSY && errno != EPERM)
        fail_errno("write");
      break;  // not between these file systems
    }
    source_offset += static_cast<uint64_t>(n);
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<uint64_t>(n);
  }
  std::vector<std::byte> buffer(std::min<uint64_t>(bytes, 4U << 20U));
  while (bytes > 0) {
    const auto part = std::span(buffer).first(std::min<uint64_t>(bytes, buffer.size()));
    source.read(part, source_offset);
    write(part, offset);
    source_offset += part.size();
    offset += part.size();
    bytes -= part.size();
  }
}

void DiskFile::resize(uint64_t bytes) const {
  if (retry([&] { return ftruncate(descriptor_, static_cast<off_t>(bytes)); }) != 0)
    fail_errno("write");
}

void DiskFile::allocate(uint64_t bytes) const {
  if (bytes == 0) return;
  if (retry([&] { return fallocate(descriptor_, 0, 0, static_cast<off_t>(bytes)); }) != 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS)
    fail_errno("write");
}

void DiskFile::flush(uint64_t offset, uint64_t bytes) const {
  // Only a hint: what matters is that sync() succeeds.
  sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                  SYNC_FILE_RANGE_WRITE);
}

void DiskFile::prefetch(uint64_t offset, uint64_t bytes) const {
  posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes),
                POSIX_FADV_WILLNEED);
}

void DiskFile::sync() const {
  if (retry([&] { return fsync(descriptor_); }) != 0) fail_errno("write");
}

bool DiskFile::lock(bool exclusive) const {
  if (retry([&] { return flock(descriptor_, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB); }) == 0)
    return true;
  if (errno == EWOULDBLOCK) return false;
  if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS) return true;  // no locks there
  fail_errno("lock");
}

bool DiskFile::is_at_path() const {
  struct stat mine {
  }, there{};
  return fstat(descriptor_, &mine) == 0 && lstat(path_.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

void sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const int descriptor =
      retry([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) fail_path(folder, "open");
  const bool failed = retry([&] { return fsync(descriptor); }) != 0 && errno != EINVAL;
  const int error = errno;
  close(descriptor);
  errno = error;
  if (failed) fail_path(folder, "write");
}

void rename_file(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) fail_path(to, "write");
}

bool remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  fail_path(path, "remove");
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

bool is_same_file(const std::string& a, const std::string& b) {
  struct stat first {
  }, second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace weld::rewrite
