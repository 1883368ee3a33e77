// tests/stream/errors_test.cpp
//
// Every strategy, with a stage that fails at every position, against what a loop over a vector would give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/channel/mpsc.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing_streams::first_numbers;

constexpr int kCount = 9;

std::vector<int> without(int bad) {
  std::vector<int> all = first_numbers(kCount);
  std::erase(all, bad);
  return all;
}
auto fails_at(int bad) {
  return [bad](int x) -> Result<int> {
    if (x == bad) { return failed("", "bad " + std::to_string(x)); }
    return x;
  };
}
auto throws_at(int bad) {
  return [bad](int x) {
    if (x == bad) { throw std::runtime_error("bad " + std::to_string(x)); }
    return x;
  };
}

class Strategy : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(AtEveryPosition, Strategy, testing::Range(0, kCount));

TEST_P(Strategy, FailFastEndsThere) {
  const int bad = GetParam();
  std::vector<int> expected = first_numbers(kCount);
  expected.resize(static_cast<std::size_t>(bad));
  for (const auto& result : {from_range(first_numbers(kCount)).map(fails_at(bad)).collect(),
                             from_range(first_numbers(kCount)).map(throws_at(bad)).collect()}) {
    EXPECT_EQ(result.report.ended, StreamEnd::failed);
    EXPECT_EQ(result.value, expected);
    ASSERT_TRUE(result.report.error);
    EXPECT_EQ(result.report.error->item, static_cast<std::uint64_t>(bad));
    EXPECT_EQ(result.report.stage("map")->in, static_cast<std::uint64_t>(bad) + 1);
  }
}
TEST_P(Strategy, SkipFailedLeavesItOut) {
  const auto result = from_range(first_numbers(kCount)).map(fails_at(GetParam()), skip_failed()).collect();
  EXPECT_TRUE(result);
  EXPECT_EQ(result.value, without(GetParam()));
  EXPECT_EQ(result.report.stage("map")->failed, 1U);
  EXPECT_EQ(result.report.stage("map")->dropped, 1U);
}
TEST_P(Strategy, CollectErrorsListsIt) {
  const auto result =
      from_range(first_numbers(kCount)).map(throws_at(GetParam()), collect_errors()).named("probe").collect();
  EXPECT_EQ(result.value, without(GetParam()));
  ASSERT_EQ(result.report.collected.size(), 1U);
  EXPECT_EQ(to_string(result.report.collected[0]), "stage \"probe\", item " + std::to_string(GetParam()) +
                                                       ": the function threw: bad " +
                                                       std::to_string(GetParam()));
}
TEST_P(Strategy, DefaultValueTakesItsPlace) {
  const auto result =
      from_range(first_numbers(kCount)).map(fails_at(GetParam()), default_value(-1)).collect();
  std::vector<int> expected = first_numbers(kCount);
  expected[static_cast<std::size_t>(GetParam())] = -1;
  EXPECT_EQ(result.value, expected);
}
TEST_P(Strategy, DeadLetterGoesIntoAChannel) {
  auto [sender, receiver] = mpsc<FailedItem<int>>(4);
  const auto result =
      from_range(first_numbers(kCount)).map(fails_at(GetParam()), dead_letter(std::move(sender))).collect();
  EXPECT_EQ(result.value, without(GetParam()));
  auto letter = receiver.try_receive();
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->item, GetParam());
  EXPECT_EQ(letter->number, static_cast<std::uint64_t>(GetParam()));
  EXPECT_EQ(letter->error.what, "bad " + std::to_string(GetParam()));
  EXPECT_EQ(letter->stage, "map");
  EXPECT_EQ(receiver.try_receive().why(), Why::closed);  // the stream has gone, and its sender with it
}
TEST_P(Strategy, RetrySucceedsAtTheThirdAttempt) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  RunOptions options{.clock = &clock};
  int calls = 0;
  const auto third = [&](int x) -> Result<int> {
    if (x == GetParam() && ++calls < 3) { return failed("", "not yet"); }
    return x;
  };
  const auto result = from_range(first_numbers(kCount)).map(third, retry({.attempts = 3})).collect(options);
  EXPECT_TRUE(result);
  EXPECT_EQ(result.value, first_numbers(kCount));
  EXPECT_EQ(result.report.stage("map")->retried, 2U);
  EXPECT_EQ(result.report.stage("map")->failed, 0U);
}
TEST_P(Strategy, RetryThenLeavesItToTheNextStrategy) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  RunOptions options{.clock = &clock};
  const auto result = from_range(first_numbers(kCount))
                          .map(fails_at(GetParam()), retry({.attempts = 4}, default_value(99)))
                          .collect(options);
  std::vector<int> expected = first_numbers(kCount);
  expected[static_cast<std::size_t>(GetParam())] = 99;
  EXPECT_EQ(result.value, expected);
  EXPECT_EQ(result.report.stage("map")->retried, 3U);
}
TEST_P(Strategy, APredicateThatThrowsIsAFailureOfFilter) {
  const int bad = GetParam();
  const auto predicate = [bad](int x) {
    if (x == bad) { throw std::runtime_error("no answer"); }
    return x % 2 == 0;
  };
  std::vector<int> even_but_bad;
  for (const int x : without(bad)) {
    if (x % 2 == 0) { even_but_bad.push_back(x); }
  }
  EXPECT_EQ(from_range(first_numbers(kCount)).filter(predicate, skip_failed()).collect().value, even_but_bad);
  const auto stopped = from_range(first_numbers(kCount)).filter(predicate).collect();
  EXPECT_EQ(to_string(*stopped.report.error),
            "stage \"filter\", item " + std::to_string(bad) + ": the function threw: no answer");
}
TEST_P(Strategy, FlatMapScanAndTheEndFailToo) {
  const int bad = GetParam();
  const auto twice = [bad](int x) -> Result<std::vector<int>> {
    if (x == bad) { return failed("", "bad"); }
    return std::vector<int>{x, x};
  };
  std::vector<int> doubled;
  for (const int x : without(bad)) { doubled.insert(doubled.end(), {x, x}); }
  EXPECT_EQ(from_range(first_numbers(kCount)).flat_map(twice, skip_failed()).collect().value, doubled);

  const auto add = [bad](const int& sum, int x) -> Result<int> {
    if (x == bad) { return failed("", "bad"); }
    return sum + x;
  };
  std::vector<int> sums;
  int sum = 0;
  for (const int x : without(bad)) { sums.push_back(sum += x); }
  EXPECT_EQ(from_range(first_numbers(kCount)).scan(0, add, skip_failed()).collect().value, sums);

  int seen = 0;
  const auto report = from_range(first_numbers(kCount)).for_each([&](int x) -> Result<void> {
    if (x == bad) { return failed("", "the disk is full"); }
    ++seen;
    return {};
  });
  EXPECT_EQ(seen, bad);
  EXPECT_EQ(to_string(*report.error), "stage \"end\", item " + std::to_string(bad) + ": the disk is full");
}

