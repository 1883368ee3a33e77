// engine/rt/thread.cpp
#include "engine/rt/thread.hpp"

#include <new>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>

namespace streamlab {
namespace {

// The system gives one reason for all of them: EAGAIN (pthread_create(3)).
const char* too_many_threads() {
  rlimit memory{};
  const bool is_limited = getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY;
  return is_limited
             ? "raise the limit of memory, of which each thread takes some for its stack (ulimit -v), or that "
               "of processes (ulimit -u)"
             : "raise the limit of processes (ulimit -u)";
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
  } catch (const std::bad_alloc&) { return failed("thread", "there is no memory for another"); }
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
