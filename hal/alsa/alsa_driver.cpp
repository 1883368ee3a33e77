// hal/alsa/alsa_driver.cpp
#include "hal/alsa/alsa_driver.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base/assert.hpp"
#include "engine/rt/thread.hpp"
#include "hal/bounded_call.hpp"

namespace streamlab {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t kFillPeriods = 2;

// Requests for reopening: exactly what was agreed at first.
std::optional<AlsaPcmRequest> agreed(std::optional<AlsaPcmRequest> request, const AlsaPcm* pcm) {
  if (!request) { return request; }
  request->sample_rate_hz = pcm->setup().rate_hz;
  request->period_frames = pcm->setup().period_frames;
  request->channels.clear();
  for (const std::uint32_t channel : pcm->setup().channels) { request->channels.push_back(channel + 1); }
  return request;
}

std::string text_of(const AlsaPcmSetup& setup) {
  return fmt::format("{}, {}", to_string(setup.format), setup.mapped() ? "mmap" : "read/write");
}

class AlsaDriver final : public Driver {
 public:
  AlsaDriver(const DeviceRequest& request, DeviceFormat format, std::shared_ptr<AlsaRun> run, AlsaPcms pcms)
      : format_(std::move(format)),
        on_loss_(request.on_device_loss),
        run_(std::move(run)),
        pcms_(std::move(pcms)) {}
  ~AlsaDriver() override { stop(); }

  const DeviceFormat& format() const noexcept override { return format_; }

  Result<void> start(DeviceClient& client) override {
    if (supervisor_.joinable()) { return failed(format_.description, "the device is already running"); }
    if (run_->stopping) {  // again, after a stop
      run_ = std::make_shared<AlsaRun>(run_->capture, run_->playback, run_->tuning, run_->rate_hz,
                                       run_->period_frames, run_->fill_frames);
    }
    SL_ASSERT(client.inputs().size() == format_.input_names.size(), "one input buffer per input channel");
    run_->client = &client;
    auto thread = Thread::start("alsa-watch", [this] { supervise(); });
    if (!thread) { return tl::unexpected(thread.error()); }
    supervisor_ = std::move(*thread);
    return {};
  }

