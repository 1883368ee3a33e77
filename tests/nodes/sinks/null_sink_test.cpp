// tests/nodes/sinks/null_sink_test.cpp
#include <gmock/gmock.h>

#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

TEST(NullSink, CountsWhatItTakes) {
  NodeHarness sink("NullSink", "{}", {48000.0, 2, 64});
  sink.run(noise(2, 1000), 64);
  ASSERT_EQ(sink.node().notes().size(), 1U);
  EXPECT_EQ(sink.node().notes()[0].text, "received 1000 frames in 16 blocks");
  EXPECT_FALSE(sink.node().notes()[0].data_lost);
  sink.reset();
  sink.run(noise(2, 10), 7);
  EXPECT_EQ(sink.node().notes()[0].text, "received 10 frames in 2 blocks");
}

TEST(NullSink, HasNoParameters) {
  EXPECT_EQ(NodeHarness::refusals("NullSink", R"({"path": "x"})").size(), 1U);
}

}  // namespace
}  // namespace streamlab
