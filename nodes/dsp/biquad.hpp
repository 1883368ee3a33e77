// nodes/dsp/biquad.hpp
//
// A cascade of second-order sections on any number of channels, in float64.
//
// Sections are held in delta form, d = z - 1:
//
//            n0 d^2 + n1 d + n2          y  = n0 x + w1
//     H(d) = ------------------          w1 += w2 + n1 x - d1 y
//               d^2 + d1 d + d2          w2 += n2 x - d2 y
//
// (transposed direct form II; Kauraniemi, Laakso, Hartimo, Ovaska, "Delta operator realizations of
// direct-form IIR filters", IEEE Trans. Circuits and Systems II 45(1), 1998). Around z = 1, the region of low
// frequencies, z^2 + a1 z + a2 is the small difference of large numbers and loses as many digits as (sample
// rate / frequency)^2 has; the delta coefficients are that difference itself. So a 10 Hz filter at 192 kHz is
// as exact as one at 10 kHz, for one more addition.
#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

// One section, in delta form; by default it passes its input through.
struct BiquadSection {
  double n0 = 1.0;
  double n1 = 0.0;
  double n2 = 0.0;
  double d1 = 0.0;
  double d2 = 0.0;

  friend bool operator==(const BiquadSection&, const BiquadSection&) = default;
};

// (b0 + b1/z + b2/z^2) / (a0 + a1/z + a2/z^2) in delta form. a0 must not be zero. With a0 = 1 the conversion
// is exact for poles and zeros near z = 1 and rounds once or twice elsewhere.
BiquadSection section_from_transfer_function(double b0, double b1, double b2, double a0, double a1,
                                             double a2) noexcept;

// The value of H on the unit circle, at frequency_hz / sample_rate_hz turns a sample.
std::complex<double> response(const BiquadSection& section, double frequency_hz,
                              double sample_rate_hz) noexcept;
std::complex<double> response(std::span<const BiquadSection> sections, double frequency_hz,
                              double sample_rate_hz) noexcept;

// Whether both poles lie inside the unit circle; false for coefficients that are not finite.
bool is_stable(const BiquadSection& section) noexcept;

// The cascade itself. Constructed and moved on the control thread; process(), reset() and set_sections()
// belong to one thread at a time and neither allocate nor block.
//
// The output is bit-identical for any block size. Denormal numbers count as zero inside. A NaN or infinity
// would stay in the state forever: it is replaced by 0 and counted.
class BiquadCascade {
 public:
  static constexpr std::size_t kMaxSections = 64;

  // 1 .. kMaxSections sections, first one first; channel_count >= 1; `path` must be supported by this CPU.
  BiquadCascade(std::span<const BiquadSection> sections, std::size_t channel_count,
                CpuPath path = cpu_path());

  std::size_t channel_count() const noexcept { return channel_count_; }
  std::size_t section_count() const noexcept { return section_count_; }

  // One pointer per channel on either side, frame_count samples each (0 is fine). in[c] and out[c] may be the
  // same; other overlaps are not allowed. Returns how many samples were not finite and were replaced by 0.
  std::size_t process(std::span<const double* const> in, std::span<double* const> out,
                      std::size_t frame_count) noexcept;

  // Back to the initial state.
  void reset() noexcept;

  // New coefficients, as many sections as before; the state is kept.
  void set_sections(std::span<const BiquadSection> sections) noexcept;

  // The state of a section for one channel, as the equations above have it; behind the frames that were processed.
  struct State {
    double w1 = 0.0;
    double w2 = 0.0;
  };
  State state(std::size_t section, std::size_t channel) noexcept;
  void set_state(std::size_t section, std::size_t channel, State state) noexcept;

 private:
  struct alignas(64) CacheLine {
    double value[8];
  };
  // Sections [first_section, + section_count) of a group of channels; see biquad_kernel.hpp.
  struct Pass {
    void (*kernel)(double*, double*, std::size_t, std::size_t) noexcept = nullptr;
    std::size_t rows = 0;
    std::size_t first_section = 0;
    std::size_t section_count = 0;
    std::size_t pad_slots = 0;
    std::size_t lanes_offset = 0;  // into lanes(), in doubles
  };
  // Up to `width` channels that share their passes.
  struct Group {
    std::size_t first_channel = 0;
    std::size_t used_channels = 0;
    std::size_t width = 0;
    std::vector<Pass> passes;
  };

  double* lanes() noexcept { return storage_.data()->value; }
  // Where n0 of a section is, for channel `c` of the group; each next row is lane_count_ further on.
  double* lane(const Group& group, const Pass& pass, std::size_t section, std::size_t c) noexcept;
  double* lane(std::size_t section, std::size_t channel) noexcept;
  double* strip() noexcept { return storage_.data()->value + strip_offset_; }

  std::size_t channel_count_;
  std::size_t section_count_;
  std::size_t lane_count_;  // of one register
  std::vector<Group> groups_;
  std::vector<CacheLine> storage_;  // lanes of every pass, then the strip of interleaved frames
  std::size_t strip_offset_ = 0;    // in doubles
};

}  // namespace streamlab::dsp
