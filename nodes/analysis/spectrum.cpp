// nodes/analysis/spectrum.cpp
//
// Spectrum: windowed, averaged spectra of every channel.
//
//   in   audio, float64 [channels x frames], any rate
//   out  spectra, float64 [channels x (fft_size / 2 + 1)], bin k at k · rate / fft_size Hz
//
// Frames of fft_size samples begin every round((1 - overlap) · fft_size) samples from the start of the
// stream, for any block size (nodes/dsp/spectrum_estimator.hpp). A spectrum's position and time are those of
// its first sample; an exponential average, which has no first sample, has those of its newest frame. Its
// metadata say how many frames were averaged, how many were skipped because of NaN or infinities, and how
// many gaps with how many missing frames are in the average or just before it.
//
// Flags: `gap`, with the frames missing since the previous spectrum, so that each gap counts once;
// `not_finite` and `incomplete` when frames were skipped; and those of the samples between position and the
// end of the newest frame. An average cut off by the end of the stream is flagged `incomplete`; samples in no
// frame are counted in a note.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/analysis/flag_trail.hpp"
#include "nodes/analysis/level_unit.hpp"
#include "nodes/analysis/time_at.hpp"
#include "nodes/dsp/spectrum_estimator.hpp"

namespace streamlab {
namespace spectrum_node {
namespace {

constexpr double kMaxMemoryBytes = 1024.0 * 1024.0 * 1024.0;

constexpr std::string_view kAveragings[] = {"none", "linear", "exponential", "max",
                                            "min"};                             // as dsp::Averaging
constexpr std::string_view kScalings[] = {"amplitude", "rms", "power", "psd"};  // as dsp::SpectrumScaling
constexpr std::string_view kOutputs[] = {"linear", "db"};
constexpr std::string_view kDetrends[] = {"none", "constant"};  // as dsp::Detrend

constexpr ParamInfo kParams[] = {
    param::integer("fft_size", "frames", {2.0, 4194304.0}, 4096.0,
                   "Samples per transform; no prime factor above 167."),
    param::choice("window", dsp::kWindowNames, "hann", "Window, periodic."),
    param::number("window_parameter", "", {0.0, 1e9}, Need::optional,
                  "kaiser: beta (0 .. 1000); gaussian: sigma in samples; tukey: alpha (0 .. 1)."),
    param::number("overlap", "ratio", {0.0, 0.99}, 0.5, Live::no,
                  "Fraction of a frame that is repeated in the next one."),
    param::choice("averaging", kAveragings, "none",
                  "none: each frame separately; linear: mean of |X|²; exponential: fading mean of |X|²; max, "
                  "min: hold."),
    param::integer(
        "averages", "frames", {0.0, 1e9}, Need::optional,
        "linear, max, min: frames per spectrum, default 8; 0: all frames since the start, one spectrum per "
        "frame."),
    param::number("time_constant_s", "s", {1e-6, 1e6}, Need::optional,
                  "exponential: time constant, the time in which the past fades to 37 %, default 1."),
    param::choice("scaling", kScalings, "amplitude",
                  "amplitude: peak of a sine; rms: its rms; power: its mean square; psd: density per Hz."),
    param::choice("output", kOutputs, "linear",
                  "linear, or decibels, where zero is -infinity (null in JSON)."),
    param::choice("detrend", kDetrends, "none",
                  "constant: subtract the mean of each frame before the window."),
};
constexpr auto kFftSize = param::at(kParams, "fft_size");
constexpr auto kWindow = param::at(kParams, "window");
constexpr auto kWindowParameter = param::at(kParams, "window_parameter");
constexpr auto kOverlap = param::at(kParams, "overlap");
constexpr auto kAveraging = param::at(kParams, "averaging");
constexpr auto kAverages = param::at(kParams, "averages");
constexpr auto kTimeConstantS = param::at(kParams, "time_constant_s");
constexpr auto kScaling = param::at(kParams, "scaling");
constexpr auto kOutput = param::at(kParams, "output");
constexpr auto kDetrend = param::at(kParams, "detrend");
constexpr std::string_view kCounted[] = {"linear", "max", "min"};
constexpr std::string_view kFading[] = {"exponential"};
constexpr std::string_view kParametric[] = {"kaiser", "gaussian", "tukey"};
constexpr std::string_view kAveragesName[] = {"averages"};
constexpr std::string_view kTimeConstantName[] = {"time_constant_s"};
constexpr std::string_view kWindowParameterName[] = {"window_parameter"};
constexpr ParamRule kRules[] = {
    {ParamRule::Kind::only_if, kAveragesName, kCounted, "averaging"},
    {ParamRule::Kind::only_if, kTimeConstantName, kFading, "averaging"},
    {ParamRule::Kind::only_if, kWindowParameterName, kParametric, "window"},
    {ParamRule::Kind::needed_if, kWindowParameterName, kParametric, "window"},
};
constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::spectrum), "Spectra."}};
constexpr NodeInfo kInfo{
    .name = "Spectrum",
    .description = "Measures windowed, averaged spectra of every channel.",
    .inputs = kAudioInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap =
        "Begins a new frame after the gap; an average with frames on both sides of it reports it. gap_frames "
        "counts each gap once, in the first spectrum after it; the metadata gaps and missing_frames cover "
        "the whole average.",
    .details =
        "FFT unnormalised, exp(-i…). amplitude: 2 |X| / Σw, the peak of a sine on a bin; rms: √2 |X| / Σw; "
        "power: 2 |X|² / (Σw)²; psd: 2 |X|² / (fs Σw²); not doubled at DC and Nyquist. Averages are "
        "of |X|²; in decibels the logarithm comes last. psd with linear averaging is Welch's estimate, like "
        "scipy.signal.welch without detrending. "
        "Decibels: 20 lg of amplitude and rms, 10 lg of power and psd. The notes of the result give window, "
        "coherent gain and equivalent noise bandwidth. Position and time are those of the first sample in "
        "the average, or of the newest frame if averaging is exponential. An average cut off by the end is "
        "flagged incomplete; samples at the end that do not fill a frame are in no spectrum, and the summary "
        "counts them.",
    .example =
        R"({"id": "spec", "type": "Spectrum", "config": {"fft_size": 4096, "window": "hann", "averaging": "linear"}})",
    .cost_ns_per_frame = 10.0,
};

