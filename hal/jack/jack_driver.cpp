// hal/jack/jack_driver.cpp
//
// Two layers of lifetime. JackCore is shared by the driver and its supervisor thread, so that a supervisor
// that hangs in libjack can be abandoned. The supervisor owns the session and is the only one that calls
// libjack after start().
#include "hal/jack/jack_driver.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/thread.hpp"
#include "hal/bounded_call.hpp"
#include "hal/jack/jack_client.hpp"
#include "hal/jack/jack_session.hpp"
#include "hal/jack/jack_stream.hpp"
#include "hal/jack/no_sigpipe.hpp"
#include "hal/jack/port_watch.hpp"

namespace streamlab {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{50};        // how often the supervisor checks the session
constexpr int kSilentLooks = 10;         // without a cycle: the server is gone
constexpr milliseconds kFirstPause{50};  // before the first attempt to reopen
constexpr milliseconds kLongestPause{500};
constexpr milliseconds kStopLimit{900};

std::int64_t clock_now_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::int64_t epoch_offset_ns() { return clock_now_ns(CLOCK_REALTIME) - clock_now_ns(CLOCK_MONOTONIC); }

// The gate between JACK's thread and stop(). Either the cycle sees the gate closed, or close() sees the cycle
// inside; sequential consistency of the four accesses prevents both from missing each other.
//   cycle: (1) inside_ = true, (2) reads open_ … (5) inside_ = false (release)
//   close: (3) open_ = false, (4) reads inside_ until false (acquire: what the tick wrote is visible)
class Gate {
 public:
  void open() noexcept { open_.store(true, std::memory_order_seq_cst); }
  void close() noexcept {
    open_.store(false, std::memory_order_seq_cst);                 // (3)
    while (inside_.load(std::memory_order_seq_cst)) {              // (4)
      std::this_thread::sleep_for(std::chrono::microseconds(50));  // a tick is real-time code: it ends
    }
  }
  bool enter() noexcept {
    inside_.store(true, std::memory_order_seq_cst);              // (1)
    if (open_.load(std::memory_order_seq_cst)) { return true; }  // (2)
    leave();
    return false;
  }
  void leave() noexcept { inside_.store(false, std::memory_order_release); }  // (5)

 private:
  std::atomic<bool> open_{false};
  std::atomic<bool> inside_{false};
};

class JackCore final : public JackCycleSink {
 public:
  JackCore(std::string server_name, DeviceRequest device_request, const DeviceFormat& format,
           const JackSession& session)
      : server(std::move(server_name)),
        request(std::move(device_request)),
        sample_rate_hz(format.sample_rate_hz),
        stream(format.sample_rate_hz, format.max_block_frames, epoch_offset_ns()),
        ports(session.inputs(), session.outputs()) {}

  void cycle(const JackCycle& cycle, std::span<const float* const> inputs,
             std::span<float* const> outputs) noexcept override {
    if (!gate.enter()) {
      for (float* output : outputs) { std::fill_n(output, cycle.frame_count, 0.0F); }
      return;
    }
    ports.count(cycle.connected, cycle.frame_count);
    stream.process(cycle, *client, inputs, outputs);
    gate.leave();
  }
  void wake() noexcept override { events.release(); }

  void set_state(DriverState next) {
    const std::scoped_lock lock(mutex);
    if (!stopping.load(std::memory_order_relaxed)) { state = next; }
  }
  void fail(Error error) {
    const std::scoped_lock lock(mutex);
    state = DriverState::failed;
    failure = std::move(error);
  }

  const std::string server;
  const DeviceRequest request;
  const double sample_rate_hz;
  JackStream stream;
  PortWatch ports;
  DeviceClient* client = nullptr;  // set before the gate opens
  Gate gate;
  std::counting_semaphore<> events{0};
  std::atomic<bool> stopping{false};

  // Control, supervisor and asking threads, under `mutex`.
  mutable std::mutex mutex;
  DriverState state = DriverState::idle;
  Error failure;
  std::uint64_t reopened = 0;
  std::string real_time;
};

// Supervises one run: notices loss, reopens, ends. Runs on the supervisor thread.
class Supervisor {
 public:
  Supervisor(std::shared_ptr<JackCore> core, std::unique_ptr<JackSession> session)
      : core_(std::move(core)), session_(std::move(session)) {}

