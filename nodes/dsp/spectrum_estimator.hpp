// nodes/dsp/spectrum_estimator.hpp
//
// SpectrumEstimator: spectra of one channel of a stream, by averaged windowed transforms.
//
//   x → frames of fft_size samples, hop apart → [minus their mean] · window → |X|² → average → scale
//
// The stream may come in blocks of any size; frames begin at multiples of hop since the start (or since a
// gap), so the spectra are bit-identical. With linear averaging, psd, overlap and a group that spans the
// whole signal this is Welch's method (P. D. Welch, IEEE Trans. AU-15, 1967).
//
// Averages are of |X|², also for amplitudes: the root is taken last. `max` and `min` hold the extreme |X|² of
// each bin. A frame never contains samples from both sides of a gap; an average may, and its `gaps` then says
// so. A frame with a NaN or an infinity is excluded from the average and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nodes/dsp/real_fft.hpp"
#include "nodes/dsp/window.hpp"

namespace streamlab::dsp {

enum class Averaging { none, linear, exponential, max, min };

enum class SpectrumScaling {
  amplitude,      // peak of the sine at each bin: 2 |X| / Σw, DC and Nyquist |X| / Σw
  rms_amplitude,  // its rms: √2 |X| / Σw, DC and Nyquist |X| / Σw
  power,          // its mean square, the square of rms_amplitude
  psd,            // one-sided density per Hz: 2 |X|² / (fs Σw²), DC and Nyquist |X|² / (fs Σw²)
};

enum class Detrend { none, constant };  // constant: subtract the mean of each frame before the window

struct SpectrumSettings {
  double sample_rate_hz = 48000.0;
  std::size_t fft_size = 4096;  // 1 … RealFft::kMaxSize
  std::size_t hop = 2048;       // 1 … fft_size
  Window window;
  Averaging averaging = Averaging::none;
  // linear, max, min: frames in a group; one spectrum per group. 0: everything since the start is one group,
  // with a spectrum after each frame.
  std::uint64_t averages = 1;
  // Exponential: weight of the newest frame, 0 < alpha <= 1; the first frame sets the average.
  double alpha = 1.0;
  SpectrumScaling scaling = SpectrumScaling::amplitude;
  Detrend detrend = Detrend::none;
};

// The weight that makes an exponential average of frames `hop` apart forget with time constant `tau_s`.
double exponential_alpha(double tau_s, std::size_t hop, double sample_rate_hz) noexcept;

class SpectrumEstimator {
 public:
  // What a spectrum was computed from. Sample numbers include missing samples.
  struct Origin {
    // Of its first frame; for an exponential average, which has no first, of the newest.
    std::uint64_t first_sample = 0;
    std::uint64_t length = 0;    // samples from there to the end of the newest frame
    std::uint64_t frames = 0;    // frames averaged
    std::uint64_t left_out = 0;  // frames with a NaN or an infinity, not averaged
    std::uint64_t gaps = 0;      // gaps within the average or just before it
    std::uint64_t missing = 0;   // samples missing in those gaps
    friend bool operator==(const Origin&, const Origin&) = default;
  };

  explicit SpectrumEstimator(const SpectrumSettings& settings);  // allocates and plans

  std::size_t bin_count() const noexcept { return fft_.bin_count(); }
  double bin_hz() const noexcept;
  double window_coherent_gain() const noexcept { return coherent_gain_; }
  double window_noise_bandwidth_bins() const noexcept { return noise_bandwidth_bins_; }

  // Takes samples until a spectrum is ready or `samples` is used up; returns how many were taken.
  //   while (!x.empty()) { x = x.subspan(e.push(x)); if (e.ready()) { use e.spectrum(); } }
  std::size_t push(std::span<const double> samples) noexcept;

  // The stream continues after `missing` lost samples: begins a new frame.
  void gap(std::uint64_t missing) noexcept;

  // Averages otherwise from now on; size, hop, window and scaling stay. The same kind of averaging goes on with the frames
  // that it has: a group is complete when it has at least `averages`. Another kind, or another detrend, begins with the
  // next group, which follows the next frame: the group under way is given with that frame, and is_cut_short() if it has
  // less than it should.
  void change(const SpectrumSettings& settings) noexcept;
  // Did a change end the group of spectrum() early?
  bool is_cut_short() const noexcept { return cut_short_; }
  // How the frames are averaged that come now.
  Averaging averaging() const noexcept { return settings_.averaging; }

  // End of the stream: ready() if a group has begun, with the frames that it has. More samples may follow,
  // for a new group.
  void end() noexcept;

  void reset() noexcept;

  // Valid from the push that returned with ready() until the next push. All NaN if every frame was excluded.
  bool ready() const noexcept { return ready_; }
  std::span<const double> spectrum() const noexcept { return spectrum_; }
  Origin origin() const noexcept { return origin_; }
  // The same for what is new since the previous spectrum; for averages that never end it is less.
  Origin news() const noexcept { return news_; }

  // The number of the current group, and its first sample once one of its frames is complete.
  std::uint64_t group() const noexcept { return group_number_; }
  std::optional<std::uint64_t> group_first_sample() const noexcept {
    return group_frames_ > 0 ? std::optional(group_.first_sample) : std::nullopt;
  }
  // Samples that were in no frame: a gap or the end cut them off.
  std::uint64_t unused() const noexcept { return unused_; }

 private:
  void transform() noexcept;  // frame_ → power_
  void accumulate() noexcept;
  void begin_group() noexcept;
  void publish() noexcept;
  void cut_off() noexcept;

  void take_over() noexcept;

  const SpectrumSettings initial_;
  SpectrumSettings settings_;  // in force
  SpectrumSettings next_;      // of the groups behind this one
  bool ends_group_ = false;    // next_ begins with the next frame
  bool cut_short_ = false;
  RealFft fft_;
  std::vector<double> window_;
  double coherent_gain_;
  double noise_bandwidth_bins_;
  double scale_;  // of |X|² for an inner bin; DC and Nyquist have half of it (a quarter for amplitude)
  double edge_scale_;

  std::vector<double> frame_;   // [fft_size] the newest samples
  std::size_t filled_ = 0;      // of them, valid
  std::size_t in_a_frame_ = 0;  // of these, how many at the beginning were in the previous frame
  std::uint64_t unused_ = 0;
  std::uint64_t position_ = 0;      // of the next sample
  std::vector<double> power_;       // [bins] |X|² of the newest frame
  std::vector<double> average_;     // [bins] sum, mean or extreme
  std::vector<double> correction_;  // [bins] the rounding error of the linear sum (Kahan)
  std::vector<double> spectrum_;    // [bins] the result
  std::uint64_t group_frames_ = 0;  // frames seen since the group began, excluded or not
  std::uint64_t group_number_ = 0;
  Origin origin_;
  Origin news_;
  Origin group_;       // of the current group
  Origin since_last_;  // since the last spectrum
  bool ready_ = false;
};

}  // namespace streamlab::dsp
