// tests/hal/jack/jack_stream_test.cpp
//
// One JACK cycle at a time, without JACK: the test is the server, its card and its clock.
#include "hal/jack/jack_stream.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

constexpr double kJackRateHz = 48000.0;
constexpr std::uint32_t kPeriod = 256;
constexpr std::int64_t kFirstCycleNs = 5'000'000'000;
constexpr std::int64_t kEpochNs = 1'700'000'000'000'000'000;

std::int64_t ns_of(double frames) { return std::llround(frames * 1e9 / kJackRateHz); }

// A graph of one input and one output that turns its input round and keeps what it is told.
class Inverter final : public DeviceClient {
 public:
  explicit Inverter(std::uint32_t max_block_frames) : in_(max_block_frames), out_(max_block_frames) {}
  std::span<double* const> inputs() noexcept override { return inputs_; }
  std::span<const double* const> outputs() noexcept override { return outputs_; }
  void tick(const TickInfo& info) noexcept override {
    ticks.push_back(info);
    for (std::uint32_t n = 0; n < info.frame_count; ++n) {
      heard.push_back(in_[n]);
      out_[n] = -in_[n];
    }
  }
  std::vector<TickInfo> ticks;
  std::vector<double> heard;

 private:
  std::vector<double> in_;
  std::vector<double> out_;
  double* inputs_[1] = {in_.data()};
  const double* outputs_[1] = {out_.data()};
};

// A server with a perfect clock.
class Server {
 public:
  explicit Server(std::uint32_t max_block_frames = kPeriod, std::uint32_t frame_time = 0)
      : graph(max_block_frames), stream(kJackRateHz, max_block_frames, kEpochNs - kFirstCycleNs) {
    next.frame_count = kPeriod;
    next.frame_time = frame_time;
    next.start_ns = kFirstCycleNs;
  }
  // Runs the next cycle. Its input counts 1, 2, 3 … / 2^20.
  void cycle() {
    std::vector<float> in(next.frame_count);
    out.assign(next.frame_count, 99.0F);
    for (float& sample : in) { sample = static_cast<float>(++sample_) / 1048576.0F; }
    const float* inputs[] = {in.data()};
    float* outputs[] = {out.data()};
    stream.process(next, graph, inputs, outputs);
    next.xrun = false;
    if (!next.freewheel) { pass(next.frame_count); }  // freewheeling takes no time here
    next.frame_time += next.frame_count;
  }
  void cycles(int count) {
    for (int n = 0; n < count; ++n) { cycle(); }
  }
  void pass(std::uint32_t frames) {  // of time
    time_frames_ += frames;
    next.start_ns = kFirstCycleNs + ns_of(time_frames_);
  }
  const TickInfo& last() const { return graph.ticks.back(); }
  std::int64_t jump() const {  // between the last two ticks
    const TickInfo& before = graph.ticks[graph.ticks.size() - 2];
    return last().position - before.position - before.frame_count;
  }

  Inverter graph;
  JackStream stream;
  JackCycle next;
  std::vector<float> out;  // of the last cycle

 private:
  int sample_ = 0;
  double time_frames_ = 0.0;
};

TEST(JackStream, PassesEverySampleInTheSameCycle) {
  Server server;
  server.cycles(2);
  ASSERT_EQ(server.graph.heard.size(), 2U * kPeriod);
  for (std::size_t n = 0; n < server.graph.heard.size(); ++n) {
    EXPECT_EQ(server.graph.heard[n], static_cast<double>(n + 1) / 1048576.0);  // exact in float32
  }
  for (std::uint32_t n = 0; n < kPeriod; ++n) {
    EXPECT_EQ(server.out[n], -static_cast<float>(kPeriod + n + 1) / 1048576.0F);
  }
  EXPECT_EQ(server.stream.ticks(), 2U);
  EXPECT_EQ(server.stream.frames(), 2U * kPeriod);
}

