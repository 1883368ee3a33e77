// apps/streamlab/interrupt.cpp
#include "apps/streamlab/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace streamlab::app {
namespace {

// Set by the signal handler, read by whoever waits; nothing else is handed over with it.
std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch it");

extern "C" void note_signal(int /*signal*/) { g_interrupted.store(true, std::memory_order_relaxed); }

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);  // the second one ends the process
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void interrupt() noexcept { g_interrupted.store(true, std::memory_order_relaxed); }
bool interrupted() { return g_interrupted.load(std::memory_order_relaxed); }

}  // namespace streamlab::app
