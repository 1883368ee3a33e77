// tests/support/rt_guard_test.cpp
//
// That the guard catches each kind of forbidden call, and nothing else.
#include "tests/support/rt_guard.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/rt/rt_section.hpp"

namespace streamlab {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RtGuard : public testing::Test {
 protected:
  void SetUp() override {
    if (!RtGuardScope::available()) { GTEST_SKIP() << "not there under a sanitizer"; }
    RtGuardScope::take_violations();
  }
};

std::vector<std::string> violations_of(const std::function<void()>& code) {
  {
    const RtGuardScope scope;
    code();
  }
  return RtGuardScope::take_violations();
}

// The compiler may remove an allocation that is never used.
void* volatile seen = nullptr;
void* look_at(void* memory) {
  seen = memory;
  return seen;
}

TEST_F(RtGuard, CatchesAllocation) {
  EXPECT_THAT(violations_of([] { std::free(look_at(std::malloc(64))); }), ElementsAre("malloc", "free"));
  EXPECT_THAT(violations_of([] { std::free(look_at(std::calloc(4, 16))); }), ElementsAre("calloc", "free"));
  EXPECT_THAT(violations_of([] { std::free(look_at(std::realloc(look_at(nullptr), 64))); }),
              ElementsAre("realloc", "free"));
  EXPECT_THAT(violations_of([] { std::free(look_at(std::aligned_alloc(64, 64))); }),
              ElementsAre("aligned_alloc", "free"));
  EXPECT_THAT(violations_of([] {
                void* memory = nullptr;
                EXPECT_EQ(posix_memalign(&memory, 64, 64), 0);
                std::free(look_at(memory));
              }),
              ElementsAre("posix_memalign", "free"));
  EXPECT_THAT(violations_of([] {
                void* const memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                munmap(memory, 4096);
              }),
              ElementsAre("mmap", "munmap"));
}

TEST_F(RtGuard, CatchesAllocationByTheStandardLibrary) {
  EXPECT_THAT(violations_of([] { delete static_cast<int*>(look_at(new int(1))); }),
              ElementsAre("malloc", "free"));
  struct alignas(64) Line {
    char bytes[64];
  };
  EXPECT_THAT(violations_of([] { delete static_cast<Line*>(look_at(new Line{})); }),
              ElementsAre("aligned_alloc", "free"));
  EXPECT_THAT(violations_of([] { look_at(std::vector<double>(100).data()); }), ElementsAre("malloc", "free"));
  EXPECT_THAT(violations_of([] { look_at(std::string(100, 'x').data()); }), ElementsAre("malloc", "free"));
  const std::array<char, 64> large{};
  EXPECT_THAT(violations_of([&] {
                std::function<void()> call = [large] { look_at(const_cast<char*>(large.data())); };
                call();
              }),
              ElementsAre("malloc", "free"));
  auto shared = std::make_shared<int>(1);
  EXPECT_THAT(violations_of([&] { shared.reset(); }), ElementsAre("free"));
}

TEST_F(RtGuard, CatchesLocks) {
  std::mutex mutex;
  std::timed_mutex timed;
  std::shared_mutex shared;
  EXPECT_THAT(violations_of([&] { const std::lock_guard lock(mutex); }), ElementsAre("pthread_mutex_lock"));
  EXPECT_THAT(violations_of([&] {
                timespec past{};
                EXPECT_EQ(pthread_mutex_timedlock(timed.native_handle(), &past), 0);
                timed.unlock();
              }),
              ElementsAre("pthread_mutex_timedlock"));
  EXPECT_THAT(violations_of([&] { const std::shared_lock lock(shared); }),
              ElementsAre("pthread_rwlock_rdlock"));
  EXPECT_THAT(violations_of([&] { const std::unique_lock lock(shared); }),
              ElementsAre("pthread_rwlock_wrlock"));
}

TEST_F(RtGuard, CatchesConditionsSemaphoresAndBarriers) {
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock lock(mutex);
  const timespec past{};
  EXPECT_THAT(violations_of([&] { condition.notify_one(); }), ElementsAre("pthread_cond_signal"));
  EXPECT_THAT(violations_of([&] { condition.notify_all(); }), ElementsAre("pthread_cond_broadcast"));
  EXPECT_THAT(
      violations_of([&] { pthread_cond_timedwait(condition.native_handle(), mutex.native_handle(), &past); }),
      ElementsAre("pthread_cond_timedwait"));
  EXPECT_THAT(violations_of([&] { condition.wait_until(lock, std::chrono::steady_clock::time_point{}); }),
              ElementsAre("pthread_cond_clockwait"));
  sem_t semaphore;
  ASSERT_EQ(sem_init(&semaphore, 0, 1), 0);
  EXPECT_THAT(violations_of([&] { sem_wait(&semaphore); }), ElementsAre("sem_wait"));
  EXPECT_THAT(violations_of([&] { sem_timedwait(&semaphore, &past); }), ElementsAre("sem_timedwait"));
  EXPECT_THAT(violations_of([&] { sem_post(&semaphore); }), ElementsAre("sem_post"));
  sem_destroy(&semaphore);
  pthread_barrier_t barrier;
  ASSERT_EQ(pthread_barrier_init(&barrier, nullptr, 1), 0);
  EXPECT_THAT(violations_of([&] { pthread_barrier_wait(&barrier); }), ElementsAre("pthread_barrier_wait"));
  pthread_barrier_destroy(&barrier);
}

TEST_F(RtGuard, CatchesAConditionThatWaits) {
  std::mutex mutex;
  std::condition_variable condition;
  bool go = false;
  std::vector<std::string> caught;
  std::unique_lock lock(mutex);
  std::thread other([&] {
    const std::lock_guard held(mutex);  // only once the first thread waits
    go = true;
    condition.notify_one();
  });
  caught = violations_of([&] {
    while (!go) { condition.wait(lock); }
  });
  lock.unlock();
  other.join();
  EXPECT_THAT(caught, Contains("pthread_cond_wait"));
  EXPECT_THAT(caught, Each("pthread_cond_wait"));  // the other thread's lock is its own affair
}

TEST_F(RtGuard, CatchesFilesAndSockets) {
  int null = -1;
  EXPECT_THAT(violations_of([&] { null = open("/dev/null", O_RDWR | O_CLOEXEC); }), ElementsAre("open"));
  ASSERT_GE(null, 0);
  char byte = 0;
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(read(null, &byte, 1), 0); }), ElementsAre("read"));
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(write(null, &byte, 1), 1); }), ElementsAre("write"));
  EXPECT_THAT(violations_of([&] { fdatasync(null); }), ElementsAre("fdatasync"));
  EXPECT_THAT(violations_of([&] { lseek(null, 0, SEEK_SET); }), ElementsAre("lseek"));
  EXPECT_THAT(violations_of([&] { fcntl(null, F_GETFD); }), ElementsAre("fcntl"));
  EXPECT_THAT(violations_of([&] {
                int count = 0;
                ioctl(null, FIONREAD, &count);
              }),
              ElementsAre("ioctl"));
  EXPECT_THAT(violations_of([&] { poll(nullptr, 0, 0); }), ElementsAre("poll"));
  EXPECT_THAT(violations_of([&] {
                timeval none{};
                select(0, nullptr, nullptr, nullptr, &none);
              }),
              ElementsAre("select"));
  EXPECT_THAT(violations_of([&] { close(null); }), ElementsAre("close"));

  int pair[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(send(pair[0], &byte, 1, 0), 1); }), ElementsAre("send"));
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(recv(pair[1], &byte, 1, 0), 1); }), ElementsAre("recv"));
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(sendto(pair[0], &byte, 1, 0, nullptr, 0), 1); }),
              ElementsAre("sendto"));
  EXPECT_THAT(violations_of([&] { EXPECT_EQ(recvfrom(pair[1], &byte, 1, 0, nullptr, nullptr), 1); }),
              ElementsAre("recvfrom"));
  EXPECT_THAT(violations_of([&] { close(socket(AF_UNIX, SOCK_STREAM, 0)); }), ElementsAre("socket", "close"));
  close(pair[0]);
  close(pair[1]);
}