TEST(JackStream, CutsALongPeriodIntoTicksThatFollowEachOther) {
  Server server(100);
  server.cycles(3);
  const std::vector<std::uint32_t> counts{100, 100, 56, 100, 100, 56, 100, 100, 56};
  ASSERT_EQ(server.graph.ticks.size(), counts.size());
  std::int64_t position = 0;
  for (std::size_t n = 0; n < counts.size(); ++n) {
    const TickInfo& tick = server.graph.ticks[n];
    EXPECT_EQ(tick.frame_count, counts[n]);
    EXPECT_EQ(tick.position, position);
    // 1 µs: the clock's whole nanoseconds and the timestamp's whole microseconds, both rounded down.
    EXPECT_NEAR(static_cast<double>(tick.timestamp_us),
                1.7e15 + static_cast<double>(position) * 1e6 / kJackRateHz, 1.0);
    position += tick.frame_count;
  }
  for (std::uint32_t n = 0; n < kPeriod; ++n) {
    EXPECT_EQ(server.out[n], -static_cast<float>(2 * kPeriod + n + 1) / 1048576.0F);
  }
}

TEST(JackStream, MarksMissedCyclesWithTheirExactLength) {
  Server server;
  server.cycles(100);
  for (const std::uint32_t missed : {1U, 3U, 7U}) {
    server.pass(missed * kPeriod);
    server.next.frame_time += missed * kPeriod;
    server.cycle();
    EXPECT_EQ(server.jump(), missed * kPeriod);
    server.cycles(10);
    EXPECT_EQ(server.jump(), 0);
  }
  EXPECT_EQ(server.stream.gaps(), 3U);
  EXPECT_EQ(server.stream.lost_frames(), 11U * kPeriod);
}

TEST(JackStream, CountsOnWhereTheFrameTimeWraps) {
  Server server(kPeriod, 0xFFFFFFFFU - 3 * kPeriod - 17);
  server.cycles(20);
  EXPECT_EQ(server.last().position, 19 * kPeriod);
  EXPECT_EQ(server.stream.gaps(), 0U);
}

