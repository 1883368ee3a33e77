// tests/support/rt_guard.cpp
//
// Every function of the list below is defined here under the name that the C library gives it, and so is
// called in its place, by our own code and by every library of the process. It notes the call if the thread
// is in a guarded section and then calls the next definition, that of the C library.
//
// The definitions have C++ names of their own and the library's name as assembler name: the headers' own
// declarations, attributes and built-in knowledge of these functions do not get in the way.
#include "tests/support/rt_guard.hpp"

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <ctime>

#ifndef SL_RT_GUARD_OFF

namespace streamlab {
namespace {

// Per thread. Initial-exec: reading it must not allocate, not even the first time.
#define SL_TLS [[gnu::tls_model("initial-exec")]] constinit thread_local
SL_TLS int sections = 0;  // guarded sections this thread is in
SL_TLS int inside = 0;    // > 0: a noted call is under way, and what it calls itself is not noted
#undef SL_TLS

constexpr std::size_t kMost = 1024;
constinit std::array<std::atomic<const char*>, kMost> names{};
constinit std::atomic<std::size_t> noted{0};
constinit std::atomic<RtGuardListener> listener{nullptr};
constinit std::atomic<std::uint64_t> begun{0};         // sections, the outermost ones
constinit std::atomic<std::uint64_t> begun_before{0};  // when the violations were taken last

void enter_section() noexcept {
  if (sections++ == 0) { begun.fetch_add(1, std::memory_order_relaxed); }
}

void note(const char* name, void* caller) noexcept {
  const std::size_t at = noted.fetch_add(1, std::memory_order_relaxed);
  if (at < kMost) { names[at].store(name, std::memory_order_release); }
  if (const auto tell = listener.load(std::memory_order_acquire); tell != nullptr) { tell(name, caller); }
}

// Lives while a call is passed on.
class Noted {
 public:
  Noted(const char* name, void* caller) noexcept {
    if (sections == 0) { return; }
    if (inside++ == 0) { note(name, caller); }
    counted_ = true;
  }
  ~Noted() {
    if (counted_) { --inside; }
  }
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;

 private:
  bool counted_ = false;
};

// The definition after ours, looked up once.
template <class Function>
Function next(std::atomic<void*>& known, const char* name) noexcept {
  void* function = known.load(std::memory_order_relaxed);
  if (function == nullptr) {
    function = dlsym(RTLD_NEXT, name);
    known.store(function, std::memory_order_relaxed);
  }
  return reinterpret_cast<Function>(function);
}

}  // namespace

RtGuardScope::RtGuardScope() noexcept { enter_section(); }
RtGuardScope::~RtGuardScope() { --sections; }
bool RtGuardScope::available() noexcept { return true; }

std::vector<std::string> RtGuardScope::take_violations() {
  const std::size_t count = std::min(noted.exchange(0, std::memory_order_acq_rel), kMost);
  std::vector<std::string> result;
  result.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const char* const name = names[i].exchange(nullptr, std::memory_order_acq_rel); name != nullptr) {
      result.emplace_back(name);
    }
  }
  const std::uint64_t now = rt_guard_sections();
  const bool was_active = begun_before.exchange(now, std::memory_order_relaxed) != now;
  if (result.empty() && !was_active) { result.emplace_back(kNothingGuarded); }
  return result;
}

std::uint64_t rt_guard_sections() noexcept { return begun.load(std::memory_order_relaxed); }

void set_rt_guard_listener(RtGuardListener new_listener) noexcept {
  listener.store(new_listener, std::memory_order_release);
}

}  // namespace streamlab

#define SL_EXPORT extern "C" [[gnu::visibility("default"), gnu::used]]

// What RtSection calls.
SL_EXPORT void rtguard_enter() { streamlab::enter_section(); }
SL_EXPORT void rtguard_exit() { --streamlab::sections; }

