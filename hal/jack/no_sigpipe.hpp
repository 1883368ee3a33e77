// hal/jack/no_sigpipe.hpp
//
// libjack writes to the socket of a server that may have ended. The signal that this brings ends a program that does not ignore
// it, as one that embeds StreamLab need not.
#pragma once

#include <csignal>
#include <ctime>

namespace streamlab {

// While one lives, SIGPIPE does not come to this thread. Not on a real-time thread.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &only_sigpipe(), &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    constexpr std::timespec kNow{};
    while (!was_pending_ && sigtimedwait(&only_sigpipe(), nullptr, &kNow) == SIGPIPE) {}
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  // The same for a thread of libjack, for good.
  static void for_this_thread() noexcept { pthread_sigmask(SIG_BLOCK, &only_sigpipe(), nullptr); }

 private:
  static const sigset_t& only_sigpipe() noexcept {
    static const sigset_t kOnlySigpipe = [] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGPIPE);
      return set;
    }();
    return kOnlySigpipe;
  }

  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace streamlab
