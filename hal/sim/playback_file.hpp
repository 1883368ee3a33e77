// hal/sim/playback_file.hpp
//
// PlaybackFile: writes the output of a simulated card to a WAV file of 64-bit floats, one channel per output
// of the client, each frame at its position: lost frames are zeros.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/error.hpp"
#include "hal/sim/sim_file.hpp"

namespace streamlab {

class PlaybackFile {
 public:
  virtual ~PlaybackFile() = default;

  // Frames position .. position + frame_count - 1, in the order of their positions. False: see failure().
  virtual bool write(std::int64_t position, std::uint32_t frame_count,
                     std::span<const double* const> channels) noexcept = 0;
  // Fills up to `position`, the end of the stream, and closes the file. Blocks on the disk.
  virtual bool finish(std::int64_t position) noexcept = 0;
  virtual Error failure() const = 0;
};

// Writes in write() itself: for the virtual clock. Blocks are of at most max_frames.
std::unique_ptr<PlaybackFile> make_playback_file(SimFileWriter writer, std::uint32_t channel_count,
                                                 std::uint32_t max_frames);

// Passes the blocks to its own thread, which may lag behind by at most four seconds: write() is then
// real-time safe and wait-free. finish() waits for that thread.
Result<std::unique_ptr<PlaybackFile>> make_background_playback_file(SimFileWriter writer,
                                                                    std::uint32_t channel_count,
                                                                    std::uint32_t max_frames,
                                                                    double sample_rate_hz);

}  // namespace streamlab
