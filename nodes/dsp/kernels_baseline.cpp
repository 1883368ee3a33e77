// nodes/dsp/kernels_baseline.cpp
//
// The kernels for every CPU: two doubles a register, as the compiler's vector types give them (x86-64: SSE2,
// Arm: NEON), and no fused multiply-add.
#include "nodes/dsp/biquad_kernel.hpp"
#include "nodes/dsp/kernels.hpp"
#include "nodes/dsp/scale_chain_kernel.hpp"

namespace streamlab::dsp {
namespace {

struct Baseline {
  using Vector [[gnu::vector_size(16)]] = double;
  using Mask [[gnu::vector_size(16)]] = long long;
  using Unaligned [[gnu::vector_size(16), gnu::aligned(8), gnu::may_alias]] = double;
  static constexpr int kLanes = 2;
  static constexpr int kStripRegisters = 8;

  static Vector zero() noexcept { return Vector{0.0, 0.0}; }
  static Vector load(const double* p) noexcept { return load_unaligned(p); }
  static Vector load_unaligned(const double* p) noexcept { return *reinterpret_cast<const Unaligned*>(p); }
  static void store(double* p, Vector v) noexcept { store_unaligned(p, v); }
  static void store_unaligned(double* p, Vector v) noexcept { *reinterpret_cast<Unaligned*>(p) = v; }

  // a b + c and c - a b, rounded twice.
  static Vector multiply_add(Vector a, Vector b, Vector c) noexcept { return a * b + c; }
  static Vector subtract_product(Vector c, Vector a, Vector b) noexcept { return c - a * b; }

  // p[0 .. Width) repeated across the register.
  template <int Width>
  static Vector broadcast(const double* p) noexcept {
    if constexpr (Width == 1) {
      return Vector{*p, *p};
    } else {
      return load_unaligned(p);
    }
  }

  // `v` moved up by Width lanes; the top lanes of `below` come in at the bottom.
  template <int Width>
  static Vector shift_in(Vector below, Vector v) noexcept {
    if constexpr (Width == kLanes) {
      return below;
    } else {
      return Vector{below[1], v[0]};
    }
  }

  // p[0 .. Width) = the top Width lanes.
  template <int Width>
  static void store_top(double* p, Vector v) noexcept {
    if constexpr (Width == 1) {
      *p = v[1];
    } else {
      store_unaligned(p, v);
    }
  }

  // Lanes i with from <= origin + i < to.
  static Mask lanes_between(int origin, int from, int to) noexcept {
    const auto inside = [=](int lane) { return from <= origin + lane && origin + lane < to ? -1LL : 0LL; };
    return Mask{inside(0), inside(1)};
  }
  static Vector select(Mask mask, Vector yes, Vector no) noexcept {
    return reinterpret_cast<Vector>((reinterpret_cast<Mask>(yes) & mask) |
                                    (reinterpret_cast<Mask>(no) & ~mask));
  }
};

}  // namespace

const Kernels kBaselineKernels{Baseline::kLanes,
                               {4, 4, 0, 0},
                               scale_chain_pass<Baseline>,
                               {{biquad_pass<Baseline, 1, 1>, biquad_pass<Baseline, 1, 2>,
                                 biquad_pass<Baseline, 1, 3>, biquad_pass<Baseline, 1, 4>},
                                {biquad_pass<Baseline, 2, 1>, biquad_pass<Baseline, 2, 2>,
                                 biquad_pass<Baseline, 2, 3>, biquad_pass<Baseline, 2, 4>},
                                {},
                                {}}};

}  // namespace streamlab::dsp
