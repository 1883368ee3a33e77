// nodes/flow/rate_limit.cpp
//
// RateLimit: lets no more through than a token bucket allows; leaves out the rest.
//
//   in   audio, spectra or values
//   out  as `in`, fewer blocks; latency 0 frames
//
// The time is the stream's own: position / sample rate. So a run gives the same blocks live and offline,
// however fast the machine is. A block is passed on whole or left out whole. The bucket counts in frames, in
// which a stream of exactly `rate` passes for ever: tokens a frame are rounded up by less than 3 parts in
// 10^16.
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

enum ParamIndex : std::size_t { kRate, kBurst, kUnit };
constexpr ParamInfo kParams[] = {
    param::number("rate", "1/s", {1e-6, 1e12}, Need::required,
                  "How many pass in a second of the stream, on the average."),
    param::number("burst", "", {1.0, 1e12}, 1.0, Live::no,
                  "How many may pass at once after a pause; no less than a block has."),
    param::choice("unit", kUnits, "blocks",
                  "What is counted: blocks, samples (frames times channels) or bytes (8 a sample)."),
};
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "What passed."}};
constexpr NodeInfo kInfo{
    .name = "RateLimit",
    .description = "Passes on at most so many blocks, samples or bytes a second and leaves out the rest.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "The time of the missing frames counts: the bucket fills meanwhile.",
    .details =
        "A token bucket: it is full of burst tokens at first, gains rate tokens a second, and a block takes "
        "as many as it counts. The time is that of the stream, so that live and offline runs pass the same "
        "blocks. The next block after some were left out has the flag gap and says how "
        "many frames are missing.",
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
          fmt::format("{} {} are fewer than a block may have, {}", params_[kBurst], kUnits[unit_], most),
          fmt::format("at least {}", most));
    }
    // The limiter's nanosecond is a frame here.
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
    // After a pause of so many frames the largest block passes.
    const double longest = std::ceil(most / per_frame) + in.max_frames;
    if (longest > kLongestPause) {
      return refused("/config/rate",
                     fmt::format("at {} {} a second a block of {} passes every {} frames", params_[kRate],
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
    return {{fmt::format("left out {} blocks of {} frames, above {} {} a second", left_out_.blocks(),
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
