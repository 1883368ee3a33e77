// nodes/dsp/kernels_avx512.cpp
//
// The kernels for AVX-512 (F, DQ, VL): eight doubles a register.
#include "nodes/dsp/kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include "nodes/dsp/biquad_kernel.hpp"
#include "nodes/dsp/scale_chain_kernel.hpp"

namespace streamlab::dsp {
namespace {

struct Avx512 {
  using Vector = __m512d;
  using Mask = __mmask8;
  static constexpr int kLanes = 8;
  static constexpr int kStripRegisters = 16;

  static Vector zero() noexcept { return _mm512_setzero_pd(); }
  static Vector load(const double* p) noexcept { return _mm512_load_pd(p); }
  static Vector load_unaligned(const double* p) noexcept { return _mm512_loadu_pd(p); }
  static void store(double* p, Vector v) noexcept { _mm512_store_pd(p, v); }
  static void store_unaligned(double* p, Vector v) noexcept { _mm512_storeu_pd(p, v); }

  // a b + c and c - a b, rounded once.
  static Vector multiply_add(Vector a, Vector b, Vector c) noexcept { return _mm512_fmadd_pd(a, b, c); }
  static Vector subtract_product(Vector c, Vector a, Vector b) noexcept { return _mm512_fnmadd_pd(a, b, c); }

  // p[0 .. Width) repeated across the register.
  template <int Width>
  static Vector broadcast(const double* p) noexcept {
    if constexpr (Width == 1) {
      return _mm512_set1_pd(*p);
    } else if constexpr (Width == 2) {
      return _mm512_broadcast_f64x2(_mm_loadu_pd(p));
    } else if constexpr (Width == 4) {
      return _mm512_broadcast_f64x4(_mm256_loadu_pd(p));
    } else {
      return _mm512_loadu_pd(p);
    }
  }

  // `v` moved up by Width lanes; the top lanes of `below` come in at the bottom.
  template <int Width>
  static Vector shift_in(Vector below, Vector v) noexcept {
    if constexpr (Width == kLanes) {
      return below;
    } else {
      return _mm512_castsi512_pd(
          _mm512_alignr_epi64(_mm512_castpd_si512(v), _mm512_castpd_si512(below), kLanes - Width));
    }
  }

  // p[0 .. Width) = the top Width lanes.
  template <int Width>
  static void store_top(double* p, Vector v) noexcept {
    if constexpr (Width == 1) {
      _mm_storeh_pd(p, _mm512_extractf64x2_pd(v, 3));
    } else if constexpr (Width == 2) {
      _mm_storeu_pd(p, _mm512_extractf64x2_pd(v, 3));
    } else if constexpr (Width == 4) {
      _mm256_storeu_pd(p, _mm512_extractf64x4_pd(v, 1));
    } else {
      _mm512_storeu_pd(p, v);
    }
  }

  // Lanes i with from <= origin + i < to.
  static Mask lanes_between(int origin, int from, int to) noexcept {
    const auto below = [origin](int end) {
      const int lanes = end - origin;
      return lanes <= 0 ? 0U : lanes >= kLanes ? 0xFFU : (1U << static_cast<unsigned>(lanes)) - 1U;
    };
    return static_cast<Mask>(below(to) & ~below(from));
  }
  static Vector select(Mask mask, Vector yes, Vector no) noexcept {
    return _mm512_mask_blend_pd(mask, no, yes);
  }
};

}  // namespace

const Kernels kAvx512Kernels{Avx512::kLanes,
                             {4, 4, 4, 4},
                             scale_chain_pass<Avx512>,
                             {{biquad_pass<Avx512, 1, 1>, biquad_pass<Avx512, 1, 2>,
                               biquad_pass<Avx512, 1, 3>, biquad_pass<Avx512, 1, 4>},
                              {biquad_pass<Avx512, 2, 1>, biquad_pass<Avx512, 2, 2>,
                               biquad_pass<Avx512, 2, 3>, biquad_pass<Avx512, 2, 4>},
                              {biquad_pass<Avx512, 4, 1>, biquad_pass<Avx512, 4, 2>,
                               biquad_pass<Avx512, 4, 3>, biquad_pass<Avx512, 4, 4>},
                              {biquad_pass<Avx512, 8, 1>, biquad_pass<Avx512, 8, 2>,
                               biquad_pass<Avx512, 8, 3>, biquad_pass<Avx512, 8, 4>}}};

}  // namespace streamlab::dsp
#endif
