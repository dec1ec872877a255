// The handler does the one thing that a handler may do.
#include "cli/interrupt.h"

#include <csignal>

namespace weld::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

void handle(int) { caught = 1; }

void catch_with(int flags) {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = flags;
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

void catch_interrupt() { catch_with(static_cast<int>(SA_RESETHAND)); }
void catch_interrupts() { catch_with(0); }

void forget_interrupt() { caught = 0; }

bool interrupted() { return caught != 0; }

}  // namespace weld::cli
