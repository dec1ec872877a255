// Creating, writing and renaming, every result checked.
#include "gguf/pending_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::gguf {
namespace {

[[noreturn]] void fail_errno(const std::string& shown, const char* action) {
  const std::error_code error(errno, std::generic_category());
  fail("{}: cannot {}: {}", shown, action, error.message());
}

}  // namespace

std::string resolve(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : path;
}

PendingFile::PendingFile(const std::string& path) : shown_(plain(path)), target_(resolve(path)) {
  struct stat status {};
  const bool replaces = stat(target_.c_str(), &status) == 0;
  if (replaces && !S_ISREG(status.st_mode)) fail("{}: is not a regular file", shown_);
  if (replaces && access(target_.c_str(), W_OK) != 0) fail_errno(shown_, "write");
  // Another writer of this process may be at the same target, or a dead one may have left its file.
  for (int attempt = 0; descriptor_ < 0 && attempt < 100; ++attempt) {
    pending_ = fmt::format("{}.{}.{}.tmp", target_, getpid(), attempt);
    descriptor_ = open(pending_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail_errno(shown_, "create");
  if (replaces) fchmod(descriptor_, status.st_mode & 0777);
}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!pending_.empty()) unlink(pending_.c_str());
}

void PendingFile::write(std::span<const std::byte> bytes) { write_all(descriptor_, shown_, bytes); }

void PendingFile::finish() {
  if (fsync(descriptor_) != 0) fail_errno(shown_, "write");
  if (close(std::exchange(descriptor_, -1)) != 0) fail_errno(shown_, "write");
  if (rename(pending_.c_str(), target_.c_str()) != 0) fail_errno(shown_, "write");
  pending_.clear();
}

void write_all(int descriptor, const std::string& shown, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno(shown, "write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

}  // namespace weld::gguf
