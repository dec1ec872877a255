// The handler does the one thing that a handler may do.
#include "cli/interrupt.h"

#include <fmt/format.h>

#include <csignal>
#include <initializer_list>

#include "cli/output.h"
#include "weld/error.h"

namespace weld::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

void handle(int signal) { caught = signal; }

void catch_with(int signal, int flags) {
  struct sigaction action {};
  // nohup's word stands.
  if (signal == SIGHUP && sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
    return;
  action.sa_handler = handle;
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_interrupt() { catch_with(SIGINT, static_cast<int>(SA_RESETHAND)); }
void catch_interrupts() { catch_with(SIGINT, 0); }

void catch_termination() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    catch_with(signal, static_cast<int>(SA_RESETHAND));
}

void forget_interrupt() { caught = 0; }

bool interrupted() { return caught != 0; }

int interrupted_status() { return 128 + static_cast<int>(caught); }

int run_interruptible(const std::function<void()>& action) {
  catch_termination();
  try {
    action();
  } catch (const Error& error) {
    if (!interrupted()) throw;
    print_line(fmt::format("weld: {}", error.what()));
    return interrupted_status();
  }
  return 0;
}

}  // namespace weld::cli
