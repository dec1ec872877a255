// Fuzzes the GGUF reader: any bytes end in a file that can be used in every way, or in one line of
// error.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gguf/file.h"
#include "gguf/header.h"
#include "input.h"

using weld::gguf::File;

namespace {

/// Keeps the compiler from dropping what was computed.
volatile size_t sink;

void use(const File& file) {
  for (const auto& entry : file.metadata()) {
    const std::string_view key = entry.key;
    if (file.find(key) == nullptr) __builtin_trap();
    sink = weld::gguf::describe(entry.value).size();
    allow_error([&] { sink = file.find_uint(key, 1000).value_or(0); });
    allow_error([&] { sink = file.find_float(key) ? 1 : 0; });
    allow_error([&] { sink = file.find_bool(key) ? 1 : 0; });
    allow_error([&] { sink = file.find_string(key)->size(); });
    allow_error([&] { sink = file.find_strings(key)->size(); });
    allow_error([&] { sink = file.find_ints(key)->size(); });
    allow_error([&] { sink = file.find_floats(key)->size(); });
  }
  for (const auto& tensor : file.tensors()) {
    if (file.find_tensor(tensor.name) == nullptr) __builtin_trap();
    if (tensor.bytes != tensor.rows() * tensor.row_bytes()) __builtin_trap();
    sink = static_cast<size_t>(tensor.data[0]) + static_cast<size_t>(tensor.data[tensor.bytes - 1]);
  }
}

/// The same without a mapping: in the fuzzer's own buffer a read past the end is seen to the byte.
void use_buffer(std::span<const std::byte> bytes) {
  weld::gguf::Header header = weld::gguf::read_header("buffer", bytes);
  weld::gguf::place_tensors("buffer", bytes, 0, header);
  for (const auto& entry : header.metadata) sink = weld::gguf::describe(entry.value).size();
  for (const auto& tensor : header.tensors)
    sink = static_cast<size_t>(tensor.data[tensor.bytes - 1]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string& path = file_of(data, size);
  allow_error([&] { use(File::open(path)); });
  allow_error([&] { use_buffer(std::as_bytes(std::span(data, size))); });
  return 0;
}
