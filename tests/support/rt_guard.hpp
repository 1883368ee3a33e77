// tests/support/rt_guard.hpp
//
// The real-time guard: names every call that real-time code must not make. It stands in front of the C
// library (allocation, locks, files, sockets, sleeps, output, system calls, throw) for the program it is
// linked into, libraries included, and takes note of calls made on a thread while that thread is in a guarded
// section: a RtGuardScope, or the engine's own RtSection. Everything else passes through unseen.
//
// Under the sanitizers, which stand in the same place, it is not there: available() is false and nothing is
// ever noted.
//
// The same source is also built as librtguard.so, to be preloaded into an unmodified program; see
// rt_guard_preload.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace streamlab {

// A guarded section on this thread for as long as it lives. May be nested.
class [[nodiscard]] RtGuardScope {
 public:
  RtGuardScope() noexcept;
  ~RtGuardScope();
  RtGuardScope(const RtGuardScope&) = delete;
  RtGuardScope& operator=(const RtGuardScope&) = delete;

  // The forbidden calls of all threads since the last time, as C function names in order ("malloc",
  // "pthread_mutex_lock"; a C++ throw is "throw"). Of more than 1024 the later ones are left out. None proves nothing
  // where nothing was guarded: if no thread has begun a guarded section since the last time, the one entry is
  // kNothingGuarded. To be called outside of guarded sections, when the guarded threads have been joined or are known
  // to be idle.
  static std::vector<std::string> take_violations();
  static constexpr const char* kNothingGuarded = "(no guarded section was entered)";

  static bool available() noexcept;
};

// What the preloaded form builds on. Called on the guarded thread for each forbidden call; what it calls
// itself is not noted.
using RtGuardListener = void (*)(const char* name, void* caller);
void set_rt_guard_listener(RtGuardListener listener) noexcept;
// Guarded sections that were begun on all threads so far; nested ones are part of the outer one.
std::uint64_t rt_guard_sections() noexcept;

}  // namespace streamlab
