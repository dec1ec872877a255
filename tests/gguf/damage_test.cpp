// Files damaged at random: whatever the bytes, opening ends in a usable file or in one line of
// error.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>

#include "bytes.h"

namespace weld::test {
namespace {

/// A file in memory, which can be overwritten and opened thousands of times in a moment.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("damaged.gguf", MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }

  /// Replaces the contents; returns the path to open.
  std::string write(std::string_view bytes) const {
    EXPECT_EQ(ftruncate(descriptor_, static_cast<off_t>(bytes.size())), 0);
    EXPECT_EQ(pwrite(descriptor_, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

/// Reads all that the file offers; the sanitizers see a read outside it. Returns whether it was
/// opened.
bool use_all(const std::string& path) {
  const std::string error = error_of([&] {
    const auto file = gguf::File::open(path);
    size_t seen = 0;
    for (const auto& [key, value] : file.metadata()) {
      seen += gguf::describe(value).size();
      error_of([&] { seen += file.find_uint(key).value_or(0); });
      error_of([&] { seen += file.find_bool(key).value_or(false); });
      error_of([&] { seen += file.find_string(key)->size(); });
      error_of([&] { seen += file.find_strings(key)->size(); });
      error_of([&] { seen += file.find_ints(key)->size(); });
      error_of([&] { seen += file.find_floats(key)->size(); });
    }
    for (const auto& tensor : file.tensors())
      for (uint64_t i = 0; i < tensor.bytes; ++i) seen += static_cast<size_t>(tensor.data[i]);
    EXPECT_NE(seen, SIZE_MAX);
  });
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error.empty();
}

TEST(DamagedFile, CutShortAnywhereIsRefused) {
  const MemoryFile file;
  const std::string whole = small_file();
  ASSERT_TRUE(use_all(file.write(whole)));
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string path = file.write(whole.substr(0, size));
    EXPECT_FALSE(use_all(path)) << "cut to " << size << " of " << whole.size() << " bytes";
  }
}

TEST(DamagedFile, AnyByteMayBeAnything) {
  const MemoryFile file;
  const std::string whole = small_file();
  size_t opened = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\1', '\x7F', '\x80', '\xFF'}) {
      std::string damaged = whole;
      damaged[at] = byte;
      opened += use_all(file.write(damaged)) ? 1 : 0;
    }
  }
  EXPECT_GT(opened, 0U);
  EXPECT_LT(opened, whole.size() * 5);
}

TEST(DamagedFile, SeveralBytesMayBeAnything) {
  const MemoryFile file;
  const std::string whole = small_file();
  std::mt19937 random(1);  // NOLINT: the same damage every time
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = whole;
    for (uint32_t flips = 1 + random() % 6; flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    use_all(file.write(damaged));
  }
}

TEST(DamagedFile, AnyFieldMayBeAnyNumber) {
  const MemoryFile file;
  const std::string whole = small_file();
  const uint64_t numbers[] = {0,           1,           0xFFFF,    0xFFFFFFFF,
                              1ULL << 32U, 1ULL << 62U, INT64_MAX, UINT64_MAX};
  for (size_t at = 0; at + 8 <= whole.size(); ++at) {
    for (const uint64_t number : numbers) {
      const std::string damaged =
          whole.substr(0, at) + Bytes().u64(number).text + whole.substr(at + 8);
      use_all(file.write(damaged));
    }
  }
}

}  // namespace
}  // namespace weld::test
