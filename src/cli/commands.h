// The subcommands. Each is one file, takes the words after its name, and returns the exit status;
// it throws UsageError for a bad command line and Error for everything else that goes wrong.
#pragma once

#include "cli/flags.h"

namespace weld::cli {

int bench(const Words& words);
int chat(const Words& words);
int checksum(const Words& words);
int inspect(const Words& words);
int logits(const Words& words);
int merge(const Words& words);
int perplexity(const Words& words);
int render_template(const Words& words);
int recover(const Words& words);
int run(const Words& words);
int split(const Words& words);
int synth(const Words& words);
int tokenize(const Words& words);
int verify(const Words& words);

}  // namespace weld::cli
