// engine/rt/thread.cpp
#include "engine/rt/thread.hpp"

#include <cstring>
#include <memory>
#include <new>
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

struct Start {
  std::string name;
  std::function<void()> body;
};

// (noexcept: nothing may unwind out of a thread.)
void* run_started(void* argument) noexcept {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  name_this_thread(start->name);
  start->body();
  return nullptr;
}

}  // namespace

void name_this_thread(const std::string& name) noexcept {
  char shortened[16] = {};
  name.copy(shortened, sizeof shortened - 1);
  pthread_setname_np(pthread_self(), shortened);
}

Result<Thread> Thread::start(std::string name, std::function<void()> body, Stack stack) {
  std::unique_ptr<Start> start;
  try {
    start = std::make_unique<Start>(Start{std::move(name), std::move(body)});
  } catch (const std::bad_alloc&) { return failed("thread", "out of memory for another thread"); }
  pthread_attr_t attributes;
  int error_number = pthread_attr_init(&attributes);
  if (error_number == 0) {
    if (stack == Stack::own) { error_number = pthread_attr_setstacksize(&attributes, kThreadStackBytes); }
    pthread_t thread{};
    if (error_number == 0) { error_number = pthread_create(&thread, &attributes, run_started, start.get()); }
    pthread_attr_destroy(&attributes);
    if (error_number == 0) {
      static_cast<void>(start.release());  // the thread's own now
      return Thread(thread);
    }
  }
  return failed("thread " + start->name, std::strerror(error_number), {}, too_many_threads());
}

Thread::Thread(Thread&& other) noexcept
    : thread_(other.thread_), is_joinable_(std::exchange(other.is_joinable_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  join();
  thread_ = other.thread_;
  is_joinable_ = std::exchange(other.is_joinable_, false);
  return *this;
}

void Thread::join() noexcept {
  if (std::exchange(is_joinable_, false)) { pthread_join(thread_, nullptr); }
}

void Thread::detach() noexcept {
  if (std::exchange(is_joinable_, false)) { pthread_detach(thread_); }
}

}  // namespace streamlab
