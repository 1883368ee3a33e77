// tests/support/private_jack.hpp
//
// A real JACK server with the dummy driver, for one test process alone. Where the system permits it, the
// process moves into its own mount and network namespaces with a /dev/shm of its own, so that servers of
// parallel tests share nothing; elsewhere a server name made from the process id keeps them apart.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <sys/types.h>

namespace streamlab::test {

// Before the process makes its first thread. True when the process is now in a world of its own.
bool enter_private_world();

// Asks `condition` every few milliseconds until it is true; false when it is still not after `seconds`.
bool eventually(const std::function<bool()>& condition, double seconds = 10.0);

class PrivateJack {
 public:
  struct Options {
    std::uint32_t sample_rate_hz = 48000;
    std::uint32_t period_frames = 1024;
  };

  // A name for a server that no other test uses. Nothing runs yet.
  PrivateJack();
  ~PrivateJack();  // asks the server to end, so that it clears away what it shared; kills it after two
                   // seconds
  PrivateJack(const PrivateJack&) = delete;
  PrivateJack& operator=(const PrivateJack&) = delete;

  // Starts the server; returns when clients can connect, or false with its output in log(). The server dies
  // with the thread that called this.
  bool start(const Options& options);
  void kill();  // SIGKILL, and waits for its end
  void send(int signal) const;

  const std::string& name() const { return name_; }
  std::string device() const { return "jack:" + name_; }
  std::string log() const;

 private:
  std::string name_;
  std::string log_path_;
  pid_t pid_ = -1;
};

}  // namespace streamlab::test
