// tests/hal/jack/port_watch_test.cpp
#include "hal/jack/port_watch.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

// in_1 from a named port, in_2 left to the user, out_1 to a named port.
PortWatch three_ports() {
  return PortWatch({{"in_1", "cable:output_1"}, {"in_2", ""}}, {{"out_1", "system:playback_1"}});
}

void cycles(PortWatch& watch, int count, std::uint8_t in_1, std::uint8_t in_2, std::uint8_t out_1) {
  const std::uint8_t connected[] = {in_1, in_2, out_1};
  for (int n = 0; n < count; ++n) { watch.count(connected, 256); }
}

TEST(PortWatch, CountsTheFramesInWhichNothingIsConnected) {
  PortWatch watch = three_ports();
  cycles(watch, 10, 1, 0, 1);
  cycles(watch, 3, 0, 0, 1);
  auto ports = watch.report();
  ASSERT_EQ(ports.size(), 2U);  // the one left to the user is not watched
  EXPECT_TRUE(ports[0].is_input);
  EXPECT_EQ(ports[0].channel, 0U);
  EXPECT_EQ(ports[0].peer, "cable:output_1");
  EXPECT_FALSE(ports[0].connected);
  EXPECT_EQ(ports[0].interruptions, 1U);
  EXPECT_EQ(ports[0].unconnected_frames, 768U);
  EXPECT_FALSE(ports[1].is_input);
  EXPECT_EQ(ports[1].channel, 0U);
  EXPECT_TRUE(ports[1].connected);
  EXPECT_EQ(ports[1].interruptions, 0U);
  cycles(watch, 2, 1, 0, 1);
  cycles(watch, 1, 0, 0, 0);
  ports = watch.report();
  EXPECT_EQ(ports[0].interruptions, 2U);
  EXPECT_EQ(ports[0].unconnected_frames, 1024U);
  EXPECT_EQ(ports[1].interruptions, 1U);
  EXPECT_EQ(ports[1].unconnected_frames, 256U);
}

TEST(PortWatch, GivesTheServerTimeToConnect) {
  PortWatch watch = three_ports();
  cycles(watch, 2, 0, 0, 0);
  cycles(watch, 10, 1, 0, 1);
  EXPECT_EQ(watch.report()[0].interruptions, 0U);
  watch.connect_anew();
  cycles(watch, 2, 0, 0, 0);
  cycles(watch, 1, 1, 0, 1);
  EXPECT_EQ(watch.report()[0].interruptions, 0U);
  cycles(watch, 1, 0, 0, 1);  // was connected, hence not waited for
  EXPECT_EQ(watch.report()[0].interruptions, 1U);
}

TEST(PortWatch, CountsAPortThatIsNeverConnected) {
  PortWatch watch = three_ports();
  cycles(watch, PortWatch::kSettledCycles, 0, 0, 1);
  EXPECT_EQ(watch.report()[0].interruptions, 1U);
  EXPECT_FALSE(watch.report()[0].connected);
}

}  // namespace
}  // namespace streamlab
