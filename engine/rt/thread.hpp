// engine/rt/thread.hpp
//
// Thread: a named thread that is joined when its owner is destroyed.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "engine/base/error.hpp"

namespace streamlab {

// Names the calling thread for debuggers, `top -H` and the kernel; only the first 15 bytes are used.
void name_this_thread(const std::string& name) noexcept;

class Thread {
 public:
  // No thread: joined from the start.
  Thread() = default;
  // Control thread. Fails when the system cannot create another thread.
  static Result<Thread> start(std::string name, std::function<void()> body);

  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // Waits until the body has returned. Later calls do nothing.
  void join() noexcept;
  bool joinable() const noexcept { return thread_.joinable(); }

 private:
  explicit Thread(std::thread thread) : thread_(std::move(thread)) {}
  std::thread thread_;
};

}  // namespace streamlab