// Declares guarded_NAME with the assembler name NAME.
#define SL_DECLARE(result, name, ...) SL_EXPORT result guarded_##name(__VA_ARGS__) __asm__(#name)
#define SL_NOTED(name) const streamlab::Noted noted_call(name, __builtin_return_address(0))
#define SL_NEXT(result, name, ...)             \
  static constinit std::atomic<void*> known{}; \
  const auto next_call = streamlab::next<result (*)(__VA_ARGS__)>(known, name)

#define SL_PARAMS(...) __VA_ARGS__
// SL_GUARDED(result, name, (parameters), (arguments)): note the call and pass it on.
#define SL_GUARDED(result, name, parameters, arguments) \
  SL_DECLARE(result, name, SL_PARAMS parameters);       \
  result guarded_##name(SL_PARAMS parameters) {         \
    SL_NOTED(#name);                                    \
    SL_NEXT(result, #name, SL_PARAMS parameters);       \
    return next_call arguments;                         \
  }

// ---- Allocation. Through glibc's own entry points: dlsym() itself may allocate. --------------------------
extern "C" {
void* __libc_malloc(std::size_t);
void __libc_free(void*);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}
SL_DECLARE(void*, malloc, std::size_t);
void* guarded_malloc(std::size_t size) {
  SL_NOTED("malloc");
  return __libc_malloc(size);
}
SL_DECLARE(void, free, void*);
void guarded_free(void* memory) {
  if (memory == nullptr) { return; }  // does nothing, and is allowed to
  SL_NOTED("free");
  __libc_free(memory);
}
SL_DECLARE(void*, calloc, std::size_t, std::size_t);
void* guarded_calloc(std::size_t count, std::size_t size) {
  SL_NOTED("calloc");
  return __libc_calloc(count, size);
}
SL_DECLARE(void*, realloc, void*, std::size_t);
void* guarded_realloc(void* memory, std::size_t size) {
  SL_NOTED("realloc");
  return __libc_realloc(memory, size);
}
SL_DECLARE(void*, memalign, std::size_t, std::size_t);
void* guarded_memalign(std::size_t alignment, std::size_t size) {
  SL_NOTED("memalign");
  return __libc_memalign(alignment, size);
}
SL_DECLARE(void*, aligned_alloc, std::size_t, std::size_t);
void* guarded_aligned_alloc(std::size_t alignment, std::size_t size) {
  SL_NOTED("aligned_alloc");
  return __libc_memalign(alignment, size);
}
SL_DECLARE(int, posix_memalign, void**, std::size_t, std::size_t);
int guarded_posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  SL_NOTED("posix_memalign");
  constexpr int kOutOfMemory = 12;  // ENOMEM
  void* const result = __libc_memalign(alignment, size);
  if (result == nullptr) { return kOutOfMemory; }
  *memory = result;
  return 0;
}
SL_GUARDED(void*, mmap, (void* a, std::size_t n, int p, int f, int fd, off_t o), (a, n, p, f, fd, o))
SL_GUARDED(void*, mmap64, (void* a, std::size_t n, int p, int f, int fd, off64_t o), (a, n, p, f, fd, o))
SL_GUARDED(int, munmap, (void* a, std::size_t n), (a, n))
SL_GUARDED(int, madvise, (void* a, std::size_t n, int advice), (a, n, advice))

