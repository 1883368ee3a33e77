// engine/stream/stream_run.hpp
//
// StreamRun: one run of a stream, from its end's first question to its last. Stages are asked with it and
// tell it what they wait for.
//
// A stage never sleeps. It answers "pending" when it has nothing yet, after it has said what would change
// that: a time (wake_at), or a change in something that was handed signal(). The end then sleeps, once for
// all of them, and asks again. So any number of stages can wait in one thread, and one place knows of
// stopping.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/channel/clock.hpp"
#include "engine/rt/thread.hpp"
#include "engine/rt/wake_signal.hpp"
#include "engine/stream/report.hpp"

namespace streamlab {

// What a stage answers.
enum class Poll : std::uint8_t {
  item,       // here is one
  pending,    // none yet; the stage has said what it waits for
  ended,      // there will be no more
  failed,     // a stage failed; the run knows why
  cancelled,  // the run was given up
};

class StreamMonitor;

// How a stream is to be run. Every end takes it; the default runs to the end by the machine's clock.
struct RunOptions {
  Clock* clock = nullptr;            // null: steady_clock()
  std::stop_token cancel = {};       // gives up: what is inside is lost
  std::stop_token drain = {};        // ends the sources: what is inside comes out
  StreamMonitor* monitor = nullptr;  // shows other threads how far the run is; must outlive it
};

// What a stage that was not given a strategy does about an item on which its function fails.
enum class OnFailure : std::uint8_t {
  fail,     // as fail_fast()
  skip,     // as skip_failed()
  collect,  // as collect_errors()
};

class StreamRun {
 public:
  using TimePoint = Clock::TimePoint;

  // What one run and those of its own threads (buffer, parallel_map) share.
  struct Shared {
    std::mutex mutex;  // guards what follows
    std::optional<StreamError> error;
    std::vector<StreamError> collected;
    std::uint64_t collected_count = 0;
    std::vector<std::string> notes;
  };

  explicit StreamRun(const RunOptions& options, std::shared_ptr<Shared> shared = std::make_shared<Shared>(),
                     OnFailure on_failure = OnFailure::fail);
  // A run of its own for a thread of a stage of `outer`: same clock, same draining, same store of errors, same
  // strategy; cancelled by `cancel` alone. `outer` may go before it.
  StreamRun(const StreamRun& outer, const std::stop_token& cancel);
  // A run of its own within `outer`, on the same thread: same clock, store of errors and signal; never
  // cancelled, drained by `drain` alone, with OnFailure::fail. For stages that share what is before them with
  // other runs, whose ends may have been given other strategies.
  struct Within {
    std::stop_token drain;
  };
  StreamRun(const StreamRun& outer, Within within);
  StreamRun& operator=(const StreamRun&) = delete;

  // --- for stages
  Clock& clock() const noexcept { return *clock_; }
  TimePoint now() const noexcept { return clock_->now(); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }
  OnFailure on_failure() const noexcept { return on_failure_; }
  // To be told to whatever a stage waits for, before it looks a last time and answers "pending".
  const std::shared_ptr<WakeSignal>& signal() const noexcept {
    ++waits_;
    return signal_;
  }
  // The stage that answers "pending" wants to be asked again at that time, if not before.
  void wake_at(TimePoint time) noexcept {
    ++waits_;
    if (time < wake_at_) { wake_at_ = time; }
  }
  // The earliest time that was asked for since begin_question().
  TimePoint wake_time() const noexcept { return wake_at_; }
  // How often stages have said what they wait for. Unchanged by a stage that answers "pending" for nothing
  // but its own lack of input.
  std::uint64_t waits() const noexcept { return waits_; }
  // Ends the run: only the first failure is kept. To be returned.
  Poll fail(const std::string& stage, std::uint64_t item, Error error);
  bool has_failed() const;
  void collect(const std::string& stage, std::uint64_t item, Error error);
  void note(std::string text);
  const std::shared_ptr<Shared>& shared() const noexcept { return shared_; }
  // While it lives, errors and notes go into `store`: a stream within the stream then fails without ending the
  // run.
  class Divert {
   public:
    Divert(StreamRun& run, std::shared_ptr<Shared>& store) : run_(run), store_(store) {
      run_.shared_.swap(store_);
    }
    Divert(const Divert&) = delete;
    Divert& operator=(const Divert&) = delete;
    ~Divert() { run_.shared_.swap(store_); }

   private:
    StreamRun& run_;
    std::shared_ptr<Shared>& store_;
  };
  // A thread of a stage, with a run of its own that is cancelled by `cancel` alone. This run may be over before
  // the thread begins.
  Result<Thread> start_thread(std::string name, const std::stop_token& cancel,
                              std::function<void(StreamRun&)> body) const;

  // --- for ends, and for threads of stages
  // Before a question: forgets what earlier answers waited for.
  void begin_question() noexcept {
    ticket_ = signal_->ticket();
    wake_at_ = TimePoint::max();
  }
  // After "pending".
  void wait() noexcept { clock_->wait(*signal_, ticket_, wake_at_); }
  // Every how-manyth item is timed: all of the first few, then one in 64. 0 while this one is not.
  std::uint32_t timing_weight() const noexcept { return timing_weight_; }
  void choose_timing() noexcept {
    ++questions_;
    timing_weight_ = questions_ <= kTimedAtFirst ? 1 : (questions_ % kTimedOneIn == 0 ? kTimedOneIn : 0);
  }

  // What a checkpoint gives back to the end and asks of it; see checkpoint.hpp.
  struct EndState {
    virtual ~EndState() = default;
    // Before the first item, and after load() where there was a checkpoint: refused where nothing could be written.
    // Leaves nothing behind.
    virtual Result<void> begin() { return {}; }
    // Makes durable what the end has written, and says where it stands.
    virtual Result<std::vector<std::byte>> save() = 0;
    virtual Result<void> load(const std::vector<std::byte>& state) = 0;
  };
  void set_end_state(EndState* end) noexcept { end_state_ = end; }
  EndState* end_state() const noexcept { return end_state_; }

 private:
  static constexpr std::uint64_t kTimedAtFirst = 64;
  static constexpr std::uint32_t kTimedOneIn = 64;

  void listen(const std::stop_token& cancel, const std::stop_token& drain);

  struct Raise {
    std::atomic<bool>* flag;
    std::shared_ptr<WakeSignal> signal;
    void operator()() const noexcept {
      flag->store(true, std::memory_order_relaxed);
      signal->notify();
    }
  };

  Clock* const clock_;
  const std::stop_token drain_;
  const std::shared_ptr<WakeSignal> signal_;
  std::shared_ptr<Shared> shared_;
  const OnFailure on_failure_ = OnFailure::fail;
  EndState* end_state_ = nullptr;
  std::uint32_t ticket_ = 0;
  TimePoint wake_at_ = TimePoint::max();
  mutable std::uint64_t waits_ = 0;
  std::uint64_t questions_ = 0;
  std::uint32_t timing_weight_ = 0;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> draining_{false};
  std::optional<std::stop_callback<Raise>> on_cancel_;  // last: they use what stands above
  std::optional<std::stop_callback<Raise>> on_drain_;
};

}  // namespace streamlab
