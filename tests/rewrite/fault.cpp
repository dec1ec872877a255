// Loaded before the C library: counts the system calls that touch files under $WELD_FAULT_FOLDER,
// makes the one numbered $WELD_FAULT_AT go wrong as $WELD_FAULT says, and logs all of them.
//
//   kill    the process dies before the call
//   tear    half of a write is done, then the process dies
//   eio     the call fails with EIO
//   full    this call and all later ones that take space fail with ENOSPC
//   short   from this call on, writes and reads are short
// $WELD_FAULT_COUNT names a file that gets the number of calls at exit, $WELD_FAULT_LOG one that
// gets every change: see log.h. Nothing is synced really: a process that dies loses nothing of the
// page cache.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "rewrite/log.h"

namespace {

using weld::test::LogRecord;

enum class Fault { None, Kill, Tear, Eio, Full, Short };

/// The C library's own function.
template <typename F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

#define REAL(name) real<decltype(name)>(#name)

struct State {
  std::string folder;
  Fault fault = Fault::None;
  long at = 0;
  long count = 0;
  int log = -1;

  State() {
    if (const char* value = std::getenv("WELD_FAULT_FOLDER")) folder = value;
    if (const char* value = std::getenv("WELD_FAULT_AT")) at = std::atol(value);
    if (const char* value = std::getenv("WELD_FAULT")) {
      const std::string name = value;
      fault = name == "kill"    ? Fault::Kill
              : name == "tear"  ? Fault::Tear
              : name == "eio"   ? Fault::Eio
              : name == "full"  ? Fault::Full
              : name == "short" ? Fault::Short
                                : Fault::None;
    }
    if (const char* value = std::getenv("WELD_FAULT_LOG"))
      log = REAL(open)(value, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  ~State() {
    const char* path = std::getenv("WELD_FAULT_COUNT");
    if (!path) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld", count);
      std::fclose(file);
    }
  }
};

State& state() {
  static State the_state;
  return the_state;
}

bool is_ours(const char* path) {
  const std::string& folder = state().folder;
  return !folder.empty() && path && std::strncmp(path, folder.c_str(), folder.size()) == 0;
}

bool is_ours(int descriptor) {
  char link[64], path[PATH_MAX + 1] = {};
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  return readlink(link, path, PATH_MAX) > 0 && is_ours(path);
}

/// What becomes of a call that is ours.
enum class Verdict { Go, Half, Die, Error, Short };

Verdict judge(bool takes_space, bool can_be_cut) {
  State& s = state();
  ++s.count;
  const bool now = s.count == s.at, since = s.at > 0 && s.count >= s.at;
  if (s.fault == Fault::Kill && now) raise(SIGKILL);
  if (s.fault == Fault::Tear && now) {
    if (!can_be_cut) raise(SIGKILL);
    return Verdict::Half;
  }
  if (s.fault == Fault::Eio && now) {
    errno = EIO;
    return Verdict::Error;
  }
  if (s.fault == Fault::Full && since && takes_space) {
    errno = ENOSPC;
    return Verdict::Error;
  }
  if (s.fault == Fault::Short && since && can_be_cut) return Verdict::Short;
  return Verdict::Go;
}

/// Bytes that a call may move.
size_t cut(Verdict verdict, size_t bytes) {
  if (verdict == Verdict::Half) return bytes / 2;
  if (verdict == Verdict::Short) return std::min<size_t>(bytes, 4099);
  return bytes;
}

uint64_t inode(int descriptor) {
  struct stat status {};
  fstat(descriptor, &status);
  return status.st_ino;
}

void log(LogRecord::Kind kind, uint64_t file, uint64_t offset, const void* data, size_t bytes) {
  if (state().log < 0) return;
  const LogRecord record{kind, file, offset, bytes};
  const auto write_all = REAL(write);
  (void)!write_all(state().log, &record, sizeof record);
  if (bytes > 0) (void)!write_all(state().log, data, bytes);
}

void log_path(LogRecord::Kind kind, uint64_t file, const std::string& text) {
  log(kind, file, 0, text.data(), text.size());
}

int open_file(const char* path, int flags, mode_t mode) {
  const auto open_really = REAL(open);
  if (!(flags & O_CREAT) || !is_ours(path)) return open_really(path, flags, mode);
  if (judge(true, false) == Verdict::Error) return -1;
  const bool is_new = access(path, F_OK) != 0;
  const int descriptor = open_really(path, flags, mode);
  if (descriptor >= 0 && is_new) log_path(LogRecord::Create, inode(descriptor), path);
  return descriptor;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}

ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  const auto call = REAL(pwrite);
  if (!is_ours(descriptor)) return call(descriptor, data, bytes, offset);
  const Verdict verdict = judge(true, true);
  if (verdict == Verdict::Error) return -1;
  const ssize_t n = call(descriptor, data, cut(verdict, bytes), offset);
  if (verdict == Verdict::Half) raise(SIGKILL);
  if (n > 0)
    log(LogRecord::Write, inode(descriptor), static_cast<uint64_t>(offset), data,
        static_cast<size_t>(n));
  return n;
}

ssize_t pread(int descriptor, void* data, size_t bytes, off_t offset) {
  const auto call = REAL(pread);
  if (!is_ours(descriptor)) return call(descriptor, data, bytes, offset);
  const Verdict verdict = judge(false, true);
  if (verdict == Verdict::Error) return -1;
  if (verdict == Verdict::Half) raise(SIGKILL);
  return call(descriptor, data, cut(verdict, bytes), offset);
}

ssize_t copy_file_range(int in, off64_t* from, int out, off64_t* to, size_t bytes, unsigned flags) {
  const auto call = REAL(copy_file_range);
  if (!is_ours(out)) return call(in, from, out, to, bytes, flags);
  const Verdict verdict = judge(true, true);
  if (verdict == Verdict::Error) return -1;
  const off64_t place = *to;
  const ssize_t n = call(in, from, out, to, cut(verdict, bytes), flags);
  if (verdict == Verdict::Half) raise(SIGKILL);
  if (n > 0 && state().log >= 0) {
    std::vector<char> data(static_cast<size_t>(n));
    if (REAL(pread)(out, data.data(), data.size(), place) == n)
      log(LogRecord::Write, inode(out), static_cast<uint64_t>(place), data.data(), data.size());
  }
  return n;
}

int ftruncate(int descriptor, off_t bytes) {
  const auto call = REAL(ftruncate);
  if (!is_ours(descriptor)) return call(descriptor, bytes);
  if (judge(false, false) == Verdict::Error) return -1;
  const int result = call(descriptor, bytes);
  if (result == 0)
    log(LogRecord::Resize, inode(descriptor), static_cast<uint64_t>(bytes), nullptr, 0);
  return result;
}

int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  const auto call = REAL(fallocate);
  if (!is_ours(descriptor)) return call(descriptor, mode, offset, bytes);
  if (judge(true, false) == Verdict::Error) return -1;
  return call(descriptor, mode, offset, bytes);
}

