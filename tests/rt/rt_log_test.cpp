// tests/rt/rt_log_test.cpp
#include "engine/rt/rt_log.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "tests/rt/give_way.hpp"

namespace streamlab {
namespace {

TEST(RtLog, GivesItsRecordsInOrder) {
  RtLog log(4);
  log.record(1, 100, 0.5);
  log.record(2, 200, -3.0);
  std::array<RtLogRecord, 8> records;
  ASSERT_EQ(log.drain(records), 2U);
  EXPECT_EQ(records[0], (RtLogRecord{1, 100, 0.5}));
  EXPECT_EQ(records[1], (RtLogRecord{2, 200, -3.0}));
  EXPECT_EQ(log.drain(records), 0U);
  EXPECT_EQ(log.lost(), 0U);
}

TEST(RtLog, KeepsTheOldestAndCountsTheLost) {
  RtLog log(2);
  for (std::uint32_t code = 0; code < 5; ++code) { log.record(code, 0, 0.0); }
  EXPECT_EQ(log.lost(), 3U);
  std::array<RtLogRecord, 8> records;
  ASSERT_EQ(log.drain(records), 2U);
  EXPECT_EQ(records[0].code, 0U);
  EXPECT_EQ(records[1].code, 1U);
}

TEST(RtLog, AccountsForEveryRecordBetweenTwoThreads) {
  constexpr std::uint32_t kRecords = 50000;
  RtLog log(16);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint32_t code = 0; code < kRecords; ++code) {
      log.record(code, code, code);
      if (code % 64 == 0) { std::this_thread::yield(); }
    }
    done.store(true, std::memory_order_release);
  });
  std::array<RtLogRecord, 8> records;
  std::uint64_t got = 0;
  std::uint64_t wrong = 0;
  while (true) {
    const bool last = done.load(std::memory_order_acquire);
    const std::size_t count = log.drain(records);
    for (std::size_t i = 0; i < count; ++i) { wrong += records[i].position != records[i].code ? 1U : 0U; }
    got += count;
    if (count == 0) {
      if (last) { break; }
      give_way();
    }
  }
  writer.join();
  EXPECT_EQ(got + log.lost(), kRecords);
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace streamlab
