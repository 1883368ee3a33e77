// hal/jack/jack_client.hpp
//
// JackClient: one connection to a running JACK server, closed by its destructor. The only file that knows how
// to connect without starting a server, without hanging on one that does not answer, without libjack writing to
// the terminal, and without meeting what libjack does when a server ends or a machine stands still
// (docs/decisions/jack-server-that-dies.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <jack/jack.h>

#include "engine/base/error.hpp"

namespace streamlab {

struct CloseJackClient {
  void operator()(jack_client_t* client) const noexcept;
};
using JackClient = std::unique_ptr<jack_client_t, CloseJackClient>;

// "jack" (the default server) or "jack:SERVER": the name of the server in messages.
std::string jack_device_name(const std::string& server);

// Opens a client of the running server `server` (empty: the default one). Fails when none runs. When one does
// not answer, fails after kOpenSeconds and abandons the attempt on its own thread, because libjack offers no
// way to cancel it. Control thread; blocks.
inline constexpr int kOpenSeconds = 3;
// Also fails while clients of a server that ended are not all closed.
Result<JackClient> open_jack_client(const std::string& server, const std::string& client_name);

// While one lives, each thread that libjack makes for a call of this thread calls `first` before anything else: in
// jack_activate() that is the client's real-time thread. Instead of jack_set_thread_init_callback(), which can wait for ever
// (docs/decisions/jack-server-that-dies.md). One at a time on a thread.
class FirstOnJackThreads {
 public:
  explicit FirstOnJackThreads(std::function<void()> first);
  FirstOnJackThreads(const FirstOnJackThreads&) = delete;
  FirstOnJackThreads& operator=(const FirstOnJackThreads&) = delete;
  ~FirstOnJackThreads();

 private:
  const std::function<void()> first_;
};

// A shutdown callback replaces the one that open_jack_client() has set: call this first in it. Any thread.
void note_end_of_jack_server() noexcept;

// Has a client of this process lost its server, and are not all closed since? Those that are open serve no more: libjack
// deletes them when the next is opened. Wait-free.
bool jack_server_has_ended() noexcept;

// Names of the server's audio ports with all of `flags`, in its order.
std::vector<std::string> jack_audio_ports(jack_client_t* client, unsigned long flags);

// Worst latency of a port as JACK reports it, in frames. Wait-free.
std::uint32_t jack_latency_frames(jack_port_t* port, jack_latency_callback_mode_t mode) noexcept;

}  // namespace streamlab
