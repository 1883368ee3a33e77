// hal/alsa/alsa_session.cpp
#include "hal/alsa/alsa_session.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/rt_section.hpp"
#include "engine/rt/rt_thread.hpp"
#include "engine/rt/thread.hpp"
#include "hal/alsa/alsa_setup.hpp"

namespace streamlab {
namespace {

constexpr int kErrorsUntilLost = 3;  // without a frame between them
constexpr int kPollMs = 100;         // longest wait: sets the minimum heartbeat rate
constexpr int kIdleWakes = 4;        // a plug-in may wake us spuriously; then we pause ourselves
constexpr int kResumeTries = 20;
constexpr std::int64_t kResumePauseNs = 20'000'000;
constexpr std::int64_t kLookNs = 100'000;  // a pointer query that took longer gives no usable time
constexpr int kLooks = 3;

}  // namespace

AlsaRun::AlsaRun(std::optional<AlsaPcmRequest> capture_request,
                 std::optional<AlsaPcmRequest> playback_request, AlsaTuning tuning_, double rate_hz_,
                 std::uint32_t period_frames_, std::uint32_t fill_frames_)
    : capture(std::move(capture_request)),
      playback(std::move(playback_request)),
      tuning(std::move(tuning_)),
      rate_hz(rate_hz_),
      period_frames(period_frames_),
      fill_frames(fill_frames_),
      timeline(rate_hz_, period_frames_, tuning.clock->epoch_offset_ns()),
      stop_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

AlsaRun::~AlsaRun() { close(stop_fd); }

Result<AlsaPcms> open_pcms(const std::optional<AlsaPcmRequest>& capture,
                           const std::optional<AlsaPcmRequest>& playback, bool& there) {
  AlsaPcms pcms;
  AlsaHandle handles[2];
  for (int n = 0; n < 2; ++n) {
    const auto& request = n == 0 ? capture : playback;
    if (!request) { continue; }
    auto handle = open_alsa(request->name, request->capture);
    if (!handle) { return tl::unexpected(handle.error()); }
    handles[n] = std::move(*handle);
  }
  there = true;
  if (capture) {
    auto pcm = set_up_alsa(std::move(handles[0]), *capture);
    if (!pcm) { return tl::unexpected(pcm.error()); }
    pcms.capture = std::move(*pcm);
  }
  if (playback) {
    AlsaPcmRequest request = *playback;
    if (pcms.capture) {  // both at one rate and period
      request.sample_rate_hz = pcms.capture->setup().rate_hz;
      request.period_frames = pcms.capture->setup().period_frames;
    }
    auto pcm = set_up_alsa(std::move(handles[1]), request);
    if (!pcm) { return tl::unexpected(pcm.error()); }
    pcms.playback = std::move(*pcm);
  }
  if (capture && playback) {
    pcms.linked = snd_pcm_link(pcms.capture->handle(), pcms.playback->handle()) == 0;
  }
  return pcms;
}

void AlsaSession::live() noexcept {
  if (open()) {
    RealtimeRequest request;
    request.realtime = run_->tuning.realtime;
    request.lock_memory = run_->tuning.realtime;
    const RealtimeInForce in_force = enter_realtime(request);
    {
      const std::lock_guard lock(run_->mutex);
      run_->real_time = to_string(in_force);
    }
    opening_.store(false, std::memory_order_relaxed);
    end_ = serve();
  }
  pcms_ = {};
  const std::lock_guard lock(run_->mutex);
  ended_ = true;
  run_->changed.notify_all();
}

// Refusals by a device that came back are permanent; everything else may be temporary.
bool AlsaSession::open() noexcept {
  if (pcms_.capture || pcms_.playback) { return true; }
  bool there = false;
  auto pcms = open_pcms(run_->capture, run_->playback, there);
  if (!pcms && there && pcms.error().code == ErrorCode::refused) {
    end_ = End::unusable;
    failure_ = pcms.error();
    failure_.code = ErrorCode::failed;
    failure_.what = fmt::format("the device came back, but {}", failure_.what);
    return false;
  }
  if (!pcms) { return false; }
  pcms_ = std::move(*pcms);
  return true;
}

AlsaSession::End AlsaSession::serve() noexcept {
  descriptors_.resize(leader().poll_count() + 1);
  int error = restart();
  std::int64_t last_frame_ns = now();
  const std::int64_t eight_periods_ns = static_cast<std::int64_t>(8e9 * run_->period_frames / run_->rate_hz);
  const std::int64_t silence_ns = std::max(run_->tuning.silence_ns, eight_periods_ns);
  for (;;) {
    beats_.fetch_add(1, std::memory_order_relaxed);
    if (stopping()) {
      drain();
      return End::stopped;
    }
    if (error >= 0) { error = wait(); }
    if (error >= 0) { error = move_blocks(); }
    if (error < 0) {
      if (!recover(error)) { return End::lost; }
      error = restart();
      continue;
    }
    if (error > 0) {
      errors_ = 0;
      idle_wakes_ = 0;
      last_frame_ns = now();
      if (!delivered()) { first_delivery(); }
    } else if (now() - last_frame_ns > silence_ns) {
      return End::lost;
    }
  }
}

void AlsaSession::first_delivery() noexcept {
  const std::lock_guard lock(run_->mutex);
  if (gate_.load(std::memory_order_acquire) == kClosed) { return; }  // abandoned meanwhile
  if (run_->state == DriverState::lost) { ++run_->reopened; }
  run_->state = DriverState::running;
  delivered_.store(true, std::memory_order_relaxed);
}

// From any state to running. Playback starts with the minimum that keeps it running: see fill_frames.
int AlsaSession::restart() noexcept {
  int error = 0;
  for (const auto* pcm : {&pcms_.capture, &pcms_.playback}) {
    if (*pcm) { (*pcm)->drop(); }
  }
  for (const auto* pcm : {&pcms_.capture, &pcms_.playback}) {
    if (!*pcm || error < 0) { continue; }
    // A linked partner may already be prepared.
    if (snd_pcm_state((*pcm)->handle()) != SND_PCM_STATE_PREPARED) { error = (*pcm)->prepare(); }
  }
  starting_ = true;
  playback_started_ = false;
  const std::int64_t start_ns = now();
  if (!through_gate([&] { run_->timeline.start(start_ns); })) { return -ECANCELED; }
  if (error >= 0 && !pcms_.capture) { return fill_by_ticks(); }
  if (error >= 0 && pcms_.linked) {
    error = pcms_.playback->put_silence(run_->fill_frames);
    playback_started_ = true;
  }
  // Not linked: playback starts with the first captured block, so that the total latency is constant.
  return error < 0 ? error : pcms_.capture->start();
}

int AlsaSession::fill_by_ticks() noexcept {
  AlsaPcm& playback = *pcms_.playback;
  const std::uint32_t wake_at = playback.setup().buffer_frames - run_->fill_frames + run_->period_frames;
  if (const int error = playback.set_avail_min(wake_at); error < 0) { return error; }
  if (!through_gate([&] { run_->lost_since_tick += run_->timeline.begin(0, now()); })) { return -ECANCELED; }
  for (std::uint32_t filled = 0; filled < run_->fill_frames; filled += run_->period_frames) {
    if (!tick()) { return -ECANCELED; }
    if (const int error = playback.put(run_->period_frames); error < 0) { return error; }
  }
  starting_ = false;
  return playback.start();
}

// After an error: whether to continue. The caller restarts the streams.
bool AlsaSession::recover(int error) noexcept {
  ++errors_;
  if (errors_ >= kErrorsUntilLost || error == -ENODEV || error == -ECANCELED) { return false; }
  const bool passed = through_gate([&] {
    if (error == -EPIPE) { ++run_->xruns_since_tick; }
  });
  if (!passed) { return false; }
  if (error == -ESTRPIPE) {
    snd_pcm_t* pcm = leader().handle();
    for (int n = 0; n < kResumeTries && snd_pcm_state(pcm) == SND_PCM_STATE_SUSPENDED && !stopping(); ++n) {
      beats_.fetch_add(1, std::memory_order_relaxed);
      if (snd_pcm_resume(pcm) < 0 || snd_pcm_state(pcm) == SND_PCM_STATE_SUSPENDED) { pause(kResumePauseNs); }
    }
  }
  return true;
}

// Waits until the leader has a block, at most kPollMs: 0, or its error.
int AlsaSession::wait() noexcept {
  const std::span<pollfd> own(descriptors_.data(), descriptors_.size() - 1);
  leader().fill_poll(own);
  descriptors_.back() = {run_->stop_fd, POLLIN, 0};
  if (++idle_wakes_ > kIdleWakes) {
    pause(static_cast<std::int64_t>(0.25e9 * run_->period_frames / run_->rate_hz));
  }
  const int ready = poll(descriptors_.data(), static_cast<nfds_t>(descriptors_.size()), kPollMs);
  if (ready < 0) { return errno == EINTR ? 0 : -errno; }
  if (ready == 0) { idle_wakes_ = 0; }
  return leader().poll_error(own);
}

// Processes all available blocks: 1 if there was one, 0 if not, or an error.
int AlsaSession::move_blocks() noexcept {
  AlsaPcm::Progress progress{};
  std::int64_t time_ns = 0;
  bool timely = false;
  for (int look = 0; look < kLooks && !timely; ++look) {
    const std::int64_t before_ns = now();
    progress = leader().progress();
    if (progress.available < 0) { return static_cast<int>(progress.available); }
    time_ns = now();
    timely = time_ns - before_ns < kLookNs;
    // The card's own timestamp, unless it is from another clock.
    if (progress.monotonic_ns != 0 && time_ns - progress.monotonic_ns < 1'000'000'000 &&
        progress.monotonic_ns <= time_ns) {
      time_ns = progress.monotonic_ns;
      timely = true;
    }
  }
  const std::int64_t queued = pcms_.capture ? 0 : leader().setup().buffer_frames - progress.available;
  const std::int64_t room = pcms_.capture ? progress.available : run_->fill_frames - queued;
  const std::int64_t blocks = room / run_->period_frames;
  if (blocks <= 0) { return 0; }
  const std::int64_t offset = pcms_.capture ? progress.available : -queued;
  const bool passed = through_gate([&] {
    if (starting_) {
      run_->lost_since_tick += run_->timeline.begin(offset, time_ns);
    } else if (timely) {
      run_->lost_since_tick += run_->timeline.observe(offset, time_ns);
    }
  });
  if (!passed) { return -ECANCELED; }
  starting_ = false;
  if (pcms_.capture && pcms_.playback && !playback_started_) {
    if (const int error = begin_playback(blocks); error < 0) { return error; }
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    if (const int error = move_block(); error < 0) { return error; }
  }
  return 1;
}

// Enough silence to bring the queue, with the blocks in progress, to its target length.
int AlsaSession::begin_playback(std::int64_t blocks) noexcept {
  const std::int64_t silence =
      std::max<std::int64_t>(run_->period_frames, run_->fill_frames - blocks * run_->period_frames);
  if (const int error = pcms_.playback->put_silence(static_cast<std::uint32_t>(silence)); error < 0) {
    return error;
  }
  playback_started_ = true;
  return pcms_.playback->start();
}

int AlsaSession::move_block() noexcept {
  if (pcms_.capture) {
    if (const int error = pcms_.capture->fetch(run_->period_frames); error < 0) { return error; }
  }
  if (!tick()) { return -ECANCELED; }
  if (!pcms_.playback) { return 0; }
  const int error = pcms_.playback->put(run_->period_frames);
  return error == -EAGAIN ? -EPIPE : error;  // no room: the two directions have drifted apart
}

// One block from the staging buffer through the client and into the other.
bool AlsaSession::tick() noexcept {
  return through_gate([&] {
    AlsaRun& run = *run_;
    if (pcms_.capture) { pcms_.capture->decode(run.client->inputs(), run.period_frames); }
    TickInfo info;
    info.position = run.timeline.next_position();
    info.timestamp_us = run.timeline.next_timestamp_us();
    info.frame_count = run.period_frames;
    info.xrun = run.xruns_since_tick > 0;
    run.xruns.tick(std::exchange(run.xruns_since_tick, 0), run.lost_since_tick > 0);
    if (run.lost_since_tick > 0) {
      run.gaps.fetch_add(1, std::memory_order_relaxed);
      run.lost_frames.fetch_add(static_cast<std::uint64_t>(run.lost_since_tick), std::memory_order_relaxed);
      run.lost_since_tick = 0;
    }
    run.client->tick(info);
    run.timeline.advance(run.period_frames);
    if (pcms_.playback) { pcms_.playback->encode(run.client->outputs(), run.period_frames); }
    run.ticks.fetch_add(1, std::memory_order_relaxed);
    run.frames.fetch_add(run.period_frames, std::memory_order_relaxed);
  });
}

// Lets the queued frames play: at most their duration plus 100 ms.
void AlsaSession::drain() noexcept {
  if (!pcms_.playback || errors_ > 0) { return; }
  AlsaPcm& playback = *pcms_.playback;
  if (pcms_.capture) {
    if (pcms_.linked) { snd_pcm_unlink(pcms_.capture->handle()); }
    pcms_.capture->drop();
  }
  const std::uint32_t buffer_frames = playback.setup().buffer_frames;
  if (playback.set_avail_min(buffer_frames) < 0) { return; }
  const std::int64_t deadline_ns =
      now() + static_cast<std::int64_t>(1e9 * run_->fill_frames / run_->rate_hz) + 100'000'000;
  std::vector<pollfd> descriptors(playback.poll_count());
  while (now() < deadline_ns) {
    beats_.fetch_add(1, std::memory_order_relaxed);
    const std::int64_t available = playback.progress().available;
    if (available < 0 || available >= buffer_frames) { return; }
    playback.fill_poll(descriptors);
    const std::int64_t queued_ns =
        static_cast<std::int64_t>(1e9 * static_cast<double>(buffer_frames - available) / run_->rate_hz);
    if (poll(descriptors.data(), static_cast<nfds_t>(descriptors.size()),
             static_cast<int>(queued_ns / 1'000'000 + 1)) < 0 ||
        playback.poll_error(descriptors) < 0) {
      return;
    }
  }
}

template <class Body>
bool AlsaSession::through_gate(Body&& body) noexcept {
  int open = kOpen;
  if (!gate_.compare_exchange_strong(open, kInside, std::memory_order_acquire)) { return false; }
  {
    const RtSection section;
    body();
  }
  gate_.store(kOpen, std::memory_order_release);
  return true;
}

bool AlsaSession::abandon() noexcept {
  int open = kOpen;
  return gate_.compare_exchange_strong(open, kClosed, std::memory_order_acq_rel) || open == kClosed;
}

}  // namespace streamlab
