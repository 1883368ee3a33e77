// tests/support/late_threads.cpp
//
// Threads of an unmodified program are late, as on a machine that stands still or is busy; to be preloaded:
//
//   LATE_THREADS=late LD_PRELOAD=build/dev/tests/liblatethreads.so build/dev/bin/streamlab run …
//
//   LATE_THREADS  a file: while it exists, threads that are made with attributes (those of libjack) begin
//                 after 2 s, and each appends a byte to the file before it begins
//   LATE_LOCKS    a number: they begin at once, and the one of that number takes its first three locks 0.3 s late each
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace {

constexpr auto kLate = std::chrono::milliseconds(2000);  // libjack waits for 1000 sleeps of 1 ms

constexpr auto kLateAtLock = std::chrono::milliseconds(300);

struct LateThread {
  void* (*body)(void*);
  void* argument;
};

const char* file() {
  static const char* const path = std::getenv("LATE_THREADS");  // NOLINT(concurrency-mt-unsafe): set by env
  return path == nullptr ? "" : path;
}

int number_with_late_locks() {
  static const char* const number = std::getenv("LATE_LOCKS");  // NOLINT(concurrency-mt-unsafe): set by env
  return number == nullptr ? 0 : std::atoi(number);             // NOLINT(cert-err34-c): a test wrote it
}

std::atomic<int> made{0};
thread_local int late_locks = 0;  // still to come

void* begin_late_at_lock(void* argument) {
  const std::unique_ptr<LateThread> thread(static_cast<LateThread*>(argument));
  late_locks = 3;
  return thread->body(thread->argument);
}

void* begin_late(void* argument) {
  const std::unique_ptr<LateThread> thread(static_cast<LateThread*>(argument));
  std::this_thread::sleep_for(kLate);
  if (const int late = open(file(), O_WRONLY | O_APPEND | O_CLOEXEC); late >= 0) {
    [[maybe_unused]] const ssize_t written = write(late, ".", 1);
    close(late);
  }
  return thread->body(thread->argument);
}

}  // namespace

extern "C" int pthread_create(pthread_t* id, const pthread_attr_t* attributes, void* (*body)(void*),
                              void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  if (attributes != nullptr && ++made == number_with_late_locks()) {
    return create(id, attributes, begin_late_at_lock, new LateThread{body, argument});
  }
  if (attributes == nullptr || access(file(), F_OK) != 0) { return create(id, attributes, body, argument); }
  return create(id, attributes, begin_late, new LateThread{body, argument});
}

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const auto lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  if (late_locks > 0) {
    --late_locks;
    std::this_thread::sleep_for(kLateAtLock);
  }
  return lock(mutex);
}
