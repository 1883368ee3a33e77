// tests/stream/tee_test.cpp
//
// tee: many streams over one, on one thread and on several.
#include "engine/stream/stages/tee.hpp"

#include <atomic>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/channel/clock.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/stream/scripted.hpp"

namespace streamlab {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_streams;

TEST(Tee, GivesEveryItemToEveryStream) {
  int given = 0;
  Script<int> script;
  for (const int i : first_numbers(5)) { script.steps.emplace_back(i); }
  auto [a, b] = scripted(script, &given).tee<2>(8);
  EXPECT_EQ(given, 0);  // nobody asks
  EXPECT_THAT(std::move(a).collect().value, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(given, 5);
  EXPECT_THAT(std::move(b).collect().value, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(given, 5);
}

TEST(Tee, JoinsItselfOnOneThread) {
  EXPECT_TRUE(rc::check([] {
    const auto items = *rc::gen::arbitrary<std::vector<int>>();
    const auto depth = *rc::gen::inRange<std::size_t>(1, 4);
    auto [a, b] = scripted(with_pauses(items)).template tee<2>(depth);
    const auto result = std::move(a).zip(std::move(b).map([](int i) { return i; })).collect();
    RC_ASSERT(result.value.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      RC_ASSERT(result.value[i] == std::pair(items[i], items[i]));
    }
  }));
}

TEST(Tee, FeedsStreamsOnThreadsOfTheirOwnWithoutLossOrDisorder) {
  constexpr int kItems = 20000;
  for (const std::size_t depth : {1U, 16U}) {
    auto streams = from_range(first_numbers(kItems)).tee(3, depth);
    std::vector<StreamResult<std::vector<int>>> results(streams.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < streams.size(); ++i) {
        threads.emplace_back([&, i] { results[i] = std::move(streams[i]).collect(); });
      }
    }
    std::uint64_t reported = 0;
    for (const auto& result : results) {
      EXPECT_TRUE(result);
      EXPECT_EQ(result.value, first_numbers(kItems));
      EXPECT_EQ(result.report.stage("tee")->dropped, 0U);
      reported += result.report.stage("from_range") != nullptr ? 1 : 0;
    }
    EXPECT_EQ(reported, 1U);  // what stands before the tee is reported once
  }
}

TEST(Tee, WaitsForSlowChannelsOnEveryThread) {
  // Upstream has nothing most of the time: all streams wait, and none of them misses that something came.
  constexpr int kItems = 3000;
  std::atomic<int> sent{0};
  auto signal = std::make_shared<WakeSignal>();
  WakeList arrivals;
  struct Arrivals final : Source<int> {
    Arrivals(std::atomic<int>& n, WakeList& list) : Source<int>("arrivals"), sent_items(n), arrived(list) {}
    Poll produce(StreamRun& run, int*& item) override {
      if (next == kItems) { return Poll::ended; }
      if (sent_items.load() <= next) {
        arrived.arm(run.signal());
        if (sent_items.load() <= next) { return Poll::pending; }
      }
      value = next++;
      item = &value;
      return Poll::item;
    }
    std::atomic<int>& sent_items;
    WakeList& arrived;
    int next = 0;
    int value = 0;
  };
  auto streams = Stream<int>(std::make_unique<Arrivals>(sent, arrivals)).tee(3, 4);
  std::vector<std::vector<int>> got(3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] { got[i] = std::move(streams[i]).collect().value; });
    }
    for (int i = 0; i < kItems; ++i) {
      sent.fetch_add(1);
      arrivals.fire();
      if (i % 16 == 0) { std::this_thread::yield(); }
    }
  }
  EXPECT_THAT(got, Each(first_numbers(kItems)));
}

TEST(Tee, AStreamThatIsGoneIsNotWaitedFor) {
  auto [a, b] = from_range(first_numbers(100)).tee<2>(4);
  {
    auto gone = std::move(b);  // destroyed without having run
  }
  EXPECT_EQ(std::move(a).count().value, 100U);

  auto [c, d] = from_range(first_numbers(100)).tee<2>(4);
  EXPECT_EQ(std::move(d).take(2).count().value, 2U);  // ended early
  EXPECT_THAT(std::move(c).collect().value, testing::SizeIs(100));
}

TEST(Tee, AStreamThatLeavesWakesTheOneThatWaitsForIt) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto streams = from_range(first_numbers(100)).tee(2, 4);
  std::uint64_t count = 0;
  std::jthread fast(
      [&, a = std::move(streams[0])]() mutable { count = std::move(a).count({.clock = &clock}).value; });
  clock.wait_for_waiters(1);  // the other's queue is full
  streams.clear();
  fast.join();
  EXPECT_EQ(count, 100U);
}