TEST_F(RtGuard, PassesOnWhatOpenAndFcntlWereGiven) {
  std::string path = testing::TempDir() + "rt_guard_XXXXXX";
  const int temporary = mkstemp(path.data());
  ASSERT_GE(temporary, 0);
  EXPECT_EQ(fcntl(temporary, F_SETFD, FD_CLOEXEC), 0);
  EXPECT_EQ(fcntl(temporary, F_GETFD), FD_CLOEXEC);
  unlink(path.c_str());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  struct stat status {};
  ASSERT_EQ(fstat(file, &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  unlink(path.c_str());
  close(file);
  close(temporary);
  EXPECT_EQ(syscall(SYS_getpid), getpid());
}

TEST_F(RtGuard, CatchesOutput) {
  FILE* const null = std::fopen("/dev/null", "w");
  ASSERT_NE(null, nullptr);
  const int number = static_cast<int>(getpid());
  EXPECT_THAT(violations_of([&] { std::fprintf(null, "%d\n", number); }), ElementsAre("fprintf"));
  EXPECT_THAT(violations_of([&] { std::printf("%d\n", number); }), ElementsAre("printf"));
  EXPECT_THAT(violations_of([&] { std::puts("out"); }), ElementsAre("puts"));
  EXPECT_THAT(violations_of([&] { std::fputs("out", null); }), SizeIs(1));  // fputs or fwrite
  EXPECT_THAT(violations_of([&] { std::fflush(null); }), ElementsAre("fflush"));
  char text[32];
  EXPECT_THAT(violations_of([&] {
                std::snprintf(text, sizeof text, "%d", number);
                look_at(text);
              }),
              ElementsAre("snprintf"));
  EXPECT_EQ(text, std::to_string(number));
  EXPECT_THAT(violations_of([&] { std::cout << "out" << std::endl; }), Not(IsEmpty()));
  std::fclose(null);
}

TEST_F(RtGuard, CatchesSleepYieldAndSystemCalls) {
  const timespec none{};
  EXPECT_THAT(violations_of([&] { nanosleep(&none, nullptr); }), ElementsAre("nanosleep"));
  EXPECT_THAT(violations_of([&] { clock_nanosleep(CLOCK_MONOTONIC, 0, &none, nullptr); }),
              ElementsAre("clock_nanosleep"));
  EXPECT_THAT(violations_of([] { usleep(0); }), ElementsAre("usleep"));
  EXPECT_THAT(violations_of([] { sleep(0); }), ElementsAre("sleep"));
  EXPECT_THAT(violations_of([] { std::this_thread::yield(); }), ElementsAre("sched_yield"));
  EXPECT_THAT(violations_of([] { syscall(SYS_getpid); }), ElementsAre("syscall"));
}

TEST_F(RtGuard, CatchesAFutex) {
  std::atomic<int> value{0};
  std::atomic<bool> waiting{false};
  std::thread waiter([&] {
    waiting = true;
    value.wait(0);
  });
  while (!waiting) { std::this_thread::yield(); }
  const auto wake = violations_of([&] {
    value = 1;
    syscall(SYS_futex, &value, 1 /* FUTEX_WAKE */, 1);
    value.notify_all();
  });
  waiter.join();
  EXPECT_THAT(wake, Contains("syscall"));
  EXPECT_THAT(wake, Each("syscall"));
}

TEST_F(RtGuard, CatchesThreadsAndProcesses) {
  EXPECT_THAT(violations_of([] {
                pthread_t thread{};
                pthread_create(
                    &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
                pthread_join(thread, nullptr);
              }),
              ElementsAre("pthread_create", "pthread_join"));
  EXPECT_THAT(violations_of([] {
                const pid_t child = fork();
                if (child == 0) { _exit(0); }
                waitpid(child, nullptr, 0);
              }),
              ElementsAre("fork", "waitpid"));
}

TEST_F(RtGuard, CatchesAThrow) {
  EXPECT_THAT(violations_of([] {
                try {
                  throw std::runtime_error("x");
                } catch (const std::runtime_error&) {}
              }),
              Contains("throw"));
  EXPECT_THAT(violations_of([] {
                try {
                  throw 1;
                } catch (int) {}
              }),
              Contains("throw"));
}

TEST_F(RtGuard, LetsRealTimeCodeBe) {
  std::vector<double> samples(256, 0.5);
  std::atomic<int> counter{0};
  EXPECT_THAT(violations_of([&] {
                for (double& sample : samples) { sample *= 2.0; }
                counter.fetch_add(1, std::memory_order_seq_cst);
                timespec now{};
                clock_gettime(CLOCK_MONOTONIC, &now);
                std::free(look_at(nullptr));
                int* const nothing = nullptr;
                delete nothing;
              }),
              IsEmpty());
}

TEST_F(RtGuard, SeesOnlyTheGuardedSectionAndOnlyThisThread) {
  std::free(look_at(std::malloc(64)));
  EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre(RtGuardScope::kNothingGuarded));
  std::atomic<int> step{0};
  std::thread other([&] {
    while (step != 1) { std::this_thread::yield(); }
    std::free(look_at(std::malloc(64)));
    step = 2;
  });
  EXPECT_THAT(violations_of([&] {
                step = 1;
                while (step != 2) {}
              }),
              IsEmpty());
  other.join();
}

TEST_F(RtGuard, SeesTheSectionsOfTheEngineOnAnyThread) {
  std::thread([] {
    const RtSection outer;
    { const RtSection nested; }
    std::free(look_at(std::malloc(64)));
  }).join();
  EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre("malloc", "free"));
  EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre(RtGuardScope::kNothingGuarded));
}

