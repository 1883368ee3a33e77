// tests/rt/denormals_test.cpp
#include "engine/rt/denormals.hpp"

#include <limits>
#include <thread>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

// The compiler must not compute it itself.
double halved(double x) {
  volatile double value = x;
  value = value * 0.5;
  return value;
}

TEST(Denormals, CountAsZeroOnceFlushed) {
  std::thread([] {
    EXPECT_FALSE(denormals_flushed());
    EXPECT_GT(halved(std::numeric_limits<double>::min()), 0.0);  // a denormal result
    ASSERT_TRUE(flush_denormals());
    EXPECT_TRUE(denormals_flushed());
    EXPECT_EQ(halved(std::numeric_limits<double>::min()), 0.0);
    volatile double operand = std::numeric_limits<double>::denorm_min();
    EXPECT_EQ(operand * 1e300, 0.0);
    EXPECT_EQ(halved(1.0), 0.5);
  }).join();
}

TEST(Denormals, StayAsTheyAreOnOtherThreads) {
  std::thread([] { flush_denormals(); }).join();
  EXPECT_FALSE(denormals_flushed());
}

}  // namespace
}  // namespace streamlab
