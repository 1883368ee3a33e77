// tests/stream/group_by_test.cpp
//
// group_by: every key's items through a chain of its own, against groups of a whole vector.
#include "engine/stream/stages/group_by.hpp"

#include <map>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/channel/clock.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/scripted.hpp"
#include "tests/stream/timeline.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_streams;
using std::chrono::milliseconds;

const auto tens = [](int i) { return i / 10; };
const auto in_pairs = [](Stream<int> s) { return std::move(s).batch(2); };

TEST(GroupBy, TreatsEveryKeyAsAStreamOfItsOwn) {
  EXPECT_TRUE(rc::check([] {
    const auto items = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 50));
    std::map<int, std::vector<std::vector<int>>> expected;
    for (const int i : items) {
      auto& batches = expected[tens(i)];
      if (batches.empty() || batches.back().size() == 2) { batches.emplace_back(); }
      batches.back().push_back(i);
    }
    const auto result = scripted(with_pauses(items)).group_by(tens, in_pairs, 5).collect();
    RC_ASSERT(static_cast<bool>(result));
    std::map<int, std::vector<std::vector<int>>> got;
    for (const auto& keyed : result.value) { got[keyed.key].push_back(keyed.value); }
    RC_ASSERT(got == expected);
  }));
}

TEST(GroupBy, GivesWhatIsReadyAndFinishesGroupsInTheOrderOfTheirFirstItems) {
  using Batch = Keyed<int, std::vector<int>>;
  const auto result =
      from_range(std::vector{20, 10, 11, 21, 30, 22, 12}).group_by(tens, in_pairs, 3).collect();
  EXPECT_THAT(result.value, ElementsAre(Batch{1, {10, 11}}, Batch{2, {20, 21}}, Batch{2, {22}},
                                        Batch{1, {12}}, Batch{3, {30}}));
}

TEST(GroupBy, AsksForNoMoreThanOneGroupNeeds) {
  Script<int> script;
  for (const int i : {10, 20, 30, 21, 11}) { script.steps.emplace_back(i); }
  int given = 0;
  const auto first = scripted(script, &given).group_by(tens, in_pairs, 3).first();
  EXPECT_EQ(first.value->key, 2);
  EXPECT_EQ(given, 4);
}

TEST(GroupBy, FailsOnMoreKeysThanGroups) {
  const auto result = from_range(std::vector{10, 20, 11, 30}).group_by(tens, in_pairs, 2).collect();
  EXPECT_EQ(
      to_string(*result.report.error),
      "stage \"group_by\", item 3: there are more keys than groups; expected 2 different keys at the most; a "
      "larger max_groups");
  const auto none = from_range(std::vector{10}).group_by(tens, in_pairs, 0).collect();
  EXPECT_THAT(to_string(*none.report.error), HasSubstr("group_by() of 0 groups"));
}

TEST(GroupBy, AChainThatHasEndedWantsNoMore) {
  const auto first_of_each = [](Stream<int> s) { return std::move(s).take(1); };
  const auto result = from_range(std::vector{10, 11, 20, 12, 21}).group_by(tens, first_of_each, 2).collect();
  EXPECT_THAT(result.value, ElementsAre(Keyed<int, int>{1, 10}, Keyed<int, int>{2, 20}));
}

TEST(GroupBy, FailsWithTheStageOfAGroupAndWithTheUsersFunctions) {
  const auto result = from_range(std::vector{10, 20, 11, 21})
                          .group_by(
                              tens,
                              [](Stream<int> s) {
                                return std::move(s)
                                    .map([](int i) -> Result<int> {
                                      if (i == 21) { return failed("", "bad reading"); }
                                      return i;
                                    })
                                    .named("check");
                              },
                              2)
                          .collect();
  EXPECT_EQ(to_string(*result.report.error), "stage \"check\", item 1: bad reading");
  EXPECT_EQ(result.value.size(), 3U);
  const auto thrown = from_range(std::vector{10})
                          .group_by([](int) -> int { throw std::runtime_error("no key"); }, in_pairs, 2)
                          .collect();
  EXPECT_EQ(to_string(*thrown.report.error), "stage \"group_by\", item 0: the function threw: no key");
  const auto refused_chain = [](Stream<int> s) { return std::move(s).batch(0); };
  EXPECT_EQ(from_range(std::vector{10}).group_by(tens, refused_chain, 2).collect().report.error->error.what,
            "batch() of 0 items");
}

