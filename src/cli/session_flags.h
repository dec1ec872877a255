// The flags that all subcommands share that run a model.
#pragma once

#include <string>

#include "cli/flags.h"
#include "weld/session.h"

namespace weld::cli {

/// `-m`, which must be there.
void add_model_flag(Flags& flags, std::string& path);

/// What the session flags say; the values here are their defaults.
struct SessionFlags {
  int context = 0;
  int batch = 2048;
  int micro_batch = 512;
  int threads = 0;
  std::string cache = "f16";
  std::string fuse = "all";
  bool merge_qkv = false;
  bool merge_gate_up = false;
};

/// `-b -ub --cache`, which say how a session stores and batches. The values must outlive the flags.
void add_batch_flags(Flags& flags, SessionFlags& values);

/// Those, and `-t --fuse -mqkv -muge`. The values must outlive the flags.
void add_session_flags(Flags& flags, SessionFlags& values);

/// `-c`, whose default is `values.context`; 0, where allowed, means the model's.
void add_context_flag(Flags& flags, SessionFlags& values, int least, const std::string& help);

/// What the flags of add_batch_flags(), `-c` and `-t` say.
SessionOptions batch_options(const SessionFlags& values);

/// What a word of `--fuse` means.
Fuse fuse_of(const std::string& word);

/// Options for a session. Throws UsageError where two flags disagree.
SessionOptions session_options(const Flags& flags, const SessionFlags& values);

}  // namespace weld::cli
