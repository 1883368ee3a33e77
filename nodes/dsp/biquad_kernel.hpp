// nodes/dsp/biquad_kernel.hpp
//
// One pass of a biquad cascade with its sections in skewed vector lanes. Included by the kernels_*.cpp only,
// once per CPU path, with that path's `Simd`.
//
// A section needs its own last output before it can continue, so running the sections in sequence wastes most
// of a vector unit. Here every section has its own slot and all slots advance together: while slot j works on
// frame n - j, slot j + 1 works on frame n - j - 1, whose input slot j produced one step ago. One step is one
// shift of the outputs by a slot and one multiply-add per coefficient for all sections at once.
//
//   slot      `Width` neighbouring lanes: the interleaved channels of one section
//   row       one vector register: lane_count / Width slots
//   lanes     memory, [Rows][7][lane_count]: b0 b1 b2 a1 a2 w1 w2 of every lane, 64-byte aligned
//   frames    [frame_count x Width] interleaved samples, read and overwritten
//   pad_slots slots at the front of row 0 that hold no section: the cascade need not fill its rows
//
// Slots enter and leave a block one by one: in the first and last `sections - 1` steps only the slots that
// have a frame of this block keep their new state. So each section sees each frame once, in order, with the
// same operations, and the result does not depend on the block size.
//
// One section in delta form, transposed direct form II (see biquad.hpp for its equation):
//   y = b0 x + w1;   w1 += w2 + b1 x - a1 y;   w2 += b2 x - a2 y
#pragma once

#include <cstddef>

namespace streamlab::dsp {
namespace {  // one copy per including file, each for its own CPU

inline constexpr int kLaneRows = 7;  // b0 b1 b2 a1 a2 w1 w2

template <class Simd, int Width, int Rows>
class BiquadPass {
  using V = typename Simd::Vector;
  static constexpr int kLanes = Simd::kLanes;

 public:
  BiquadPass(double* lanes, std::size_t frame_count, std::size_t pad_slots) noexcept
      : lanes_(lanes), frames_(static_cast<std::ptrdiff_t>(frame_count)), pad_(static_cast<int>(pad_slots)) {
    depth_ = Rows * (kLanes / Width) - pad_ - 1;
    first_slot_ = Simd::lanes_between(0, pad_ * Width, (pad_ + 1) * Width);
    for (int r = 0; r < Rows; ++r) {
      const double* row = lanes + r * kLaneRows * kLanes;
      b0_[r] = Simd::load(row);
      b1_[r] = Simd::load(row + kLanes);
      b2_[r] = Simd::load(row + 2 * kLanes);
      a1_[r] = Simd::load(row + 3 * kLanes);
      a2_[r] = Simd::load(row + 4 * kLanes);
      w1_[r] = Simd::load(row + 5 * kLanes);
      w2_[r] = Simd::load(row + 6 * kLanes);
      y_[r] = Simd::zero();
    }
  }

  void run(double* frames) noexcept {
    const std::ptrdiff_t steps = frames_ + depth_;
    std::ptrdiff_t t = 0;
    for (; t < depth_; ++t) { edge_step(frames, t); }
    for (; t < frames_; ++t) {
      step<false>(frames + t * Width, t);
      Simd::template store_top<Width>(frames + (t - depth_) * Width, y_[Rows - 1]);
    }
    for (; t < steps; ++t) { edge_step(frames, t); }
    for (int r = 0; r < Rows; ++r) {
      double* row = lanes_ + r * kLaneRows * kLanes;
      Simd::store(row + 5 * kLanes, w1_[r]);
      Simd::store(row + 6 * kLanes, w2_[r]);
    }
  }

 private:
  // A step in which some slots have no frame of this block.
  [[gnu::always_inline]] inline void edge_step(double* frames, std::ptrdiff_t t) noexcept {
    static constexpr double kNothing[8] = {};
    step<true>(t < frames_ ? frames + t * Width : kNothing, t);
    if (t >= depth_) { Simd::template store_top<Width>(frames + (t - depth_) * Width, y_[Rows - 1]); }
  }

  template <bool AtEdge>
  [[gnu::always_inline]] inline void step(const double* in, std::ptrdiff_t t) noexcept {
    V x[Rows];
    const V fresh = Simd::template broadcast<Width>(in);
    if constexpr (Width == kLanes) {
      x[0] = fresh;
    } else {
      x[0] = Simd::select(first_slot_, fresh, Simd::template shift_in<Width>(y_[0], y_[0]));
    }
#pragma GCC unroll 8
    for (int r = 1; r < Rows; ++r) { x[r] = Simd::template shift_in<Width>(y_[r - 1], y_[r]); }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const V y = Simd::multiply_add(b0_[r], x[r], w1_[r]);
      const V w1 = Simd::subtract_product(w1_[r] + Simd::multiply_add(b1_[r], x[r], w2_[r]), a1_[r], y);
      const V w2 = Simd::subtract_product(Simd::multiply_add(b2_[r], x[r], w2_[r]), a2_[r], y);
      y_[r] = y;
      if constexpr (AtEdge) {
        const std::ptrdiff_t first = t < frames_ ? 0 : t - frames_ + 1;
        const std::ptrdiff_t last = t < depth_ ? t : depth_;
        const auto busy = Simd::lanes_between(r * kLanes, (pad_ + static_cast<int>(first)) * Width,
                                              (pad_ + static_cast<int>(last) + 1) * Width);
        w1_[r] = Simd::select(busy, w1, w1_[r]);
        w2_[r] = Simd::select(busy, w2, w2_[r]);
      } else {
        w1_[r] = w1;
        w2_[r] = w2;
      }
    }
  }

  V b0_[Rows], b1_[Rows], b2_[Rows], a1_[Rows], a2_[Rows];
  V w1_[Rows], w2_[Rows];
  V y_[Rows];  // outputs of the last step
  typename Simd::Mask first_slot_;
  double* lanes_;
  std::ptrdiff_t frames_;
  int pad_;
  int depth_;  // steps that the last section is behind the first
};

template <class Simd, int Width, int Rows>
void biquad_pass(double* lanes, double* frames, std::size_t frame_count, std::size_t pad_slots) noexcept {
  BiquadPass<Simd, Width, Rows>(lanes, frame_count, pad_slots).run(frames);
}

}  // namespace
}  // namespace streamlab::dsp
