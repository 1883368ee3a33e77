// tests/base/topological_test.cpp
#include "engine/base/topological.hpp"

#include <string>

#include <gmock/gmock.h>

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TopologicalOrder, TakesTheLowestOfThoseThatCouldComeNext) {
  // 3 -> 0, 1 -> 0 twice, 0 -> 2; 4 stands alone.
  const TopologicalOrder sorted = topological_order({{2}, {0, 0}, {}, {0}, {}});
  EXPECT_THAT(sorted.order, ElementsAre(1, 3, 0, 2, 4));
  EXPECT_THAT(sorted.cycle, IsEmpty());
  EXPECT_THAT(topological_order({}).order, IsEmpty());
}

TEST(TopologicalOrder, NamesACycleInTheOrderOfItsEdges) {
  // 0 -> 1 -> 3 -> 2 -> 1, and 2 -> 4.
  const TopologicalOrder sorted = topological_order({{1}, {3}, {1, 4}, {2}, {}});
  EXPECT_THAT(sorted.order, ElementsAre(0));
  EXPECT_THAT(sorted.cycle, ElementsAre(1, 3, 2));
  EXPECT_THAT(topological_order({{0}}).cycle, ElementsAre(0));
}

TEST(TopologicalOrder, ShowsTheEndsOfALongCycle) {
  const auto shown = [](std::size_t count) {
    std::vector<std::size_t> cycle;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
      cycle.push_back(i);
      names.push_back(std::to_string(i));
    }
    return cycle_text(cycle, [&](std::size_t i) { return std::string_view(names[i]); });
  };
  EXPECT_EQ(shown(1), "0 -> 0");
  EXPECT_EQ(shown(3), "0 -> 1 -> 2 -> 0");
  EXPECT_EQ(shown(100),
            "0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> 8 -> 9 -> 10 -> … -> 91 -> 92 -> 93 -> 94 -> 95 -> "
            "96 -> 97 -> 98 -> 99 -> 0");
}

}  // namespace
}  // namespace streamlab