  void stop() noexcept override {
    if (!supervisor_.joinable()) { return; }
    {
      const std::lock_guard lock(run_->mutex);
      run_->stopping.store(true, std::memory_order_release);
      run_->changed.notify_all();
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(run_->stop_fd, &one, sizeof one);
    supervisor_.join();
  }

  DriverStatus status() const override {
    DriverStatus status;
    const std::lock_guard lock(run_->mutex);
    status.state = run_->state;
    status.ticks = run_->ticks.load(std::memory_order_relaxed);
    status.frames = run_->frames.load(std::memory_order_relaxed);
    status.xruns_without_gap = run_->xruns.without_gap();
    status.xruns = run_->xruns.xruns();
    status.gaps = run_->gaps.load(std::memory_order_relaxed);
    status.lost_frames = run_->lost_frames.load(std::memory_order_relaxed);
    status.reopened = run_->reopened;
    status.real_time = run_->real_time;
    status.failure = run_->failure;
    return status;
  }

 private:
  // Runs one session after another, until stopped or failed.
  void supervise() noexcept {
    set_state(DriverState::running);
    const AlsaTuning& tuning = run_->tuning;
    std::int64_t pause_ns = tuning.first_pause_ns;
    for (AlsaPcms pcms = std::move(pcms_); !run_->stopping; pcms = {}) {
      const auto session = std::make_shared<AlsaSession>(run_, std::move(pcms));
      auto thread = Thread::start("alsa", [session] { session->live(); });
      if (!thread) { return fail(thread.error()); }
      const bool ended = watch(*session);
      if (ended) {
        thread->join();
      } else {
        thread->detach();
      }
      if (run_->stopping) { break; }
      if (ended && session->end() == AlsaSession::End::unusable) { return fail(session->failure()); }
      if (on_loss_ == OnDeviceLoss::stop) {
        return fail(failed(format_.description, "the device was lost", {},
                           "connect it again, or let on_device_loss be \"wait\"")
                        .value());
      }
      set_state(DriverState::lost);
      if (session->delivered()) { pause_ns = tuning.first_pause_ns; }
      tuning.clock->pause_ns(pause_ns, run_->stop_fd);
      pause_ns = std::min(2 * pause_ns, tuning.longest_pause_ns);
    }
    set_state(DriverState::idle);
  }

  // Waits until the session ends (true) or hangs and is abandoned (false).
  bool watch(AlsaSession& session) noexcept {
    const AlsaTuning& tuning = run_->tuning;
    std::unique_lock lock(run_->mutex);
    std::uint64_t beats = session.beats();
    bool told_to_stop = false;
    auto patience = session.opening() ? tuning.open_limit : tuning.hang_limit;
    auto deadline = steady_clock::now() + patience;
    while (!session.ended()) {
      if (run_->stopping && !told_to_stop) {
        told_to_stop = true;
        deadline = steady_clock::now() + tuning.stop_limit;
      }
      const auto look = std::min(deadline, steady_clock::now() + tuning.hang_limit / 4);
      run_->changed.wait_until(lock, look);
      if (!told_to_stop && session.beats() != beats) {
        beats = session.beats();
        deadline = steady_clock::now() + tuning.hang_limit;
      }
      if (steady_clock::now() >= deadline && !session.ended() && session.abandon()) { return false; }
    }
    return true;
  }

  void set_state(DriverState state) noexcept {
    const std::lock_guard lock(run_->mutex);
    run_->state = state;
  }
  void fail(const Error& error) noexcept {
    const std::lock_guard lock(run_->mutex);
    run_->state = DriverState::failed;
    run_->failure = error;
  }

  const DeviceFormat format_;
  const OnDeviceLoss on_loss_;
  std::shared_ptr<AlsaRun> run_;
  AlsaPcms pcms_;  // open until the first session takes them
  Thread supervisor_;
};

}  // namespace

Result<std::unique_ptr<Driver>> open_alsa_driver(const DeviceRequest& request, const AlsaTuning& tuning) {
  const std::string name = request.device.rfind("alsa:", 0) == 0 ? request.device.substr(5) : "default";
  const std::string where = "alsa:" + name;
  if (!request.capture && !request.playback) {
    return refused(where, "neither capture nor playback is requested");
  }
  if (!request.input_ports.empty() || !request.output_ports.empty()) {
    return refused(where, "named ports are not supported", "channel numbers",
                   "named ports are for JACK devices");
  }
  std::optional<AlsaPcmRequest> capture;
  std::optional<AlsaPcmRequest> playback;
  AlsaPcmRequest both{.name = name,
                      .capture = true,
                      .sample_rate_hz = request.sample_rate_hz,
                      .period_frames = request.period_frames,
                      .periods = request.periods,
                      .channels = request.input_channels,
                      .sample_format = request.sample_format,
                      .access = request.access};
  if (request.capture) { capture = both; }
  both.capture = false;
  both.channels = request.output_channels;
  if (request.playback) { playback = both; }

  auto opened = call_within(tuning.open_limit, [capture, playback] {
    bool there = false;
    return open_pcms(capture, playback, there);
  });
  if (!opened) {
    return failed(where, fmt::format("the device does not answer within {} s",
                                     std::chrono::duration<double>(tuning.open_limit).count()));
  }
  if (!*opened) { return tl::unexpected(opened->error()); }
  AlsaPcms pcms = std::move(**opened);
  const AlsaPcmSetup& setup = pcms.capture ? pcms.capture->setup() : pcms.playback->setup();

  DeviceFormat format;
  format.description = fmt::format("ALSA {} ({})", name, text_of(setup));
  if (pcms.capture && pcms.playback && text_of(setup) != text_of(pcms.playback->setup())) {
    format.description = fmt::format("ALSA {} (capture {}; playback {})", name, text_of(setup),
                                     text_of(pcms.playback->setup()));
  }
  format.sample_rate_hz = setup.rate_hz;
  format.period_frames = setup.period_frames;
  format.max_block_frames = setup.period_frames;
  format.real_time = tuning.clock->real_time();
  std::uint32_t fill_frames = 0;
  if (pcms.capture) {
    for (const std::uint32_t channel : pcms.capture->setup().channels) {
      format.input_names.push_back(fmt::format("in_{}", channel + 1));
    }
    format.input_latency_frames = setup.period_frames;
    format.input_clip_level = clip_level(pcms.capture->setup().format);
  }
  if (pcms.playback) {
    for (const std::uint32_t channel : pcms.playback->setup().channels) {
      format.output_names.push_back(fmt::format("out_{}", channel + 1));
    }
    fill_frames = setup.period_frames * (request.periods != 0 ? request.periods : kFillPeriods);
    format.output_latency_frames = fill_frames - setup.period_frames;
  }
  auto run =
      std::make_shared<AlsaRun>(agreed(capture, pcms.capture.get()), agreed(playback, pcms.playback.get()),
                                tuning, format.sample_rate_hz, format.period_frames, fill_frames);
  return std::make_unique<AlsaDriver>(request, std::move(format), std::move(run), std::move(pcms));
}

}  // namespace streamlab
