// nodes/processors/channelwise_processor.hpp
//
// ChannelwiseProcessor: audio in, as many frames of the same channels out, each channel treated like the
// others.
//
// The derived class, final, has
//
//   Result<OutputFormat> set_up(const StreamFormat& in)
//     May allocate, may refuse. The format is usually with_new_values(in); latency_frames, if it delays.
//   void reset_channels() noexcept
//     Back to the initial state.
//   process_channels(in, out, frame_count) noexcept
//     One pointer per channel on either side; in[c] and out[c] may be the same. Returns nothing, or how many
//     samples were not finite and were replaced by 0.
//
// and may say kWhyNoOverlap and kAtGap (below). One that restarts at a gap otherwise than at the beginning has
// restart_channels(), one whose latency changes takes care of flags itself, by move_flags() and frames_inside(). Done here, once: overlapping windows are refused where a node
// keeps state; the flags of frames are delayed with the frames; blocks in which samples were replaced are
// flagged, and the samples counted. The calls are bound when they are compiled, so the shape costs nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/processors/flag_delay.hpp"

namespace streamlab {

template <class Derived>
class ChannelwiseProcessor : public Node {
 public:
  enum class AtGap : std::uint8_t {
    carry_on,  // as if the missing frames were not
    restart,   // from the initial state: frames from before the gap are not output after it
  };
  static constexpr AtGap kAtGap = AtGap::carry_on;
  // Why blocks may not overlap: "a filter keeps state between blocks". Empty where they may.
  static constexpr std::string_view kWhyNoOverlap = {};

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) final {
    const StreamFormat& in = *context.inputs[0];
    if constexpr (!Derived::kWhyNoOverlap.empty()) {
      if (auto fits = refuse_overlap(in, Derived::kWhyNoOverlap); !fits) {
        return tl::unexpected(fits.error());
      }
    }
    Result<OutputFormat> out = derived().set_up(in);
    if (!out) { return tl::unexpected(out.error()); }
    flags_.prepare(out->latency_frames, in.max_frames);
    reset();
    return std::vector{std::move(*out)};
  }

  void reset() noexcept final {
    derived().reset_channels();
    flags_.reset();
    silenced_ = cut_off_ = 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept final {
    const DataFrame& x = *in[0];
    if constexpr (Derived::kAtGap == AtGap::restart) {
      if (x.header().has(FrameFlag::gap)) {
        cut_off_ += left_inside();
        flags_.reset();
        if constexpr (requires { derived().restart_channels(); }) {
          derived().restart_channels();
        } else {
          derived().reset_channels();
        }
      }
    }
    DataFrame& y = out[0].emit();
    if constexpr (requires { derived().move_flags(x, y); }) {
      derived().move_flags(x, y);
    } else {
      flags_.process(x, y);
    }
    using Samples = std::span<const double* const>;
    using Counted = decltype(derived().process_channels(Samples(), y.channel_pointers(), 0U));
    if constexpr (std::is_void_v<Counted>) {
      derived().process_channels(x.channel_pointers(), y.channel_pointers(), x.frame_count());
    } else {
      const std::size_t silenced =
          derived().process_channels(x.channel_pointers(), y.channel_pointers(), x.frame_count());
      if (silenced > 0) {
        y.header().set(FrameFlag::not_finite);
        silenced_ += silenced;
      }
    }
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    if (silenced_ > 0) {
      notes.push_back(
          {fmt::format("{} samples were NaN or infinite and were replaced by 0", silenced_), silenced_});
    }
    if (const std::uint64_t left = cut_off_ + left_inside(); left > 0) {
      notes.push_back(
          {fmt::format("{} frames were not output: those inside at the end, or before a gap", left), left});
    }
    return notes;
  }

 private:
  Derived& derived() noexcept { return static_cast<Derived&>(*this); }
  std::uint64_t left_inside() const noexcept {
    if constexpr (requires(const Derived& node) { node.frames_inside(); }) {
      return static_cast<const Derived&>(*this).frames_inside();
    } else {
      return flags_.frames_inside();
    }
  }

  FlagDelay flags_;             // of nodes with a latency
  std::uint64_t silenced_ = 0;  // samples that were replaced by 0
  std::uint64_t cut_off_ = 0;   // frames that a gap kept inside
};

}  // namespace streamlab
