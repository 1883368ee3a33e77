// tests/stream/join_test.cpp
//
// join_by, join_by_time, join_latest: against joins of whole vectors.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>

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
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using namespace testing_streams;

const auto itself = [](std::int64_t x) { return x; };
using Numbers = std::vector<std::int64_t>;
using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;

Script<std::int64_t> numbers_script(const Numbers& items, Finally finally = Finally::ends) {
  return script_of(items, finally);
}

// Different keys of 0 .. 59, each moved by no more than a few places.
Numbers keys_by_and_large_in_order() {
  Numbers keys;
  for (std::int64_t k = 0; k < *rc::gen::inRange(0, 60); ++k) {
    if (*rc::gen::inRange(0, 4) != 0) { keys.push_back(k); }
  }
  for (std::size_t i = 0; i + 3 < keys.size(); i += 4) {
    std::swap(keys[i], keys[i + *rc::gen::inRange<std::size_t>(0, 4)]);
  }
  return keys;
}

TEST(JoinBy, PairsWhatHasTheSameKey) {
  EXPECT_TRUE(rc::check([] {
    const auto left = keys_by_and_large_in_order();
    const auto right = keys_by_and_large_in_order();
    const auto result =
        scripted(with_pauses(left))
            .map([](std::int64_t k) { return std::pair(k, 'l'); })
            .join_by(
                scripted(with_pauses(right)), [](const auto& l) { return l.first; }, itself, 64)
            .collect();
    RC_ASSERT(static_cast<bool>(result));
    std::set<std::int64_t> got;
    for (const auto& [l, r] : result.value) {
      RC_ASSERT(l.first == r);
      RC_ASSERT(got.insert(r).second);  // once
    }
    std::set<std::int64_t> expected;
    for (const auto k : left) {
      if (std::find(right.begin(), right.end(), k) != right.end()) { expected.insert(k); }
    }
    RC_ASSERT(got == expected);
    const StageReport& join = *result.report.stage("join_by");
    RC_ASSERT(join.in == 2 * join.out + join.dropped);
  }));
}

TEST(JoinBy, HoldsNoMoreThanMayWait) {
  // Every second key is missing on the right: the others give up, and no pair is lost for it.
  Numbers left;
  Numbers right;
  Pairs expected;
  for (std::int64_t k = 0; k < 1000; ++k) {
    left.push_back(k);
    if (k % 2 == 1) {
      right.push_back(k);
      expected.emplace_back(k, k);
    }
  }
  const auto result = from_range(left).join_by(from_range(right), itself, itself, 2).collect();
  EXPECT_EQ(result.value, expected);
  EXPECT_EQ(result.report.stage("join_by")->dropped, 500U);
}

TEST(JoinBy, WaitsForASlowSideWithoutLosingTheOther) {
  Script<std::int64_t> slow;
  for (int i = 0; i < 20; ++i) { slow.steps.emplace_back(std::nullopt); }
  Numbers all;
  for (std::int64_t k = 0; k < 10; ++k) {
    slow.steps.emplace_back(k);
    all.push_back(k);
  }
  int given = 0;
  const auto result =
      scripted(numbers_script(all), &given).join_by(scripted(slow), itself, itself, 3).collect();
  EXPECT_EQ(result.value.size(), 10U);
  EXPECT_EQ(result.report.stage("join_by")->dropped, 0U);
}

TEST(JoinBy, EndsWhenNothingCanMatchAnyMore) {
  EXPECT_TRUE(scripted(numbers_script({1, 2}, Finally::waits))
                  .join_by(from_range(Numbers{}), itself, itself, 4)
                  .collect());
  EXPECT_TRUE(from_range(Numbers{})
                  .join_by(scripted(numbers_script({1}, Finally::waits)), itself, itself, 4)
                  .collect());
  // One that waits in vain does not keep an endless stream running.
  const auto result =
      from_range(Numbers{5})
          .join_by(from_function([i = std::int64_t{6}]() mutable { return std::optional(i++); }), itself,
                   itself, 8)
          .collect();
  EXPECT_TRUE(result);
  EXPECT_THAT(result.value, IsEmpty());
}

TEST(JoinBy, ATwinTakesThePlaceOfTheOneThatWaits) {
  const auto result = from_range(std::vector<std::pair<int, char>>{{1, 'a'}, {1, 'b'}})
                          .join_by(
                              scripted(Script<int>{{std::nullopt, std::nullopt, 1}, Finally::ends}),
                              [](const auto& l) { return l.first; }, [](int r) { return r; }, 4)
                          .collect();
  ASSERT_EQ(result.value.size(), 1U);
  EXPECT_EQ(result.value[0].first.second, 'b');
  EXPECT_EQ(result.report.stage("join_by")->dropped, 1U);
}

