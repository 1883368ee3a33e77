// tests/support/failing_malloc.cpp
//
// One allocation of an unmodified program fails, to be preloaded:
//
//   FAILING_MALLOC=17 LD_PRELOAD=build/dev/tests/libfailingmalloc.so build/dev/bin/streamlab check …
//
//   FAILING_MALLOC        which one, from 1; 0 or nothing: none
//   FAILING_MALLOC_COUNT  a file that gets the number of allocations when the program ends
//
// Counted from the start of this library on. Programs that the program starts are left alone. Which library asked for
// the memory that it did not get is said on standard error: "failing_malloc: libfftw3.so.3".
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <unistd.h>

// The C library's own, by the names under which it keeps them for those who stand in front of it.
extern "C" {
void* __libc_malloc(std::size_t bytes);                           // NOLINT
void* __libc_calloc(std::size_t count, std::size_t bytes);        // NOLINT
void* __libc_realloc(void* block, std::size_t bytes);             // NOLINT
void* __libc_memalign(std::size_t alignment, std::size_t bytes);  // NOLINT
}

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::uint64_t> failing{0};
const char* count_path = nullptr;

void say(const char* text) { static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text))); }

void say_who_asked(const void* caller) {
  Dl_info info{};
  if (::dladdr(caller, &info) == 0 || info.dli_fname == nullptr) { return; }
  const char* const slash = std::strrchr(info.dli_fname, '/');
  say("failing_malloc: ");
  say(slash != nullptr ? slash + 1 : info.dli_fname);
  say("\n");
}

// `caller`: an address in the code that asks.
bool fails(const void* caller) {
  if (allocations.fetch_add(1, std::memory_order_relaxed) + 1 != failing.load(std::memory_order_relaxed)) {
    return false;
  }
  say_who_asked(caller);
  errno = ENOMEM;
  return true;
}

void* aligned(std::size_t alignment, std::size_t bytes, const void* caller) {
  return fails(caller) ? nullptr : __libc_memalign(alignment, bytes);
}

[[gnu::constructor]] void begin() {
  const char* const nth = std::getenv("FAILING_MALLOC");  // NOLINT(concurrency-mt-unsafe): before any thread
  count_path = std::getenv("FAILING_MALLOC_COUNT");       // NOLINT(concurrency-mt-unsafe)
  unsetenv("LD_PRELOAD");                                 // NOLINT(concurrency-mt-unsafe)
  allocations = 0;
  failing = nth == nullptr ? 0 : std::strtoull(nth, nullptr, 10);
}

[[gnu::destructor]] void end() {
  if (count_path == nullptr) { return; }
  const std::uint64_t count = allocations.load();
  failing = 0;
  if (std::FILE* const file = std::fopen(count_path, "w")) {
    std::fprintf(file, "%llu\n", static_cast<unsigned long long>(count));
    std::fclose(file);
  }
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  return fails(__builtin_return_address(0)) ? nullptr : __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  return aligned(alignment, bytes, __builtin_return_address(0));
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return aligned(alignment, bytes, __builtin_return_address(0));
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  void* const made = aligned(alignment, bytes, __builtin_return_address(0));
  if (made == nullptr) { return ENOMEM; }
  *block = made;
  return 0;
}
}
