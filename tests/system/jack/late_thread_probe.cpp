// tests/system/jack/late_thread_probe.cpp
//
// jack_loss_test runs it with threads that are late (tests/support/late_threads.cpp). Without an argument it looks once for
// a JACK server that is not there, then lives on until the thread that libjack made for the attempt has begun. With the
// name of a device it records from it until the first cycle.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "hal/jack/jack_client.hpp"
#include "hal/jack/jack_driver.hpp"
#include "tests/support/recording_client.hpp"

namespace {

int record_from(const char* device) {
  streamlab::DeviceRequest request;
  request.device = device;
  request.capture = true;
  const auto driver = streamlab::open_jack_driver(request);
  if (!driver) { return 1; }
  streamlab::RecordingClient client((*driver)->format());
  if (!(*driver)->start(client)) { return 1; }
  while ((*driver)->status().ticks == 0) { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }
  (*driver)->stop();
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) { return record_from(arguments[1]); }
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