TEST(JoinBy, RefusesAndFails) {
  const auto none = from_range(Numbers{1}).join_by(from_range(Numbers{1}), itself, itself, 0).collect();
  EXPECT_THAT(to_string(*none.report.error), HasSubstr("no item may wait for its partner"));
  const auto thrown = from_range(Numbers{1})
                          .join_by(
                              from_range(Numbers{1, 2}), itself,
                              [](std::int64_t) -> std::int64_t { throw std::runtime_error("no id"); }, 4)
                          .collect();
  EXPECT_EQ(to_string(*thrown.report.error), "stage \"join_by\", item 0: the function threw: no id");
  for (std::size_t n = 0; n < 4; ++n) {
    const Numbers all{0, 1, 2, 3, 4};
    const Numbers some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n));
    const auto left =
        scripted(numbers_script(some, Finally::fails)).join_by(from_range(all), itself, itself, 4).collect();
    const auto right =
        from_range(all).join_by(scripted(numbers_script(some, Finally::fails)), itself, itself, 4).collect();
    EXPECT_EQ(left.report.error->stage, "scripted");
    EXPECT_EQ(right.report.error->stage, "scripted");
    EXPECT_EQ(left.value.size(), n);
    EXPECT_EQ(right.value.size(), n);
  }
}

Numbers ordered_times() {
  Numbers times(*rc::gen::inRange<std::size_t>(0, 25));
  std::int64_t at = 0;
  for (auto& time : times) { time = at += *rc::gen::inRange(0, 12); }
  return times;
}

TEST(JoinByTime, GivesTheNearestWithinTheTolerance) {
  EXPECT_TRUE(rc::check([] {
    const auto left = ordered_times();
    auto right = ordered_times();
    const auto tolerance = *rc::gen::inRange<std::int64_t>(0, 10);
    const auto waiting = *rc::gen::inRange<std::size_t>(1, 10);
    Pairs expected;
    for (const auto l : left) {
      std::optional<std::int64_t> nearest;
      for (const auto r : right) {
        if (!nearest || std::abs(r - l) < std::abs(*nearest - l)) { nearest = r; }
      }
      if (nearest && std::abs(*nearest - l) <= tolerance) { expected.emplace_back(l, *nearest); }
    }
    const auto result = scripted(with_pauses(left))
                            .join_by_time(scripted(with_pauses(right)), itself, itself, tolerance, waiting)
                            .collect();
    RC_ASSERT(static_cast<bool>(result));
    RC_ASSERT(result.value == expected);
  }));
}

TEST(JoinByTime, CountsWhatFoundNoPartner) {
  const auto result = from_range(Numbers{10, 20, 30})
                          .join_by_time(from_range(Numbers{0, 11, 19, 22, 50}), itself, itself, 2, 8)
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(10, 11), Pair(20, 19)));
  // 30 of the left; 0, 22 and 50 of the right.
  EXPECT_EQ(result.report.stage("join_by_time")->dropped, 4U);
}

TEST(JoinByTime, LeavesOutWhatGoesBackInTime) {
  const auto result = from_range(Numbers{10, 5, 20})
                          .join_by_time(from_range(Numbers{10, 4, 20, 20}), itself, itself, 0, 8)
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(10, 10), Pair(20, 20)));
  // The second 20 of the right was not asked for: the first was enough.
  EXPECT_EQ(result.report.stage("join_by_time")->dropped, 2U);
}

TEST(JoinByTime, AsksNoFurtherThanItMust) {
  int left = 0;
  int right = 0;
  const auto result =
      scripted(numbers_script({10, 20, 30}), &left)
          .join_by_time(scripted(numbers_script({9, 12, 21, 31}), &right), itself, itself, 5, 8)
          .take(1)
          .collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(10, 9)));
  EXPECT_EQ(left, 1);
  EXPECT_EQ(right, 2);
}

TEST(JoinByTime, AsksTheOtherSideAheadWhileOneHasNothing) {
  int left = 0;
  Numbers many;
  for (std::int64_t i = 0; i < 100; ++i) { many.push_back(i); }
  auto stages = scripted(numbers_script(many), &left)
                    .join_by_time(scripted(numbers_script({}, Finally::waits)), itself, itself, 5, 8)
                    .take_stages();
  StreamRun run({});
  std::pair<std::int64_t, std::int64_t>* pair = nullptr;
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(stages->next(run, pair), Poll::pending); }
  EXPECT_LE(left, 8);
  EXPECT_GE(left, 3);
}

