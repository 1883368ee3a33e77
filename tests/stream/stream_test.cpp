// tests/stream/stream_test.cpp
//
// The basic stages and ends against plain vectors, laziness, errors.
#include "engine/stream/stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <numeric>

#include "engine/channel/clock.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Stream<int> counting(int n, int* asked) {
  return from_function([=, i = 0]() mutable -> std::optional<int> {
    ++*asked;
    if (i == n) { return std::nullopt; }
    return i++;
  });
}

TEST(Stream, NothingRunsUntilAnEndAsks) {
  int asked = 0;
  auto stream = counting(10, &asked).map([](int x) { return x + 1; }).filter([](int x) { return x > 3; });
  EXPECT_EQ(asked, 0);
  const auto result = std::move(stream).take(2).collect();
  EXPECT_THAT(result.value, ElementsAre(4, 5));
  EXPECT_EQ(asked, 5);  // 0, 1, 2 were left out; 3 and 4 gave 4 and 5; nobody asked for a sixth
}

TEST(Stream, ChainsAreTheSameWithMembersAndWithBars) {
  using namespace streamlab::op;
  const std::vector<int> numbers{1, 2, 3, 4, 5, 6};
  const auto chain = map([](int x) { return x * 0.5; }) | filter([](double x) { return x > 1.0; });
  const auto by_bars = from_range(numbers) | chain | collect();
  const auto again = from_range(numbers) | chain | collect();
  const auto by_members = from_range(numbers)
                              .map([](int x) { return x * 0.5; })
                              .filter([](double x) { return x > 1.0; })
                              .collect();
  EXPECT_THAT(by_bars.value, ElementsAre(1.5, 2.0, 2.5, 3.0));
  EXPECT_EQ(by_bars.value, by_members.value);
  EXPECT_EQ(by_bars.value, again.value);
}

TEST(Stream, AFunctionThatReturnsNothingChangesItemsInPlace) {
  const auto result =
      from_range(std::vector<std::string>{"a", "b"}).map([](std::string& s) { s += "!"; }).collect();
  EXPECT_THAT(result.value, ElementsAre("a!", "b!"));
}

TEST(Stream, FailsFastAndSaysWhere) {
  const auto result = from_range(std::vector{1, 2, 0, 4})
                          .map([](int x) -> Result<int> {
                            if (x == 0) { return failed("", "division by zero"); }
                            return 12 / x;
                          })
                          .named("divide")
                          .collect();
  EXPECT_FALSE(result);
  EXPECT_THAT(result.value, ElementsAre(12, 6));
  ASSERT_TRUE(result.report.error);
  EXPECT_EQ(to_string(*result.report.error), "stage \"divide\", item 2: division by zero");
  EXPECT_EQ(result.report.stage("divide")->failed, 1U);
}

TEST(Stream, AFlatMapGivesTheElementsOfEveryRange) {
  const auto result = from_range(std::vector{0, 2, 1})
                          .flat_map([](int n) { return std::vector<int>(static_cast<std::size_t>(n), n); })
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(2, 2, 1));
}

TEST(Stream, AStreamThatWasUsedUpSaysSo) {
  auto stream = from_range(std::vector{1, 2});
  (void)std::move(stream).collect();
  const auto again = std::move(stream).collect();  // NOLINT(bugprone-use-after-move): that is the test
  EXPECT_FALSE(again);
  EXPECT_EQ(again.report.error->error.what, "this stream was used already");
}

Generator<int> squares(int n) {
  for (int i = 0; i < n; ++i) { co_yield i* i; }
}
TEST(Stream, AGeneratorRunsAsFarAsItIsAsked) {
  EXPECT_THAT(from_generator(squares(1000000)).take(4).collect().value, ElementsAre(0, 1, 4, 9));
}

TEST(Stream, ATimerTicksInVirtualTime) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  RunOptions options{.clock = &clock};
  const auto begin = clock.now();
  const auto ticks = timer(std::chrono::hours(1)).take(3).collect(options);
  EXPECT_THAT(ticks.value, ElementsAre(0U, 1U, 2U));
  EXPECT_EQ(clock.now() - begin, std::chrono::hours(3));
}

TEST(Stream, RetriesAfterPausesAndGivesUp) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  RunOptions options{.clock = &clock};
  int calls = 0;
  const auto begin = clock.now();
  RetryOptions often{.attempts = 4, .backoff = {.first = std::chrono::seconds(1)}};
  const auto result = from_range(std::vector{7})
                          .map(
                              [&](int x) -> Result<int> {
                                if (++calls < 4) { return failed("", "not yet"); }
                                return x;
                              },
                              retry(often))
                          .collect(options);
  EXPECT_THAT(result.value, ElementsAre(7));
  EXPECT_EQ(clock.now() - begin, std::chrono::seconds(1 + 2 + 4));
  EXPECT_EQ(result.report.stage("map")->retried, 3U);
}

TEST(Stream, ItsResultIsTheCallersToHave) {
  auto result = from_range(std::vector{3, 1, 2}).collect();
  std::sort(result->begin(), result->end());
  EXPECT_THAT(*result, testing::ElementsAre(1, 2, 3));
  const auto taken =
      from_range(std::vector{3, 1, 2}).map([](int x) { return std::make_unique<int>(x); }).collect();
  EXPECT_EQ(taken->size(), 3U);
  std::vector<std::unique_ptr<int>> moved =
      *from_range(std::vector{3}).map([](int x) { return std::make_unique<int>(x); }).collect();
  EXPECT_EQ(*moved[0], 3);
}

TEST(Stream, AStateHoldsWhatItsFunctionGives) {
  const std::vector<double> halves{0.5, 0.5, 0.5, 0.5};
  EXPECT_EQ(*from_range(halves).reduce(0.0, std::plus<>()), 2.0);
  // An integer loses nothing in a wider one, and is a number like any other in a double.
  const std::vector<int> numbers{1, 2, 3};
  EXPECT_EQ(*from_range(numbers).reduce(0LL, std::plus<>()), 6);
  EXPECT_EQ(*from_range(numbers).reduce(0.0, [](double, int x) { return x; }), 3.0);
  EXPECT_EQ(*from_range(numbers).reduce(false, [](bool any, int x) { return any || x == 2; }), true);
}

}  // namespace
}  // namespace streamlab
