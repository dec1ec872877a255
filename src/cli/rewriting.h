// What merge, split and recover share: their flags, their reports, and ending on a signal.
#pragma once

#include "cli/flags.h"
#include "rewrite/layout.h"

namespace weld::cli {

/// weld merge and weld split.
int rewrite_file(rewrite::Request::Action action, const Words& words);

/// Finishes what an earlier rewrite in place has left in mid-flight, if it has; says so.
void recover_file(const std::string& path);

}  // namespace weld::cli