TEST(JackStream, SubtractsTheCaptureLatencyFromTheTime) {
  Server server;
  server.next.input_latency_frames = 480;
  server.cycle();
  EXPECT_EQ(server.last().timestamp_us, kEpochNs / 1000 - 10'000);
}

TEST(JackStream, CountsByTimeWhatAnXrunCostTheCard) {
  Server server;
  server.cycles(400);
  server.pass(5000);  // the frame time does not show it
  server.next.xrun = true;
  server.cycle();
  EXPECT_EQ(server.jump(), 5000);  // the clock is perfect, so is the count
  EXPECT_TRUE(server.last().xrun);
  server.cycles(10);
  EXPECT_EQ(server.stream.gaps(), 1U);
  EXPECT_FALSE(server.last().xrun);
}

TEST(JackStream, CountsAnXrunWhoseNoticeComesFirst) {
  Server server;
  server.cycles(400);
  server.next.xrun = true;
  server.cycle();
  EXPECT_EQ(server.jump(), 0);
  server.pass(5000);
  server.cycle();
  EXPECT_EQ(server.jump(), 5000);
}

TEST(JackStream, TakesALateCycleForNothingMore) {
  Server server;
  server.cycles(400);
  server.next.start_ns += 4'000'000;  // 4 ms, three quarters of a period
  server.cycle();
  server.cycles(10);
  EXPECT_EQ(server.stream.gaps(), 0U);
  // The first jitter believed, 500 µs, has come down by exp(-2.1 / 2) after 2.1 s; four of these enter with
  // the gain of the least-squares line, 4 · 5.3 ms / 2.2 s: 7 µs.
  EXPECT_NEAR(static_cast<double>(server.last().timestamp_us),
              1.7e15 + static_cast<double>(server.last().position) * 1e6 / kJackRateHz, 8.0);
}

TEST(JackStream, DoesNotBelieveAFrameTimeThatTheClockContradicts) {
  Server server;
  server.cycles(400);
  server.next.frame_time += 123'456'789;  // another card became the server's clock
  server.cycle();
  EXPECT_EQ(server.jump(), 0);
  server.cycles(5);
  server.next.frame_time -= 99'999;  // and back
  server.pass(2 * kPeriod);          // which took two periods
  server.cycle();
  EXPECT_EQ(server.jump(), 2 * kPeriod);
}

TEST(JackStream, ContinuesAfterANewConnectionWithAGapOfTheTimeThatPassed) {
  Server server;
  server.cycles(400);
  server.pass(144'000);         // three seconds
  server.next.frame_time = 77;  // a new server restarts its count
  server.stream.reconnect();
  server.cycle();
  EXPECT_EQ(server.jump(), 144'000);
  EXPECT_EQ(server.stream.gaps(), 1U);
  EXPECT_EQ(server.stream.lost_frames(), 144'000U);
  EXPECT_NEAR(static_cast<double>(server.last().timestamp_us),
              1.7e15 + static_cast<double>(server.last().position) * 1e6 / kJackRateHz, 1.0);
}

TEST(JackStream, CountsFromItsBeginningWhereTheServerDiesBeforeTheFirstCycle) {
  Server server;
  server.stream.begin(kFirstCycleNs);
  server.pass(48'000);
  server.stream.reconnect();
  server.pass(24'000);
  server.stream.reconnect();
  server.cycle();
  EXPECT_EQ(server.last().position, 72'000);
  EXPECT_EQ(server.stream.gaps(), 1U);
  EXPECT_EQ(server.stream.lost_frames(), 72'000U);
}

TEST(JackStream, LosesNothingWhereThePeriodChanges) {
  Server server;
  server.cycles(100);
  for (const std::uint32_t period : {1024U, 64U, 256U}) {
    // As jackd counts: the new period's length where the old one went by.
    server.next.frame_time += period - server.next.frame_count;
    server.next.frame_count = period;
    server.cycles(20);
  }
  EXPECT_EQ(server.stream.gaps(), 0U);
  EXPECT_EQ(server.last().position, 100 * 256 + 20 * (1024 + 64 + 256) - 256);
}

TEST(JackStream, CountsByTimeWhatAChangeOfPeriodCost) {
  Server server;
  server.cycles(400);
  server.pass(3000);
  server.next.frame_count = 512;
  server.cycle();
  EXPECT_EQ(server.graph.ticks[400].position - server.graph.ticks[399].position, kPeriod + 3000);
  EXPECT_EQ(server.stream.gaps(), 1U);
}

TEST(JackStream, TimeFollowsTheFramesWhileFreewheelingAndNeverGoesBack) {
  Server server;
  server.cycles(100);
  server.next.freewheel = true;
  server.cycles(1000);
  server.next.freewheel = false;
  server.cycles(100);
  for (std::size_t n = 0; n < server.graph.ticks.size(); ++n) {
    const TickInfo& tick = server.graph.ticks[n];
    ASSERT_EQ(tick.position, static_cast<std::int64_t>(n) * kPeriod);
    // The clock before freewheeling is exact to a nanosecond in half a second: 11 ns in 5.3 s.
    ASSERT_NEAR(static_cast<double>(tick.timestamp_us),
                1.7e15 + static_cast<double>(tick.position) * 1e6 / kJackRateHz, 1.5);
  }
  EXPECT_EQ(server.stream.gaps(), 0U);
}

TEST(JackStream, RoundsToTheNearestFloatAndLeavesTheRestAlone) {
  JackStream stream(kJackRateHz, 4, 0);
  class Source final : public DeviceClient {
   public:
    std::span<double* const> inputs() noexcept override { return {}; }
    std::span<const double* const> outputs() noexcept override { return outputs_; }
    void tick(const TickInfo&) noexcept override {}

   private:
    double samples_[4] = {1.0 + 1e-9, 2.5, -1e-300, std::numeric_limits<double>::infinity()};
    const double* outputs_[1] = {samples_};
  } source;
  float out[4] = {};
  float* outputs[] = {out};
  JackCycle cycle;
  cycle.frame_count = 4;
  stream.process(cycle, source, {}, outputs);
  EXPECT_EQ(out[0], 1.0F);
  EXPECT_EQ(out[1], 2.5F);  // JACK has headroom: nothing is clipped here
  EXPECT_EQ(out[2], -0.0F);
  EXPECT_EQ(out[3], std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace streamlab
