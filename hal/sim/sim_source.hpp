// hal/sim/sim_source.hpp
//
// SimSource: the signal at the inputs of a simulated card, as a function of the position in its stream.
// Frames that the card loses are lost from its source too: a source runs on even if no one listens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

class SimSource {
 public:
  enum class Status {
    ok,
    late,    // the read-ahead has not reached it: nothing was written
    failed,  // permanently: see failure()
  };
  virtual ~SimSource() = default;

  // Length in frames; empty: endless.
  virtual std::optional<std::int64_t> length() const noexcept { return std::nullopt; }

  // Writes frames position .. position + frame_count - 1 to `channels`, one pointer per channel that the
  // source was made with. Positions never go back. Real-time safe unless the source states otherwise.
  virtual Status read(std::int64_t position, std::uint32_t frame_count,
                      std::span<double* const> channels) noexcept = 0;

  // Why a read failed. Not real-time safe.
  virtual Error failure() const { return {}; }
};

std::unique_ptr<SimSource> make_silent_source();

// The counting pattern (hal/sim/counting.hpp) of the channels of the card named in `channels`, from 0.
std::unique_ptr<SimSource> make_counting_source(std::vector<std::uint32_t> channels);

// amplitude sin(2 pi frequency position / rate) on every channel. The phase is computed from the position,
// modulo the rate, and does not drift.
std::unique_ptr<SimSource> make_sine_source(double frequency_hz, double amplitude, double sample_rate_hz);

// Samples in memory, [channels x frames], all of one length > 0. Endless with `loop`.
std::unique_ptr<SimSource> make_memory_source(std::vector<std::vector<double>> samples, bool loop);

}  // namespace streamlab
