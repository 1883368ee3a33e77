// nodes/analysis/spectrum.cpp
//
// Spectrum: windowed, averaged spectra of every channel.
//
//   in   audio, float64 [channels x frames], any rate
//   out  spectra, float64 [channels x (fft_size / 2 + 1)], bin k at k · rate / fft_size Hz
//
// nodes/analysis/frame_analysis.hpp says which frames a spectrum is made of, and what its position, time,
// metadata and flags are.
#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "nodes/analysis/frame_analysis.hpp"
#include "nodes/analysis/level_unit.hpp"

namespace streamlab {
namespace spectrum_node {
namespace {

constexpr std::string_view kScalings[] = {"amplitude", "rms", "power", "psd"};  // as dsp::SpectrumScaling
constexpr std::string_view kOutputs[] = {"linear", "db"};
constexpr std::string_view kConventions[] = {
    "peak amplitude of a sine: 2 |X| / sum(w); DC and Nyquist |X| / sum(w)",
    "rms amplitude of a sine: sqrt(2) |X| / sum(w); DC and Nyquist |X| / sum(w)",
    "mean square of a sine: 2 |X|^2 / sum(w)^2; DC and Nyquist not doubled",
    "one-sided density: 2 |X|^2 / (fs sum(w^2)); DC and Nyquist not doubled",
};
constexpr ParamInfo kParams[] = {
    frame_param::kFftSize,
    frame_param::kWindow,
    frame_param::kWindowParameter,
    frame_param::kOverlap,
    frame_param::kAveraging,
    frame_param::kAverages,
    frame_param::kTimeConstantS,
    param::of_format(param::choice(
        "scaling", kScalings, "amplitude",
        "amplitude: peak of a sine; rms: its rms; power: its mean square; psd: density per Hz.")),
    param::of_format(param::choice("output", kOutputs, "linear",
                                   "linear, or decibels, where zero is -infinity (null in JSON).")),
    frame_param::kDetrend,
};
constexpr auto kScaling = param::at(kParams, "scaling");
constexpr auto kOutput = param::at(kParams, "output");
constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::spectrum), "Spectra."}};
constexpr NodeInfo kInfo{
    .name = "Spectrum",
    .description = "Measures windowed, averaged spectra of every channel.",
    .inputs = kAudioInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kFrameRules,
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
        "counts them. averaging, averages, time_constant_s and detrend may change while the graph runs. The same kind of "
        "averaging goes on with the frames that it has. Another one begins behind the next frame: with that one the average "
        "under way is given, flagged incomplete if it has less frames than it should. Everything else is part of the format; "
        "the notes tell how the stream began. FFTW plans the transform before the graph runs; if it gets no memory "
        "then, it ends the program itself (SIGABRT, \"fftw: … assertion failed\").",
    .example =
        R"({"id": "spec", "type": "Spectrum", "config": {"fft_size": 4096, "window": "hann", "averaging": "linear"}})",
    .cost_ns_per_frame = 10.0,
};

class Spectrum final : public FrameAnalysis {
 public:
  explicit Spectrum(const ParamValues& params) : FrameAnalysis(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    const auto scaling = static_cast<dsp::SpectrumScaling>(params().choice(kScaling));
    OutputFormat out;
    if (auto framed = prepare_frames(in, scaling, out); !framed) { return tl::unexpected(framed.error()); }
    decibels_per_decade_ = 0.0;
    if (params().choice(kOutput) == 1) {
      const bool amplitude =
          scaling == dsp::SpectrumScaling::amplitude || scaling == dsp::SpectrumScaling::rms_amplitude;
      decibels_per_decade_ = amplitude ? 20.0 : 10.0;
    }
    out.format.kind = StreamKind::spectrum;
    out.format.max_frames = static_cast<std::uint32_t>(bin_count());
    out.format.axis = {"frequency", "Hz", 0.0, bin_hz()};
    // Amplitudes are averaged as energy, like |X|² here; the other scalings are energy.
    const Mean mean = params().choice(kScaling) < 2 ? Mean::energy : Mean::as_unit;
    for (const ChannelInfo& channel : in.channels) {
      out.format.channels.push_back({channel.name, unit_of(channel.unit), 1.0, mean});
    }
    std::string convention(kConventions[params().choice(kScaling)]);
    if (decibels_per_decade_ > 0.0) {
      convention = fmt::format("{} lg of the {}", decibels_per_decade_, convention);
    }
    out.format.notes["scaling"] = params().text(kScaling);
    out.format.notes["convention"] = convention;
    reset();
    return std::vector{std::move(out)};
  }

 private:
  std::string unit_of(const std::string& unit) const {
    const bool squared = params().choice(kScaling) >= 2;
    const std::string per_hz = params().choice(kScaling) == 3 ? "/Hz" : "";
    std::string linear = unit + (squared && !unit.empty() ? "²" : "") + per_hz;
    if (linear == per_hz && !per_hz.empty()) { linear = "1/Hz"; }
    if (decibels_per_decade_ == 0.0) { return linear; }
    // The peak of a full-scale sine reads 0. dBV is a level of the rms, which a peak is not.
    const bool peak = params().choice(kScaling) == 0;
    if (peak && unit == "V") { return "dB re 1 V"; }
    return peak && is_full_scale(unit) ? "dBFS" : level_unit(linear);
  }

  void give(DataFrame& y) noexcept override {
    y.set_frame_count(static_cast<std::uint32_t>(bin_count()));
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      const auto from = spectrum(c);
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

  double decibels_per_decade_ = 0.0;  // fixed by prepare(); 0: linear
};

}  // namespace
}  // namespace spectrum_node

extern const NodeEntry kSpectrumEntry{spectrum_node::kInfo, make_node<spectrum_node::Spectrum>};

}  // namespace streamlab
