// tests/support/rt_guard_probe.cpp
//
// A program that knows nothing of the guard and does one forbidden thing, or none, in a RtSection ("outside": without
// one): what rt_guard_test runs with librtguard.so preloaded.
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "engine/rt/rt_section.hpp"

int main(int argument_count, char** arguments) {
  const char* const what = argument_count > 1 ? arguments[1] : "nothing";
  void* volatile memory = nullptr;
  std::mutex mutex;
  if (std::strcmp(what, "outside") == 0) { return 0; }
  {
    const streamlab::RtSection section;
    if (std::strcmp(what, "malloc") == 0) { memory = std::malloc(64); }
    if (std::strcmp(what, "lock") == 0) { const std::lock_guard lock(mutex); }
  }
  std::free(memory);
  return 0;
}
