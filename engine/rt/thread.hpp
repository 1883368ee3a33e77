// engine/rt/thread.hpp
//
// Thread: a named thread that is joined when its owner is destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <pthread.h>

#include "engine/base/error.hpp"

namespace streamlab {

// Names the calling thread for debuggers, `top -H` and the kernel; only the first 15 bytes are used.
void name_this_thread(const std::string& name) noexcept;

// The stack of our own threads. What JACK gives the thread that runs the same nodes; twice what a real-time thread
// touches ahead (rt_thread.cpp). A locked process holds every stack in memory from end to end, so the system's 8 MiB
// would cost a graph of 200 threads 1.6 GiB. The sanitizers put much around each variable.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::size_t kThreadStackBytes = std::size_t{2} << 20U;
#else
inline constexpr std::size_t kThreadStackBytes = std::size_t{512} << 10U;
#endif

class Thread {
 public:
  // `system`: as large as the user's limit says (ulimit -s), for functions of others, which may recurse.
  enum class Stack : std::uint8_t { own, system };

  // No thread: joined from the start.
  Thread() = default;
  // Control thread. Fails when the system cannot create another thread. What `body` throws ends the program.
  static Result<Thread> start(std::string name, std::function<void()> body, Stack stack = Stack::own);

  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // Waits until the body has returned. Later calls do nothing.
  void join() noexcept;
  // Leaves it alone with all that it owns, for a body that hangs.
  void detach() noexcept;
  bool joinable() const noexcept { return is_joinable_; }

 private:
  explicit Thread(pthread_t thread) : thread_(thread), is_joinable_(true) {}
  pthread_t thread_{};
  bool is_joinable_ = false;
};

}  // namespace streamlab
