// tests/stream/flat_map_test.cpp
//
// flat_map() whose function gives streams and generators, against plain loops.
#include "engine/stream/stages/flat_map_streams.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "engine/channel/mpsc.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/stream/scripted.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using namespace testing_streams;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Generator<int> countdown(int n) {
  for (int i = n; i > 0; --i) { co_yield i; }
}
// 0 … n - 1, then fails if n is 3.
Stream<int> up_to(int n) {
  return scripted(script_of(first_numbers(n), n == 3 ? Finally::fails : Finally::ends));
}

TEST(FlatMapStreams, GivesTheItemsOfOneAfterThoseOfTheOther) {
  EXPECT_TRUE(rc::check([] {
    const auto lists = *rc::gen::arbitrary<std::vector<std::vector<int>>>();
    std::vector<int> expected;
    for (const auto& list : lists) { expected.insert(expected.end(), list.begin(), list.end()); }
    std::vector<Script<int>> scripts;
    for (const auto& list : lists) { scripts.push_back(with_pauses(list)); }
    const auto result = scripted(with_pauses(scripts))
                            .flat_map([](Script<int> s) { return scripted(std::move(s)); })
                            .collect();
    RC_ASSERT(*result == expected);
    RC_ASSERT(result.report.ok());
    RC_ASSERT(result.report.stage("flat_map")->in == lists.size());
    RC_ASSERT(result.report.stage("flat_map")->out == expected.size());
    if (!lists.empty()) { RC_ASSERT(result.report.stage("in flat_map: scripted")->out == expected.size()); }
  }));
}

TEST(FlatMapStreams, TakesGeneratorsAndResults) {
  EXPECT_THAT(*from_range(std::vector{2, 0, 3}).flat_map(countdown).collect(), ElementsAre(2, 1, 3, 2, 1));
  const auto result = from_range(std::vector{2, 0, 3})
                          .flat_map(
                              [](int n) -> Result<Generator<int>> {
                                if (n == 0) { return failed("", "nothing"); }
                                return countdown(n);
                              },
                              collect_errors())
                          .collect();
  EXPECT_THAT(*result, ElementsAre(2, 1, 3, 2, 1));
  ASSERT_EQ(result.report.collected.size(), 1U);
  EXPECT_EQ(to_string(result.report.collected[0]), "stage \"flat_map\", item 1: nothing");
}

TEST(FlatMapStreams, AsksForNoMoreThanItIsAskedFor) {
  int opened = 0;
  const auto result = from_range(first_numbers(100))
                          .flat_map([&](int n) {
                            ++opened;
                            return from_range(std::vector{n, n, n});
                          })
                          .take(4)
                          .collect();
  EXPECT_THAT(*result, ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(result.report.stage("in flat_map: from_range")->out, 4U);  // the one that was given up counts
}

TEST(FlatMapStreams, IsAnOperatorToo) {
  using namespace op;
  const auto chain = flat_map(countdown) | map([](int x) { return x * 10; });
  EXPECT_THAT(*(from_range(std::vector{1, 2}) | chain | collect()), ElementsAre(10, 20, 10));
}

TEST(FlatMapStreams, FailsWithTheStreamAndSaysWhichStageOfItFailed) {
  const auto result = from_range(std::vector{1, 3, 2}).flat_map(up_to).collect();
  EXPECT_THAT(*result, ElementsAre(0, 0, 1, 2));
  EXPECT_EQ(result.report.ended, StreamEnd::failed);
  EXPECT_EQ(to_string(*result.report.error),
            "stage \"flat_map\", item 1: stage \"scripted\", item 3: as the script says");
  EXPECT_EQ(result.report.stage("flat_map")->failed, 1U);
}

TEST(FlatMapStreams, LeavesOutTheRestOfAStreamThatFails) {
  const auto skipped = from_range(std::vector{1, 3, 2}).flat_map(up_to, skip_failed()).collect();
  EXPECT_THAT(*skipped, ElementsAre(0, 0, 1, 2, 0, 1));
  EXPECT_TRUE(skipped);
  EXPECT_FALSE(skipped.report.error);
  EXPECT_EQ(skipped.report.stage("flat_map")->failed, 1U);
  EXPECT_EQ(skipped.report.stage("flat_map")->dropped, 1U);

  const auto collected = from_range(std::vector{3, 3, 1}).flat_map(up_to).collect(collect_errors());
  EXPECT_THAT(*collected, ElementsAre(0, 1, 2, 0, 1, 2, 0));
  ASSERT_EQ(collected.report.collected.size(), 2U);
  EXPECT_EQ(collected.report.collected[1].item, 1U);
}

// The item is whole in the letter, though the function was given it to have.
TEST(FlatMapStreams, SendsTheItemOfAStreamThatFailsAsADeadLetter) {
  auto [sender, receiver] = mpsc<FailedItem<std::string>>(4);
  const auto result = from_range(std::vector<std::string>{"one", "three"})
                          .flat_map(
                              [](std::string name) {
                                const std::string own = std::move(name);
                                return up_to(static_cast<int>(own.size()) - 2);  // 1 and 3
                              },
                              dead_letter(std::move(sender)))
                          .collect();
  EXPECT_THAT(*result, ElementsAre(0, 0, 1, 2));
  auto letter = receiver.try_receive();
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->item, "three");
  EXPECT_EQ(letter->number, 1U);
  EXPECT_EQ(to_string(letter->error), "stage \"scripted\", item 3: as the script says");
}