TEST(Functions, ThatThrowFailTheStreamWhereverTheyStand) {
  const auto thrower = [](int) -> int { throw std::runtime_error("no"); };
  for (const auto& report :
       {from_range(first_numbers(kCount)).distinct_by(thrower).execute(),
        from_range(first_numbers(kCount)).rate_limit(1.0, 1.0, thrower).execute(),
        from_range(first_numbers(kCount))
            .conflate([](int, int) -> int { throw std::runtime_error("no"); })
            .execute(),
        from_range(first_numbers(kCount)).for_each([](int) { throw std::runtime_error("no"); })}) {
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->error.what, "the function threw: no");
  }
}
TEST(Retry, OnlyForErrorsThatAreWorthIt) {
  int calls = 0;
  RetryOptions options{.attempts = 5, .which = [](const Error& e) { return e.what == "busy"; }};
  const auto result = from_range(std::vector{1})
                          .map(
                              [&](int) -> Result<int> {
                                ++calls;
                                return failed("", "gone");
                              },
                              retry(options))
                          .collect();
  EXPECT_FALSE(result);
  EXPECT_EQ(calls, 1);
}
TEST(Retry, StopsWhenItsBudgetIsSpent) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  RetryOptions options{.attempts = 100, .backoff = {.first = 1s, .factor = 2.0, .budget = 8s}};
  const auto result = from_range(std::vector{1}).map(fails_at(1), retry(options)).collect({.clock = &clock});
  EXPECT_FALSE(result);
  EXPECT_EQ(clock.now() - begin, 7s);  // 1 + 2 + 4; another 8 would be too much
}
TEST(Retry, RefusesFewerThanTwoAttempts) {
  const auto result = from_range(std::vector{1}).map(fails_at(1), retry({.attempts = 1})).collect();
  EXPECT_EQ(to_string(result.report.error->error), "retry() with fewer than 2 attempts; expected 2 or more");
}
TEST(Retry, CanBeCancelledWhileItWaits) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  std::stop_source stop;
  int calls = 0;
  const auto result = from_range(std::vector{1})
                          .map(
                              [&](int) -> Result<int> {
                                if (++calls == 3) { stop.request_stop(); }
                                return failed("", "busy");
                              },
                              retry({.attempts = 1000}))
                          .collect({.clock = &clock, .cancel = stop.get_token()});
  EXPECT_EQ(result.report.ended, StreamEnd::cancelled);
  EXPECT_EQ(calls, 3);
}
TEST(DeadLetter, CountsWhatFindsNoRoom) {
  auto [sender, receiver] = mpsc<FailedItem<int>>(2);
  const auto all_bad = [](int) -> Result<int> { return failed("", "bad"); };
  const auto result =
      from_range(first_numbers(kCount)).map(all_bad, dead_letter(std::move(sender))).collect();
  EXPECT_TRUE(result);
  EXPECT_EQ(result.report.stage("map")->failed, 9U);
  EXPECT_EQ(result.report.stage("map")->dropped, 7U);
}

