// nodes/operators/stream_variables.hpp
//
// StreamVariables: the names that expressions over a stream may use, and their numbers.
//
//   every channel by its name, if usable, and as ch1, ch2, … by number
//   t    s, of the sample; for spectra and values of the block: position / sample rate
//   n    position of the sample in the stream; for spectra and values of the block
//   fs   sample rate in Hz
//   f    only for spectra: position of the bin on the axis (Hz)
//
// Channel names take precedence: if a channel is called "t", t is that channel.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/core/data_frame.hpp"
#include "nodes/operators/expression.hpp"

namespace streamlab {

class StreamVariables {
 public:
  StreamVariables() = default;
  // Control thread. The addresses behind the names are stable as long as this object lives.
  explicit StreamVariables(const StreamFormat& format)
      : kind_(format.kind), sample_rate_hz_(format.sample_rate_hz), axis_(format.axis) {
    const std::uint32_t channels = format.channel_count();
    values_.assign(channels + kOthers, 0.0);
    for (std::uint32_t c = 0; c < channels; ++c) { add(format.channels[c].name, values_[c]); }
    for (std::uint32_t c = 0; c < channels; ++c) { add(fmt::format("ch{}", c + 1), values_[c]); }
    t_ = &values_[channels];
    n_ = &values_[channels + 1];
    f_ = &values_[channels + 3];
    values_[channels + 2] = sample_rate_hz_;
    add("t", *t_);
    add("n", *n_);
    add("fs", values_[channels + 2]);
    if (kind_ == StreamKind::spectrum) { add("f", *f_); }
  }
  StreamVariables(const StreamVariables&) = delete;
  StreamVariables& operator=(const StreamVariables&) = delete;
  StreamVariables(StreamVariables&&) noexcept = default;
  StreamVariables& operator=(StreamVariables&&) noexcept = default;

  // Adds a name after the existing ones; of equal names the first counts.
  void add(const std::string& name, double& value) {
    const bool is_taken =
        std::any_of(names_.begin(), names_.end(), [&](const auto& taken) { return taken.name == name; });
    if (!is_taken) { names_.push_back({name, &value}); }
  }
  std::span<const ExpressionVariable> names() const { return names_; }

  // From now on load() fetches what the expression uses. True if that changes from sample to sample.
  bool watch(const Expression& expression) {
    bool by_sample = expression.uses(f_);
    for (std::uint32_t c = 0; c + kOthers < values_.size(); ++c) {
      if (!expression.uses(&values_[c])) { continue; }
      by_sample = true;
      if (std::find(watched_.begin(), watched_.end(), c) == watched_.end()) { watched_.push_back(c); }
    }
    const bool by_time = expression.uses(t_) || expression.uses(n_);
    return by_sample || (by_time && kind_ == StreamKind::audio);
  }

  // The numbers of sample `index` of `block`. Real-time safe.
  void load(const DataFrame& block, std::uint32_t index) noexcept {
    for (const std::uint32_t c : watched_) { values_[c] = block.channel_data(c)[index]; }
    const std::int64_t offset = kind_ == StreamKind::audio ? index : 0;
    *n_ = static_cast<double>(block.position() + offset);
    *t_ = *n_ / sample_rate_hz_;
    *f_ = axis_.start + index * axis_.step;
  }

 private:
  static constexpr std::size_t kOthers = 4;  // t, n, fs, f after the channels

  StreamKind kind_ = StreamKind::audio;
  double sample_rate_hz_ = 1.0;
  Axis axis_;
  std::vector<double> values_;
  double* t_ = nullptr;
  double* n_ = nullptr;
  double* f_ = nullptr;
  std::vector<ExpressionVariable> names_;
  std::vector<std::uint32_t> watched_;  // channels
};

}  // namespace streamlab
