// nodes/operators/rate_limit.cpp
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
#include "engine/core/time_at.hpp"
#include "nodes/operators/left_out.hpp"

namespace streamlab {
namespace rate_limit_node {
namespace {

enum Unit : std::size_t { kBlocks, kSamples, kBytes };
constexpr std::string_view kUnits[] = {"blocks", "samples", "bytes"};

constexpr ParamInfo kParams[] = {
    param::live(param::number("rate", "1/s", {1e-6, 1e12}, Need::required,
                              "Average number per second of the stream that may pass.")),
    param::number("burst", "", {1.0, 1e12}, 1.0, Live::yes,
                  "How many may pass at once after a pause; at least as many as one block has."),
    param::live(
        param::choice("unit", kUnits, "blocks",
                      "What is counted: blocks, samples (frames times channels) or bytes (8 per sample).")),
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
        "next block after dropped ones is flagged gap and says how many frames are missing. Everything may change while "
        "the graph runs: the bucket stays as full as it was, in proportion; of a bucket that was full, full.",
    .example = R"({"id": "limit", "type": "RateLimit", "config": {"rate": 10, "burst": 5}})",
    .cost_ns_per_frame = 0.1,
};

class RateLimit final : public Node {
 public:
  explicit RateLimit(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    in_ = *context.inputs[0];
    auto limit = make_limit(params_);
    if (!limit) { return tl::unexpected(limit.error()); }
    OutputFormat out{in_};
    out.held_frames = limit->longest_pause;
    initial_ = limit_ = *limit;
    reset();
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    limit_ = initial_;
    left_out_.reset();
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    auto limit = make_limit(now);
    if (!limit) { return tl::unexpected(limit.error()); }
    return make_change(*limit);
  }
  void apply(NodeChange& change) noexcept override {
    Limit& now = value_of<Limit>(change);
    now.bucket->continue_from(*limit_.bucket);
    limit_ = now;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (!limit_.bucket->try_take(limit_.count_of(x.frame_count(), x.channel_count()), Nanos(moment_of(x)))) {
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
                         left_out_.frames(), limit_.rate, kUnits[limit_.unit]),
             left_out_.blocks(), false}};
  }

 private:
  static constexpr double kLongestPause = 1U << 30U;  // frames; 6 hours at 48 kHz

  struct Limit {
    std::size_t unit = kBlocks;
    double rate = 0.0;
    std::uint32_t longest_pause = 0;  // frames, after which the largest block passes
    std::optional<RateLimiter> bucket;

    double count_of(std::uint32_t frames, std::uint32_t channels) const noexcept {
      if (unit == kBlocks) { return 1.0; }
      const double samples = static_cast<double>(frames) * channels;
      return unit == kSamples ? samples : samples * sizeof(double);
    }
  };

  Result<Limit> make_limit(const ParamValues& params) const {
    Limit limit;
    limit.unit = params.choice(kUnit);
    limit.rate = params[kRate];
    const double most = limit.count_of(in_.max_frames, in_.channel_count());
    if (params[kBurst] < most) {
      return refused("/config/burst",
                     fmt::format("{} {} are fewer than one block may have, {}", params[kBurst],
                                 kUnits[limit.unit], most),
                     fmt::format("at least {}", most));
    }
    // Here the limiter's nanosecond is a frame.
    const double per_frame = limit.rate / in_.sample_rate_hz;
    const double rounded_up = std::nextafter(per_frame * 1e9, std::numeric_limits<double>::infinity());
    auto limiter = RateLimiter::make(rounded_up, params[kBurst]);
    if (!limiter) {
      Error error = limiter.error();
      error.where = "/config/" + error.where;
      return tl::unexpected(std::move(error));
    }
    limit.bucket = *limiter;
    const double longest = std::ceil(most / per_frame) + in_.max_frames;
    if (longest > kLongestPause) {
      return refused("/config/rate",
                     fmt::format("at {} {} per second a block of {} passes every {} frames", limit.rate,
                                 kUnits[limit.unit], most, longest),
                     fmt::format("at most {} frames", kLongestPause), "a higher rate");
    }
    limit.longest_pause = static_cast<std::uint32_t>(longest);
    return limit;
  }

  const ParamValues params_;
  StreamFormat in_;  // fixed by prepare(), as is the next
  Limit initial_;
  Limit limit_;  // in force
  LeftOut left_out_;
};

}  // namespace
}  // namespace rate_limit_node

extern const NodeEntry kRateLimitEntry{rate_limit_node::kInfo, make_node<rate_limit_node::RateLimit>};

}  // namespace streamlab
