// weld checksum: a digest of a model, the same for every layout of it.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "rewrite/compare.h"

namespace weld::cli {

int checksum(const Words& words) {
  std::string path;
  Flags flags("checksum",
              "Prints a digest of the model in FILE: XXH3 over metadata and members in a fixed\n"
              "order, the same for separate and merged tensors, one file or many.");
  flags.add_option("FILE", path, "the model")->required();
  if (!flags.read(words)) return 0;
  const gguf::File file = gguf::File::open(path);
  std::string digest;
  {
    ByteProgress bar("checksum", rewrite::tensor_bytes(file));
    digest = rewrite::checksum(file, [&](uint64_t bytes) {
      bar.add(bytes);
      return true;
    });
  }
  write_output(fmt::format("{}  {}\n", digest, path));
  return 0;
}

}  // namespace weld::cli
