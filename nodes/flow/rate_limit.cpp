// nodes/flow/rate_limit.cpp
//
// RateLimit: passes only what a token bucket allows; drops the rest.
//
//   in   audio, spectra or values
//   out  as `in`, fewer blocks; latency 0 frames
//
// The time is the stream's own: position / sample rate. So a run passes the same blocks live and offline, at
// any speed of the machine. A block is passed on or dropped as a whole. The bucket counts time in frames; a
// stream of exactly `rate` always passes: tokens per frame are rounded up by less than 3 parts in 10^16.
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "engine/channel/rate_limiter.hpp"
#include "engine/core/node.hpp"
#include "nodes/analysis/time_at.hpp"
#include "nodes/flow/left_out.hpp"

namespace streamlab {
namespace rate_limit_node {
namespace {

enum Unit : std::size_t { kBlocks, kSamples, kBytes };
constexpr std::string_view kUnits[] = {"blocks", "samples", "bytes"};

constexpr ParamInfo kParams[] = {
    param::number("rate", "1/s", {1e-6, 1e12}, Need::required,
                  "Average number per second of the stream that may pass."),
    param::number("burst", "", {1.0, 1e12}, 1.0, Live::no,
                  "How many may pass at once after a pause; at least as many as one block has."),
    param::choice("unit", kUnits, "blocks",
                  "What is counted: blocks, samples (frames times channels) or bytes (8 per sample)."),
};
constexpr auto kRate = param::at(kParams, "rate");
constexpr auto kBurst = param::at(kParams, "burst");
constexpr auto kUnit = param::at(kParams, "unit");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The blocks that passed."}};
constexpr NodeInfo kInfo{
    .name = "RateLimit",
    .description =
        "Passes on at most a given number of blocks, samples or bytes per second and drops the "
        "rest.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "The bucket fills during the missing frames.",
    .details =
        "A token bucket: it starts full with `burst` tokens, gains `rate` tokens per second, and each block "
        "takes as many as it counts. Time is stream time, so live and offline runs pass the same blocks. The "
        "next block after dropped ones is flagged gap and says how many frames are missing.",
    .example = R"({"id": "limit", "type": "RateLimit", "config": {"rate": 10, "burst": 5}})",
    .cost_ns_per_frame = 0.1,
};

class RateLimit final : public Node {
 public:
  explicit RateLimit(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    unit_ = 0;
    while (kUnits[unit_] != params_.text(kUnit)) { ++unit_; }
    const double most = count_of(in.max_frames, in.channel_count());
    if (params_[kBurst] < most) {
      return refused(
          "/config/burst",
          fmt::format("{} {} are fewer than one block may have, {}", params_[kBurst], kUnits[unit_], most),
          fmt::format("at least {}", most));
    }
    // Here the limiter's nanosecond is a frame.
    const double per_frame = params_[kRate] / in.sample_rate_hz;
    const double rounded_up = std::nextafter(per_frame * 1e9, std::numeric_limits<double>::infinity());
    auto limiter = RateLimiter::make(rounded_up, params_[kBurst]);
    if (!limiter) {
      Error error = limiter.error();
      error.where = "/config/" + error.where;
      return tl::unexpected(std::move(error));
    }
    limiter_ = *limiter;
    reset();
    OutputFormat out{in};
    // After a pause of this many frames the largest block passes.
    const double longest = std::ceil(most / per_frame) + in.max_frames;
    if (longest > kLongestPause) {
      return refused("/config/rate",
                     fmt::format("at {} {} per second a block of {} passes every {} frames", params_[kRate],
                                 kUnits[unit_], most, longest),
                     fmt::format("at most {} frames", kLongestPause), "a higher rate");
    }
    out.held_frames = static_cast<std::uint32_t>(longest);
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    limiter_->reset();
    left_out_.reset();
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (!limiter_->try_take(count_of(x.frame_count(), x.channel_count()), Nanos(moment_of(x)))) {
      left_out_.add(x);
      return Status::ok;
    }
    DataFrame& y = out[0].emit();
    y.copy_from(x);
    left_out_.mark(y.header());
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    if (left_out_.blocks() == 0) { return {}; }
    return {{fmt::format("dropped {} blocks of {} frames, above {} {} per second", left_out_.blocks(),
                         left_out_.frames(), params_[kRate], kUnits[unit_]),
             left_out_.blocks(), false}};
  }

 private:
  static constexpr double kLongestPause = 1U << 30U;  // frames; 6 hours at 48 kHz

  double count_of(std::uint32_t frames, std::uint32_t channels) const noexcept {
    if (unit_ == kBlocks) { return 1.0; }
    const double samples = static_cast<double>(frames) * channels;
    return unit_ == kSamples ? samples : samples * sizeof(double);
  }

  const ParamValues params_;
  std::size_t unit_ = kBlocks;
  std::optional<RateLimiter> limiter_;  // set by prepare()
  LeftOut left_out_;
};

}  // namespace
}  // namespace rate_limit_node

extern const NodeEntry kRateLimitEntry{rate_limit_node::kInfo, make_node<rate_limit_node::RateLimit>};

}  // namespace streamlab
