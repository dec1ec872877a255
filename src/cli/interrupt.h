// Ctrl-C as a request to finish.
#pragma once

namespace weld::cli {

/// From now on the first Ctrl-C only makes interrupted() true; the second ends the program.
void catch_interrupt();
bool interrupted();

}  // namespace weld::cli