TEST(FlatMapStreams, TriesAgainWhatFailsBeforeTheStreamBegins) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  int calls = 0;
  const auto begin = clock.now();
  const auto opens_third = [&](int n) {
    auto stream = from_range(first_numbers(n));
    return ++calls < 3
               ? std::move(stream).batch(0).map([](const auto&) { return 0; })  // refused at its start
               : std::move(stream);
  };
  const auto result = from_range(std::vector{2})
                          .flat_map(opens_third, retry({.attempts = 3, .backoff = {.first = 1s}}))
                          .collect({.clock = &clock});
  EXPECT_THAT(*result, ElementsAre(0, 1));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(clock.now() - begin, 1s + 2s);
  EXPECT_EQ(result.report.stage("flat_map")->retried, 2U);

  // What has begun is not begun again: its items would come twice.
  calls = 0;
  const auto later = from_range(std::vector{3, 1})
                         .flat_map(
                             [&](int n) {
                               ++calls;
                               return up_to(n);
                             },
                             retry({.attempts = 5}, skip_failed()))
                         .collect({.clock = &clock});
  EXPECT_THAT(*later, ElementsAre(0, 1, 2, 0));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(later.report.stage("flat_map")->dropped, 1U);
}

TEST(FlatMapStreams, AFunctionThatThrowsIsAFailureOfItsItem) {
  const auto result = from_range(first_numbers(3))
                          .flat_map(
                              [](int n) {
                                if (n == 1) { throw std::runtime_error("no file"); }
                                return countdown(n);
                              },
                              collect_errors())
                          .collect();
  EXPECT_THAT(*result, ElementsAre(2, 1));
  EXPECT_EQ(result.report.collected[0].error.what, "the function threw: no file");
}

TEST(FlatMapStreams, HandsOnWhatTheStreamsHaveCountedAndNoted) {
  const auto result = from_range(std::vector{4, 5})
                          .flat_map([](int n) {
                            return from_range(first_numbers(n))
                                .map(
                                    [](int x) -> Result<int> {
                                      if (x == 3) { return failed("", "three"); }
                                      return x;
                                    },
                                    collect_errors());
                          })
                          .collect();
  EXPECT_THAT(*result, ElementsAre(0, 1, 2, 0, 1, 2, 4));
  EXPECT_EQ(result.report.collected_count, 2U);
  const StageReport* const inner = result.report.stage("in flat_map: map");
  ASSERT_NE(inner, nullptr);
  EXPECT_EQ(inner->in, 9U);
  EXPECT_EQ(inner->out, 7U);
  EXPECT_EQ(inner->dropped, 2U);
}

