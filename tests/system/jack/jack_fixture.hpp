// tests/system/jack/jack_fixture.hpp
//
// A running private server, and what every scenario asks of the blocks that came through the driver.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "hal/jack/jack_driver.hpp"
#include "tests/support/private_jack.hpp"
#include "tests/system/jack/jack_peers.hpp"

namespace streamlab::test {

inline constexpr std::uint32_t kPeriod = 1024;  // frames; the server's, when it is started with {}

class JackTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const bool own_world = enter_private_world();
    RecordProperty("own_world", own_world ? "yes" : "no");
  }
  void SetUp() override { ASSERT_TRUE(server_.start({})) << server_.log(); }

  DeviceRequest capture_from(std::string port) const {
    DeviceRequest request;
    request.device = server_.device();
    request.capture = true;
    request.input_ports = {std::move(port)};
    return request;
  }

  PrivateJack server_;
};

inline std::unique_ptr<Driver> open_or_fail(const DeviceRequest& request) {
  auto driver = open_jack_driver(request);
  if (!driver) {
    ADD_FAILURE() << to_string(driver.error());
    return nullptr;
  }
  return std::move(*driver);
}

// Positions follow each other but for the gaps that status() counted; timestamps rise; every timestamp agrees
// with the position's distance from the first one to within `tolerance_frames`.
inline void expect_continuous(const RecordingClient& client, const DriverStatus& status, double rate_hz,
                              double tolerance_frames) {
  std::uint64_t gaps = 0;
  std::int64_t lost = 0;
  const TickInfo first = client.block(0).info;
  for (std::size_t n = 1; n < client.count(); ++n) {
    const TickInfo& before = client.block(n - 1).info;
    const TickInfo& info = client.block(n).info;
    const std::int64_t jump = info.position - before.position - before.frame_count;
    ASSERT_GE(jump, 0) << "block " << n;
    ASSERT_GT(info.timestamp_us, before.timestamp_us) << "block " << n;
    const double elapsed_frames =
        static_cast<double>(info.timestamp_us - first.timestamp_us) * 1e-6 * rate_hz;
    ASSERT_NEAR(elapsed_frames, static_cast<double>(info.position - first.position), tolerance_frames)
        << "block " << n;
    gaps += jump > 0 ? 1 : 0;
    lost += jump;
  }
  EXPECT_EQ(status.gaps, gaps);
  EXPECT_EQ(status.lost_frames, static_cast<std::uint64_t>(lost));
}

}  // namespace streamlab::test