// "Nothing forbidden was called" is worth something only where something was looked at.
TEST_F(RtGuard, DoesNotCallItCleanWhereNothingWasGuarded) {
  EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre(RtGuardScope::kNothingGuarded));
  const std::uint64_t before = rt_guard_sections();
  std::thread([] {
    const RtSection outer;
    const RtSection nested;
  }).join();
  EXPECT_EQ(rt_guard_sections(), before + 1);
  EXPECT_THAT(RtGuardScope::take_violations(), IsEmpty());
  EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre(RtGuardScope::kNothingGuarded));
}

TEST_F(RtGuard, KeepsTheFirstOfVeryMany) {
  const auto caught = violations_of([] {
    for (int i = 0; i < 2000; ++i) { sched_yield(); }
  });
  EXPECT_THAT(caught, SizeIs(1024));
  EXPECT_THAT(caught, Each("sched_yield"));
}

#ifdef SL_RT_GUARD_LIBRARY
struct Ended {
  int status = 0;
  std::string output;
};

Ended run_preloaded(const std::string& settings, const std::string& what) {
  const std::string command =
      settings + " LD_PRELOAD=" SL_RT_GUARD_LIBRARY " " SL_RT_GUARD_PROBE " " + what + " 2>&1";
  Ended ended;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) { return ended; }
  std::array<char, 256> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe)) {
    ended.output.append(part.data(), count);
  }
  ended.status = pclose(pipe);
  return ended;
}

