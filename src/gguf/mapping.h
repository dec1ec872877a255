// A file mapped into memory, read-only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace weld::gguf {

/// Owns the mapping of one regular, non-empty file. The bytes are those of the page cache, so
/// several processes share one copy; a file that is cut short while it is mapped kills those that
/// read it.
class Mapping {
 public:
  /// Throws Error if the path cannot be opened and read or is not a regular file; never blocks on a
  /// pipe.
  explicit Mapping(const std::string& path);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace weld::gguf