// A receiver that goes in mid stream ends the stream that sends to it; a sender that goes ends the one that
// receives.
TEST(SendTo, EndsWhenNobodyListens) {
  auto [sender, receiver] = mpsc<int>(100);
  int sent = 0;
  const auto report = from_range(first_numbers(kCount))
                          .map([&, &rx = receiver](int x) {
                            if (++sent == 4) { rx.close(); }
                            return x;
                          })
                          .send_to(sender);
  EXPECT_EQ(report.items, 3U);
  EXPECT_EQ(to_string(*report.error), "stage \"end\", item 3: the channel takes no more: closed");
}
TEST(FromReceiver, GivesWhatWasSentAndEndsWithTheSender) {
  auto [sender, receiver] = mpsc<int>(100);
  for (const int x : first_numbers(kCount)) { ASSERT_TRUE(sender.try_send(int(x))); }
  sender.close();
  EXPECT_EQ(from_receiver(std::move(receiver)).collect().value, first_numbers(kCount));
}
TEST(FromReceiver, WakesUpForWhatIsSentLater) {
  auto [sender, receiver] = mpsc<int>(1);
  auto reader = std::async(std::launch::async, [rx = std::move(receiver)]() mutable {
    return from_receiver(std::move(rx)).collect().value;
  });
  const auto report = from_range(first_numbers(kCount)).send_to(sender);
  EXPECT_TRUE(report.ok());
  sender.close();
  EXPECT_EQ(reader.get(), first_numbers(kCount));
}
TEST(FromReceiver, CanBeCancelledWhileNothingComes) {
  auto [sender, receiver] = mpsc<int>(1);
  std::stop_source stop;
  auto reader =
      std::async(std::launch::async, [rx = std::move(receiver), token = stop.get_token()]() mutable {
        return from_receiver(std::move(rx)).collect({.cancel = token}).report.ended;
      });
  stop.request_stop();
  EXPECT_EQ(reader.get(), StreamEnd::cancelled);
}

// ---- Strategies of ends