TEST(JoinByTime, EndsWhenNothingCanMatchAnyMore) {
  const auto far = scripted(numbers_script({1, 2, 100}, Finally::waits))
                       .join_by_time(from_range(Numbers{1, 2}), itself, itself, 5, 8)
                       .collect();
  EXPECT_TRUE(far);
  EXPECT_THAT(far.value, ElementsAre(Pair(1, 1), Pair(2, 2)));
  EXPECT_TRUE(scripted(numbers_script({}, Finally::waits))
                  .join_by_time(from_range(Numbers{}), itself, itself, 5, 8)
                  .collect());
  EXPECT_TRUE(from_range(Numbers{})
                  .join_by_time(scripted(numbers_script({}, Finally::waits)), itself, itself, 5, 8)
                  .collect());
}

TEST(JoinByTime, RefusesWhatCanMatchNothing) {
  const auto negative =
      from_range(Numbers{1}).join_by_time(from_range(Numbers{1}), itself, itself, -1, 8).collect();
  EXPECT_THAT(to_string(*negative.report.error),
              HasSubstr("a join with a tolerance of -1 can match nothing"));
  const auto none =
      from_range(Numbers{1}).join_by_time(from_range(Numbers{1}), itself, itself, 1, 0).collect();
  EXPECT_THAT(to_string(*none.report.error), HasSubstr("no item may wait for its partner"));
  const auto failing =
      from_range(Numbers{1, 2, 3})
          .join_by_time(scripted(numbers_script({1, 2}, Finally::fails)), itself, itself, 1, 8)
          .collect();
  EXPECT_EQ(failing.report.error->stage, "scripted");
  EXPECT_THAT(failing.value, ElementsAre(Pair(1, 1), Pair(2, 2)));
}

TEST(JoinLatest, GivesTheNewestThatHasCome) {
  // Both by one clock: the left at 3, 6, 9, 12 s; the right at 2, 4, 6, 8, … s.
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto seconds = [](int s) { return timer(std::chrono::seconds(s)); };
  const auto result = seconds(3).join_latest(seconds(2)).take(4).collect({.clock = &clock});
  EXPECT_THAT(result.value, ElementsAre(Pair(0U, 0U), Pair(1U, 2U), Pair(2U, 3U), Pair(3U, 5U)));
  EXPECT_EQ(result.report.stage("join_latest")->dropped, 2U);  // those of 4 s and 10 s
}

TEST(JoinLatest, WaitsForTheFirstOfTheRight) {
  const Script<std::int64_t> late{{std::nullopt, std::nullopt, 7}, Finally::ends};
  const auto result = from_range(Numbers{1, 2}).join_latest(scripted(late)).collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(1, 7), Pair(2, 7)));
}

TEST(JoinLatest, EndsWithTheLeftOrWithARightThatGaveNothing) {
  EXPECT_TRUE(from_range(Numbers{}).join_latest(scripted(numbers_script({}, Finally::waits))).collect());
  const auto nothing =
      scripted(numbers_script({1}, Finally::waits)).join_latest(from_range(Numbers{})).collect();
  EXPECT_TRUE(nothing);
  EXPECT_EQ(nothing.report.stage("join_latest")->dropped, 1U);
}

TEST(JoinLatest, IsNotHeldUpByARightThatAlwaysHasSomething) {
  const auto result = from_range(Numbers{1, 2})
                          .join_latest(from_function([i = 0]() mutable { return std::optional(i++); }))
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(Pair(1, 1023), Pair(2, 2047)));
}

TEST(JoinLatest, FailsWithEitherSide) {
  EXPECT_FALSE(scripted(numbers_script({1}, Finally::fails)).join_latest(from_range(Numbers{1})).collect());
  EXPECT_FALSE(from_range(Numbers{1}).join_latest(scripted(numbers_script({1}, Finally::fails))).collect());
}

TEST(Joins, AreOperatorsToo) {
  using namespace streamlab::op;
  EXPECT_EQ((from_range(Numbers{1, 2}) | join_by(from_range(Numbers{2}), itself, itself, 2) | count()).value,
            1U);
  EXPECT_EQ((from_range(Numbers{1, 2}) | join_by_time(from_range(Numbers{2}), itself, itself, 0, 2) | count())
                .value,
            1U);
  EXPECT_EQ((from_range(Numbers{1, 2}) | join_latest(from_range(Numbers{2})) | count()).value, 2U);
}

}  // namespace
}  // namespace streamlab
