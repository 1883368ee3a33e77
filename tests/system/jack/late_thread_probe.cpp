// tests/system/jack/late_thread_probe.cpp
//
// Looks once for a JACK server that is not there, then lives on until the thread that libjack made for the attempt has
// begun: jack_loss_test runs it with threads that begin late (tests/support/late_threads.cpp).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "hal/jack/jack_client.hpp"

int main() {
  const char* const late = std::getenv("LATE_THREADS");  // NOLINT(concurrency-mt-unsafe): the only thread
  if (late == nullptr) { return 2; }
  const auto client = streamlab::open_jack_client("none", "probe");
  std::printf("%s\n", client ? "opened" : streamlab::to_string(client.error()).c_str());
  while (std::filesystem::file_size(late) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // for what it would do to a deleted object
  return client ? 1 : 0;
}