TEST_P(Strategy, OfAnEndIsForItsFunction) {
  const int bad = GetParam();
  std::vector<int> seen;
  const auto fails = [&](int x) -> Result<void> {
    if (x == bad) { return failed("", "bad " + std::to_string(x)); }
    seen.push_back(x);
    return {};
  };
  const auto report = from_range(first_numbers(kCount)).for_each(fails, collect_errors());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(seen, without(bad));
  EXPECT_EQ(report.items, kCount - 1U);
  ASSERT_EQ(report.collected.size(), 1U);
  EXPECT_EQ(to_string(report.collected[0]), fmt::format("stage \"end\", item {}: bad {}", bad, bad));
  const StageReport* const end = report.stage("end");
  ASSERT_NE(end, nullptr);  // nothing is lost unseen
  EXPECT_EQ(end->in, static_cast<std::uint64_t>(kCount));
  EXPECT_EQ(end->failed, 1U);
  EXPECT_EQ(end->dropped, 1U);

  seen.clear();
  const auto ended = from_range(first_numbers(kCount)).for_each(fails);
  EXPECT_EQ(ended.ended, StreamEnd::failed);
  EXPECT_EQ(ended.error->item, static_cast<std::uint64_t>(bad));
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(bad));

  auto [sender, receiver] = mpsc<FailedItem<int>>(4);
  seen.clear();
  EXPECT_TRUE(from_range(first_numbers(kCount)).for_each(fails, dead_letter(std::move(sender))).ok());
  EXPECT_EQ(receiver.try_receive()->item, bad);
  EXPECT_EQ(seen, without(bad));
}
TEST_P(Strategy, OfAnEndTriesAgain) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  int calls = 0;
  std::vector<int> seen;
  const auto third = [&](int x) -> Result<void> {
    if (x == GetParam() && ++calls < 3) { return failed("", "not yet"); }
    seen.push_back(x);
    return {};
  };
  const auto report =
      from_range(first_numbers(kCount))
          .for_each(third, retry({.attempts = 3, .backoff = {.first = 1s}}), {.clock = &clock});
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(seen, first_numbers(kCount));
  EXPECT_EQ(report.stage("end")->retried, 2U);
  EXPECT_EQ(clock.now() - begin, 1s + 2s);
}
TEST_P(Strategy, OfAReductionKeepsTheValueBeforeTheFailure) {
  const int bad = GetParam();
  const auto append = [bad](std::string text, int x) {
    text += std::to_string(x);
    if (x == bad) { throw std::runtime_error("bad"); }
    return text;
  };
  std::string expected;
  for (const int x : without(bad)) { expected += std::to_string(x); }
  const auto skipped = from_range(first_numbers(kCount)).reduce(std::string(), append, skip_failed());
  EXPECT_TRUE(skipped);
  EXPECT_EQ(*skipped, expected);
  EXPECT_EQ(skipped.report.stage("end")->dropped, 1U);

  const auto append_or_fail = [bad](const std::string& text, int x) -> Result<std::string> {
    if (x == bad) { return failed("", "bad"); }
    return text + std::to_string(x);
  };
  const auto ended = from_range(first_numbers(kCount)).reduce(std::string(), append_or_fail);
  EXPECT_FALSE(ended);
  EXPECT_EQ(*ended, expected.substr(0, static_cast<std::size_t>(bad)));
  EXPECT_EQ(*from_range(first_numbers(kCount)).reduce(std::string(), append_or_fail, skip_failed()),
            expected);
}
TEST_P(Strategy, OfAnEndIsThatOfStagesThatWereGivenNone) {
  const int bad = GetParam();
  const auto stage = [&] { return from_range(first_numbers(kCount)).map(fails_at(bad)); };
  EXPECT_EQ(*stage().collect(skip_failed()), without(bad));
  EXPECT_EQ(*stage().count(skip_failed()), kCount - 1U);
  EXPECT_EQ(*stage().buffer(2).collect(skip_failed()), without(bad));
  EXPECT_EQ(*from_range(first_numbers(kCount)).parallel_map(2, fails_at(bad)).collect(skip_failed()),
            without(bad));
  const auto collected = stage().collect(collect_errors());
  EXPECT_EQ(*collected, without(bad));
  EXPECT_EQ(collected.report.collected.size(), 1U);
  EXPECT_EQ(collected.report.stage("map")->dropped, 1U);
  // One of its own goes first; retry() without an end of its own leaves the rest to the end's.
  EXPECT_FALSE(from_range(first_numbers(kCount)).map(fails_at(bad), fail_fast()).collect(skip_failed()));
  EXPECT_EQ(
      from_range(first_numbers(kCount)).map(fails_at(bad), default_value(-1)).collect(skip_failed())->size(),
      static_cast<std::size_t>(kCount));
  VirtualClock clock(VirtualClock::Advance::when_idle);
  EXPECT_EQ(*from_range(first_numbers(kCount))
                 .map(fails_at(bad), retry({.attempts = 2}))
                 .collect(skip_failed(), {.clock = &clock}),
            without(bad));
}
TEST(Ends, WriteTheLinesThatCanBeMade) {
  const test::TempDir dir;
  const auto text = [](int x) -> Result<std::string> {
    if (x == 2) { return failed("", "two"); }
    return std::to_string(x);
  };
  const auto report = from_range(first_numbers(4)).write_lines(dir.file("lines"), text, skip_failed());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.items, 3U);
  EXPECT_EQ(report.stage("write_lines")->dropped, 1U);
  std::ifstream file(dir.file("lines"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "0\n1\n3\n");
  // What has nothing to do with the items is no matter of strategy.
  const auto refused = from_range(first_numbers(4)).write_lines(dir.file("lines"), text, skip_failed());
  EXPECT_EQ(refused.error->error.what, "the file exists");
  auto [sender, receiver] = mpsc<int>(4);
  receiver.close();
  EXPECT_FALSE(from_range(first_numbers(4)).send_to(sender, skip_failed()).ok());
}

