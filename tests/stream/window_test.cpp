// tests/stream/window_test.cpp
//
// window(size, hop): windows by count, against slices of a vector.
#include "engine/stream/stages/window.hpp"

#include <memory>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/first_numbers.hpp"
#include "tests/stream/scripted.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_streams;

// The slices [k hop, k hop + size) as long as each has an item that none before it had.
std::vector<Window<int>> slices(const std::vector<int>& items, std::size_t size, std::size_t hop) {
  std::vector<Window<int>> windows;
  std::size_t covered = 0;
  for (std::size_t k = 0; k * hop < items.size(); ++k) {
    const std::size_t begin = k * hop;
    const std::size_t end = std::min(begin + size, items.size());
    if (end <= covered) { break; }
    covered = end;
    windows.push_back({{items.begin() + static_cast<std::ptrdiff_t>(begin),
                        items.begin() + static_cast<std::ptrdiff_t>(end)},
                       k,
                       static_cast<std::int64_t>(begin),
                       static_cast<std::int64_t>(end),
                       end == begin + size});
  }
  return windows;
}

void expect_same(const std::vector<Window<int>>& got, const std::vector<Window<int>>& expected) {
  RC_ASSERT(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    RC_ASSERT(got[i].items == expected[i].items);
    RC_ASSERT(got[i].index == expected[i].index);
    RC_ASSERT(got[i].begin == expected[i].begin);
    RC_ASSERT(got[i].end == expected[i].end);
    RC_ASSERT(got[i].complete == expected[i].complete);
  }
}

TEST(CountWindow, WindowsAreSlicesOfTheItems) {
  EXPECT_TRUE(rc::check([] {
    const auto items = first_numbers(*rc::gen::inRange(0, 40));
    const auto size = *rc::gen::inRange<std::size_t>(1, 12);
    const auto hop = *rc::gen::inRange<std::size_t>(1, 15);
    const auto result = scripted(with_pauses(items)).window(size, hop, Loss::allow).collect();
    RC_ASSERT(static_cast<bool>(result));
    expect_same(result.value, slices(items, size, hop));
    // What lies between two windows is counted: every item is in a window or dropped.
    std::uint64_t between = 0;
    for (std::size_t i = 0; i < items.size(); ++i) { between += i % hop >= size ? 1 : 0; }
    RC_ASSERT(result.report.stage("window")->dropped == between);
  }));
}

TEST(CountWindow, AsksForNoMoreThanAWindowNeeds) {
  int given = 0;
  Script<int> script;
  for (const int i : first_numbers(100)) { script.steps.emplace_back(i); }
  const auto result = scripted(script, &given).window(4, 2).take(3).collect();
  EXPECT_EQ(given, 8);  // 0-3, 2-5, 4-7
  EXPECT_THAT(result.value[2].items, ElementsAre(4, 5, 6, 7));
}

TEST(CountWindow, GivesWhatCameBeforeAFailureAtEveryPosition) {
  for (int n = 0; n < 10; ++n) {
    Script<int> script;
    for (const int i : first_numbers(n)) { script.steps.emplace_back(i); }
    script.finally = Finally::fails;
    const auto result = scripted(script).window(3, 2).collect();
    EXPECT_FALSE(result);
    EXPECT_EQ(result.value.size(), n < 3 ? 0U : static_cast<std::size_t>((n - 3) / 2 + 1)) << n;
    EXPECT_EQ(result.report.error->stage, "scripted");
  }
}

TEST(CountWindow, RefusesShapesThatCannotBe) {
  const auto none = from_range(first_numbers(3)).window(0).collect();
  EXPECT_EQ(to_string(*none.report.error),
            "stage \"window\", item 0: a window of size 0; expected 1 or more");
  const auto still = from_range(first_numbers(3)).window(4, 0).collect();
  EXPECT_THAT(to_string(*still.report.error), HasSubstr("windows with a hop of 0; expected 1 or more"));
  const auto loses = from_range(first_numbers(3)).window(4, 6).collect();
  EXPECT_EQ(
      to_string(*loses.report.error),
      "stage \"window\", item 0: windows of 4 with a hop of 6 lose 2 of every 6; expected a hop of 1 .. 4; "
      "Loss::allow leaves out what lies between, and counts it");
}

TEST(CountWindow, TakesItemsThatCannotBeCopiedWhereNothingOverlaps) {
  const auto owned = [] {
    return from_range(first_numbers(5)).map([](int i) { return std::make_unique<int>(i); });
  };
  const auto result = owned().window(2).collect();
  ASSERT_EQ(result.value.size(), 3U);
  EXPECT_EQ(*result.value[1].items[1], 3);
  EXPECT_FALSE(result.value[2].complete);
  const auto overlapping = owned().window(2, 1).collect();
  EXPECT_EQ(overlapping.report.error->error.what, "windows that overlap, of items that cannot be copied");
}

TEST(CountWindow, GoesOnFromWhatWasSaved) {
  EXPECT_TRUE(rc::check([] {
    const auto items = first_numbers(*rc::gen::inRange(0, 30));
    const auto size = *rc::gen::inRange<std::size_t>(1, 8);
    const auto hop = *rc::gen::inRange<std::size_t>(1, 10);
    const auto chain = [&] { return from_range(items).window(size, hop, Loss::allow); };
    const auto whole = chain().collect().value;
    const auto stop_after = *rc::gen::inRange<std::size_t>(0, whole.size() + 1);

    auto first = chain().take_stages();
    StreamRun run({});
    std::vector<Window<int>> got;
    Window<int>* window = nullptr;
    while (got.size() < stop_after && first->next(run, window) == Poll::item) { got.push_back(*window); }
    ByteWriter saved;
    visit_in_flow_order(*first, [&](StageBase& stage) { RC_ASSERT(stage.save(saved).has_value()); });

    auto second = chain().take_stages();
    ByteReader reader(saved.bytes());
    visit_in_flow_order(*second, [&](StageBase& stage) { RC_ASSERT(stage.load(reader).has_value()); });
    RC_ASSERT(reader.left() == 0U);
    while (second->next(run, window) == Poll::item) { got.push_back(*window); }
    expect_same(got, whole);
  }));
}

TEST(CountWindow, IsAnOperatorToo) {
  using namespace streamlab::op;
  const auto sums = window(2) | map([](const Window<int>& w) {
                      return std::accumulate(w.items.begin(), w.items.end(), 0);
                    });
  EXPECT_THAT((from_range(first_numbers(5)) | sums | collect()).value, ElementsAre(1, 5, 4));
}

}  // namespace
}  // namespace streamlab