TEST(Tee, CancellingOneLeavesTheOtherAlone) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto streams = from_range(first_numbers(100)).tee(2, 4);
  std::stop_source stop;
  StreamReport cancelled;
  std::jthread fast([&, a = std::move(streams[0])]() mutable {
    cancelled = std::move(a).execute({.clock = &clock, .cancel = stop.get_token()});
  });
  clock.wait_for_waiters(1);
  stop.request_stop();
  fast.join();
  EXPECT_EQ(cancelled.ended, StreamEnd::cancelled);
  EXPECT_EQ(std::move(streams[1]).count().value, 100U);
}

TEST(Tee, DrainingOneEndsTheSourceForAll) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto streams = from_range(first_numbers(100)).tee(2, 4);
  std::stop_source stop;
  StreamReport drained;
  std::jthread fast([&, a = std::move(streams[0])]() mutable {
    drained = std::move(a).execute({.clock = &clock, .drain = stop.get_token()});
  });
  clock.wait_for_waiters(1);
  stop.request_stop();
  const auto rest = std::move(streams[1]).collect();
  fast.join();
  EXPECT_EQ(drained.ended, StreamEnd::drained);
  EXPECT_GE(rest.value.size(), 4U);  // what was in its queue
  EXPECT_LT(rest.value.size(), 100U);
}

TEST(Tee, AllLearnOfAFailureAfterWhatTheyHave) {
  for (int n = 0; n < 5; ++n) {
    Script<int> script;
    for (const int i : first_numbers(n)) { script.steps.emplace_back(i); }
    script.finally = Finally::fails;
    auto streams = scripted(script).tee(3, 8);
    for (auto& stream : streams) {
      const auto result = std::move(stream).collect();
      EXPECT_EQ(result.value, first_numbers(n));
      ASSERT_TRUE(result.report.error);
      EXPECT_EQ(result.report.error->stage, "scripted");
    }
  }
}

// The first stream is run to its end; what the second then has, and how many it lost.
std::pair<std::vector<int>, std::uint64_t> left_for_second(OverflowPolicy policy) {
  auto [a, b] = from_range(first_numbers(10)).tee<2>(4, policy);
  EXPECT_EQ(std::move(a).count().value, 10U);
  const auto result = std::move(b).collect();
  EXPECT_TRUE(result);
  return {result.value, result.report.stage("tee")->dropped};
}

TEST(Tee, LosesAsThePolicySaysAndCountsIt) {
  EXPECT_THAT(left_for_second(OverflowPolicy::drop_oldest), testing::Pair(ElementsAre(6, 7, 8, 9), 6U));
  EXPECT_THAT(left_for_second(OverflowPolicy::drop_newest), testing::Pair(ElementsAre(0, 1, 2, 3), 6U));
  EXPECT_THAT(left_for_second(OverflowPolicy::drop_buffer), testing::Pair(ElementsAre(8, 9), 8U));
  EXPECT_THAT(left_for_second(OverflowPolicy::latest), testing::Pair(ElementsAre(9), 9U));
}

TEST(Tee, FailsTheStreamThatFellBehindAndNoOther) {
  auto [a, b] = from_range(first_numbers(10)).tee<2>(4, OverflowPolicy::fail);
  EXPECT_TRUE(std::move(a).execute().ok());
  const auto late = std::move(b).collect();
  EXPECT_THAT(late.value, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(
      to_string(*late.report.error),
      "stage \"tee\", item 4: the stream fell behind the others of its tee; expected 4 items behind at the "
      "most; a larger depth, or another overflow policy");
  EXPECT_EQ(late.report.stage("tee")->dropped, 1U);
}

TEST(Tee, RefusesNothing) {
  auto none = from_range(first_numbers(3)).tee(0, 4);
  ASSERT_EQ(none.size(), 1U);
  EXPECT_THAT(to_string(*std::move(none[0]).collect().report.error), HasSubstr("a tee of 0 streams"));
  for (auto& stream : from_range(first_numbers(3)).tee(2, 0)) {
    EXPECT_THAT(to_string(*std::move(stream).collect().report.error),
                HasSubstr("a tee with room for 0 items"));
  }
  // What is refused before the tee is refused to all.
  for (auto& stream : from_range(first_numbers(3)).batch(0).tee(2, 4)) {
    EXPECT_EQ(std::move(stream).collect().report.error->error.what, "batch() of 0 items");
  }
}

TEST(Tee, SharesStagesThatHaveThreads) {
  auto streams =
      from_range(first_numbers(500)).parallel_map(2, [](int i) { return i + 1; }).buffer(8).tee(2, 4);
  std::vector<std::vector<int>> got(2);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        got[i] =
            i == 0 ? std::move(streams[i]).take(100).collect().value : std::move(streams[i]).collect().value;
      });
    }
  }
  EXPECT_EQ(got[0].size(), 100U);
  ASSERT_EQ(got[1].size(), 500U);
  EXPECT_EQ(got[1].back(), 500);
}

}  // namespace
}  // namespace streamlab
