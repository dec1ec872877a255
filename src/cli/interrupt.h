// Ctrl-C, and other signals that end programs, as a request to finish.
#pragma once

#include <functional>

namespace weld::cli {

/// From now on the first Ctrl-C only makes interrupted() true; the second ends the program.
void catch_interrupt();
/// The same for all signals that ask a program to end.
void catch_termination();

bool interrupted();
/// What a shell reports of a program that the signal ended.
int interrupted_status();

/// From now on every Ctrl-C only makes interrupted() true, until forget_interrupt().
void catch_interrupts();
void forget_interrupt();

/// Runs an action that a signal may cut short; the exit status is then the signal's.
int run_interruptible(const std::function<void()>& action);

}  // namespace weld::cli
