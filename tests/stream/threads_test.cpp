// tests/stream/threads_test.cpp
//
// parallel_map() and buffer(): every item once, order, bounds, failures and giving up at any moment. No test
// knows how fast a thread is: gates make them wait for each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::TempDir;
using testing::Each;
using testing::ElementsAre;
using testing::UnorderedElementsAreArray;
using testing_streams::first_numbers;

TEST(ParallelMap, GivesEveryItemOnceAndInOrder) {
  for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
    std::vector<std::atomic<int>> calls(2000);
    const auto result = from_range(first_numbers(2000))
                            .parallel_map(threads,
                                          [&calls](int x) {
                                            ++calls[static_cast<std::size_t>(x)];
                                            return x * 2;
                                          })
                            .collect();
    ASSERT_TRUE(result);
    ASSERT_EQ(result.value.size(), 2000U);
    for (int i = 0; i < 2000; ++i) { EXPECT_EQ(result.value[static_cast<std::size_t>(i)], 2 * i); }
    for (const auto& count : calls) { EXPECT_EQ(count.load(), 1); }
  }
}
TEST(ParallelMap, UnorderedGivesEveryItemOnce) {
  const auto result = from_range(first_numbers(2000))
                          .parallel_map(
                              4, [](int x) { return x; }, Order::unordered)
                          .collect();
  EXPECT_THAT(result.value, UnorderedElementsAreArray(first_numbers(2000)));
}
TEST(ParallelMap, UnorderedDoesNotWaitForTheSlowOne) {
  // Item 0 is done only after item 1 has come out.
  std::latch one_is_out(1);
  std::vector<int> came;
  const auto report = from_range(std::vector{0, 1})
                          .parallel_map(
                              2,
                              [&one_is_out](int x) {
                                if (x == 0) { one_is_out.wait(); }
                                return x;
                              },
                              Order::unordered)
                          .for_each([&](int x) {
                            came.push_back(x);
                            if (x == 1) { one_is_out.count_down(); }
                          });
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(came, ElementsAre(1, 0));
}
TEST(ParallelMap, AsksForNoMoreThanItsThreadsCanHave) {
  int asked = 0;
  const auto result = from_function([&asked]() -> std::optional<int> { return asked++; })
                          .parallel_map(3, [](int x) { return x; })
                          .take(5)
                          .collect();
  EXPECT_THAT(result.value, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_LE(asked, 5 + 3);
  EXPECT_GE(asked, 5);
}
TEST(ParallelMap, AFailureComesAfterTheItemsBeforeIt) {
  for (const int bad : {0, 1, 7, 99}) {
    const auto result = from_range(first_numbers(100))
                            .parallel_map(3,
                                          [bad](int x) -> Result<int> {
                                            if (x == bad) { return failed("", "no"); }
                                            return x;
                                          })
                            .collect();
    EXPECT_FALSE(result);
    EXPECT_EQ(result.value, first_numbers(bad));
    ASSERT_TRUE(result.report.error);
    EXPECT_EQ(result.report.error->item, static_cast<std::uint64_t>(bad));
  }
}
TEST(ParallelMap, SkipsAndCountsWhatFails) {
  const auto result = from_range(first_numbers(100))
                          .parallel_map(
                              4,
                              [](int x) -> Result<int> {
                                if (x % 10 == 3) { throw std::runtime_error("three"); }
                                return x;
                              },
                              Order::ordered, collect_errors())
                          .collect();
  EXPECT_TRUE(result);
  EXPECT_EQ(result.value.size(), 90U);
  EXPECT_EQ(result.report.stage("parallel_map")->failed, 10U);
  EXPECT_EQ(result.report.collected_count, 10U);
  EXPECT_EQ(result.report.collected.at(0).error.what, "the function threw: three");
}
TEST(ParallelMap, ChangesItemsInPlace) {
  const auto result = from_range(first_numbers(10)).parallel_map(2, [](int& x) { x = -x; }).collect();
  EXPECT_THAT(result.value, ElementsAre(0, -1, -2, -3, -4, -5, -6, -7, -8, -9));
}
TEST(ParallelMap, RefusesNoThreadsAndTooMany) {
  for (const std::size_t threads : {std::size_t{0}, std::size_t{1025}}) {
    const auto result = from_range(std::vector{1}).parallel_map(threads, [](int x) { return x; }).collect();
    ASSERT_TRUE(result.report.error);
    EXPECT_EQ(result.report.error->error.expected, "1 .. 1024");
  }
}

TEST(Buffer, KeepsEveryItemInOrder) {
  for (const std::size_t depth : {1U, 2U, 100U}) {
    EXPECT_EQ(from_range(first_numbers(5000)).buffer(depth).collect().value, first_numbers(5000));
  }
}
TEST(Buffer, RunsAheadByItsDepthAndNoMore) {
  std::atomic<int> asked{0};
  std::latch full(1);
  bool first = true;
  const auto result = from_function([&]() -> std::optional<int> {
                        const int n = asked++;
                        if (n == 5) {
                          full.count_down();
                        }  // 1 is out, 4 lie in the buffer, and this one waits
                        return n == 20 ? std::nullopt : std::optional(n);
                      })
                          .buffer(4)
                          .map([&](int x) {
                            if (first) {
                              full.wait();
                              EXPECT_EQ(asked.load(), 6);
                              first = false;
                            }
                            return x;
                          })
                          .collect();
  EXPECT_EQ(result.value, first_numbers(20));
}
TEST(Buffer, DropsByItsPolicyAndCounts) {
  struct Case {
    OverflowPolicy policy;
    std::vector<int> kept;
  };
  // The first item is out before the others come; 3 places for the 9 that follow.
  const std::vector<Case> cases{{OverflowPolicy::drop_oldest, {0, 7, 8, 9}},
                                {OverflowPolicy::drop_newest, {0, 1, 2, 3}},
                                {OverflowPolicy::latest, {0, 9}},
                                {OverflowPolicy::drop_buffer, {0, 7, 8, 9}}};
  for (const Case& c : cases) {
    std::latch first_is_out(1);
    std::latch all_came(1);
    std::atomic<int> asked{0};
    const auto result = from_function([&]() -> std::optional<int> {
                          const int n = asked++;
                          if (n == 1) { first_is_out.wait(); }
                          if (n == 10) {
                            all_came.count_down();
                            return std::nullopt;
                          }
                          return n;
                        })
                            .buffer(3, c.policy)
                            .map([&](int x) {
                              if (x == 0) {
                                first_is_out.count_down();
                                all_came.wait();
                              }
                              return x;
                            })
                            .collect();
    EXPECT_EQ(result.value, c.kept) << to_string(c.policy);
    EXPECT_EQ(result.report.stage("buffer")->dropped, 10 - c.kept.size()) << to_string(c.policy);
  }
}
TEST(Buffer, FailsWhenItIsFullAndToldTo) {
  stages::BufferQueue<int> queue(2, OverflowPolicy::fail);
  using Pushed = stages::BufferQueue<int>::Pushed;
  std::vector<int> items{1, 2, 3};
  EXPECT_EQ(*queue.push(items[0]), Pushed::taken);
  EXPECT_EQ(*queue.push(items[1]), Pushed::taken);
  EXPECT_EQ(*queue.push(items[2]), Pushed::failed);
  std::optional<int> item;
  EXPECT_EQ(*queue.pop(item), Poll::item);
  EXPECT_EQ(item, 1);
  // And in a stream without end: sooner or later the source is ahead by more than the two places.
  const auto report = from_function([]() -> std::optional<int> { return 1; })
                          .buffer(2, OverflowPolicy::fail)
                          .for_each([](int) { std::this_thread::yield(); });
  EXPECT_EQ(to_string(report.error->error), "the buffer is full and its policy is \"fail\"");
}
TEST(Buffer, PassesAFailureOnBehindTheItems) {
  const auto result = from_range(first_numbers(10))
                          .map([](int x) -> Result<int> {
                            if (x == 6) { return failed("", "six"); }
                            return x;
                          })
                          .buffer(3)
                          .collect();
  EXPECT_EQ(result.value, first_numbers(6));
  EXPECT_EQ(to_string(*result.report.error), "stage \"map\", item 6: six");
}
TEST(Buffer, GoesOnInAFileAndComesBackInOrder) {
  TempDir folder;
  std::latch all_came(1);
  int asked = 0;
  const auto result = from_function([&]() -> std::optional<std::string> {
                        if (asked == 500) {
                          all_came.count_down();
                          return std::nullopt;
                        }
                        return std::string(100, 'x') + std::to_string(asked++);
                      })
                          .buffer(8, SpillOptions{folder.path(), 1U << 20U})
                          .map([&](const std::string& text) {
                            if (text.ends_with("x0")) { all_came.wait(); }  // nothing is read until all is in
                            return std::stoi(text.substr(100));
                          })
                          .collect();
  EXPECT_EQ(result.value, first_numbers(500));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}
TEST(Buffer, WaitsWhenItsFileIsFull) {
  TempDir folder;
  const auto result = from_range(first_numbers(5000)).buffer(2, SpillOptions{folder.path(), 64}).collect();
  EXPECT_EQ(result.value, first_numbers(5000));
}
TEST(Buffer, RefusesWhatCannotBe) {
  EXPECT_EQ(from_range(std::vector{1}).buffer(0).collect().report.error->error.what, "a buffer of 0 items");
  const auto lossy =
      from_range(std::vector{1}).buffer(1, SpillOptions{".", 100}, OverflowPolicy::drop_oldest).collect();
  EXPECT_EQ(lossy.report.error->error.expected, "\"block\" or \"fail\"");
  const auto nowhere =
      from_range(std::vector{1}).buffer(1, SpillOptions{"/nonexistent/folder", 100}).collect();
  EXPECT_EQ(nowhere.report.ended, StreamEnd::failed);
}

TEST(Threads, OfARunMayBeginAfterIt) {
  const auto shared = std::make_shared<StreamRun::Shared>();
  std::latch over{1};
  std::stop_source stop;
  std::stop_source drain;
  bool saw_both = false;
  auto run = std::make_unique<StreamRun>(RunOptions{.drain = drain.get_token()}, shared);
  auto thread = run->start_thread("late", stop.get_token(), [&](StreamRun& own) {
    over.wait();
    stop.request_stop();
    drain.request_stop();
    saw_both = own.cancelled() && own.draining();
    own.note("it went on");
  });
  ASSERT_TRUE(thread);
  run.reset();
  over.count_down();
  thread->join();
  EXPECT_TRUE(saw_both);
  EXPECT_THAT(shared->notes, ElementsAre("it went on"));
}
TEST(Threads, CanBeCancelledAtEveryItem) {
  for (int at = 0; at < 40; ++at) {
    std::stop_source stop;
    RunOptions options{.cancel = stop.get_token()};
    int came = 0;
    const auto report = from_range(first_numbers(40))
                            .buffer(2)
                            .parallel_map(2, [](int x) { return x; })
                            .buffer(1)
                            .for_each(
                                [&](int) {
                                  if (came++ == at) { stop.request_stop(); }
                                },
                                options);
    EXPECT_EQ(report.ended, StreamEnd::cancelled);
    EXPECT_EQ(report.items, static_cast<std::uint64_t>(at) + 1);
  }
}
TEST(Threads, DrainingLetsWhatIsInsideComeOut) {
  std::stop_source drain;
  RunOptions options{.drain = drain.get_token()};
  int asked = 0;
  std::vector<int> came;
  const auto report = from_function([&]() -> std::optional<int> { return asked++; })
                          .buffer(4)
                          .parallel_map(2, [](int x) { return x; })
                          .for_each(
                              [&](int x) {
                                came.push_back(x);
                                if (x == 10) { drain.request_stop(); }
                              },
                              options);
  EXPECT_EQ(report.ended, StreamEnd::drained);
  EXPECT_EQ(came, first_numbers(asked));  // nothing that was taken in is lost
}
TEST(Threads, AStreamThatIsDroppedJoinsItsThreads) {
  for (int i = 0; i < 20; ++i) {
    auto stream =
        from_function([]() -> std::optional<int> { return 1; }).buffer(2).parallel_map(2, [](int x) {
          return x;
        });
    EXPECT_EQ(std::move(stream).first().value, 1);
  }
}

TEST(ParallelMap, TakesAStrategyBehindItsFunction) {
  const auto f = [](int x) -> Result<int> {
    if (x == 2) { return failed("", "two"); }
    return x;
  };
  const auto result = from_range(std::vector{1, 2, 3}).parallel_map(2, f, collect_errors()).collect();
  EXPECT_THAT(*result, testing::ElementsAre(1, 3));
  EXPECT_EQ(result.report.collected_count, 1U);
  EXPECT_THAT(*from_range(std::vector{1, 2, 3}).parallel_map(2, f, Order::ordered, skip_failed()).collect(),
              testing::ElementsAre(1, 3));
}

}  // namespace
}  // namespace streamlab
