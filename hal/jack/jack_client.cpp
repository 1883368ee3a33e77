// hal/jack/jack_client.cpp
#include "hal/jack/jack_client.hpp"

#include <chrono>
#include <mutex>

#include <fmt/format.h>

#include "hal/bounded_call.hpp"

namespace streamlab {
namespace {

// libjack has one error function per process and may call it on any thread, including its real-time one. This
// keeps the messages of the last attempt to open a client; if the lock is taken, the message is dropped.
class Messages {
 public:
  static Messages& of_process() {
    static Messages messages;
    return messages;
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    length_ = 0;
  }
  void add(const char* text) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) { return; }
    if (length_ > 0 && length_ + 2 < sizeof(text_)) {
      text_[length_++] = ';';
      text_[length_++] = ' ';
    }
    for (; *text != '\0' && length_ < sizeof(text_); ++text) {
      text_[length_++] = *text == '\n' ? ' ' : *text;
    }
  }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return {text_, length_};
  }

 private:
  Messages() {
    jack_set_error_function([](const char* text) { of_process().add(text); });
    jack_set_info_function([](const char*) {});
  }
  std::mutex mutex_;
  char text_[1024] = {};
  std::size_t length_ = 0;
};

Error open_error(const std::string& server, jack_status_t status, const std::string& said) {
  Error error{ErrorCode::failed, jack_device_name(server), {}, {}, {}};
  if ((status & JackVersionError) != 0) {
    error.what = "libjack and the JACK server have different versions";
  } else if ((status & (JackServerFailed | JackServerError)) != 0) {
    error.what = server.empty() ? "no JACK server is running"
                                : fmt::format("no JACK server \"{}\" is running", server);
    error.hint = server.empty() ? "start one, for instance: jackd -d alsa"
                                : fmt::format("start one, for instance: jackd -n {} -d alsa", server);
  } else {
    error.what = fmt::format("the JACK server refused the client (status 0x{:x}): {}",
                             static_cast<unsigned>(status), said);
  }
  return error;
}

Result<JackClient> open_now(const std::string& server, const std::string& client_name) {
  Messages::of_process().clear();
  jack_status_t status{};
  jack_client_t* client =
      server.empty() ? jack_client_open(client_name.c_str(), JackNoStartServer, &status)
                     : jack_client_open(client_name.c_str(),
                                        static_cast<jack_options_t>(JackNoStartServer | JackServerName),
                                        &status, server.c_str());
  if (client == nullptr) { return tl::unexpected(open_error(server, status, Messages::of_process().text())); }
  return JackClient(client);
}

}  // namespace

std::string jack_device_name(const std::string& server) { return server.empty() ? "jack" : "jack:" + server; }

Result<JackClient> open_jack_client(const std::string& server, const std::string& client_name) {
  auto client = call_within(std::chrono::seconds(kOpenSeconds),
                            [server, client_name] { return open_now(server, client_name); });
  if (client) { return std::move(*client); }
  return failed(jack_device_name(server),
                fmt::format("the JACK server has not answered for {} s", kOpenSeconds), {},
                "is it stopped, or in a debugger?");
}

std::vector<std::string> jack_audio_ports(jack_client_t* client, unsigned long flags) {
  std::vector<std::string> names;
  const char** ports = jack_get_ports(client, nullptr, JACK_DEFAULT_AUDIO_TYPE, flags);
  if (ports == nullptr) { return names; }
  for (const char** port = ports; *port != nullptr; ++port) { names.emplace_back(*port); }
  jack_free(static_cast<void*>(ports));
  return names;
}

std::uint32_t jack_latency_frames(jack_port_t* port, jack_latency_callback_mode_t mode) noexcept {
  jack_latency_range_t range{0, 0};
  jack_port_get_latency_range(port, mode, &range);
  return range.max;
}

}  // namespace streamlab