  void run() {
    while (!stopping()) {
      const bool event = core_->events.try_acquire_for(kLook);
      if (stopping()) { break; }
      if (session_->sample_rate_hz() != core_->sample_rate_hz) {
        fail(rate_changed());
        break;
      }
      if (gone(event)) {
        core_->gate.close();
        if (core_->request.on_device_loss == OnDeviceLoss::stop) {
          fail({ErrorCode::failed, where(), "the JACK server went away", {}, "on_device_loss is \"stop\""});
          break;
        }
        core_->set_state(DriverState::lost);
        session_.reset();
        if (!reopen()) { break; }
      }
      session_->connect_returned_ports();
      note_real_time();
    }
    core_->gate.close();
    session_.reset();
  }

 private:
  bool stopping() const { return core_->stopping.load(std::memory_order_acquire); }
  std::string where() const { return jack_device_name(core_->server); }

  // A check counts as silent only if this thread waited for it, so that the server is not blamed for time in
  // which the whole process was stopped.
  bool gone(bool event) {
    const std::uint64_t cycles = session_->cycles();
    if (cycles != seen_cycles_) {
      seen_cycles_ = cycles;
      silent_looks_ = 0;
    } else if (!event) {
      ++silent_looks_;
    }
    // (Of another client of this process: this one has to be closed, too, before any can be opened.)
    return session_->shut_down() || jack_server_has_ended() || silent_looks_ >= kSilentLooks;
  }

  // False when the run should end.
  bool reopen() {
    for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
      if (!wait(pause)) { return false; }
      auto session = JackSession::open(core_->server, core_->request);
      if (!session) { continue; }
      session_ = std::move(*session);
      if (session_->sample_rate_hz() != core_->sample_rate_hz) {
        fail(rate_changed());
        return false;
      }
      if (session_->activate(core_)) { break; }
      session_.reset();
    }
    seen_cycles_ = 0;
    silent_looks_ = 0;
    core_->stream.reconnect();
    core_->ports.connect_anew();
    const std::scoped_lock lock(core_->mutex);  // stop() closes the gate permanently after holding this lock
    if (stopping()) { return false; }
    core_->state = DriverState::running;
    ++core_->reopened;
    core_->real_time.clear();
    core_->gate.open();
    return true;
  }

  bool wait(milliseconds pause) {
    const auto until = std::chrono::steady_clock::now() + pause;
    while (!stopping() && core_->events.try_acquire_until(until)) {}
    return !stopping();
  }

  void note_real_time() {
    if (seen_cycles_ == 0) { return; }
    const std::scoped_lock lock(core_->mutex);
    if (core_->real_time.empty()) { core_->real_time = session_->real_time(); }
  }

  Error rate_changed() const {
    return {ErrorCode::failed,
            where(),
            fmt::format("the JACK server now runs at {} Hz; the run began at {} Hz",
                        session_->sample_rate_hz(), core_->sample_rate_hz),
            {},
            "restart the run at the new rate"};
  }
  void fail(Error error) {
    core_->gate.close();
    core_->fail(std::move(error));
  }

  const std::shared_ptr<JackCore> core_;
  std::unique_ptr<JackSession> session_;
  std::uint64_t seen_cycles_ = 0;
  int silent_looks_ = 0;
};

class JackDriver final : public Driver {
 public:
  JackDriver(std::shared_ptr<JackCore> core, std::unique_ptr<JackSession> session, DeviceFormat format)
      : core_(std::move(core)), session_(std::move(session)), format_(std::move(format)) {}
  ~JackDriver() override {
    stop();
    close(std::move(session_));
  }

  const DeviceFormat& format() const noexcept override { return format_; }

  Result<void> start(DeviceClient& client) override {
    const std::string where = jack_device_name(core_->server);
    if (session_ == nullptr) {
      return failed(where, "the driver was already started", "a newly opened driver");
    }
    if (const Result<void> active = session_->activate(core_); !active) {
      close(std::move(session_));
      return active;
    }
    core_->client = &client;
    core_->stream.begin(clock_now_ns(CLOCK_MONOTONIC));
    core_->set_state(DriverState::running);
    core_->gate.open();
    std::packaged_task<void()> task([supervisor = std::make_shared<Supervisor>(core_, std::move(session_))] {
      NoSigpipe::for_this_thread();
      supervisor->run();
    });
    ended_ = task.get_future();
    auto thread = Thread::start(
        "jack-watch", [run = std::make_shared<std::packaged_task<void()>>(std::move(task))] { (*run)(); });
    if (!thread) {
      core_->gate.close();
      return tl::unexpected(thread.error());
    }
    thread_ = std::move(*thread);
    return {};
  }