// Errors of threads inside stay inside, too.
TEST(FlatMapStreams, OpensStreamsWithThreads) {
  const auto result =
      from_range(first_numbers(6))
          .flat_map([](int n) { return up_to(n).buffer(2).parallel_map(2, [](int x) { return x; }); },
                    skip_failed())
          .collect();
  EXPECT_TRUE(result) << to_string(result.report);
  EXPECT_EQ(result.report.stage("flat_map")->failed, 1U);
  std::vector<int> expected;
  for (const int n : {0, 1, 2, 4, 5}) {
    for (const int x : first_numbers(n)) { expected.push_back(x); }
  }
  std::vector<int> of_three;  // as many as had come through when it failed
  std::vector<int> got = *result;
  got.erase(got.begin() + 3, got.end() - 9);
  EXPECT_EQ(got, expected);
}

TEST(FlatMapStreams, EndsWhenTheRunIsDrainedOrCancelled) {
  for (const bool drains : {true, false}) {
    std::stop_source stop;
    RunOptions options;
    (drains ? options.drain : options.cancel) = stop.get_token();
    int count = 0;
    const auto report = from_range(first_numbers(3))
                            .flat_map([](int) { return from_function([] { return std::optional(1); }); })
                            .for_each(
                                [&](int) {
                                  if (++count == 10) { stop.request_stop(); }
                                },
                                options);
    EXPECT_EQ(count, 10);
    EXPECT_EQ(report.ended, drains ? StreamEnd::drained : StreamEnd::cancelled);
  }
}

TEST(FlatMapStreams, WaitsForWhatTheStreamWaitsFor) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  const auto result = from_range(first_numbers(3))
                          .flat_map([](int) { return timer(20min).take(1); })
                          .count({.clock = &clock});
  EXPECT_EQ(*result, 3U);
  EXPECT_EQ(clock.now() - begin, 1h);
}

TEST(FlatMapStreams, CannotBeKeptByACheckpoint) {
  const test::TempDir dir;
  const auto before =
      from_range(first_numbers(3)).flat_map(up_to).checkpoint({.path = dir.path() / "state"}).collect();
  EXPECT_THAT(to_string(*before.report.error), HasSubstr("a checkpoint cannot hold the stage \"flat_map\""));
  const auto inside =
      from_range(first_numbers(3))
          .flat_map([&](int n) { return up_to(n).checkpoint({.path = dir.path() / "state"}); })
          .collect();
  EXPECT_THAT(to_string(*inside.report.error),
              HasSubstr("a checkpoint cannot stand in a stream that flat_map() opens"));
  const auto in_group =
      from_range(first_numbers(3))
          .group_by([](int) { return 0; },
                    [&](Stream<int> s) { return std::move(s).checkpoint({.path = dir.path() / "state"}); }, 4)
          .collect();
  EXPECT_THAT(to_string(*in_group.report.error), HasSubstr("a checkpoint cannot stand in a group"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "state"));
}

// The time of a stage is its own: that of the streams within flat_map() is told once.
TEST(FlatMapStreams, ItsTimeIsNotThatOfTheStageBehindIt) {
  const auto busy = [](int x) {
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) {}
    return x;
  };
  const auto result =
      from_range(std::vector{4, 3, 4})
          .flat_map([&](int n) { return from_generator(countdown(n)).map(busy).named("busy"); })
          .map([](int x) { return 2 * x; })
          .count();
  ASSERT_TRUE(result) << to_string(result.report);
  const auto inner = result.report.stage("in flat_map: busy")->time;
  EXPECT_GE(inner, 11 * 2ms);
  EXPECT_LT(result.report.stage("map")->time, inner / 2) << to_string(result.report);
  std::chrono::nanoseconds all{0};
  for (const StageReport& stage : result.report.stages) { all += stage.time; }
  EXPECT_LE(all, result.report.total) << to_string(result.report);
}

}  // namespace
}  // namespace streamlab
