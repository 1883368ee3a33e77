// nodes/dsp/kernels_avx2.cpp
//
// The kernels for AVX2 and FMA: four doubles a register.
#include "nodes/dsp/kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include "nodes/dsp/biquad_kernel.hpp"
#include "nodes/dsp/scale_chain_kernel.hpp"

namespace streamlab::dsp {
namespace {

struct Avx2 {
  using Vector = __m256d;
  using Mask = __m256d;
  static constexpr int kLanes = 4;
  static constexpr int kStripRegisters = 8;

  static Vector zero() noexcept { return _mm256_setzero_pd(); }
  static Vector load(const double* p) noexcept { return _mm256_load_pd(p); }
  static Vector load_unaligned(const double* p) noexcept { return _mm256_loadu_pd(p); }
  static void store(double* p, Vector v) noexcept { _mm256_store_pd(p, v); }
  static void store_unaligned(double* p, Vector v) noexcept { _mm256_storeu_pd(p, v); }

  // a b + c and c - a b, rounded once.
  static Vector multiply_add(Vector a, Vector b, Vector c) noexcept { return _mm256_fmadd_pd(a, b, c); }
  static Vector subtract_product(Vector c, Vector a, Vector b) noexcept { return _mm256_fnmadd_pd(a, b, c); }

  // p[0 .. Width) repeated across the register.
  template <int Width>
  static Vector broadcast(const double* p) noexcept {
    if constexpr (Width == 1) {
      return _mm256_broadcast_sd(p);
    } else if constexpr (Width == 2) {
      const __m128d pair = _mm_loadu_pd(p);
      return _mm256_set_m128d(pair, pair);
    } else {
      return _mm256_loadu_pd(p);
    }
  }

  // `v` moved up by Width lanes; the top lanes of `below` come in at the bottom.
  template <int Width>
  static Vector shift_in(Vector below, Vector v) noexcept {
    if constexpr (Width == kLanes) {
      return below;
    } else {
      const Vector middle = _mm256_permute2f128_pd(below, v, 0x21);  // below[2] below[3] v[0] v[1]
      if constexpr (Width == 2) { return middle; }
      return _mm256_shuffle_pd(middle, v, 0x5);  // below[3] v[0] v[1] v[2]
    }
  }

  // p[0 .. Width) = the top Width lanes.
  template <int Width>
  static void store_top(double* p, Vector v) noexcept {
    if constexpr (Width == 1) {
      _mm_storeh_pd(p, _mm256_extractf128_pd(v, 1));
    } else if constexpr (Width == 2) {
      _mm_storeu_pd(p, _mm256_extractf128_pd(v, 1));
    } else {
      _mm256_storeu_pd(p, v);
    }
  }

  // Lanes i with from <= origin + i < to.
  static Mask lanes_between(int origin, int from, int to) noexcept {
    const Vector lane = _mm256_setr_pd(0.0, 1.0, 2.0, 3.0);
    return _mm256_and_pd(_mm256_cmp_pd(lane, _mm256_set1_pd(from - origin), _CMP_GE_OQ),
                         _mm256_cmp_pd(lane, _mm256_set1_pd(to - origin), _CMP_LT_OQ));
  }
  static Vector select(Mask mask, Vector yes, Vector no) noexcept { return _mm256_blendv_pd(no, yes, mask); }
};

}  // namespace

const Kernels kAvx2Kernels{
    Avx2::kLanes,
    {4, 4, 4, 0},
    scale_chain_pass<Avx2>,
    {{biquad_pass<Avx2, 1, 1>, biquad_pass<Avx2, 1, 2>, biquad_pass<Avx2, 1, 3>, biquad_pass<Avx2, 1, 4>},
     {biquad_pass<Avx2, 2, 1>, biquad_pass<Avx2, 2, 2>, biquad_pass<Avx2, 2, 3>, biquad_pass<Avx2, 2, 4>,
      biquad_pass<Avx2, 2, 5>},
     {biquad_pass<Avx2, 4, 1>, biquad_pass<Avx2, 4, 2>, biquad_pass<Avx2, 4, 3>, biquad_pass<Avx2, 4, 4>},
     {}}};

}  // namespace streamlab::dsp
#endif
