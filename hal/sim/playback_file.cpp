// hal/sim/playback_file.cpp
#include "hal/sim/playback_file.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/assert.hpp"
#include "engine/rt/spsc_ring.hpp"
#include "engine/rt/thread.hpp"
#include "engine/rt/wake_signal.hpp"

namespace streamlab {
namespace {

class DirectPlaybackFile final : public PlaybackFile {
 public:
  DirectPlaybackFile(SimFileWriter writer, std::uint32_t channel_count, std::uint32_t max_frames)
      : writer_(std::move(writer)),
        channel_count_(channel_count),
        block_(std::size_t{channel_count} * max_frames),
        silence_(std::size_t{channel_count} * kSilentFrames, 0.0) {}

  bool write(std::int64_t position, std::uint32_t frame_count,
             std::span<const double* const> channels) noexcept override {
    if (!fill_up_to(position)) { return false; }
    for (std::size_t c = 0; c < channel_count_; ++c) {
      for (std::size_t n = 0; n < frame_count; ++n) { block_[n * channel_count_ + c] = channels[c][n]; }
    }
    if (!writer_.write(std::span(block_).first(std::size_t{frame_count} * channel_count_))) { return false; }
    written_ += frame_count;
    return true;
  }

  bool finish(std::int64_t position) noexcept override { return fill_up_to(position) && writer_.close(); }

  Error failure() const override { return writer_.failure(); }
  const std::string& path() const noexcept { return writer_.path(); }

 private:
  static constexpr std::int64_t kSilentFrames = 4096;

  bool fill_up_to(std::int64_t position) noexcept {
    while (written_ < position) {
      const std::int64_t count = std::min(kSilentFrames, position - written_);
      const std::span part = std::span(silence_).first(static_cast<std::size_t>(count) * channel_count_);
      if (!writer_.write(part)) { return false; }
      written_ += count;
    }
    return true;
  }

  SimFileWriter writer_;
  const std::size_t channel_count_;
  std::vector<double> block_;  // interleaved
  const std::vector<double> silence_;
  std::int64_t written_ = 0;  // frames
};

// write() is the producer of two rings, the thread their consumer: blocks_ says where the next frames of
// samples_ belong. The samples are pushed before the block, so they are all there when the block is popped.
class BackgroundPlaybackFile final : public PlaybackFile {
 public:
  BackgroundPlaybackFile(SimFileWriter writer, std::uint32_t channel_count, std::uint32_t max_frames,
                         double sample_rate_hz)
      : direct_(std::move(writer), channel_count, max_frames),
        samples_(channel_count *
                 std::max<std::size_t>(2 * std::size_t{max_frames},
                                       static_cast<std::size_t>(kLagSeconds * sample_rate_hz))),
        blocks_(kBlocks),
        planar_(channel_count, std::vector<double>(max_frames)) {
    for (auto& x : planar_) { planes_.push_back(x.data()); }
  }
  ~BackgroundPlaybackFile() override { join(); }

  Result<void> start() {
    auto thread = Thread::start("sim-playback", [this] {
      for (;;) {
        const std::uint32_t ticket = wake_.ticket();
        // Read before draining: then nothing comes after it.
        const bool last = last_.load(std::memory_order_acquire);
        if (!drain() || last) { return; }
        wake_.wait(ticket, kLookEvery);
      }
    });
    if (!thread) { return tl::unexpected(thread.error()); }
    thread_ = *std::move(thread);
    return {};
  }

  bool write(std::int64_t position, std::uint32_t frame_count,
             std::span<const double* const> channels) noexcept override {
    if (disk_failed_.load(std::memory_order_acquire)) { return false; }
    const std::size_t room = samples_.capacity() - samples_.size_approx();
    if (room < channels.size() * frame_count || blocks_.size_approx() == blocks_.capacity()) {
      behind_ = true;
      return false;
    }
    std::size_t pushed = 0;
    for (const double* const x : channels) { pushed += samples_.try_push_n(std::span(x, frame_count)); }
    const bool told = blocks_.try_push({position, frame_count});
    return told && pushed == channels.size() * frame_count;
  }

  bool finish(std::int64_t position) noexcept override {
    join();
    return direct_.finish(position) && !behind_ && !disk_failed_.load(std::memory_order_acquire);
  }

  Error failure() const override {
    if (!behind_) { return direct_.failure(); }
    return {ErrorCode::failed, direct_.path(), "the disk cannot keep up with the playback", "",
            "use a faster disk for the file, or a virtual clock"};
  }

 private:
  static constexpr double kLagSeconds = 4.0;
  static constexpr std::size_t kBlocks = std::size_t{1} << 16U;
  static constexpr std::chrono::milliseconds kLookEvery{20};
  struct Block {
    std::int64_t position = 0;
    std::uint32_t frame_count = 0;
  };

  void join() noexcept {
    last_.store(true, std::memory_order_release);
    wake_.notify();
    thread_.join();
  }

  // The thread: writes what has arrived. False when the disk failed.
  bool drain() noexcept {
    Block block;
    while (blocks_.try_pop(block)) {
      std::size_t popped = 0;
      for (auto& x : planar_) { popped += samples_.try_pop_n(std::span(x).first(block.frame_count)); }
      SL_ASSERT(popped == planar_.size() * block.frame_count, "a block comes after its samples");
      if (!direct_.write(block.position, block.frame_count, planes_)) {
        disk_failed_.store(true, std::memory_order_release);
        return false;
      }
    }
    return true;
  }

  DirectPlaybackFile direct_;  // used by the thread, and by finish() when the thread has ended
  SpscRing<double> samples_;   // block by block, channel by channel
  SpscRing<Block> blocks_;
  std::vector<std::vector<double>> planar_;  // the thread's
  std::vector<const double*> planes_;
  bool behind_ = false;  // the caller's
  std::atomic<bool> disk_failed_{false};
  std::atomic<bool> last_{false};  // no more blocks
  WakeSignal wake_;
  Thread thread_;
};

}  // namespace

Result<std::unique_ptr<PlaybackFile>> make_background_playback_file(SimFileWriter writer,
                                                                    std::uint32_t channel_count,
                                                                    std::uint32_t max_frames,
                                                                    double sample_rate_hz) {
  auto file =
      std::make_unique<BackgroundPlaybackFile>(std::move(writer), channel_count, max_frames, sample_rate_hz);
  if (auto started = file->start(); !started) { return tl::unexpected(started.error()); }
  return file;
}

std::unique_ptr<PlaybackFile> make_playback_file(SimFileWriter writer, std::uint32_t channel_count,
                                                 std::uint32_t max_frames) {
  return std::make_unique<DirectPlaybackFile>(std::move(writer), channel_count, max_frames);
}

}  // namespace streamlab
