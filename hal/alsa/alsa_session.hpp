// hal/alsa/alsa_session.hpp
//
// AlsaSession: one lifetime of an ALSA device, from opening to closing, on its own thread. It ends when the
// device is lost or the run is stopped; the driver (alsa_driver.cpp) then begins the next.
//
// Abandoning. A plug-in may hang forever in any call, and a thread cannot be killed. So a session's thread
// owns everything that it touches in ALSA calls (its PCMs, its staging buffers, a share of AlsaRun), and
// accesses the client and the timeline only inside its gate. The driver abandons a hung session by closing
// the gate: if the thread ever returns, it finds the gate closed, closes its PCMs and ends; it touches
// nothing that the client or a later session uses. A thread inside the gate is not in ALSA but in the
// client's tick(), which is bounded; the driver waits for that.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/run/driver.hpp"
#include "hal/alsa/alsa_clock.hpp"
#include "hal/alsa/alsa_pcm.hpp"
#include "hal/alsa/alsa_timeline.hpp"
#include "hal/xrun_count.hpp"

namespace streamlab {

// Limits and clocks; the defaults are what users get.
struct AlsaTuning {
  std::shared_ptr<AlsaClock> clock = system_alsa_clock();
  bool realtime = true;                      // ask for SCHED_FIFO
  std::int64_t silence_ns = 500'000'000;     // lost after this time (and 8 periods) without a frame
  std::int64_t first_pause_ns = 50'000'000;  // before reopening; doubles up to
  std::int64_t longest_pause_ns = 500'000'000;
  std::chrono::milliseconds hang_limit{2'000};   // in one ALSA call while running
  std::chrono::milliseconds open_limit{10'000};  // while opening
  std::chrono::milliseconds stop_limit{700};     // after stop()
};

struct AlsaPcms {
  std::unique_ptr<AlsaPcm> capture;
  std::unique_ptr<AlsaPcm> playback;
  bool linked = false;  // one start starts both
};

// Shared by the sessions, the driver's supervisor and the control thread. Lives as long as any of them.
struct AlsaRun {
  AlsaRun(std::optional<AlsaPcmRequest> capture_request, std::optional<AlsaPcmRequest> playback_request,
          AlsaTuning tuning_, double rate_hz, std::uint32_t period_frames, std::uint32_t fill_frames_);
  ~AlsaRun();
  AlsaRun(const AlsaRun&) = delete;
  AlsaRun& operator=(const AlsaRun&) = delete;

  // Fixed.
  const std::optional<AlsaPcmRequest> capture;  // exact, as agreed at first
  const std::optional<AlsaPcmRequest> playback;
  const AlsaTuning tuning;
  const double rate_hz;
  const std::uint32_t period_frames;
  const std::uint32_t fill_frames;  // queued for playback when a block has just been written
  DeviceClient* client = nullptr;   // set before the first session

  // Inside a session's gate only.
  AlsaTimeline timeline;
  std::uint32_t xruns_since_tick = 0;
  std::int64_t lost_since_tick = 0;

  // Any thread.
  std::atomic<bool> stopping{false};
  int stop_fd = -1;  // readable once stopping
  std::atomic<std::uint64_t> ticks{0};
  std::atomic<std::uint64_t> frames{0};
  XrunCount xruns;
  std::atomic<std::uint64_t> gaps{0};
  std::atomic<std::uint64_t> lost_frames{0};
  std::mutex mutex;
  std::condition_variable changed;        // a session ended, or stop() was called
  DriverState state = DriverState::idle;  // under `mutex`, as the rest
  std::uint64_t reopened = 0;
  std::string real_time;
  Error failure;
};

// Opens and sets up both PCMs, or none. `there`: they could be opened, so an error comes from setting up.
Result<AlsaPcms> open_pcms(const std::optional<AlsaPcmRequest>& capture,
                           const std::optional<AlsaPcmRequest>& playback, bool& there);

class AlsaSession {
 public:
  enum class End { stopped, lost, unusable };  // unusable: it is there, but has changed; see failure()

  // `pcms`: already open, or empty: the session opens them.
  AlsaSession(std::shared_ptr<AlsaRun> run, AlsaPcms pcms) : run_(std::move(run)), pcms_(std::move(pcms)) {}

  void live() noexcept;  // the thread's body

  // The driver's side.
  bool ended() const noexcept { return ended_; }  // under run->mutex
  End end() const noexcept { return end_; }       // once ended
  const Error& failure() const noexcept { return failure_; }
  bool delivered() const noexcept { return delivered_.load(std::memory_order_relaxed); }
  bool opening() const noexcept { return opening_.load(std::memory_order_relaxed); }
  std::uint64_t beats() const noexcept { return beats_.load(std::memory_order_relaxed); }
  bool abandon() noexcept;  // false while the client is being called: ask again

 private:
  // 0 open, 1 a thread inside, 2 closed permanently. The acquire on entering pairs with the release of the
  // last thread leaving, in this session or, through run->mutex, an earlier one: what it wrote to the
  // client's buffers and the timeline is visible.
  enum Gate : int { kOpen, kInside, kClosed };
  template <class Body>
  bool through_gate(Body&& body) noexcept;

  bool open() noexcept;
  End serve() noexcept;
  int restart() noexcept;
  int fill_by_ticks() noexcept;
  bool recover(int error) noexcept;
  int wait() noexcept;
  int move_blocks() noexcept;
  int begin_playback(std::int64_t blocks) noexcept;
  int move_block() noexcept;
  bool tick() noexcept;
  void drain() noexcept;
  void first_delivery() noexcept;
  AlsaPcm& leader() noexcept { return pcms_.capture ? *pcms_.capture : *pcms_.playback; }
  std::int64_t now() const noexcept { return run_->tuning.clock->now_ns(); }
  void pause(std::int64_t ns) noexcept { run_->tuning.clock->pause_ns(ns, run_->stop_fd); }
  bool stopping() const noexcept { return run_->stopping.load(std::memory_order_acquire); }

  const std::shared_ptr<AlsaRun> run_;
  AlsaPcms pcms_;
  std::vector<pollfd> descriptors_;  // the leader's, then stop_fd
  bool starting_ = false;            // started, but not yet examined
  bool playback_started_ = false;
  int errors_ = 0;  // without a frame between them
  int idle_wakes_ = 0;

  std::atomic<int> gate_{kOpen};
  std::atomic<std::uint64_t> beats_{0};
  std::atomic<bool> delivered_{false};
  std::atomic<bool> opening_{true};
  bool ended_ = false;  // under run_->mutex
  End end_ = End::lost;
  Error failure_;
};

}  // namespace streamlab
