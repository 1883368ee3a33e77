// apps/streamlab/interrupt.cpp
#include "apps/streamlab/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace streamlab::app {
namespace {

// The signal handler counts, loops that wait read; nothing else is handed over with it.
std::atomic<int> g_interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch it");

extern "C" void note_signal(int signal) {
  if (signal == SIGHUP) { return streamlab::app::interrupt(); }
  if (g_interrupts.fetch_add(1, std::memory_order_relaxed) == 0) { return; }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void set_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    const bool is_ignored = sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!is_ignored) { sigaction(signal, &action, nullptr); }
  }
}

void interrupt() noexcept {
  int none = 0;
  g_interrupts.compare_exchange_strong(none, 1, std::memory_order_relaxed);
}
bool interrupted() { return g_interrupts.load(std::memory_order_relaxed) > 0; }
bool interrupted_again() { return g_interrupts.load(std::memory_order_relaxed) > 1; }

}  // namespace streamlab::app