  void stop() noexcept override {
    if (!thread_.joinable()) { return; }
    {
      const std::scoped_lock lock(core_->mutex);
      core_->stopping.store(true, std::memory_order_release);
    }
    core_->gate.close();
    core_->stream.end();
    core_->wake();
    if (ended_.wait_for(kStopLimit) == std::future_status::ready) {
      thread_.join();
    } else {
      thread_.detach();
    }
    const std::scoped_lock lock(core_->mutex);
    if (core_->state != DriverState::failed) { core_->state = DriverState::idle; }
  }

  DriverStatus status() const override {
    DriverStatus status;
    status.ticks = core_->stream.ticks();
    status.frames = core_->stream.frames();
    status.gaps = core_->stream.gaps();
    status.lost_frames = core_->stream.lost_frames();
    status.xruns_without_gap = core_->stream.xruns().without_gap();
    status.xruns = core_->stream.xruns().xruns();
    status.ports = core_->ports.report();
    const std::scoped_lock lock(core_->mutex);
    status.state = core_->state;
    status.reopened = core_->reopened;
    status.real_time = core_->real_time;
    status.failure = core_->failure;
    return status;
  }

 private:
  static void close(std::unique_ptr<JackSession> session) {
    if (session == nullptr) { return; }
    call_within(kStopLimit, [owned = std::shared_ptr<JackSession>(std::move(session))]() mutable {
      owned.reset();
      return true;
    });
  }

  const std::shared_ptr<JackCore> core_;
  std::unique_ptr<JackSession> session_;  // until start() hands it to the supervisor
  const DeviceFormat format_;
  std::future<void> ended_;
  Thread thread_;
};

// Refusals that do not need the server.
Result<std::string> server_of(const DeviceRequest& request) {
  const std::string prefix = "jack:";
  const std::string& device = request.device;
  if (device != "jack" && !device.starts_with(prefix)) {
    return refused(device, "this is not a JACK device", "\"jack\" or \"jack:SERVER\"");
  }
  if (!request.capture && !request.playback) {
    return refused(device, "neither capture nor playback is requested", "at least one of them");
  }
  if (request.sample_format != "auto" && request.sample_format != "FLOAT_LE") {
    return refused(device, fmt::format("JACK does not support {}", request.sample_format),
                   "auto or FLOAT_LE");
  }
  if (request.periods != 0 || request.access != "auto") {
    return refused(device, "\"periods\" and \"access\" are only for ALSA devices", {},
                   "set them when starting jackd");
  }
  return device == "jack" ? std::string{} : device.substr(prefix.size());
}

Result<void> check_rate_and_period(const DeviceRequest& request, const JackSession& session) {
  const std::uint32_t rate_hz = session.sample_rate_hz();
  if (request.sample_rate_hz != 0.0 && request.sample_rate_hz != rate_hz) {
    return refused(
        request.device,
        fmt::format("the JACK server runs at {} Hz, not at {} Hz", rate_hz, request.sample_rate_hz),
        fmt::format("{} Hz", rate_hz), "a JACK server has one rate for all clients: see jackd -r");
  }
  const std::uint32_t period = session.period_frames();
  if (request.period_frames != 0 && request.period_frames != period) {
    return refused(
        request.device,
        fmt::format("the JACK server's period is {} frames, not {}", period, request.period_frames),
        fmt::format("{} frames", period),
        fmt::format("\"jack_bufsize {}\" changes it for all clients", request.period_frames));
  }
  return {};
}

DeviceFormat format_of(const std::string& server, const JackSession& session) {
  DeviceFormat format;
  format.description = server.empty() ? "the default JACK server" : fmt::format("JACK server \"{}\"", server);
  format.sample_rate_hz = session.sample_rate_hz();
  format.period_frames = session.period_frames();
  format.max_block_frames = format.period_frames;
  for (const PortPair& pair : session.inputs()) { format.input_names.push_back(pair.own); }
  for (const PortPair& pair : session.outputs()) { format.output_names.push_back(pair.own); }
  format.input_latency_frames = session.input_latency_frames();
  format.output_latency_frames = session.output_latency_frames();
  return format;
}

}  // namespace

Result<std::unique_ptr<Driver>> open_jack_driver(const DeviceRequest& request) {
  const Result<std::string> server = server_of(request);
  if (!server) { return tl::unexpected(server.error()); }
  auto session = JackSession::open(*server, request);
  if (!session) { return tl::unexpected(session.error()); }
  if (const Result<void> fits = check_rate_and_period(request, **session); !fits) {
    return tl::unexpected(fits.error());
  }
  DeviceFormat format = format_of(*server, **session);
  auto core = std::make_shared<JackCore>(*server, request, format, **session);
  return std::make_unique<JackDriver>(std::move(core), std::move(*session), std::move(format));
}

}  // namespace streamlab
