// Damaged files: whatever the bytes, opening ends in a usable file or in one line of error.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "bytes.h"
#include "gguf/header.h"

namespace weld::test {
namespace {

/// Reads all that a file offers.
void use_all(const gguf::File& file) {
  size_t seen = 0;
  for (const gguf::KeyValue& entry : file.metadata()) {
    const std::string_view key = entry.key;
    seen += gguf::describe(entry.value).size();
    error_of([&] { seen += file.find_uint(key).value_or(0); });
    error_of([&] { seen += file.find_bool(key).value_or(false); });
    error_of([&] { seen += file.find_string(key)->size(); });
    error_of([&] { seen += file.find_strings(key)->size(); });
    error_of([&] { seen += file.find_ints(key)->size(); });
    error_of([&] { seen += file.find_floats(key)->size(); });
  }
  for (const gguf::Tensor& tensor : file.tensors())
    for (uint64_t i = 0; i < tensor.bytes; ++i) seen += static_cast<size_t>(tensor.data[i]);
  EXPECT_NE(seen, SIZE_MAX);
}

/// Opens files that are only in memory, thousands of them in a moment.
class Opener {
 public:
  Opener() : descriptor_(memfd_create("damaged.gguf", MFD_CLOEXEC)) {}
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener() { close(descriptor_); }

  /// Opens a file of these bytes and uses all of it; whether it was opened.
  bool opens(std::string_view bytes) const {
    EXPECT_EQ(ftruncate(descriptor_, static_cast<off_t>(bytes.size())), 0);
    EXPECT_EQ(pwrite(descriptor_, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor_);
    const std::string error = error_of([&] { use_all(gguf::File::open(path)); });
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;

    // Once more without a mapping: a buffer of this size shows a sanitizer each byte read past its
    // end.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    const auto buffer = std::as_bytes(std::span(exact));
    error_of([&] {
      gguf::Header header = gguf::read_header("buffer", buffer);
      gguf::place_tensors("buffer", buffer, 0, header);
      for (const gguf::KeyValue& entry : header.metadata) gguf::describe(entry.value);
    });
    return error.empty();
  }

 private:
  int descriptor_;
};

class DamagedFile : public testing::Test {
 protected:
  const Opener opener_;
  const std::string whole_ = small_file();
};

TEST_F(DamagedFile, OpensBeforeTheDamage) { EXPECT_TRUE(opener_.opens(whole_)); }

TEST_F(DamagedFile, CutShortAnywhereIsRefused) {
  for (size_t size = 0; size < whole_.size(); ++size)
    EXPECT_FALSE(opener_.opens(whole_.substr(0, size))) << "cut to " << size << " bytes";
}

TEST_F(DamagedFile, AnyByteMayBeAnything) {
  size_t opened = 0;
  for (size_t at = 0; at < whole_.size(); ++at) {
    for (const char byte : {'\0', '\1', '\x7F', '\x80', '\xFF'}) {
      std::string damaged = whole_;
      damaged[at] = byte;
      opened += opener_.opens(damaged) ? 1 : 0;
    }
  }
  EXPECT_GT(opened, 0U);
  EXPECT_LT(opened, whole_.size() * 5);
}

TEST_F(DamagedFile, SeveralBytesMayBeAnything) {
  std::mt19937 random(1);  // NOLINT: the same damage every time
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = whole_;
    for (uint32_t flips = 1 + random() % 6; flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    opener_.opens(damaged);
  }
}

TEST_F(DamagedFile, AnyFieldMayBeAnyNumber) {
  const uint64_t numbers[] = {0,           1,           0xFFFF,    0xFFFFFFFF,
                              1ULL << 32U, 1ULL << 62U, INT64_MAX, UINT64_MAX};
  for (size_t at = 0; at + 8 <= whole_.size(); ++at)
    for (const uint64_t number : numbers)
      opener_.opens(whole_.substr(0, at) + Bytes().u64(number).text + whole_.substr(at + 8));
}

}  // namespace
}  // namespace weld::test
