// tests/stream/combine_test.cpp
//
// zip, merge, concat: many streams as one.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/channel/clock.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/scripted.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using namespace testing_streams;

TEST(Zip, PairsItemsByTheirNumbers) {
  EXPECT_TRUE(rc::check([](const std::vector<int>& left, const std::vector<char>& right) {
    std::vector<std::pair<int, char>> expected;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      expected.emplace_back(left[i], right[i]);
    }
    const auto result = scripted(with_pauses(left)).zip(scripted(with_pauses(right))).collect();
    RC_ASSERT(static_cast<bool>(result));
    RC_ASSERT(result.value == expected);
    // At most one item of the longer side was taken for nothing, and it is counted.
    const StageReport& zip = *result.report.stage("zip");
    RC_ASSERT(zip.in == 2 * zip.out + zip.dropped);
    RC_ASSERT(zip.dropped <= 1U);
  }));
}

TEST(Zip, AsksForAsMuchAsItGives) {
  int left = 0;
  int right = 0;
  const auto result = scripted(script_of({1, 2, 3, 4}), &left)
                          .zip(scripted(script_of({5, 6, 7, 8}), &right))
                          .take(2)
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(1, 5), Pair(2, 6)));
  EXPECT_EQ(left, 2);
  EXPECT_EQ(right, 2);
}

TEST(Zip, FailsWithEitherSide) {
  for (int n = 0; n < 4; ++n) {
    const std::vector<int> some(static_cast<std::size_t>(n), 7);
    const auto left =
        scripted(script_of(some, Finally::fails)).zip(from_range(std::vector<int>(9, 1))).collect();
    const auto right =
        from_range(std::vector<int>(9, 1)).zip(scripted(script_of(some, Finally::fails))).collect();
    EXPECT_EQ(left.value.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(right.value.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(left.report.error->stage, "scripted");
    EXPECT_EQ(right.report.error->stage, "scripted");
  }
}

TEST(Zip, DoesNotWaitForOneSideWhenTheOtherHasEnded) {
  const auto left = scripted(script_of({}, Finally::waits)).zip(from_range(std::vector<int>{})).collect();
  const auto right = from_range(std::vector<int>{}).zip(scripted(script_of({}, Finally::waits))).collect();
  EXPECT_TRUE(left);
  EXPECT_TRUE(right);
}

TEST(Zip, OfAStreamThatWasUsedSaysSo) {
  auto used = from_range(std::vector{1});
  (void)std::move(used).collect();
  const auto result = from_range(std::vector{1}).zip(std::move(used)).collect();
  ASSERT_TRUE(result.report.error);
  EXPECT_EQ(result.report.error->error.what, "this stream was used already");
}

TEST(Merge, GivesEveryItemOnceInTheOrderOfItsStream) {
  EXPECT_TRUE(rc::check([](const std::vector<std::vector<int>>& sources) {
    std::vector<Stream<std::pair<std::size_t, int>>> streams;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      streams.push_back(
          scripted(with_pauses(sources[s])).map([s](int i) { return std::pair<std::size_t, int>(s, i); }));
    }
    const auto result =
        from_range(std::vector<std::pair<std::size_t, int>>{}).merge(std::move(streams)).collect();
    RC_ASSERT(static_cast<bool>(result));
    std::vector<std::vector<int>> got(sources.size());
    for (const auto& [s, item] : result.value) { got[s].push_back(item); }
    RC_ASSERT(got == sources);
  }));
}

TEST(Merge, TakesTurns) {
  const auto result = from_range(std::vector{1, 2, 3})
                          .merge(from_range(std::vector{10, 20}), from_range(std::vector{100, 200, 300, 400}))
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(1, 10, 100, 2, 20, 200, 3, 300, 400));
}

TEST(Merge, IsNotHeldUpByAStreamThatHasNothing) {
  const auto result =
      scripted(script_of({}, Finally::waits)).merge(from_range(std::vector{1, 2, 3})).take(3).collect();
  EXPECT_THAT(result.value, ElementsAre(1, 2, 3));
}

TEST(Merge, FailsWithOneOfThem) {
  const auto result =
      from_range(std::vector{1, 2, 3}).merge(scripted(script_of({9}, Finally::fails))).collect();
  EXPECT_THAT(result.value, ElementsAre(1, 9, 2));
  EXPECT_EQ(result.report.ended, StreamEnd::failed);
  EXPECT_EQ(result.report.error->stage, "scripted");
}

TEST(Merge, OrdersTimersByTheClock) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto every = [](int s, const char* name) {
    return timer(std::chrono::seconds(s)).map([name](std::uint64_t) { return std::string(name); });
  };
  const auto result = every(2, "two").merge(every(3, "three")).take(6).collect({.clock = &clock});
  EXPECT_THAT(result.value, ElementsAre("two", "three", "two", "three", "two", "two"));  // 2, 3, 4, 6, 6, 8 s
}

TEST(Concat, AsksTheSecondWhenTheFirstHasEnded) {
  int second = 0;
  auto both = from_range(std::vector{1, 2}).concat(scripted(script_of({3, 4}), &second));
  const auto first = std::move(both).take(2).collect();
  EXPECT_THAT(first.value, ElementsAre(1, 2));
  EXPECT_EQ(second, 0);
  using namespace streamlab::op;
  EXPECT_THAT((from_range(std::vector{1, 2}) | concat(from_range(std::vector{3, 4})) | collect()).value,
              ElementsAre(1, 2, 3, 4));
}

TEST(Concat, FailsWithEither) {
  EXPECT_THAT(scripted(script_of({1}, Finally::fails)).concat(from_range(std::vector{2})).collect().value,
              ElementsAre(1));
  const auto second = from_range(std::vector{2}).concat(scripted(script_of({1}, Finally::fails))).collect();
  EXPECT_THAT(second.value, ElementsAre(2, 1));
  EXPECT_FALSE(second);
}

}  // namespace
}  // namespace streamlab