// ---- Exceptions of what belongs to the user, but is no function of a stage

// Throws when it is copied, moved, stored or compared as that says.
struct Fragile {
  enum class At : std::uint8_t { copy, move, store, never };
  Fragile(int number, At fails) : value(number), at(fails) {}
  Fragile(const Fragile& other) : value(other.value), at(other.at) { fail(At::copy); }
  Fragile(Fragile&& other) : value(other.value), at(other.at) { fail(At::move); }  // NOLINT: it may throw
  Fragile& operator=(const Fragile&) = default;
  Fragile& operator=(Fragile&&) = default;
  ~Fragile() = default;
  void fail(At when) const {
    if (at != when || value != 3) { return; }
    threw.store(true);
    threw.notify_all();
    throw std::runtime_error("fragile");
  }
  static inline std::atomic<bool> threw{false};
  int value;
  At at;
};

}  // namespace

template <>
struct Codec<Fragile> {
  static void write(ByteWriter& to, const Fragile& f) {
    f.fail(Fragile::At::store);
    to.put(f.value);
  }
  static Result<Fragile> read(ByteReader& from) {
    const auto value = from.get<int>();
    if (!value) { return tl::unexpected(value.error()); }
    return Fragile(*value, Fragile::At::never);
  }
};

namespace {

Stream<Fragile> fragile(Fragile::At at) {
  return from_range(first_numbers(kCount)).map([at](int x) { return Fragile(x, at); });
}

TEST(Errors, AnExceptionOfTheStrategyFailsTheStream) {
  const auto which = [](const Error& error) -> bool { throw std::logic_error("asked about " + error.what); };
  const auto expect_failure = [](const StreamReport& report) {
    EXPECT_EQ(report.ended, StreamEnd::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->item, 3U);
    EXPECT_EQ(report.error->error.what, "the strategy for its errors threw: asked about bad 3");
  };
  const RetryOptions options{.attempts = 2, .which = which};
  const auto numbers = [] { return from_range(first_numbers(kCount)); };
  expect_failure(numbers().map(fails_at(3), retry(options)).execute());
  expect_failure(numbers().map(fails_at(3), retry(options, skip_failed())).execute());
  expect_failure(numbers().parallel_map(2, fails_at(3), Order::ordered, retry(options)).execute());
  expect_failure(numbers().map(fails_at(3), retry(options)).buffer(2).execute());
}

TEST(Errors, AnExceptionOfAnItemFailsTheStreamWhereverItIs) {
  const auto stage_of = [](const StreamReport& report) {
    EXPECT_EQ(report.ended, StreamEnd::failed);
    return report.error ? report.error->stage + ": " + report.error->error.what : "";
  };
  const std::vector<Fragile> kept(4, Fragile(2, Fragile::At::copy));
  std::vector<Fragile> bad = kept;
  bad[1].value = 3;
  EXPECT_EQ(stage_of(from_range(bad).execute()), "from_range: the stage threw: fragile");
  EXPECT_EQ(stage_of(from_range(bad).buffer(2).execute()), "from_range: the stage threw: fragile");
  EXPECT_EQ(stage_of(fragile(Fragile::At::move).execute()), "map: the function threw: fragile");
}

TEST(Errors, AnExceptionOnTheThreadOfABufferFailsTheStream) {
  test::TempDir folder;
  Fragile::threw = false;
  // 1 is in the end's hands until 3 is written to the disk: there is room for 2 alone in memory.
  const auto report = from_range(std::vector{1, 2, 3, 4})
                          .map([](int x) { return Fragile(x, Fragile::At::store); })
                          .buffer(1, SpillOptions{folder.path(), 1000000})
                          .for_each([](const Fragile&) { Fragile::threw.wait(false); });
  EXPECT_EQ(report.ended, StreamEnd::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->stage, "buffer");
  EXPECT_EQ(report.error->error.what, "the stage threw: fragile");
}

TEST(Errors, AnExceptionOfAStoredTypeFailsTheStream) {
  test::TempDir folder;
  const auto report = fragile(Fragile::At::store)
                          .batch(5)
                          .flat_map([](std::vector<Fragile> all) { return all; })
                          .checkpoint({folder.path() / "state", 1})
                          .execute();
  EXPECT_EQ(report.ended, StreamEnd::failed);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->error.what, testing::HasSubstr("threw: fragile"));
}

}  // namespace
}  // namespace streamlab
