// Writes small valid GGUF files for the fuzzer to start from: fuzz_gguf_seeds FOLDER
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "gguf/type.h"
#include "gguf/writer.h"
#include "weld/error.h"

using namespace weld::gguf;

namespace {

Writer values() {
  Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_u32("llama.block_count", 2);
  writer.add_u64("u64", 1ULL << 40U);
  writer.add_i32("i32", -1);
  writer.add_f32("f32", 1e-5F);
  writer.add_bool("bool", true);
  return writer;
}

Writer arrays() {
  Writer writer;
  writer.add_strings("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "", "\xC3\xB6"});
  writer.add_f32s("tokenizer.ggml.scores", std::vector<float>{0, -1, -2, -3});
  writer.add_i32s("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 3, 6});
  // Two arrays in one: element type and length of the outer one, then each with its own.
  const std::vector<uint32_t> nested = {9, 2, 0, 4, 1, 0, 7, 5, 1, 0, 8};
  writer.add("nested", {ValueType::Array, std::as_bytes(std::span(nested))});
  return writer;
}

Writer shard() {
  Writer writer;
  writer.add_u32("split.no", 0);
  writer.add_u32("split.count", 1);
  writer.add_u32("split.tensors.count", 0);
  return writer;
}

/// One tensor of every type, with two rows of two blocks.
void write_tensors(const std::string& path) {
  Writer writer;
  writer.add_u32("general.alignment", 8);
  std::vector<std::vector<std::byte>> data;
  for (const TypeInfo& info : type_table) {
    data.emplace_back(size_t{4} * info.block_bytes);
    writer.add_tensor(info.name, info.type,
                      std::vector<uint64_t>{uint64_t{2} * info.block_elements, 1, 2}, data.back());
  }
  writer.write(path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_gguf_seeds FOLDER\n", stderr);
    return 2;
  }
  const std::string folder = argv[1];
  try {
    Writer().write(folder + "/empty.gguf");
    values().write(folder + "/values.gguf");
    arrays().write(folder + "/arrays.gguf");
    shard().write(folder + "/shard.gguf");
    write_tensors(folder + "/tensors.gguf");
  } catch (const weld::Error& error) {
    std::fprintf(stderr, "fuzz_gguf_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
