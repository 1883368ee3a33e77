// tests/stream/pull_test.cpp
//
// Streams whose items the caller takes, and reports of streams that still run.
#include "engine/stream/pull.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/stream/scripted.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using namespace testing_streams;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<int> not_three(int x) {
  if (x == 3) { return failed("", "three"); }
  return x;
}

TEST(Pull, GivesWhatCollectGives) {
  EXPECT_TRUE(rc::check([] {
    const auto script = with_pauses(*rc::gen::arbitrary<std::vector<int>>());
    const auto chain = op::map([](int x) { return x / 2; }) | op::filter([](int x) { return x % 3 != 0; });
    const auto whole = scripted(script) | chain | op::collect();
    std::vector<int> by_loop;
    auto items = scripted(script) | chain | op::pull();
    for (const int x : items) { by_loop.push_back(x); }
    RC_ASSERT(by_loop == *whole);
    RC_ASSERT(items.report().ended == StreamEnd::complete);
    RC_ASSERT(items.report().items == whole->size());
    RC_ASSERT(items.report().stage("map")->in == script.items().size());
    RC_ASSERT(items.next() == nullptr);
  }));
}

TEST(Pull, AsksForNoMoreThanItIsAskedFor) {
  int given = 0;
  auto items = scripted(script_of({1, 2, 3, 4}), &given).pull();
  EXPECT_EQ(given, 0);
  EXPECT_EQ(items.report().ended, StreamEnd::running);
  EXPECT_THAT(items.report().stages, IsEmpty());
  ASSERT_NE(items.next(), nullptr);
  int* const second = items.next();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
  EXPECT_EQ(given, 2);
  const StreamReport so_far = items.report();
  EXPECT_EQ(so_far.ended, StreamEnd::running);
  EXPECT_FALSE(so_far.ok());
  EXPECT_EQ(so_far.items, 2U);
  EXPECT_EQ(so_far.stage("scripted")->out, 2U);
  // A loop goes on from there.
  std::vector<int> rest;
  for (const int x : items) { rest.push_back(x); }
  EXPECT_THAT(rest, ElementsAre(3, 4));
}

TEST(Pull, IsAnInputRange) {
  auto items = from_range(first_numbers(10)).pull();
  static_assert(std::ranges::input_range<decltype(items)>);
  std::vector<int> doubled;
  for (const int x : items | std::views::transform([](int x) { return 2 * x; })) { doubled.push_back(x); }
  EXPECT_THAT(doubled, ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18));
}

TEST(Pull, SaysWhyTheLoopEnded) {
  auto items = from_range(first_numbers(9)).map(not_three).named("probe").pull();
  std::vector<int> got;
  while (const int* x = items.next()) { got.push_back(*x); }
  EXPECT_THAT(got, ElementsAre(0, 1, 2));
  EXPECT_EQ(items.report().ended, StreamEnd::failed);
  EXPECT_EQ(to_string(*items.report().error), "stage \"probe\", item 3: three");
}

TEST(Pull, TakesAStrategyForItsStages) {
  auto items = from_range(first_numbers(6)).map(not_three).pull(collect_errors());
  std::vector<int> got;
  for (const int x : items) { got.push_back(x); }
  EXPECT_THAT(got, ElementsAre(0, 1, 2, 4, 5));
  EXPECT_TRUE(items.report().ok());
  ASSERT_EQ(items.report().collected.size(), 1U);
  EXPECT_EQ(items.report().collected[0].item, 3U);
}

TEST(Pull, PrintsAFailureThatNobodyHasAskedFor) {
  const auto printed = [](auto&& use) {
    testing::internal::CaptureStderr();
    {
      auto items = from_range(first_numbers(9)).map(not_three).pull();
      use(items);
    }
    return testing::internal::GetCapturedStderr();
  };
  const auto drain = [](auto& items) {
    while (items.next() != nullptr) {}
  };
  EXPECT_EQ(printed(drain),
            "streamlab: a stream failed, and nobody asked for its report: stage \"map\", item 3: three\n");
  EXPECT_EQ(printed([&](auto& items) {
              drain(items);
              EXPECT_FALSE(items.report().ok());
            }),
            "");
  // Who asked before it failed has not heard of it.
  EXPECT_THAT(printed([&](auto& items) {
                EXPECT_FALSE(items.report().error);
                drain(items);
              }),
              HasSubstr("item 3: three"));
  EXPECT_EQ(printed([](auto& items) { EXPECT_NE(items.next(), nullptr); }), "");  // given up, not failed
  EXPECT_THAT(printed([&](auto& items) {
                drain(items);
                items = from_range(std::vector<int>{}).map(not_three).pull();
              }),
              HasSubstr("item 3: three"));
}

TEST(Pull, GivesUpWhatIsLeftAndJoinsThreads) {
  std::atomic<int> made = 0;
  auto items = from_function([&]() -> std::optional<int> { return made++; }).buffer(4).pull();
  ASSERT_NE(items.next(), nullptr);
  const StreamReport report = items.stop();
  EXPECT_EQ(report.ended, StreamEnd::cancelled);
  EXPECT_EQ(report.items, 1U);
  const int then = made;
  EXPECT_EQ(report.stage("from_function")->out, static_cast<std::uint64_t>(then));  // the thread is gone
  EXPECT_EQ(items.next(), nullptr);
}