int fsync(int descriptor) {
  if (!is_ours(descriptor)) return REAL(fsync)(descriptor);
  if (judge(true, false) == Verdict::Error) return -1;
  log(LogRecord::Sync, inode(descriptor), 0, nullptr, 0);
  return 0;
}

int sync_file_range(int descriptor, off64_t offset, off64_t bytes, unsigned flags) {
  if (!is_ours(descriptor)) return REAL(sync_file_range)(descriptor, offset, bytes, flags);
  return judge(false, false) == Verdict::Error ? -1 : 0;
}

int flock(int descriptor, int operation) noexcept {
  if (is_ours(descriptor) && judge(false, false) == Verdict::Error) return -1;
  return REAL(flock)(descriptor, operation);
}

int rename(const char* from, const char* to) noexcept {
  const auto call = REAL(rename);
  if (!is_ours(from)) return call(from, to);
  if (judge(true, false) == Verdict::Error) return -1;
  const int result = call(from, to);
  if (result == 0) log_path(LogRecord::Rename, 0, std::string(from) + '\n' + to);
  return result;
}

int unlink(const char* path) noexcept {
  const auto call = REAL(unlink);
  if (!is_ours(path)) return call(path);
  if (judge(false, false) == Verdict::Error) return -1;
  const int result = call(path);
  if (result == 0) log_path(LogRecord::Unlink, 0, path);
  return result;
}

}  // extern "C"