TEST(PreloadedRtGuard, FindsNothingInACleanProgram) {
  const Ended ended = run_preloaded("RTGUARD=abort", "nothing");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.output, "rtguard: 0 violations in 1 guarded sections\n");
}

TEST(PreloadedRtGuard, SaysThatNothingIsProvedWhereNothingWasGuarded) {
  EXPECT_EQ(run_preloaded("RTGUARD=abort", "outside").output,
            "rtguard: 0 violations in 0 guarded sections: no real-time code ran, and nothing is proved\n");
}

TEST(PreloadedRtGuard, EndsTheProgramAtTheFirstForbiddenCall) {
  const Ended ended = run_preloaded("RTGUARD=abort", "malloc");
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.output, HasSubstr("rtguard: malloc() called by real-time code\n"));
  EXPECT_THAT(ended.output, HasSubstr("rt_guard_probe("));  // the stack
}

TEST(PreloadedRtGuard, CountsThemAndLetsTheProgramContinue) {
  const Ended ended = run_preloaded("RTGUARD=count", "lock");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.output, "rtguard: 1 violations in 1 guarded sections\n");
}

TEST(PreloadedRtGuard, LogsThemAndLetsTheProgramContinue) {
  const Ended ended = run_preloaded("RTGUARD=log", "lock");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.output, HasSubstr("rtguard: pthread_mutex_lock() called by real-time code\n"));
  EXPECT_THAT(ended.output, HasSubstr("rtguard: 1 violations in 1 guarded sections\n"));
}

TEST(PreloadedRtGuard, PassesOverAllowedNames) {
  EXPECT_EQ(run_preloaded("RTGUARD_ALLOW=poll,malloc", "malloc").output,
            "rtguard: 0 violations in 1 guarded sections\n");
  EXPECT_EQ(run_preloaded("RTGUARD=count RTGUARD_ALLOW=poll,mallo", "malloc").output,
            "rtguard: 1 violations in 1 guarded sections\n");
}
#endif

}  // namespace
}  // namespace streamlab
