// weld split: the way back from weld merge, or from a file that was made merged.
#include "cli/commands.h"
#include "cli/rewriting.h"

namespace weld::cli {

int split(const Words& words) { return rewrite_file(rewrite::Request::Action::Split, words); }

}  // namespace weld::cli
