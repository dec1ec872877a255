// Ctrl-C as a request to finish.
#pragma once

namespace weld::cli {

/// From now on the first Ctrl-C only makes interrupted() true; the second ends the program.
void catch_interrupt();
bool interrupted();

/// From now on every Ctrl-C only makes interrupted() true, until forget_interrupt().
void catch_interrupts();
void forget_interrupt();

}  // namespace weld::cli
