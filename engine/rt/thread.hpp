// engine/rt/thread.hpp
//
// Thread: a thread with a name that is joined when its owner goes.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "engine/base/error.hpp"

namespace streamlab {

// Names the calling thread for debuggers, `top -H` and the kernel; the first 15 bytes count.
void name_this_thread(const std::string& name) noexcept;

class Thread {
 public:
  // No thread: joined from the start.
  Thread() = default;
  // Control thread. Fails when the system has no thread to give.
  static Result<Thread> start(std::string name, std::function<void()> body);

  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // Waits until the body has returned; nothing to do the second time.
  void join() noexcept;
  bool joinable() const noexcept { return thread_.joinable(); }

 private:
  explicit Thread(std::thread thread) : thread_(std::move(thread)) {}
  std::thread thread_;
};

}  // namespace streamlab
