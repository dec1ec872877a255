// Mapping a file: the descriptor is closed at once, since a mapping outlives it.
#include "gguf/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::gguf {
namespace {

struct Descriptor {
  int number;
  explicit Descriptor(int descriptor) : number(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

[[noreturn]] void fail_errno(const std::string& path, const char* action) {
  const std::error_code error(errno, std::generic_category());
  fail("{}: cannot {}: {}", plain(path), action, error.message());
}

}  // namespace

Mapping::Mapping(const std::string& path) {
  // Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number < 0) fail_errno(path, "open");
  struct stat status {};
  if (fstat(file.number, &status) != 0) fail_errno(path, "read");
  const std::string shown = plain(path);
  if (S_ISDIR(status.st_mode)) fail("{}: is a directory, not a GGUF file", shown);
  if (!S_ISREG(status.st_mode)) fail("{}: is not a regular file", shown);
  if (status.st_size == 0) fail("{}: the file is empty", shown);

  const auto size = static_cast<size_t>(status.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
  if (address == MAP_FAILED) fail_errno(path, "map");
  // Weights are read whole and often: fewer, larger pages where the file system offers them. A
  // refusal changes nothing.
  madvise(address, size, MADV_HUGEPAGE);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace weld::gguf