TEST(GroupBy, FailsWithTheStreamBeforeItAtEveryPosition) {
  for (int n = 0; n < 6; ++n) {
    Script<int> script;
    for (int i = 0; i < n; ++i) { script.steps.emplace_back(10); }
    script.finally = Finally::fails;
    const auto result = scripted(script).group_by(tens, in_pairs, 2).collect();
    EXPECT_EQ(result.report.error->stage, "scripted");
    EXPECT_EQ(result.value.size(), static_cast<std::size_t>(n / 2));
  }
}

TEST(GroupBy, ReportsWhatTheChainsHaveCountedInSum) {
  const auto chain = [](Stream<int> s) {
    return std::move(s)
        .map(
            [](int i) -> Result<int> {
              if (i % 10 == 0) { return failed("", "zero"); }
              return i;
            },
            skip_failed())
        .named("no zeros");
  };
  const auto result = from_range(std::vector{10, 11, 20, 21, 22}).group_by(tens, chain, 2).collect();
  const StageReport* stage = result.report.stage("in groups: no zeros");
  ASSERT_NE(stage, nullptr);
  EXPECT_EQ(stage->in, 5U);
  EXPECT_EQ(stage->out, 3U);
  EXPECT_EQ(stage->dropped, 2U);
  EXPECT_EQ(result.report.stage("group_by")->in, 3U);
}

TEST(GroupBy, GivesWhatAGroupHasReadyAfterATime) {
  // A group's window ends by the clock, while nothing comes.
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  const auto chain = [](Stream<int> s) { return std::move(s).window_for(milliseconds(100)); };
  std::vector<std::pair<std::int64_t, std::vector<int>>> got;  // when, what
  const auto report =
      timeline<int>(
          {{milliseconds(0), 10}, {milliseconds(50), 20}, {milliseconds(60), 11}, {milliseconds(900), 12}})
          .group_by(tens, chain, 4)
          .for_each(
              [&](Keyed<int, Window<int>>& keyed) {
                got.emplace_back((clock.now() - begin) / milliseconds(1), keyed.value.items);
              },
              {.clock = &clock});
  ASSERT_TRUE(report.ok());
  // Each group's time runs from its first item.
  EXPECT_THAT(got, ElementsAre(testing::Pair(100, ElementsAre(10, 11)), testing::Pair(150, ElementsAre(20)),
                               testing::Pair(900, ElementsAre(12))));
}

TEST(GroupBy, HoldsTheItemOfAChainThatTriesAgainLater) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  int calls = 0;
  const auto chain = [&calls](Stream<int> s) {
    return std::move(s).map(
        [&calls](int i) -> Result<int> {
          if (++calls % 3 != 0) { return failed("", "not yet"); }
          return i;
        },
        retry({.attempts = 3, .backoff = {.first = std::chrono::seconds(1)}}));
  };
  const auto result = from_range(std::vector{10, 20, 11}).group_by(tens, chain, 2).collect({.clock = &clock});
  EXPECT_TRUE(result);
  EXPECT_THAT(result.value,
              ElementsAre(Keyed<int, int>{1, 10}, Keyed<int, int>{2, 20}, Keyed<int, int>{1, 11}));
}

TEST(GroupBy, RefusesAStageThatAsksFromAThreadOfItsOwn) {
  const auto chain = [](Stream<int> s) { return std::move(s).buffer(4); };
  const auto result = from_range(std::vector{10}).group_by(tens, chain, 2).collect();
  EXPECT_THAT(to_string(*result.report.error),
              HasSubstr("the stage \"buffer\" has threads of its own and cannot stand in a group"));
}

TEST(GroupBy, IsAnOperatorToo) {
  using namespace streamlab::op;
  const auto groups = group_by(tens, batch(2) | map([](const std::vector<int>& v) { return v.size(); }), 4);
  EXPECT_THAT((from_range(std::vector{10, 11, 20}) | groups | collect()).value,
              ElementsAre(Keyed<int, std::size_t>{1, 2}, Keyed<int, std::size_t>{2, 1}));
}

}  // namespace
}  // namespace streamlab
