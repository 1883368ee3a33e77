// hal/jack/jack_client.cpp
#include "hal/jack/jack_client.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <jack/thread.h>

#include "hal/bounded_call.hpp"
#include "hal/jack/jack_servers.hpp"
#include "hal/jack/no_sigpipe.hpp"

namespace streamlab {
namespace {

// libjack gives each thread that it makes one second to begin. Its thread for messages, one at every attempt to open a
// client, runs an object that is deleted when that second is over, and calls through the deleted object when it begins
// after all: docs/decisions/jack-server-that-dies.md. Threads made here have begun when libjack starts to wait.
struct ThreadToBegin {
  void* (*body)(void*);
  void* argument;
  const std::function<void()>* first;  // or null
  std::atomic<bool> has_begun{false};  // the new thread's last access
};

thread_local const std::function<void()>* first_on_made_threads = nullptr;

void* begin_jack_thread(void* argument) {
  auto* thread = static_cast<ThreadToBegin*>(argument);
  void* (*const body)(void*) = thread->body;
  void* const its_argument = thread->argument;
  NoSigpipe::for_this_thread();
  if (thread->first != nullptr) { (*thread->first)(); }
  thread->has_begun.store(true, std::memory_order_release);
  return body(its_argument);
}

int create_jack_thread(pthread_t* id, const pthread_attr_t* attributes, void* (*body)(void*),
                       void* argument) {
  ThreadToBegin thread{body, argument, first_on_made_threads};
  const int result = pthread_create(id, attributes, begin_jack_thread, &thread);
  if (result != 0) { return result; }
  // Looked at, not waited for: a thread that wakes its maker gives way to it, and has not begun after all.
  while (!thread.has_begun.load(std::memory_order_acquire)) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return 0;
}

// The clients of this process. When a server ends, libjack (JackLibGlobals::Init) deletes at the next attempt to open a
// client all that are still there, of whichever server, under the hands of those who hold them. So nothing is opened
// between the end of a server and the closing of the last client.
class OpenClients {
 public:
  static OpenClients& of_process() {
    static OpenClients clients;
    return clients;
  }
  // False: not now. True: closed() follows, once the attempt has failed or the client is closed.
  bool may_open() {
    const std::scoped_lock lock(mutex_);
    if (count_ == 0) { server_has_ended_.store(false, std::memory_order_relaxed); }
    if (server_has_ended_.load(std::memory_order_relaxed)) { return false; }
    ++count_;
    return true;
  }
  void closed() {
    const std::scoped_lock lock(mutex_);
    --count_;
  }
  // On a thread of libjack, which cancels its threads wherever they are: no lock.
  void note_end_of_server() noexcept { server_has_ended_.store(true, std::memory_order_relaxed); }
  bool server_has_ended() const noexcept { return server_has_ended_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::size_t count_ = 0;  // open, or being opened
  std::atomic<bool> server_has_ended_{false};
};

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
    jack_set_thread_creator(create_jack_thread);
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
    std::vector<std::string> others = running_jack_servers();
    for (std::string& name : others) { name = fmt::format("\"jack:{}\"", name); }
    if (!others.empty()) {
      error.hint +=
          fmt::format("; {} {} running", fmt::join(others, " and "), others.size() == 1 ? "is" : "are");
    }
  } else {
    error.what = fmt::format("the JACK server refused the client (status 0x{:x}): {}",
                             static_cast<unsigned>(status), said);
  }
  return error;
}

Result<JackClient> open_now(const std::string& server, const std::string& client_name) {
  if (!OpenClients::of_process().may_open()) {
    return failed(jack_device_name(server),
                  "the JACK server ended, and this program has not closed all clients yet");
  }
  Messages::of_process().clear();
  const NoSigpipe no_sigpipe;
  jack_status_t status{};
  jack_client_t* client =
      server.empty() ? jack_client_open(client_name.c_str(), JackNoStartServer, &status)
                     : jack_client_open(client_name.c_str(),
                                        static_cast<jack_options_t>(JackNoStartServer | JackServerName),
                                        &status, server.c_str());
  if (client == nullptr) {
    OpenClients::of_process().closed();
    return tl::unexpected(open_error(server, status, Messages::of_process().text()));
  }
  jack_on_info_shutdown(
      client, [](jack_status_t, const char*, void*) { note_end_of_jack_server(); }, nullptr);
  return JackClient(client);
}

}  // namespace

void CloseJackClient::operator()(jack_client_t* client) const noexcept {
  const NoSigpipe no_sigpipe;
  jack_client_close(client);
  OpenClients::of_process().closed();
}

FirstOnJackThreads::FirstOnJackThreads(std::function<void()> first) : first_(std::move(first)) {
  first_on_made_threads = &first_;
}
FirstOnJackThreads::~FirstOnJackThreads() { first_on_made_threads = nullptr; }

void note_end_of_jack_server() noexcept { OpenClients::of_process().note_end_of_server(); }
bool jack_server_has_ended() noexcept { return OpenClients::of_process().server_has_ended(); }

std::string jack_device_name(const std::string& server) { return server.empty() ? "jack" : "jack:" + server; }

Result<JackClient> open_jack_client(const std::string& server, const std::string& client_name) {
  // libjack copies the name into a buffer of this size, with its end, and does not look how long it is.
  constexpr std::size_t kBuffer = 256;  // JACK_SERVER_NAME_SIZE
  const char* const by_default =
      std::getenv("JACK_DEFAULT_SERVER");  // NOLINT(concurrency-mt-unsafe): read only
  const std::size_t length = !server.empty()         ? server.size()
                             : by_default != nullptr ? std::strlen(by_default)
                                                     : 0;
  if (length >= kBuffer) {
    return refused(server.empty() ? "JACK_DEFAULT_SERVER" : "jack",
                   fmt::format("the name of this JACK server has {} characters", length),
                   fmt::format("at most {}", kBuffer - 1));
  }
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
