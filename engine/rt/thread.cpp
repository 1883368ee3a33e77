// engine/rt/thread.cpp
#include "engine/rt/thread.hpp"

#include <new>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>

namespace streamlab {
namespace {

// The system reports EAGAIN for all of them (pthread_create(3)).
const char* too_many_threads() {
  rlimit memory{};
  const bool is_limited = getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY;
  return is_limited
             ? "raise the memory limit, for each thread needs a stack (ulimit -v), or the process limit (ulimit "
               "-u)"
             : "raise the process limit (ulimit -u)";
}

}  // namespace

void name_this_thread(const std::string& name) noexcept {
  char shortened[16] = {};
  name.copy(shortened, sizeof shortened - 1);
  pthread_setname_np(pthread_self(), shortened);
}

Result<Thread> Thread::start(std::string name, std::function<void()> body) {
  try {
    return Thread(std::thread([name, run = std::move(body)] {
      name_this_thread(name);
      run();
    }));
  } catch (const std::system_error& error) {
    return failed("thread " + name, error.what(), {}, too_many_threads());
  } catch (const std::bad_alloc&) { return failed("thread", "out of memory for another thread"); }
}

Thread& Thread::operator=(Thread&& other) noexcept {
  join();
  thread_ = std::move(other.thread_);
  return *this;
}

void Thread::join() noexcept {
  if (thread_.joinable()) { thread_.join(); }
}

}  // namespace streamlab