// ---- Locks and threads -----------------------------------------------------------------------------------
SL_GUARDED(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
SL_GUARDED(int, pthread_mutex_timedlock, (pthread_mutex_t * m, const timespec* t), (m, t))
SL_GUARDED(int, pthread_mutex_clocklock, (pthread_mutex_t * m, clockid_t clock, const timespec* t),
           (m, clock, t))
SL_GUARDED(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
SL_GUARDED(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
SL_GUARDED(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t* m), (c, m))
SL_GUARDED(int, pthread_cond_timedwait, (pthread_cond_t * c, pthread_mutex_t* m, const timespec* t),
           (c, m, t))
SL_GUARDED(int, pthread_cond_clockwait,
           (pthread_cond_t * c, pthread_mutex_t* m, clockid_t clock, const timespec* t), (c, m, clock, t))
SL_GUARDED(int, pthread_cond_signal, (pthread_cond_t * c), (c))
SL_GUARDED(int, pthread_cond_broadcast, (pthread_cond_t * c), (c))
SL_GUARDED(int, pthread_barrier_wait, (pthread_barrier_t * b), (b))
SL_GUARDED(int, pthread_create,
           (pthread_t * t, const pthread_attr_t* a, void* (*body)(void*), void* argument),
           (t, a, body, argument))
SL_GUARDED(int, pthread_join, (pthread_t t, void** result), (t, result))
SL_GUARDED(int, sem_wait, (sem_t * s), (s))
SL_GUARDED(int, sem_timedwait, (sem_t * s, const timespec* t), (s, t))
SL_GUARDED(int, sem_clockwait, (sem_t * s, clockid_t clock, const timespec* t), (s, clock, t))
SL_GUARDED(int, sem_post, (sem_t * s), (s))
SL_GUARDED(int, sched_yield, (), ())

// ---- Sleep -----------------------------------------------------------------------------------------------
SL_GUARDED(int, nanosleep, (const timespec* t, timespec* rest), (t, rest))
SL_GUARDED(int, clock_nanosleep, (clockid_t clock, int flags, const timespec* t, timespec* rest),
           (clock, flags, t, rest))
SL_GUARDED(int, usleep, (unsigned t), (t))
SL_GUARDED(unsigned, sleep, (unsigned t), (t))

// ---- Files and sockets -----------------------------------------------------------------------------------
SL_GUARDED(ssize_t, read, (int fd, void* b, std::size_t n), (fd, b, n))
SL_GUARDED(ssize_t, write, (int fd, const void* b, std::size_t n), (fd, b, n))
SL_GUARDED(ssize_t, pread, (int fd, void* b, std::size_t n, off_t o), (fd, b, n, o))
SL_GUARDED(ssize_t, pwrite, (int fd, const void* b, std::size_t n, off_t o), (fd, b, n, o))
SL_GUARDED(ssize_t, pread64, (int fd, void* b, std::size_t n, off64_t o), (fd, b, n, o))
SL_GUARDED(ssize_t, pwrite64, (int fd, const void* b, std::size_t n, off64_t o), (fd, b, n, o))
SL_GUARDED(ssize_t, readv, (int fd, const iovec* v, int n), (fd, v, n))
SL_GUARDED(ssize_t, writev, (int fd, const iovec* v, int n), (fd, v, n))
SL_GUARDED(ssize_t, __read_chk, (int fd, void* b, std::size_t n, std::size_t room), (fd, b, n, room))
SL_GUARDED(off_t, lseek, (int fd, off_t o, int whence), (fd, o, whence))
SL_GUARDED(off64_t, lseek64, (int fd, off64_t o, int whence), (fd, o, whence))
SL_GUARDED(int, fsync, (int fd), (fd))
SL_GUARDED(int, fdatasync, (int fd), (fd))
SL_GUARDED(int, ftruncate, (int fd, off_t n), (fd, n))
SL_GUARDED(int, close, (int fd), (fd))
SL_GUARDED(int, unlink, (const char* path), (path))
SL_GUARDED(int, rename, (const char* from, const char* to), (from, to))
SL_GUARDED(int, poll, (pollfd * p, nfds_t n, int t), (p, n, t))
SL_GUARDED(int, __poll_chk, (pollfd * p, nfds_t n, int t, std::size_t room), (p, n, t, room))
SL_GUARDED(int, ppoll, (pollfd * p, nfds_t n, const timespec* t, const sigset_t* s), (p, n, t, s))
SL_GUARDED(int, select, (int n, fd_set* r, fd_set* w, fd_set* e, timeval* t), (n, r, w, e, t))
SL_GUARDED(int, epoll_wait, (int fd, epoll_event* e, int n, int t), (fd, e, n, t))
SL_GUARDED(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
SL_GUARDED(int, connect, (int fd, const sockaddr* a, socklen_t n), (fd, a, n))
SL_GUARDED(int, accept, (int fd, sockaddr* a, socklen_t* n), (fd, a, n))
SL_GUARDED(ssize_t, send, (int fd, const void* b, std::size_t n, int f), (fd, b, n, f))
SL_GUARDED(ssize_t, recv, (int fd, void* b, std::size_t n, int f), (fd, b, n, f))
SL_GUARDED(ssize_t, sendto, (int fd, const void* b, std::size_t n, int f, const sockaddr* a, socklen_t l),
           (fd, b, n, f, a, l))
SL_GUARDED(ssize_t, recvfrom, (int fd, void* b, std::size_t n, int f, sockaddr* a, socklen_t* l),
           (fd, b, n, f, a, l))
SL_GUARDED(ssize_t, sendmsg, (int fd, const msghdr* m, int f), (fd, m, f))
SL_GUARDED(ssize_t, recvmsg, (int fd, msghdr* m, int f), (fd, m, f))

// The optional argument is passed on whether it was given or not: the callee knows.
SL_DECLARE(int, open, const char*, int, ...);
int guarded_open(const char* path, int flags, ...) {
  std::va_list list;
  va_start(list, flags);
  const auto mode = va_arg(list, mode_t);
  va_end(list);
  SL_NOTED("open");
  SL_NEXT(int, "open", const char*, int, ...);
  return next_call(path, flags, mode);
}
SL_DECLARE(int, open64, const char*, int, ...);
int guarded_open64(const char* path, int flags, ...) {
  std::va_list list;
  va_start(list, flags);
  const auto mode = va_arg(list, mode_t);
  va_end(list);
  SL_NOTED("open64");
  SL_NEXT(int, "open64", const char*, int, ...);
  return next_call(path, flags, mode);
}
SL_DECLARE(int, openat, int, const char*, int, ...);
int guarded_openat(int folder, const char* path, int flags, ...) {
  std::va_list list;
  va_start(list, flags);
  const auto mode = va_arg(list, mode_t);
  va_end(list);
  SL_NOTED("openat");
  SL_NEXT(int, "openat", int, const char*, int, ...);
  return next_call(folder, path, flags, mode);
}
SL_DECLARE(int, fcntl, int, int, ...);
int guarded_fcntl(int fd, int command, ...) {
  std::va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  SL_NOTED("fcntl");
  SL_NEXT(int, "fcntl", int, int, ...);
  return next_call(fd, command, argument);
}
SL_DECLARE(int, ioctl, int, unsigned long, ...);
int guarded_ioctl(int fd, unsigned long request, ...) {
  std::va_list list;
  va_start(list, request);
  void* const argument = va_arg(list, void*);
  va_end(list);
  SL_NOTED("ioctl");
  SL_NEXT(int, "ioctl", int, unsigned long, ...);
  return next_call(fd, request, argument);
}

// ---- Processes, libraries, any other system call (std::atomic::wait() and notify() come here as futex) ---
SL_GUARDED(pid_t, fork, (), ())
SL_GUARDED(pid_t, waitpid, (pid_t p, int* s, int o), (p, s, o))
SL_GUARDED(int, execve, (const char* path, char* const* a, char* const* e), (path, a, e))
SL_GUARDED(void*, dlopen, (const char* path, int flags), (path, flags))
SL_DECLARE(long, syscall, long, ...);
long guarded_syscall(long number, ...) {
  std::va_list list;
  va_start(list, number);
  std::array<long, 6> a{};
  for (long& argument : a) { argument = va_arg(list, long); }
  va_end(list);
  SL_NOTED("syscall");
  SL_NEXT(long, "syscall", long, ...);
  return next_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// ---- Streams and output. The forms with _chk are those of programs built with _FORTIFY_SOURCE. -----------
SL_GUARDED(FILE*, fopen, (const char* path, const char* mode), (path, mode))
SL_GUARDED(FILE*, fopen64, (const char* path, const char* mode), (path, mode))
SL_GUARDED(int, fclose, (FILE * f), (f))
SL_GUARDED(int, fflush, (FILE * f), (f))
SL_GUARDED(std::size_t, fread, (void* p, std::size_t s, std::size_t n, FILE* f), (p, s, n, f))
SL_GUARDED(std::size_t, fwrite, (const void* p, std::size_t s, std::size_t n, FILE* f), (p, s, n, f))
SL_GUARDED(int, fputs, (const char* s, FILE* f), (s, f))
SL_GUARDED(int, fputc, (int c, FILE* f), (c, f))
SL_GUARDED(int, puts, (const char* s), (s))
SL_GUARDED(int, putchar, (int c), (c))
SL_GUARDED(int, vprintf, (const char* s, std::va_list l), (s, l))
SL_GUARDED(int, vfprintf, (FILE * f, const char* s, std::va_list l), (f, s, l))
SL_GUARDED(int, vsnprintf, (char* b, std::size_t n, const char* s, std::va_list l), (b, n, s, l))
SL_GUARDED(int, __vfprintf_chk, (FILE * f, int flag, const char* s, std::va_list l), (f, flag, s, l))
SL_GUARDED(int, __vsnprintf_chk,
           (char* b, std::size_t n, int flag, std::size_t room, const char* s, std::va_list l),
           (b, n, flag, room, s, l))
SL_DECLARE(int, printf, const char*, ...);
int guarded_printf(const char* format, ...) {
  SL_NOTED("printf");
  SL_NEXT(int, "vprintf", const char*, std::va_list);
  std::va_list list;
  va_start(list, format);
  const int result = next_call(format, list);
  va_end(list);
  return result;
}
SL_DECLARE(int, fprintf, FILE*, const char*, ...);
int guarded_fprintf(FILE* file, const char* format, ...) {
  SL_NOTED("fprintf");
  SL_NEXT(int, "vfprintf", FILE*, const char*, std::va_list);
  std::va_list list;
  va_start(list, format);
  const int result = next_call(file, format, list);
  va_end(list);
  return result;
}
SL_DECLARE(int, snprintf, char*, std::size_t, const char*, ...);
int guarded_snprintf(char* buffer, std::size_t size, const char* format, ...) {
  SL_NOTED("snprintf");
  SL_NEXT(int, "vsnprintf", char*, std::size_t, const char*, std::va_list);
  std::va_list list;
  va_start(list, format);
  const int result = next_call(buffer, size, format, list);
  va_end(list);
  return result;
}
SL_DECLARE(int, __printf_chk, int, const char*, ...);
int guarded___printf_chk(int flag, const char* format, ...) {
  SL_NOTED("printf");
  SL_NEXT(int, "__vprintf_chk", int, const char*, std::va_list);
  std::va_list list;
  va_start(list, format);
  const int result = next_call(flag, format, list);
  va_end(list);
  return result;
}
SL_DECLARE(int, __fprintf_chk, FILE*, int, const char*, ...);
int guarded___fprintf_chk(FILE* file, int flag, const char* format, ...) {
  SL_NOTED("fprintf");
  SL_NEXT(int, "__vfprintf_chk", FILE*, int, const char*, std::va_list);
  std::va_list list;
  va_start(list, format);
  const int result = next_call(file, flag, format, list);
  va_end(list);
  return result;
}

// ---- C++ exceptions: the first thing a throw does. What it allocates is part of it. ----------------------
SL_DECLARE(void*, __cxa_allocate_exception, std::size_t);
void* guarded___cxa_allocate_exception(std::size_t size) {
  SL_NOTED("throw");
  SL_NEXT(void*, "__cxa_allocate_exception", std::size_t);
  return next_call(size);
}

#else

namespace streamlab {

RtGuardScope::RtGuardScope() noexcept = default;
RtGuardScope::~RtGuardScope() = default;
bool RtGuardScope::available() noexcept { return false; }
std::vector<std::string> RtGuardScope::take_violations() { return {}; }
void set_rt_guard_listener(RtGuardListener) noexcept {}
std::uint64_t rt_guard_sections() noexcept { return 0; }

}  // namespace streamlab

#endif
