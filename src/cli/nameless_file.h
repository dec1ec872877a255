// A large file for as long as the program runs.
#pragma once

#include <cstdint>
#include <string>

namespace weld::cli {

/// A file that has no name in any folder, so that nothing is left of it however the program ends.
class NamelessFile {
 public:
  /// Throws Error if the folder has no room for so many bytes, or no file can be made there.
  NamelessFile(const std::string& folder, uint64_t bytes);
  ~NamelessFile();
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// A path by which this process can open it.
  std::string path() const;

 private:
  int descriptor_ = -1;
};

/// $TMPDIR, or /var/tmp: on many systems /tmp is memory.
std::string temporary_folder();

}  // namespace weld::cli
