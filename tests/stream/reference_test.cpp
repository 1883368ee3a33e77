// tests/stream/reference_test.cpp
//
// Random chains of stages over random items, against the same steps on plain vectors; and the promises that
// hold for every chain: laziness, counts, cancelling at every point.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <vector>

#include <rapidcheck.h>

#include "engine/stream/names.hpp"

namespace streamlab {
namespace {

using Items = std::vector<int>;

// One stage, as a stream and as a plain loop.
struct ChainStep {
  std::string name;
  std::function<Stream<int>(Stream<int>)> stage;
  std::function<Items(const Items&)> plain;
};

ChainStep make_step(int kind, int n) {
  const auto size = static_cast<std::size_t>(n);
  switch (kind) {
    case 0:
      return {"map", [n](Stream<int> s) { return std::move(s).map([n](int x) { return x * 3 + n; }); },
              [n](const Items& in) {
                Items out;
                for (const int x : in) { out.push_back(x * 3 + n); }
                return out;
              }};
    case 1:
      return {"filter",
              [n](Stream<int> s) { return std::move(s).filter([n](int x) { return x % (n + 1) != 0; }); },
              [n](const Items& in) {
                Items out;
                std::copy_if(in.begin(), in.end(), std::back_inserter(out),
                             [n](int x) { return x % (n + 1) != 0; });
                return out;
              }};
    case 2:
      return {
          "take", [size](Stream<int> s) { return std::move(s).take(size * 3); },
          [size](const Items& in) { return Items(in.begin(), in.begin() + std::min(in.size(), size * 3)); }};
    case 3:
      return {"skip", [size](Stream<int> s) { return std::move(s).skip(size); },
              [size](const Items& in) { return Items(in.begin() + std::min(in.size(), size), in.end()); }};
    case 4:
      return {"flat_map",
              [n](Stream<int> s) {
                return std::move(s).flat_map([n](int x) { return Items(std::abs(x + n) % 3, x); });
              },
              [n](const Items& in) {
                Items out;
                for (const int x : in) { out.insert(out.end(), std::abs(x + n) % 3, x); }
                return out;
              }};
    case 5:
      return {
          "scan",
          [](Stream<int> s) { return std::move(s).scan(0, [](int sum, int x) { return (sum + x) % 1000; }); },
          [](const Items& in) {
            Items out;
            int sum = 0;
            for (const int x : in) { out.push_back(sum = (sum + x) % 1000); }
            return out;
          }};
    case 6:
      return {"take_while",
              [n](Stream<int> s) { return std::move(s).take_while([n](int x) { return x % 11 != n; }); },
              [n](const Items& in) {
                return Items(in.begin(),
                             std::find_if(in.begin(), in.end(), [n](int x) { return x % 11 == n; }));
              }};
    case 7:
      return {"distinct", [](Stream<int> s) { return std::move(s).distinct(); },
              [](const Items& in) {
                Items out;
                std::set<int> seen;
                for (const int x : in) {
                  if (seen.insert(x).second) { out.push_back(x); }
                }
                return out;
              }};
    case 8:
      return {"batch",
              [size](Stream<int> s) {
                return std::move(s).batch(size + 1).map(
                    [](const Items& b) { return std::accumulate(b.begin(), b.end(), 0) % 1000; });
              },
              [size](const Items& in) {
                Items out;
                for (std::size_t at = 0; at < in.size(); at += size + 1) {
                  const auto end = std::min(in.size(), at + size + 1);
                  out.push_back(std::accumulate(in.begin() + at, in.begin() + end, 0) % 1000);
                }
                return out;
              }};
    case 9:
      return {"buffer", [size](Stream<int> s) { return std::move(s).buffer(size + 1); },
              [](const Items& in) { return in; }};
    default:
      return {
          "parallel_map",
          [size](Stream<int> s) { return std::move(s).parallel_map(size + 1, [](int x) { return x ^ 5; }); },
          [](const Items& in) {
            Items out;
            for (const int x : in) { out.push_back(x ^ 5); }
            return out;
          }};
  }
}

std::vector<ChainStep> random_chain() {
  std::vector<ChainStep> chain;
  const int length = *rc::gen::inRange(0, 7);
  for (int i = 0; i < length; ++i) {
    chain.push_back(make_step(*rc::gen::inRange(0, 11), *rc::gen::inRange(0, 6)));
  }
  return chain;
}
Items random_items() { return *rc::gen::container<Items>(rc::gen::inRange(-100, 100)); }

TEST(Chains, GiveWhatLoopsOverVectorsGive) {
  EXPECT_TRUE(rc::check([] {
    const auto chain = random_chain();
    const Items items = random_items();
    Items expected = items;
    Stream<int> stream = from_range(items);
    for (const ChainStep& step : chain) {
      RC_TAG(step.name);
      expected = step.plain(expected);
      stream = step.stage(std::move(stream));
    }
    const auto result = std::move(stream).collect();
    RC_ASSERT(result.report.ok());
    RC_ASSERT(result.value == expected);
    RC_ASSERT(result.report.items == expected.size());
    // What a stage takes is what the one before it gave.
    const auto& stages = result.report.stages;
    for (std::size_t i = 1; i < stages.size(); ++i) { RC_ASSERT(stages[i].in == stages[i - 1].out); }
  }));
}

TEST(Chains, CanBeCancelledAfterAnyItem) {
  EXPECT_TRUE(rc::check([] {
    const auto chain = random_chain();
    const Items items = random_items();
    Items expected = items;
    Stream<int> stream = from_range(items);
    for (const ChainStep& step : chain) {
      expected = step.plain(expected);
      stream = step.stage(std::move(stream));
    }
    RC_PRE(!expected.empty());
    const auto at = *rc::gen::inRange<std::size_t>(0, expected.size());
    std::stop_source stop;
    Items came;
    const auto report = std::move(stream).for_each(
        [&](int x) {
          came.push_back(x);
          if (came.size() == at + 1) { stop.request_stop(); }
        },
        {.cancel = stop.get_token()});
    RC_ASSERT(report.ended == StreamEnd::cancelled);
    RC_ASSERT(came == Items(expected.begin(), expected.begin() + at + 1));
  }));
}

TEST(Chains, AskForNoMoreThanTheyNeed) {
  EXPECT_TRUE(rc::check([] {
    // Stages without threads: to give k items the source is asked as often as a loop would read.
    std::vector<ChainStep> chain;
    const int length = *rc::gen::inRange(0, 5);
    for (int i = 0; i < length; ++i) {
      chain.push_back(make_step(*rc::gen::inRange(0, 2), *rc::gen::inRange(0, 6)));
    }
    const Items items = random_items();
    const auto wanted = *rc::gen::inRange<std::uint64_t>(0, 20);
    std::size_t asked = 0;
    Stream<int> stream = from_function([&]() -> std::optional<int> {
      if (asked == items.size()) {
        ++asked;
        return std::nullopt;
      }
      return items[asked++];
    });
    for (const ChainStep& step : chain) { stream = step.stage(std::move(stream)); }
    RC_ASSERT(asked == 0);
    const auto result = std::move(stream).take(wanted).collect();
    // The shortest beginning of the items that gives so many.
    std::size_t needed = 0;
    for (; needed <= items.size(); ++needed) {
      Items out(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(needed));
      for (const ChainStep& step : chain) { out = step.plain(out); }
      if (out.size() >= wanted) { break; }
    }
    RC_ASSERT(asked == needed);
  }));
}

TEST(Names, OfTheOriginalDesignAreTheSameThing) {
  static_assert(std::is_same_v<StreamingPipeline<int>, Stream<int>>);
  static_assert(StreamTransformer<decltype(op::take(3)), int>);
  static_assert(StreamCollector<decltype(op::collect()), int>);
  static_assert(!StreamCollector<decltype(op::take(3)), int>);
  const Items numbers{1, 2, 3};
  EXPECT_EQ(StreamingPipeline<int>::start(numbers).add(op::take(2)).execute_to_vector().value, (Items{1, 2}));
  EXPECT_EQ(StreamingPipeline<int>::start(numbers).execute_reduce(0, std::plus<>()).value, 6);
  EXPECT_EQ(StreamingPipeline<int>::start(numbers).execute().items, 3U);
}

TEST(Ends, FirstAsksOnce) {
  int asked = 0;
  const auto source = [&]() -> std::optional<int> { return ++asked; };
  EXPECT_EQ(from_function(source).first().value, 1);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(from_range(Items{}).first().value, std::nullopt);
}
TEST(Ends, ReportSaysWhatEveryStageDid) {
  const auto result =
      from_range(Items{1, 2, 3, 4, 5}).filter([](int x) { return x > 2; }).named("above two").count();
  EXPECT_EQ(result.value, 3U);
  const StageReport* const stage = result.report.stage("above two");
  ASSERT_NE(stage, nullptr);
  EXPECT_EQ(stage->in, 5U);
  EXPECT_EQ(stage->out, 3U);
  EXPECT_EQ(stage->dropped, 0U);
  EXPECT_TRUE(result.report.to_first_item);
  EXPECT_EQ(result.report.stage("below"), nullptr);
}
TEST(Context, CanBeLookedAtWhileItRuns) {
  StreamContext<int> sum;
  std::vector<int> seen;
  const auto result = from_range(Items{1, 2, 3})
                          .with(sum,
                                [](int& s, int x) {
                                  s += x;
                                  return x * 10;
                                })
                          .map([&](int x) {
                            seen.push_back(sum.snapshot());
                            return x;
                          })
                          .collect();
  EXPECT_EQ(result.value, (Items{10, 20, 30}));
  EXPECT_EQ(seen, (std::vector{1, 3, 6}));
}
TEST(Stages, RefuseSizesOfNothing) {
  EXPECT_EQ(to_string(from_range(Items{1}).batch(0).execute().error->error),
            "batch() of 0 items; expected 1 or more");
  EXPECT_EQ(to_string(from_range(Items{1}).distinct(0).execute().error->error),
            "distinct() that remembers 0 keys; expected 1 or more");
}

}  // namespace
}  // namespace streamlab
