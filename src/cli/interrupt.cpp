// The handler does the one thing that a handler may do.
#include "cli/interrupt.h"

#include <csignal>

namespace weld::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

void handle(int) { caught = 1; }

}  // namespace

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return caught != 0; }

}  // namespace weld::cli
