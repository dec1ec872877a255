// weld merge: one tensor for Q, K and V, one for gate and up.
#include "cli/commands.h"
#include "cli/rewriting.h"

namespace weld::cli {

int merge(const Words& words) { return rewrite_file(rewrite::Request::Action::Merge, words); }

}  // namespace weld::cli
