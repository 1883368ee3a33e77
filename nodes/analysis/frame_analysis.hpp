// nodes/analysis/frame_analysis.hpp
//
// FrameAnalysis: a node that makes its results from windowed, averaged spectra of every channel.
//
// Frames of fft_size samples begin every round((1 - overlap) · fft_size) samples from the start of the
// stream, for any block size (nodes/dsp/spectrum_estimator.hpp). A result's position and time are those of
// its first sample; an exponential average, which has no first sample, has those of its newest frame. Its
// metadata say how many frames were averaged, how many were skipped because of NaN or infinities, and how
// many gaps with how many missing frames are in the average or just before it.
//
// Flags: `gap`, with the frames missing since the previous result, so that each gap counts once;
// `not_finite` and `incomplete` when frames were skipped; and those of the samples between position and the
// end of the newest frame. An average cut off by the end of the stream is flagged `incomplete`; samples in no
// frame are counted in a note.
//
// While the graph runs averaging, averages, time_constant_s and detrend may change (SpectrumEstimator::change()): the same
// kind of averaging goes on with what it has; another one begins behind the next frame, with which the group under way is
// given, flagged `incomplete` if it has less frames than it should.
//
// A node has the parameters of frame_param and the rules kFrameRules in its tables, says which spectrum it
// needs, and turns it into numbers in give().
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/core/node.hpp"
#include "nodes/analysis/flag_trail.hpp"
#include "nodes/dsp/spectrum_estimator.hpp"

namespace streamlab {

// The parameters, for the table of a node. All must be there; others may stand between them.
namespace frame_param {
inline constexpr std::string_view kAveragings[] = {"none", "linear", "exponential", "max", "min"};
inline constexpr std::string_view kDetrends[] = {"none", "constant"};
inline constexpr ParamInfo kFftSize = param::of_format(param::integer(
    "fft_size", "frames", {2.0, 4194304.0}, 4096.0, "Samples per transform; no prime factor above 167."));
inline constexpr ParamInfo kWindow =
    param::of_format(param::choice("window", dsp::kWindowNames, "hann", "Window, periodic."));
inline constexpr ParamInfo kWindowParameter = param::of_format(
    param::number("window_parameter", "", {0.0, 1e9}, Need::optional,
                  "kaiser: beta (0 .. 1000); gaussian: sigma in samples; tukey: alpha (0 .. 1)."));
inline constexpr ParamInfo kOverlap = param::of_format(param::number(
    "overlap", "ratio", {0.0, 0.99}, 0.5, Live::no, "Fraction of a frame that is repeated in the next one."));
inline constexpr ParamInfo kAveraging = param::live(
    param::choice("averaging", kAveragings, "none",
                  "none: each frame separately; linear: mean of |X|²; exponential: fading mean of |X|²; max, "
                  "min: hold."));
inline constexpr ParamInfo kAverages = param::live(param::integer(
    "averages", "frames", {0.0, 1e9}, Need::optional,
    "linear, max, min: frames per spectrum, default 8; 0: a running one of all frames since the start, which "
    "gives a spectrum for every frame. For one of the whole stream, at its end, put Reduce behind the Spectrum."));
inline constexpr ParamInfo kTimeConstantS = param::live(
    param::number("time_constant_s", "s", {1e-6, 1e6}, Need::optional,
                  "exponential: time constant, the time in which the past fades to 37 %, default 1."));
inline constexpr ParamInfo kDetrend = param::live(param::choice(
    "detrend", kDetrends, "none", "constant: subtract the mean of each frame before the window."));

inline constexpr std::string_view kCounted[] = {"linear", "max", "min"};
inline constexpr std::string_view kFading[] = {"exponential"};
inline constexpr std::string_view kParametric[] = {"kaiser", "gaussian", "tukey"};
inline constexpr std::string_view kAveragesName[] = {"averages"};
inline constexpr std::string_view kTimeConstantName[] = {"time_constant_s"};
inline constexpr std::string_view kWindowParameterName[] = {"window_parameter"};
}  // namespace frame_param

inline constexpr ParamRule kFrameRules[] = {
    {ParamRule::Kind::only_if, frame_param::kAveragesName, frame_param::kCounted, "averaging"},
    {ParamRule::Kind::only_if, frame_param::kTimeConstantName, frame_param::kFading, "averaging"},
    {ParamRule::Kind::only_if, frame_param::kWindowParameterName, frame_param::kParametric, "window"},
    {ParamRule::Kind::needed_if, frame_param::kWindowParameterName, frame_param::kParametric, "window"},
};

class FrameAnalysis : public Node {
 public:
  void reset() noexcept final;
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override;
  void apply(NodeChange& change) noexcept override;
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept final;
  Status finish(std::span<OutputPort> out) noexcept final;
  std::vector<NodeNote> notes() const override;

 protected:
  explicit FrameAnalysis(const ParamValues& params) : params_(params) {}
  const ParamValues& params() const noexcept { return params_; }

  // Part of prepare(). Refused: overlapping blocks; a size whose transform cannot run in real time; an
  // overlap that leaves nothing new; more memory than 1 GiB. Sets the rate, max_blocks and held_frames of
  // `out`, and notes about the frames. reset() must follow.
  Result<void> prepare_frames(const StreamFormat& in, dsp::SpectrumScaling scaling, OutputFormat& out);

  // Writes the numbers of the result and its frame count. Header and metadata are made. Real-time safe.
  virtual void give(DataFrame& y) noexcept = 0;

  // The spectrum of a channel, in give(); all NaN if every frame was skipped.
  std::span<const double> spectrum(std::uint32_t channel) const noexcept {
    return estimators_[channel].spectrum();
  }
  std::size_t bin_count() const noexcept { return estimators_[0].bin_count(); }
  double bin_hz() const noexcept { return estimators_[0].bin_hz(); }

 private:
  std::size_t index_of(const ParamInfo& info) const { return *params_.find(info.name); }
  Result<dsp::Window> read_window() const;
  Result<dsp::SpectrumSettings> read_settings(const ParamValues& params, double sample_rate_hz) const;
  void describe_frames(const dsp::SpectrumSettings& settings,
                       std::map<std::string, std::string>& notes) const;
  void go_to(const FrameHeader& header) noexcept;
  void note_begin(std::uint64_t group, std::uint64_t first_sample) noexcept;
  void give_result(DataFrame& y) noexcept;

  const ParamValues params_;
  double sample_rate_hz_ = 0.0;   // fixed by prepare_frames()
  std::uint32_t max_frames_ = 0;  // likewise, as is the next
  std::uint32_t max_blocks_ = 0;
  bool fades_ = false;                              // an exponential average: of the frames that come now
  std::vector<dsp::SpectrumEstimator> estimators_;  // by channel, in step
  bool started_ = false;                            // a block has come
  std::int64_t next_ = 0;                           // position of the next frame
  std::int64_t origin_position_ = 0;                // position at which the estimators' sample count begins
  std::uint64_t results_ = 0;
  std::uint64_t begin_group_ = 0;    // group of the estimators whose beginning is known
  std::int64_t begin_position_ = 0;  // of its first sample
  std::int64_t begin_time_us_ = 0;
  FrameHeader last_block_;
  std::uint64_t frames_in_ = 0;
  FlagTrail trail_;
  std::uint32_t flags_before_ = 0;  // of this group, from before the stream restarted its count
};

}  // namespace streamlab
