// hal/jack/jack_session.cpp
#include "hal/jack/jack_session.hpp"
#include "hal/jack/no_sigpipe.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include <pthread.h>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/rt_section.hpp"

namespace streamlab {
namespace {

std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

ServerPorts server_ports(jack_client_t* client, PortSide side) {
  const bool capture = side == PortSide::capture;
  const unsigned long usable = capture ? JackPortIsOutput : JackPortIsInput;
  const unsigned long others = capture ? JackPortIsInput : JackPortIsOutput;
  return {jack_audio_ports(client, usable | JackPortIsPhysical), jack_audio_ports(client, usable),
          jack_audio_ports(client, others)};
}

// libjack cancels its threads wherever they are, in the middle of a callback that allocates or holds a lock, too.
class NotCancelled {
 public:
  NotCancelled() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NotCancelled() { pthread_setcancelstate(before_, nullptr); }
  NotCancelled(const NotCancelled&) = delete;
  NotCancelled& operator=(const NotCancelled&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

JackSession* session_of(void* argument) noexcept { return static_cast<JackSession*>(argument); }

}  // namespace

JackSession::JackSession(std::string server, JackClient client)
    : server_(std::move(server)), client_(std::move(client)) {
  const std::uint32_t rate_hz = jack_get_sample_rate(client_.get());
  sample_rate_hz_.store(rate_hz, std::memory_order_relaxed);
  frame_ns_ = 1e9 / rate_hz;
}

JackSession::~JackSession() = default;

Result<std::unique_ptr<JackSession>> JackSession::open(const std::string& server,
                                                       const DeviceRequest& request) {
  Result<JackClient> client = open_jack_client(server, request.client_name);
  if (!client) { return tl::unexpected(client.error()); }
  std::unique_ptr<JackSession> session(new JackSession(server, std::move(*client)));
  if (const Result<void> done = session->register_ports(request); !done) {
    return tl::unexpected(done.error());
  }
  return session;
}

Result<void> JackSession::register_ports(const DeviceRequest& request) {
  const NoSigpipe no_sigpipe;
  const std::string where = jack_device_name(server_);
  if (request.capture) {
    auto pairs = choose_ports(where, PortSide::capture, server_ports(client_.get(), PortSide::capture),
                              request.input_channels, request.input_ports);
    if (!pairs) { return tl::unexpected(pairs.error()); }
    input_pairs_ = std::move(*pairs);
  }
  if (request.playback) {
    auto pairs = choose_ports(where, PortSide::playback, server_ports(client_.get(), PortSide::playback),
                              request.output_channels, request.output_ports);
    if (!pairs) { return tl::unexpected(pairs.error()); }
    output_pairs_ = std::move(*pairs);
  }
  auto inputs = register_side(PortSide::capture, input_pairs_);
  if (!inputs) { return tl::unexpected(inputs.error()); }
  auto outputs = register_side(PortSide::playback, output_pairs_);
  if (!outputs) { return tl::unexpected(outputs.error()); }
  input_ports_ = std::move(*inputs);
  output_ports_ = std::move(*outputs);
  input_buffers_.resize(input_ports_.size());
  output_buffers_.resize(output_ports_.size());
  connected_.resize(input_ports_.size() + output_ports_.size());
  return {};
}

Result<std::vector<JackSession::Port>> JackSession::register_side(PortSide side,
                                                                  const std::vector<PortPair>& pairs) {
  std::vector<Port> ports;
  for (const PortPair& pair : pairs) {
    jack_port_t* port = jack_port_register(client_.get(), pair.own.c_str(), JACK_DEFAULT_AUDIO_TYPE,
                                           side == PortSide::capture ? JackPortIsInput : JackPortIsOutput, 0);
    if (port == nullptr) {
      return failed(jack_device_name(server_),
                    fmt::format("the JACK server refused the port \"{}\"", pair.own), {},
                    "it may have no free ports: see jackd --port-max");
    }
    ports.push_back({port, jack_port_name(port), false});
  }
  return ports;
}

void JackSession::set_callbacks() {
  jack_client_t* client = client_.get();
  jack_set_process_callback(
      client,
      [](jack_nframes_t frame_count, void* self) {
        session_of(self)->process(frame_count);
        return 0;
      },
      this);
  jack_set_xrun_callback(
      client,
      [](void* self) {
        session_of(self)->xrun_.store(true, std::memory_order_relaxed);
        return 0;
      },
      this);
  jack_set_sample_rate_callback(
      client,
      [](jack_nframes_t rate_hz, void* self) {
        session_of(self)->sample_rate_hz_.store(rate_hz, std::memory_order_relaxed);
        session_of(self)->sink_->wake();
        return 0;
      },
      this);
  jack_set_freewheel_callback(
      client,
      [](int starting, void* self) {
        session_of(self)->freewheel_.store(starting != 0, std::memory_order_relaxed);
      },
      this);
  jack_set_port_registration_callback(
      client,
      [](jack_port_id_t port, int registered, void* self) {
        if (registered == 0) { return; }
        {
          const NotCancelled whole;
          const std::scoped_lock lock(session_of(self)->mutex_);
          session_of(self)->registered_.push_back(port);
        }
        session_of(self)->sink_->wake();
      },
      this);
  jack_on_info_shutdown(
      client,
      [](jack_status_t, const char*, void* self) {
        note_end_of_jack_server();
        session_of(self)->shut_down_.store(true, std::memory_order_release);
        session_of(self)->sink_->wake();
      },
      this);
}

Result<void> JackSession::activate(std::shared_ptr<JackCycleSink> sink) {
  const NoSigpipe no_sigpipe;
  sink_ = std::move(sink);
  set_callbacks();
  {
    const FirstOnJackThreads prepared([this] {
      const NotCancelled whole;
      RealtimeInForce in_force =
          enter_realtime({.realtime = false, .name = {}});  // the server chooses the priority
      const std::scoped_lock lock(mutex_);
      in_force_ = std::move(in_force);
    });
    if (jack_activate(client_.get()) != 0) {
      return failed(jack_device_name(server_), "the JACK server refused to start the client");
    }
  }
  const auto connect_all = [&](PortSide side, const std::vector<Port>& ports,
                               const std::vector<PortPair>& pairs) -> Result<void> {
    for (std::size_t n = 0; n < ports.size(); ++n) {
      if (!pairs[n].peer.empty() && !connect(side, ports[n], pairs[n])) {
        return failed(jack_device_name(server_), fmt::format("JACK port \"{}\" cannot be connected to \"{}\"",
                                                             ports[n].name, pairs[n].peer));
      }
    }
    return {};
  };
  if (const auto done = connect_all(PortSide::capture, input_ports_, input_pairs_); !done) { return done; }
  if (const auto done = connect_all(PortSide::playback, output_ports_, output_pairs_); !done) { return done; }
  latency_period_.store(period_frames(), std::memory_order_relaxed);
  latency_frames_.store(input_latency_frames(), std::memory_order_relaxed);
  return {};
}

bool JackSession::connect(PortSide side, const Port& port, const PortPair& pair) {
  const bool capture = side == PortSide::capture;
  const std::string& from = capture ? pair.peer : port.name;
  const std::string& to = capture ? port.name : pair.peer;
  const int result = jack_connect(client_.get(), from.c_str(), to.c_str());
  return result == 0 || result == EEXIST;
}

std::vector<std::string> JackSession::newly_registered() {
  std::vector<jack_port_id_t> ids;
  {
    const std::scoped_lock lock(mutex_);
    ids.swap(registered_);
  }
  std::vector<std::string> names;
  for (const jack_port_id_t id : ids) {
    jack_port_t* port = jack_port_by_id(client_.get(), id);
    const char* name = port == nullptr ? nullptr : jack_port_name(port);
    if (name != nullptr) { names.emplace_back(name); }
  }
  return names;
}

void JackSession::connect_returned_ports() {
  for (const std::string& name : newly_registered()) {
    const auto mark = [&](std::vector<Port>& ports, const std::vector<PortPair>& pairs) {
      for (std::size_t n = 0; n < ports.size(); ++n) { ports[n].peer_is_back |= pairs[n].peer == name; }
    };
    mark(input_ports_, input_pairs_);
    mark(output_ports_, output_pairs_);
  }
  connect_returned(PortSide::capture, input_ports_, input_pairs_);
  connect_returned(PortSide::playback, output_ports_, output_pairs_);
}

// A port can be connected only once its program is active, some time after registering the port: until then
// this fails and is retried at the next check.
void JackSession::connect_returned(PortSide side, std::vector<Port>& ports,
                                   const std::vector<PortPair>& pairs) {
  for (std::size_t n = 0; n < ports.size(); ++n) {
    if (ports[n].peer_is_back && connect(side, ports[n], pairs[n])) { ports[n].peer_is_back = false; }
  }
}

std::uint32_t JackSession::peer_latency(const std::vector<PortPair>& pairs,
                                        jack_latency_callback_mode_t mode) const {
  std::uint32_t latency_frames = 0;
  for (const PortPair& pair : pairs) {
    jack_port_t* peer = pair.peer.empty() ? nullptr : jack_port_by_name(client_.get(), pair.peer.c_str());
    if (peer != nullptr) { latency_frames = std::max(latency_frames, jack_latency_frames(peer, mode)); }
  }
  return latency_frames;
}

// A card's capture latency is one period plus the card's own. JACK does not recompute it when the period
// changes (jackd 1.9.21), so the difference is added here.
std::uint32_t JackSession::latency_of_cycle(std::uint32_t frame_count) const noexcept {
  const std::uint32_t latency = latency_frames_.load(std::memory_order_relaxed);
  const std::uint32_t period = latency_period_.load(std::memory_order_relaxed);
  return latency < period ? latency : latency - period + frame_count;
}

void JackSession::process(std::uint32_t frame_count) noexcept {
  const RtSection section;
  flush_denormals();  // a libjack may make this thread before activate()
  JackCycle cycle;
  cycle.frame_count = frame_count;
  cycle.frame_time = jack_last_frame_time(client_.get());
  // Half a frame: the mean error of rounding down to whole frames.
  const double since_start = jack_frames_since_cycle_start(client_.get()) + 0.5;
  cycle.start_ns = monotonic_ns() - static_cast<std::int64_t>(since_start * frame_ns_);
  cycle.freewheel = freewheel_.load(std::memory_order_relaxed);
  cycle.xrun = xrun_.exchange(false, std::memory_order_relaxed);
  cycle.input_latency_frames = latency_of_cycle(frame_count);
  std::size_t port = 0;
  for (const auto* ports : {&input_ports_, &output_ports_}) {
    for (const Port& one : *ports) { connected_[port++] = jack_port_connected(one.port) > 0 ? 1 : 0; }
  }
  cycle.connected = connected_;
  for (std::size_t c = 0; c < input_ports_.size(); ++c) {
    input_buffers_[c] = static_cast<const float*>(jack_port_get_buffer(input_ports_[c].port, frame_count));
  }
  for (std::size_t c = 0; c < output_ports_.size(); ++c) {
    output_buffers_[c] = static_cast<float*>(jack_port_get_buffer(output_ports_[c].port, frame_count));
  }
  sink_->cycle(cycle, input_buffers_, output_buffers_);
  cycles_.fetch_add(1, std::memory_order_relaxed);
}

std::string JackSession::real_time() const {
  int policy = 0;
  sched_param parameters{};
  const pthread_t thread = jack_client_thread_id(client_.get());
  if (thread == pthread_t{} || pthread_getschedparam(thread, &policy, &parameters) != 0) { return {}; }
  RealtimeInForce in_force;
  {
    const std::scoped_lock lock(mutex_);
    in_force = in_force_;
  }
  in_force.scheduling = policy == SCHED_FIFO ? Scheduling::fifo
                        : policy == SCHED_RR ? Scheduling::round_robin
                                             : Scheduling::normal;
  in_force.priority = parameters.sched_priority;
  if (jack_is_realtime(client_.get()) == 0) {
    in_force.scheduling_note = "the server runs without real-time scheduling";
  }
  return to_string(in_force);
}

}  // namespace streamlab
