// weld recover: finishes a rewrite in place that was cut off.
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/rewriting.h"

namespace weld::cli {

int recover(const Words& words) {
  std::string path;
  Flags flags("recover",
              "Finishes a `weld merge --in-place` or `weld split --in-place` that was cut off, or\n"
              "undoes it where nothing was changed yet. A file that is whole is left as it is.");
  flags.add_option("FILE", path, "the file; its journal must be beside it")->required();
  if (!flags.read(words)) return 0;
  return run_interruptible([&] { recover_file(path); });
}

}  // namespace weld::cli
