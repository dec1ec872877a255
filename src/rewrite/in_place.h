// Rewriting a file where it is, so that a crash at any instant loses nothing.
//
// While bytes are moved the file begins with a mark instead of "GGUF", so that no reader takes it
// for a model. Beside it lies a journal that says what is being done and how far that is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "rewrite/disk.h"
#include "rewrite/layout.h"

namespace weld::rewrite {

/// Told how many bytes there are to move before the first is moved.
using Start = std::function<Progress(uint64_t bytes)>;

/// Makes the file at PATH what the request asks for; what came of that. Throws Error where it
/// cannot be done in place, something fails, or progress says stop: the file is then what it was,
/// or marked and for recover() to finish, and the message says so.
Layout rewrite_in_place(const std::string& path, const Request& request, const Start& start);

/// Whether an earlier rewrite left something to recover: the mark, or a journal beside a whole
/// file.
bool needs_recovery(const std::string& path);

enum class Recovery {
  Whole,       ///< there was nothing to recover
  RolledBack,  ///< nothing had been changed
  Finished,
};

/// Goes on where a rewrite was cut off. Throws Error if the journal is missing or another file's,
/// and then changes nothing.
Recovery recover(const std::string& path, const Start& start);

}  // namespace weld::rewrite
