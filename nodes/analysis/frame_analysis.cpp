// nodes/analysis/frame_analysis.cpp
#include "nodes/analysis/frame_analysis.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "engine/core/overlap.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/analysis/flag_overflow.hpp"

namespace streamlab {
namespace {

constexpr double kMaxMemoryBytes = 1024.0 * 1024.0 * 1024.0;

// Most spectra that one block of `max_frames` can complete.
std::uint32_t blocks_per_input(const dsp::SpectrumSettings& s, std::uint32_t max_frames) {
  const std::uint64_t frames = max_frames / s.hop + 1;
  const bool grouped =
      s.averages > 0 && (s.averaging == dsp::Averaging::linear || s.averaging == dsp::Averaging::max ||
                         s.averaging == dsp::Averaging::min);
  const std::uint64_t blocks = grouped ? (frames - 1) / s.averages + 1 : frames;
  return static_cast<std::uint32_t>(blocks);
}

Result<void> check_memory(const dsp::SpectrumSettings& s, const StreamFormat& in, std::uint32_t blocks) {
  const double size = static_cast<double>(s.fft_size);
  constexpr double kBytesPerSample = 64.0;  // frame, window, transform and its plan, three sets of bins
  const double bytes = in.channel_count() * (kBytesPerSample * size + 8.0 * (size / 2.0 + 1.0) * blocks);
  if (bytes <= kMaxMemoryBytes) { return {}; }
  return refused("/config/fft_size",
                 fmt::format("{} samples on {} channels with overlap would need {:.1f} GiB of memory",
                             s.fft_size, in.channel_count(), bytes / kMaxMemoryBytes),
                 "at most 1 GiB", "use a smaller fft_size, less overlap or fewer channels");
}

}  // namespace

Result<dsp::Window> FrameAnalysis::read_window() const {
  dsp::Window window;
  window.type = static_cast<dsp::WindowType>(params_.choice(index_of(frame_param::kWindow)));
  const bool given = params_.given(index_of(frame_param::kWindowParameter));
  const double value = given ? params_[index_of(frame_param::kWindowParameter)] : 0.0;
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

Result<dsp::SpectrumSettings> FrameAnalysis::read_settings(const ParamValues& params,
                                                           double sample_rate_hz) const {
  dsp::SpectrumSettings s;
  s.sample_rate_hz = sample_rate_hz;
  s.fft_size = static_cast<std::size_t>(params.integer(index_of(frame_param::kFftSize)));
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
  s.hop = s.fft_size - static_cast<std::size_t>(std::llround(params[index_of(frame_param::kOverlap)] *
                                                             static_cast<double>(s.fft_size)));
  if (s.hop == 0) {
    return refused("/config/overlap",
                   fmt::format("an overlap of {} leaves none of the {} samples new in the next frame",
                               params[index_of(frame_param::kOverlap)], s.fft_size),
                   "a smaller overlap or a larger fft_size");
  }
  s.averaging = static_cast<dsp::Averaging>(params.choice(index_of(frame_param::kAveraging)));
  s.averages = params.given(index_of(frame_param::kAverages))
                   ? static_cast<std::uint64_t>(params.integer(index_of(frame_param::kAverages)))
                   : 8;
  const double time_constant_s = params.given(index_of(frame_param::kTimeConstantS))
                                     ? params[index_of(frame_param::kTimeConstantS)]
                                     : 1.0;
  s.alpha = dsp::exponential_alpha(time_constant_s, s.hop, s.sample_rate_hz);
  s.detrend = static_cast<dsp::Detrend>(params.choice(index_of(frame_param::kDetrend)));
  return s;
}

Result<void> FrameAnalysis::prepare_frames(const StreamFormat& in, dsp::SpectrumScaling scaling,
                                           OutputFormat& out) {
  if (auto fits = refuse_overlap(
          in, "its frames continue across blocks; use \"overlap\" here for overlapping frames");
      !fits) {
    return fits;
  }
  sample_rate_hz_ = in.sample_rate_hz;
  auto settings = read_settings(params_, sample_rate_hz_);
  if (!settings) { return tl::unexpected(settings.error()); }
  settings->scaling = scaling;
  const std::uint32_t max_blocks = blocks_per_input(*settings, in.max_frames);
  if (auto small = check_memory(*settings, in, max_blocks); !small) { return small; }

  estimators_.clear();
  estimators_.reserve(in.channel_count());
  for (std::uint32_t c = 0; c < in.channel_count(); ++c) { estimators_.emplace_back(*settings); }
  max_frames_ = in.max_frames;
  max_blocks_ = max_blocks;
  const double frames_per_spectrum =
      settings->averaging == dsp::Averaging::none || settings->averaging == dsp::Averaging::exponential
          ? 1.0
          : std::max(1.0, static_cast<double>(settings->averages));
  const double held = static_cast<double>(settings->fft_size) +
                      (frames_per_spectrum - 1.0) * static_cast<double>(settings->hop);
  out.format.sample_rate_hz = in.sample_rate_hz;
  describe_frames(*settings, out.format.notes);
  out.max_blocks = max_blocks;
  out.held_frames = static_cast<std::uint32_t>(std::min(held, 4294967295.0));
  return {};
}

void FrameAnalysis::describe_frames(const dsp::SpectrumSettings& settings,
                                    std::map<std::string, std::string>& notes) const {
  const dsp::SpectrumEstimator& estimator = estimators_[0];
  const bool has_parameter = params_.given(index_of(frame_param::kWindowParameter));
  const std::string parameter = has_parameter ? fmt::format(" {}", settings.window.parameter) : "";
  notes["window"] = std::string(name(settings.window.type)) + parameter;
  notes["coherent_gain"] = fmt::format("{}", estimator.window_coherent_gain());
  notes["enbw_bins"] = fmt::format("{}", estimator.window_noise_bandwidth_bins());
  notes["enbw_hz"] = fmt::format("{}", estimator.window_noise_bandwidth_bins() * estimator.bin_hz());
  notes["fft_size"] = fmt::format("{}", settings.fft_size);
  notes["hop_frames"] = fmt::format("{}", settings.hop);
  notes["averaging"] = params_.text(index_of(frame_param::kAveraging));
  notes["detrend"] = params_.text(index_of(frame_param::kDetrend));
}

void FrameAnalysis::reset() noexcept {
  for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.reset(); }
  fades_ = estimators_[0].averaging() == dsp::Averaging::exponential;
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

Result<std::unique_ptr<NodeChange>> FrameAnalysis::plan_change(const ParamValues& now) const {
  const auto settings = read_settings(now, sample_rate_hz_);
  if (!settings) { return tl::unexpected(settings.error()); }
  if (const std::uint32_t blocks = blocks_per_input(*settings, max_frames_); blocks > max_blocks_) {
    const std::size_t averages = index_of(frame_param::kAverages);
    return refused(now.given(averages) ? "/config/averages" : "/config/averaging",
                   fmt::format("a block of {} frames would give {} spectra, and the graph has room for {}",
                               max_frames_, blocks, max_blocks_),
                   "more frames per spectrum while the graph runs");
  }
  return make_change(*settings);
}

void FrameAnalysis::apply(NodeChange& change) noexcept {
  const auto& settings = value_of<dsp::SpectrumSettings>(change);
  for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.change(settings); }
  fades_ = estimators_[0].averaging() == dsp::Averaging::exponential;
}

Status FrameAnalysis::process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept {
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
      give_result(out[0].emit());
      fades_ = estimators_[0].averaging() == dsp::Averaging::exponential;  // a change may begin with the next
    }
    if (const auto first = estimators_[0].group_first_sample()) {
      note_begin(estimators_[0].group(), *first);
    }
  }
  next_ += x.frame_count();
  return Status::ok;
}

