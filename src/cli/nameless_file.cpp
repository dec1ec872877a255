// Making a file and taking its name away.
#include "cli/nameless_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "fail.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

int open_nameless(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || errno != EOPNOTSUPP) return descriptor;
  // A file system that cannot: the name is there for a moment.
  std::string path = folder + "/weld-XXXXXX";
  const int named = mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) unlink(path.c_str());
  return named;
}

}  // namespace

NamelessFile::NamelessFile(const std::string& folder, uint64_t bytes) {
  struct statvfs status {};
  if (statvfs(folder.c_str(), &status) == 0) {
    const uint64_t room = uint64_t{status.f_bavail} * status.f_frsize;
    if (room < bytes)
      fail(
          "{}: must have room for {:.2f} GB, has {:.2f} GB; TMPDIR names another folder, --layers "
          "makes a smaller model",
          gguf::plain(folder), static_cast<double>(bytes) / 1e9, static_cast<double>(room) / 1e9);
  }
  descriptor_ = open_nameless(folder);
  if (descriptor_ < 0)
    fail("{}: cannot create a file: {}", gguf::plain(folder),
         std::generic_category().message(errno));
}

NamelessFile::~NamelessFile() { close(descriptor_); }

std::string NamelessFile::path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

std::string temporary_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
}

}  // namespace weld::cli