TEST(Pull, EndsByTheTokensOfItsOptions) {
  std::stop_source cancel;
  auto items = from_function([] { return std::optional(1); }).pull({.cancel = cancel.get_token()});
  int count = 0;
  for ([[maybe_unused]] const int x : items) {
    if (++count == 5) { cancel.request_stop(); }
  }
  EXPECT_EQ(count, 5);
  EXPECT_EQ(items.report().ended, StreamEnd::cancelled);
}

TEST(Pull, WaitsInTheTimeOfItsClock) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  auto ticks = timer(10min).take(6).pull({.clock = &clock});
  for ([[maybe_unused]] const std::uint64_t tick : ticks) {}
  EXPECT_EQ(clock.now() - begin, 1h);
}

// --- reports of streams that run

TEST(StreamMonitor, TellsHowFarAStreamIs) {
  StreamMonitor monitor;
  EXPECT_EQ(monitor.report().ended, StreamEnd::running);
  std::vector<StreamReport> seen;
  const auto report = from_range(first_numbers(7))
                          .map(not_three, skip_failed())
                          .for_each([&](int) { seen.push_back(monitor.report()); }, {.monitor = &monitor});
  ASSERT_EQ(seen.size(), 6U);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const std::uint64_t given = i + (i < 3 ? 1 : 2);  // the source's
    EXPECT_EQ(seen[i].ended, StreamEnd::running);
    EXPECT_EQ(seen[i].items, i);
    EXPECT_EQ(seen[i].stage("from_range")->out, given);
    EXPECT_EQ(seen[i].stage("map")->in, given);
    EXPECT_EQ(seen[i].stage("map")->out, i + 1);
    EXPECT_EQ(seen[i].stage("map")->dropped, i < 3 ? 0U : 1U);
    EXPECT_EQ(seen[i].to_first_item.has_value(), i > 0);
  }
  EXPECT_EQ(to_string(monitor.report()), to_string(report));
  EXPECT_THAT(to_string(seen[0]), HasSubstr("running, 0 items"));
}

// Any thread, any time: numbers never go back, and no stage has given more than it was given.
TEST(StreamMonitor, IsReadByOtherThreads) {
  constexpr int kItems = 20000;
  StreamMonitor monitor;
  auto reading = std::async(std::launch::async, [&] {
    std::uint64_t looks = 0;
    std::uint64_t before = 0;
    while (true) {
      const StreamReport report = monitor.report();
      EXPECT_GE(report.items, before);
      before = report.items;
      for (const StageReport& s : report.stages) {
        if (s.name != "from_range") { EXPECT_GE(s.in, s.out + s.dropped) << to_string(report); }
      }
      if (!report.stages.empty()) { EXPECT_GE(report.stages.back().out, report.items); }
      ++looks;
      if (report.ended != StreamEnd::running) { return std::pair(looks, report.items); }
    }
  });
  const auto odd_fails = [](int x) -> Result<int> {
    if (x % 2 == 1) { return failed("", "odd"); }
    return x;
  };
  const auto result = from_range(first_numbers(kItems))
                          .parallel_map(3, odd_fails, Order::ordered, collect_errors())
                          .buffer(16)
                          .map([](int x) { return x + 1; })
                          .count({.monitor = &monitor});
  const auto [looks, items] = reading.get();
  EXPECT_GE(looks, 1U);
  EXPECT_EQ(items, kItems / 2U);
  EXPECT_EQ(*result, kItems / 2U);
  EXPECT_EQ(result.report.stage("parallel_map")->failed, kItems / 2U);
  EXPECT_EQ(result.report.collected_count, kItems / 2U);
}

TEST(StreamMonitor, WatchesOneStreamAtATime) {
  StreamMonitor monitor;
  auto first = from_range(first_numbers(3)).pull({.monitor = &monitor});
  ASSERT_NE(first.next(), nullptr);
  const auto second = from_range(first_numbers(3)).count({.monitor = &monitor});
  ASSERT_TRUE(second.report.error);
  EXPECT_EQ(second.report.error->error.what, "the monitor watches another stream, which still runs");
  EXPECT_EQ(monitor.report().items, 1U);  // still the first
  EXPECT_EQ(first.stop().ended, StreamEnd::cancelled);
  EXPECT_EQ(monitor.report().ended, StreamEnd::cancelled);
  EXPECT_EQ(*from_range(first_numbers(3)).count({.monitor = &monitor}), 3U);
  EXPECT_EQ(monitor.report().items, 3U);
}

TEST(StreamMonitor, TellsAStreamThatCouldNotStart) {
  StreamMonitor monitor;
  (void)from_range(first_numbers(3)).batch(0).count({.monitor = &monitor});
  EXPECT_EQ(monitor.report().ended, StreamEnd::failed);
  EXPECT_EQ(monitor.report().error->error.what, "batch() of 0 items");
}

TEST(Pull, ThatWasMovedFromSaysSo) {
  const std::vector<int> numbers{1, 2, 3};
  auto first = from_range(numbers).pull();
  EXPECT_EQ(*first.next(), 1);
  auto second = std::move(first);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(first.next(), nullptr);
  EXPECT_EQ(first.report().ended, StreamEnd::failed);
  EXPECT_EQ(first.stop().error->error.what, "this Pull was moved from");
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(*second.next(), 2);
}

}  // namespace
}  // namespace streamlab