// What an average has so far.
Status FrameAnalysis::finish(std::span<OutputPort> out) noexcept {
  for (dsp::SpectrumEstimator& estimator : estimators_) { estimator.end(); }
  if (!estimators_[0].ready()) { return Status::done; }
  DataFrame& y = out[0].emit();
  give_result(y);
  y.header().set(FrameFlag::incomplete);
  return Status::ok;
}

std::vector<NodeNote> FrameAnalysis::notes() const {
  const std::uint64_t unused = estimators_.empty() ? 0 : estimators_[0].unused();
  if (unused == 0) { return {}; }
  const std::int64_t size = params_.integer(index_of(frame_param::kFftSize));
  if (results_ == 0 && unused == frames_in_) {
    return {{fmt::format("no spectrum: {} frames came, but one takes {} in a row", unused, size), unused}};
  }
  return {{fmt::format("{} frames are in no spectrum, which takes {} in a row: the end or a gap cut them off",
                       unused, size),
           unused}};
}

// Accounts for what lies between the last block and the one that begins here.
void FrameAnalysis::go_to(const FrameHeader& header) noexcept {
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
void FrameAnalysis::note_begin(std::uint64_t group, std::uint64_t first_sample) noexcept {
  if (group == begin_group_ && !fades_) { return; }
  begin_group_ = group;
  begin_position_ = origin_position_ + static_cast<std::int64_t>(first_sample);
  begin_time_us_ = time_at(begin_position_, last_block_, sample_rate_hz_);
}

void FrameAnalysis::give_result(DataFrame& y) noexcept {
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
  if (estimators_[0].is_cut_short()) { header.set(FrameFlag::incomplete); }
  y.metadata().clear();
  y.metadata().set("frames_averaged", static_cast<double>(origin.frames + origin.left_out - left_out));
  y.metadata().set("frames_left_out", static_cast<double>(left_out));
  y.metadata().set("gaps", static_cast<double>(origin.gaps));
  y.metadata().set("missing_frames", static_cast<double>(origin.missing));
  give(y);
  flag_overflow(y);
}

}  // namespace streamlab
