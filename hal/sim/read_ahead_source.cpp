// hal/sim/read_ahead_source.cpp
//
// Two threads. The reader (its own) is the ring's producer; read() is its consumer. Both count frames from
// the start of the stream, so that frames that the card lost are popped and discarded.
#include "hal/sim/read_ahead_source.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <utility>

#include "engine/rt/spsc_ring.hpp"
#include "engine/rt/thread.hpp"
#include "engine/rt/wake_signal.hpp"
#include "hal/sim/sim_file_source.hpp"

namespace streamlab {
namespace {

constexpr double kAheadSeconds = 2.0;
constexpr std::chrono::milliseconds kLookEvery{50};  // the reader's sleep when the ring is full
constexpr std::size_t kChunkFrames = 1024;

class ReadAheadSource final : public SimSource {
 public:
  ReadAheadSource(SimFileReader reader, std::vector<std::uint32_t> channels, bool loop)
      : channels_(std::move(channels)),
        loop_(loop),
        ring_(channels_.size() *
              (kChunkFrames + static_cast<std::size_t>(std::ceil(kAheadSeconds * reader.sample_rate_hz())))),
        discarded_(channels_.size() * kChunkFrames),
        frame_(channels_.size()),
        reader_(std::move(reader)),
        from_file_(kChunkFrames * reader_.channel_count()),
        chunk_(kChunkFrames * channels_.size()) {}

  ~ReadAheadSource() override {
    stop_.store(true, std::memory_order_relaxed);
    wake_.notify();
    thread_.join();
  }

  Result<void> start() {
    fill();
    auto thread = Thread::start("sim-read-ahead", [this] {
      while (!stop_.load(std::memory_order_relaxed)) {
        const std::uint32_t ticket = wake_.ticket();
        if (stop_.load(std::memory_order_relaxed) || !fill()) { return; }
        wake_.wait(ticket, kLookEvery);
      }
    });
    if (!thread) { return tl::unexpected(thread.error()); }
    thread_ = *std::move(thread);
    return {};
  }

  std::optional<std::int64_t> length() const noexcept override {
    return loop_ ? std::nullopt : std::optional(reader_.frame_count());
  }

  Status read(std::int64_t position, std::uint32_t frame_count,
              std::span<double* const> channels) noexcept override {
    const std::size_t stride = channels_.size();
    // Acquire: pairs with the release in fill(), so that a thread that sees the failure also sees every frame
    // that was read before it.
    const bool failed = readable_.load(std::memory_order_acquire) >= 0;
    while (next_ < position && ring_.size_approx() >= stride) {
      const auto behind = static_cast<std::size_t>(std::min<std::int64_t>(position - next_, kChunkFrames));
      const std::size_t there = std::min(ring_.size_approx() / stride, behind);
      next_ +=
          static_cast<std::int64_t>(ring_.try_pop_n(std::span(discarded_).first(there * stride)) / stride);
    }
    if (next_ < position || ring_.size_approx() < frame_count * stride) {
      return failed ? Status::failed : Status::late;
    }
    for (std::uint32_t n = 0; n < frame_count; ++n) {
      if (ring_.try_pop_n(frame_) != stride) { return Status::late; }  // cannot happen: they were counted
      for (std::size_t c = 0; c < stride; ++c) { channels[c][n] = frame_[c]; }
    }
    next_ += frame_count;
    return Status::ok;
  }

  Error failure() const override {
    return truncated_sound_file(reader_.path(), readable_.load(std::memory_order_acquire),
                                reader_.frame_count());
  }

 private:
  // Reader: reads until the ring is full. False when there is nothing more to read.
  bool fill() {
    const std::size_t stride = channels_.size();
    while (ring_.capacity() - ring_.size_approx() >= kChunkFrames * stride) {
      if (file_frame_ == reader_.frame_count()) {
        if (!loop_) { return false; }
        file_frame_ = 0;
      }
      const auto wanted =
          static_cast<std::size_t>(std::min<std::int64_t>(kChunkFrames, reader_.frame_count() - file_frame_));
      const auto got = static_cast<std::size_t>(
          reader_.read(file_frame_, std::span(from_file_).first(wanted * reader_.channel_count())));
      for (std::size_t n = 0; n < got; ++n) {
        for (std::size_t c = 0; c < stride; ++c) {
          chunk_[n * stride + c] = from_file_[n * reader_.channel_count() + channels_[c]];
        }
      }
      const std::size_t pushed = ring_.try_push_n(std::span<const double>(chunk_).first(got * stride));
      SL_ASSERT(pushed == got * stride, "the room was counted before the push");
      file_frame_ += static_cast<std::int64_t>(pushed / stride);
      if (got < wanted) {
        readable_.store(file_frame_, std::memory_order_release);
        return false;
      }
    }
    return true;
  }

  const std::vector<std::uint32_t> channels_;
  const bool loop_;
  SpscRing<double> ring_;                   // interleaved frames of channels_
  std::atomic<std::int64_t> readable_{-1};  // frames that could be read, once a read has failed
  std::atomic<bool> stop_{false};
  WakeSignal wake_;
  // The consumer's.
  std::int64_t next_ = 0;  // position of the frame at the ring's front
  std::vector<double> discarded_;
  std::vector<double> frame_;
  // The reader's.
  SimFileReader reader_;
  std::int64_t file_frame_ = 0;
  std::vector<double> from_file_;
  std::vector<double> chunk_;
  Thread thread_;
};

}  // namespace

Result<std::unique_ptr<SimSource>> make_read_ahead_source(SimFileReader reader,
                                                          std::vector<std::uint32_t> channels, bool loop) {
  auto source = std::make_unique<ReadAheadSource>(std::move(reader), std::move(channels), loop);
  if (auto started = source->start(); !started) { return tl::unexpected(started.error()); }
  return source;
}

}  // namespace streamlab