class Spectrum final : public Node {
 public:
  explicit Spectrum(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(
            in, "its frames continue across blocks; use \"overlap\" here for overlapping frames");
        !fits) {
      return tl::unexpected(fits.error());
    }
    sample_rate_hz_ = in.sample_rate_hz;
    auto settings = read_settings(in);
    if (!settings) { return tl::unexpected(settings.error()); }
    const std::uint32_t max_blocks = blocks_per_input(*settings, in.max_frames);
    if (auto small = check_memory(*settings, in, max_blocks); !small) {
      return tl::unexpected(small.error());
    }

    estimators_.clear();
    estimators_.reserve(in.channel_count());
    for (std::uint32_t c = 0; c < in.channel_count(); ++c) { estimators_.emplace_back(*settings); }
    decibels_per_decade_ = 0.0;
    fades_ = settings->averaging == dsp::Averaging::exponential;
    if (params_.choice(kOutput) == 1) {
      const bool amplitude = settings->scaling == dsp::SpectrumScaling::amplitude ||
                             settings->scaling == dsp::SpectrumScaling::rms_amplitude;
      decibels_per_decade_ = amplitude ? 20.0 : 10.0;
    }
    reset();

    OutputFormat out;
    out.format = output_format(in, *settings);
    out.max_blocks = max_blocks;
    const double frames_per_spectrum =
        settings->averaging == dsp::Averaging::none || settings->averaging == dsp::Averaging::exponential
            ? 1.0
            : std::max(1.0, static_cast<double>(settings->averages));
    const double held = static_cast<double>(settings->fft_size) +
                        (frames_per_spectrum - 1.0) * static_cast<double>(settings->hop);
    out.held_frames = static_cast<std::uint32_t>(std::min(held, 4294967295.0));
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.reset(); }
    started_ = false;
    next_ = 0;
    origin_position_ = 0;
    results_ = 0;
    begin_group_ = 0;
    begin_position_ = begin_time_us_ = 0;
    last_block_ = {};
    frames_in_ = 0;
    trail_.reset();
    flags_before_ = 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.frame_count() == 0) { return Status::ok; }
    go_to(x.header());
    last_block_ = x.header();
    frames_in_ += x.frame_count();
    for (std::uint32_t done = 0; done < x.frame_count();) {
      std::uint32_t taken = 0;
      const std::uint64_t group = estimators_[0].group();
      for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
        taken = static_cast<std::uint32_t>(estimators_[c].push(x.channel(c).subspan(done)));
      }
      trail_.add(x, done, taken);
      done += taken;
      if (estimators_[0].ready()) {
        note_begin(group, estimators_[0].origin().first_sample);
        give(out[0].emit());
      }
      if (const auto first = estimators_[0].group_first_sample()) {
        note_begin(estimators_[0].group(), *first);
      }
    }
    next_ += x.frame_count();
    return Status::ok;
  }

  // What an average has so far.
  Status finish(std::span<OutputPort> out) noexcept override {
    for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.end(); }
    if (!estimators_[0].ready()) { return Status::done; }
    DataFrame& y = out[0].emit();
    give(y);
    y.header().set(FrameFlag::incomplete);
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    const std::uint64_t unused = estimators_.empty() ? 0 : estimators_[0].unused();
    if (unused == 0) { return {}; }
    const std::int64_t size = params_.integer(kFftSize);
    if (results_ == 0 && unused == frames_in_) {
      return {{fmt::format("no spectrum: {} frames came, but one takes {} in a row", unused, size), unused}};
    }
    return {
        {fmt::format("{} frames are in no spectrum, which takes {} in a row: the end or a gap cut them off",
                     unused, size),
         unused}};
  }

 private:
  Result<dsp::Window> read_window() const {
    dsp::Window window;
    window.type = static_cast<dsp::WindowType>(params_.choice(kWindow));
    const bool given = params_.given(kWindowParameter);
    const double value = given ? params_[kWindowParameter] : 0.0;
    constexpr std::string_view kWhere = "/config/window_parameter";
    const auto wrong = [&](std::string_view expected) {
      return refused(std::string(kWhere),
                     fmt::format("{} cannot be used with the window {}", value, name(window.type)),
                     std::string(expected));
    };
    switch (window.type) {
      case dsp::WindowType::kaiser:
        if (value > 1000.0) { return wrong("beta, 0 .. 1000"); }
        break;
      case dsp::WindowType::gaussian:
        if (value <= 0.0) { return wrong("sigma in samples, above 0"); }
        break;
      case dsp::WindowType::tukey:
        if (value > 1.0) { return wrong("alpha, 0 .. 1"); }
        break;
      default:
        break;
    }
    window.parameter = value;
    return window;
  }

  Result<dsp::SpectrumSettings> read_settings(const StreamFormat& in) const {
    dsp::SpectrumSettings s;
    s.sample_rate_hz = in.sample_rate_hz;
    s.fft_size = static_cast<std::size_t>(params_.integer(kFftSize));
    if (!dsp::RealFft::is_forward_real_time_safe(s.fft_size)) {
      std::size_t near = s.fft_size;  // 2 is below every refused size
      while (!dsp::RealFft::is_forward_real_time_safe(near)) { --near; }
      return refused("/config/fft_size", fmt::format("{} has a prime factor above 167", s.fft_size),
                     "a size whose transform can run in real time",
                     fmt::format("the next smaller valid size is {}", near));
    }
    const auto window = read_window();
    if (!window) { return tl::unexpected(window.error()); }
    s.window = *window;
    s.hop = s.fft_size -
            static_cast<std::size_t>(std::llround(params_[kOverlap] * static_cast<double>(s.fft_size)));
    if (s.hop == 0) {
      return refused("/config/overlap",
                     fmt::format("an overlap of {} leaves none of the {} samples new in the next frame",
                                 params_[kOverlap], s.fft_size),
                     "a smaller overlap or a larger fft_size");
    }
    s.averaging = static_cast<dsp::Averaging>(params_.choice(kAveraging));
    s.averages = params_.given(kAverages) ? static_cast<std::uint64_t>(params_.integer(kAverages)) : 8;
    const double time_constant_s = params_.given(kTimeConstantS) ? params_[kTimeConstantS] : 1.0;
    s.alpha = dsp::exponential_alpha(time_constant_s, s.hop, s.sample_rate_hz);
    s.scaling = static_cast<dsp::SpectrumScaling>(params_.choice(kScaling));
    s.detrend = static_cast<dsp::Detrend>(params_.choice(kDetrend));
    return s;
  }

  // Most spectra that one block of `max_frames` can complete.
  static std::uint32_t blocks_per_input(const dsp::SpectrumSettings& s, std::uint32_t max_frames) {
    const std::uint64_t frames = max_frames / s.hop + 1;
    const bool grouped =
        s.averages > 0 && (s.averaging == dsp::Averaging::linear || s.averaging == dsp::Averaging::max ||
                           s.averaging == dsp::Averaging::min);
    const std::uint64_t blocks = grouped ? (frames - 1) / s.averages + 1 : frames;
    return static_cast<std::uint32_t>(blocks);
  }

  static Result<void> check_memory(const dsp::SpectrumSettings& s, const StreamFormat& in,
                                   std::uint32_t blocks) {
    const double size = static_cast<double>(s.fft_size);
    constexpr double kBytesPerSample = 64.0;  // frame, window, transform and its plan, three sets of bins
    const double bytes = in.channel_count() * (kBytesPerSample * size + 8.0 * (size / 2.0 + 1.0) * blocks);
    if (bytes <= kMaxMemoryBytes) { return {}; }
    return refused("/config/fft_size",
                   fmt::format("{} samples on {} channels with overlap would need {:.1f} GiB of memory",
                               s.fft_size, in.channel_count(), bytes / kMaxMemoryBytes),
                   "at most 1 GiB", "use a smaller fft_size, less overlap or fewer channels");
  }

  StreamFormat output_format(const StreamFormat& in, const dsp::SpectrumSettings& s) const {
    const dsp::SpectrumEstimator& estimator = estimators_[0];
    StreamFormat format;
    format.kind = StreamKind::spectrum;
    format.sample_rate_hz = in.sample_rate_hz;
    format.max_frames = static_cast<std::uint32_t>(estimator.bin_count());
    format.axis = {"frequency", "Hz", 0.0, estimator.bin_hz()};
    for (const ChannelInfo& channel : in.channels) {
      format.channels.push_back({channel.name, unit_of(channel.unit)});
    }
    const std::string parameter =
        params_.given(kWindowParameter) ? fmt::format(" {}", s.window.parameter) : "";
    constexpr std::string_view kConventions[] = {
        "peak amplitude of a sine: 2 |X| / sum(w); DC and Nyquist |X| / sum(w)",
        "rms amplitude of a sine: sqrt(2) |X| / sum(w); DC and Nyquist |X| / sum(w)",
        "mean square of a sine: 2 |X|^2 / sum(w)^2; DC and Nyquist not doubled",
        "one-sided density: 2 |X|^2 / (fs sum(w^2)); DC and Nyquist not doubled",
    };
    std::string convention(kConventions[params_.choice(kScaling)]);
    if (decibels_per_decade_ > 0.0) {
      convention = fmt::format("{} lg of the {}", decibels_per_decade_, convention);
    }
    format.notes = {
        {"window", std::string(name(s.window.type)) + parameter},
        {"coherent_gain", fmt::format("{}", estimator.window_coherent_gain())},
        {"enbw_bins", fmt::format("{}", estimator.window_noise_bandwidth_bins())},
        {"enbw_hz", fmt::format("{}", estimator.window_noise_bandwidth_bins() * estimator.bin_hz())},
        {"fft_size", fmt::format("{}", s.fft_size)},
        {"hop_frames", fmt::format("{}", s.hop)},
        {"averaging", params_.text(kAveraging)},
        {"scaling", params_.text(kScaling)},
        {"detrend", params_.text(kDetrend)},
        {"convention", convention},
    };
    return format;
  }

  std::string unit_of(const std::string& unit) const {
    const bool squared = params_.choice(kScaling) >= 2;
    const std::string per_hz = params_.choice(kScaling) == 3 ? "/Hz" : "";
    std::string linear = unit + (squared && !unit.empty() ? "²" : "") + per_hz;
    if (linear == per_hz && !per_hz.empty()) { linear = "1/Hz"; }
    if (decibels_per_decade_ == 0.0) { return linear; }
    // The peak of a full-scale sine reads 0. dBV is a level of the rms, which a peak is not.
    const bool peak = params_.choice(kScaling) == 0;
    if (peak && unit == "V") { return "dB re 1 V"; }
    return peak && is_full_scale(unit) ? "dBFS" : level_unit(linear);
  }

  // Accounts for what lies between the last block and the one that begins here.
  void go_to(const FrameHeader& header) noexcept {
    std::uint64_t missing = 0;
    bool broken = false;
    if (!started_) {
      started_ = true;
      origin_position_ = header.position;
      broken = header.has(FrameFlag::gap);
      if (broken) { missing = header.gap_frames; }
      origin_position_ -= static_cast<std::int64_t>(missing);
    } else if (header.position != next_) {
      broken = true;
      if (header.position > next_) {
        missing = static_cast<std::uint64_t>(header.position - next_);
      } else {
        origin_position_ += header.position - next_;  // the stream restarts its count
        flags_before_ |= trail_.since(begin_position_);
        trail_.reset();
      }
    }
    next_ = header.position;
    if (!broken) { return; }
    for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.gap(missing); }
  }

  // The beginning of the group, from the block that ended its first frame: later blocks are less accurate in
  // time. A fading average begins with each frame.
  void note_begin(std::uint64_t group, std::uint64_t first_sample) noexcept {
    if (group == begin_group_ && !fades_) { return; }
    begin_group_ = group;
    begin_position_ = origin_position_ + static_cast<std::int64_t>(first_sample);
    begin_time_us_ = time_at(begin_position_, last_block_, sample_rate_hz_);
  }

  void give(DataFrame& y) noexcept {
    const dsp::SpectrumEstimator::Origin origin = estimators_[0].origin();
    const dsp::SpectrumEstimator::Origin news = estimators_[0].news();
    std::uint64_t left_out = 0;
    std::uint64_t newly_left_out = 0;
    for (const dsp::SpectrumEstimator& estimator : estimators_) {
      left_out = std::max(left_out, estimator.origin().left_out);
      newly_left_out = std::max(newly_left_out, estimator.news().left_out);
    }
    y.set_header({});
    FrameHeader& header = y.header();
    header.position = begin_position_;
    header.length_frames = origin.length;
    header.timestamp_us = begin_time_us_;
    header.sequence_id = results_++;
    header.flags = trail_.since(begin_position_) | std::exchange(flags_before_, 0);
    if (news.gaps > 0) {
      header.set(FrameFlag::gap);
      header.gap_frames = news.missing;
    }
    if ((fades_ ? newly_left_out : left_out) > 0) {
      header.set(FrameFlag::not_finite);
      header.set(FrameFlag::incomplete);
    }
    y.metadata().clear();
    y.metadata().set("frames_averaged", static_cast<double>(origin.frames + origin.left_out - left_out));
    y.metadata().set("frames_left_out", static_cast<double>(left_out));
    y.metadata().set("gaps", static_cast<double>(origin.gaps));
    y.metadata().set("missing_frames", static_cast<double>(origin.missing));
    y.set_frame_count(static_cast<std::uint32_t>(estimators_[0].bin_count()));
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      const auto from = estimators_[c].spectrum();
      const auto to = y.channel(c);
      if (decibels_per_decade_ == 0.0) {
        std::copy(from.begin(), from.end(), to.begin());
      } else {
        for (std::size_t k = 0; k < from.size(); ++k) {
          to[k] = decibels_per_decade_ * std::log10(from[k]);  // of 0, which is no energy, -infinity
        }
      }
    }
  }

  const ParamValues params_;
  double sample_rate_hz_ = 0.0;                     // fixed by prepare(), as is the next
  double decibels_per_decade_ = 0.0;                // 0: linear
  bool fades_ = false;                              // an exponential average
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

}  // namespace
}  // namespace spectrum_node

extern const NodeEntry kSpectrumEntry{spectrum_node::kInfo, make_node<spectrum_node::Spectrum>};

}  // namespace streamlab
