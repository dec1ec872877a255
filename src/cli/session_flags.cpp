// Flags that become session options.
#include "cli/session_flags.h"

#include <algorithm>

namespace weld::cli {

void add_model_flag(Flags& flags, std::string& path) {
  flags.add_option("-m,--model", path, "the model, a GGUF file")->type_name("FILE")->required();
}

void add_batch_flags(Flags& flags, SessionFlags& values) {
  flags.add_number("--ubatch-size", values.micro_batch, 1, 65536,
                   "tokens of a prompt that go through the layers together");
  flags.add_number("-b,--batch-size", values.batch, 1, 65536, "an upper limit for -ub");
  flags.add_choice("--cache", values.cache, {"f16", "f32"}, "type of the key-value cache");
  flags.footer(
      "WELD_ISA=portable, avx2, avxvnni, avx512, avx512vbmi, avx512zen or avx512amx in the\n"
      "environment chooses the instruction set; otherwise it is the best that the processor has.");
}

void add_session_flags(Flags& flags, SessionFlags& values) {
  flags.add_number("-t,--threads", values.threads, 1, 1024, "threads (default one a core)");
  add_batch_flags(flags, values);
  flags.add_choice("--fuse", values.fuse, {"all", "none", "qkv", "gate-up"},
                   "projections that run as one operation");
  flags.add_flag("--merge-qkv", values.merge_qkv, "the same as --fuse qkv");
  flags.add_flag("--merge-up-gate-experts", values.merge_gate_up,
                 "the same as --fuse gate-up; with -mqkv as --fuse all");
}

void add_context_flag(Flags& flags, SessionFlags& values, int least, const std::string& help) {
  flags.add_number("-c,--ctx-size", values.context, least, 1 << 30, help);
}

SessionOptions batch_options(const SessionFlags& values) {
  return {.context = values.context,
          .batch = std::min(values.batch, values.micro_batch),
          .threads = values.threads,
          .cache = values.cache == "f16" ? CacheType::F16 : CacheType::F32,
          .fuse = {}};
}

Fuse fuse_of(const std::string& word) {
  return {.qkv = word == "all" || word == "qkv", .gate_up = word == "all" || word == "gate-up"};
}

SessionOptions session_options(const Flags& flags, const SessionFlags& values) {
  SessionOptions options = batch_options(values);
  if (values.merge_qkv || values.merge_gate_up) {
    if (flags.count("--fuse") > 0)
      throw UsageError("--fuse and -mqkv or -muge say the same thing: give one of them");
    options.fuse = {.qkv = values.merge_qkv, .gate_up = values.merge_gate_up};
  } else {
    options.fuse = fuse_of(values.fuse);
  }
  return options;
}

}  // namespace weld::cli
