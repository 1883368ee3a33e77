// tests/graph/partition_test.cpp
#include "engine/graph/partition.hpp"

#include <set>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/graph/test_nodes.hpp"

namespace streamlab {
namespace {

using test::graph_json;
using test::graph_of;
using test::Words;
using testing::ElementsAre;
using Kind = ThreadPolicy::Kind;

// s -> n1 -> … of these types.
ValidGraph chain(const Words& types) {
  Words nodes{"s Source"};
  Words edges;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::string before = i == 0 ? "s" : "n" + std::to_string(i);
    const std::string id = "n" + std::to_string(i + 1);
    nodes.push_back(id + " " + types[i]);
    edges.push_back(before + " " + id);
  }
  return graph_of(nodes, edges);
}

TEST(Partition, CutsAChainIntoStretchesOfEqualCost) {
  const ValidGraph graph = chain({"Step", "Step", "Step", "Step", "Step"});
  const Partition two = partition(graph, {Kind::count, 2}, 8);
  EXPECT_THAT(two.domain_of, ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_EQ(two.domain_count, 2U);
  EXPECT_EQ(two.device_domain, std::nullopt);
  EXPECT_THAT(partition(graph, {Kind::count, 3}, 8).domain_of, ElementsAre(0, 0, 1, 1, 2, 2));
}

TEST(Partition, GivesACostlyNodeAStretchOfItsOwn) {
  const ValidGraph graph = chain({"Step", "Slow", "Step", "Step"});
  EXPECT_THAT(partition(graph, {Kind::count, 3}, 8).domain_of, ElementsAre(0, 0, 1, 2, 2));
}

TEST(Partition, GivesEveryNodeADomainOnRequestEvenWithoutCost) {
  const ValidGraph graph = chain({"Free", "Free", "Step", "Free"});
  EXPECT_THAT(partition(graph, {Kind::per_node, 1}, 1).domain_of, ElementsAre(0, 1, 2, 3, 4));
}

TEST(Partition, MakesNoMoreDomainsThanNodes) {
  const ValidGraph graph = chain({"Step", "Free"});
  const Partition many = partition(graph, {Kind::count, 1000}, 1);
  EXPECT_THAT(many.domain_of, ElementsAre(0, 1, 2));
  EXPECT_EQ(many.domain_count, 3U);
}

TEST(Partition, CutsByItselfOnlyWhereAThreadIsWorthIt) {
  EXPECT_EQ(partition(chain({"Step", "Step", "Step"}), {}, 8).domain_count, 1U);  // 4 ns a frame
  const ValidGraph costly = chain({"Slow", "Slow", "Slow"});                      // 121 ns a frame
  EXPECT_EQ(partition(costly, {}, 8).domain_count, 4U);                           // four nodes
  EXPECT_EQ(partition(costly, {}, 2).domain_count, 2U);
  EXPECT_EQ(partition(costly, {}, 1).domain_count, 1U);
}

TEST(Partition, PutsAllOnOneThreadForACallerWhoRunsIt) {
  const ValidGraph graph = graph_of({"mic AudioInput", "end NullSink"}, {"mic end"});
  const Partition one = partition(graph, {Kind::one_domain, 1}, 8);
  EXPECT_THAT(one.domain_of, ElementsAre(0, 0));
  EXPECT_EQ(one.device_domain, 0U);
}

TEST(Partition, PutsFeedersBeforeTheDeviceAndFollowersBehindIt) {
  const ValidGraph graph = graph_of({"level LevelMeter", "mic AudioInput", "g Step", "tone Source", "j Join",
                                     "out AudioOutput", "end NullSink"},
                                    {"mic g", "g j.in1", "tone j.in2", "j out", "g level", "level end"});
  const Partition automatic = partition(graph, {}, 8);
  EXPECT_EQ(automatic.domain_count, 3U);
  EXPECT_EQ(automatic.device_domain, 1U);
  EXPECT_THAT(automatic.domain_of, ElementsAre(2, 1, 1, 0, 1, 1, 2));
  const Partition each = partition(graph, {Kind::per_node, 1}, 8);
  EXPECT_EQ(each.device_domain, 1U);
  EXPECT_THAT(each.domain_of, ElementsAre(2, 1, 1, 0, 1, 1, 3));  // what the device ticks stays together
}

TEST(Partition, KeepsWhatWaitsForOthersApartWhereADeviceTicks) {
  const Words nodes{"a Outside", "b Step", "c Outside", "d Free", "e NullSink", "f NullSink"};
  const Words edges{"s b", "b a", "a d", "d e", "b c", "c f"};
  Words offline = nodes;
  offline.insert(offline.begin(), "s Source");
  EXPECT_EQ(partition(graph_of(offline, edges), {Kind::automatic, 1}, 1).domain_count, 1U);
  Words live = nodes;
  live.insert(live.begin(), "s AudioInput");
  const Partition apart = partition(graph_of(live, edges), {Kind::automatic, 1}, 1);
  const auto domain = [&](std::size_t n) { return apart.domain_of[n]; };
  EXPECT_EQ(domain(0), apart.device_domain);
  EXPECT_EQ(domain(1), domain(4));  // a, and what follows it
  EXPECT_EQ(domain(1), domain(5));
  EXPECT_EQ(domain(3), domain(6));
  const std::set<std::size_t> different{domain(0), domain(2), domain(1), domain(3)};
  EXPECT_EQ(different.size(), 4U);
}

// A reader of the console that pauses holds up nothing but what the console shows.
TEST(Partition, KeepsWhatTheConsoleShowsApartWhereADeviceTicks) {
  const Words nodes{"a Step", "b Print", R"(c JsonlSink {"path": "-"})", R"(d JsonlSink {"path": "take"})",
                    "e Print"};
  const Words edges{"s a", "a b", "a c", "a d", "s e"};
  Words offline = nodes;
  offline.insert(offline.begin(), "s Source");
  EXPECT_EQ(partition(graph_of(offline, edges), {Kind::automatic, 1}, 1).domain_count, 1U);
  Words live = nodes;
  live.insert(live.begin(), "s AudioInput");
  const ValidGraph graph = graph_of(live, edges);
  const Partition apart = partition(graph, {Kind::automatic, 1}, 1);
  EXPECT_EQ(apart.domain_count, 3U);
  EXPECT_THAT(apart.domain_of, ElementsAre(0, 1, 2, 2, 1, 2));
}

// A random graph of sources, steps and joins: each node is fed by some of those before it.
struct RandomGraph {
  Words nodes;
  Words edges;
};

RandomGraph random_graph() {
  RandomGraph graph;
  const auto count = *rc::gen::inRange<std::size_t>(1, 24);
  const bool has_device = *rc::gen::arbitrary<bool>();
  if (has_device) { graph.nodes.push_back("n0 AudioInput"); }
  while (graph.nodes.size() < count) {
    const std::size_t n = graph.nodes.size();
    const std::string id = "n" + std::to_string(n);
    const auto inputs = n == 0 ? 0 : *rc::gen::inRange<std::size_t>(0, 4);
    if (inputs == 0) {
      graph.nodes.push_back(id + " Source");
      continue;
    }
    const auto* type = *rc::gen::element("Step", "Free", "Slow", "InPlace", "Outside");
    graph.nodes.push_back(id + " " + (inputs == 1 ? type : "Join"));
    for (std::size_t i = 1; i <= inputs; ++i) {
      const auto from = *rc::gen::inRange<std::size_t>(0, n);
      const std::string port = inputs == 1 ? "" : ".in" + std::to_string(i);
      graph.edges.push_back("n" + std::to_string(from) + " " + id + port);
    }
  }
  return graph;
}

RC_GTEST_PROP(Partition, LeadsFromLowerToHigherDomainsAndUsesEveryOne, ()) {
  const RandomGraph random = random_graph();
  const auto graph =
      load_graph(graph_json(random.nodes, random.edges), ConfigLanguage::json, {}, test::test_catalog());
  RC_ASSERT(graph.has_value());
  const ThreadPolicy threads{
      *rc::gen::element(Kind::automatic, Kind::count, Kind::per_node, Kind::one_domain),
      *rc::gen::inRange<std::uint32_t>(1, 40)};
  const auto cores = *rc::gen::inRange<std::uint32_t>(1, 9);
  const Partition result = partition(*graph, threads, cores);
  RC_ASSERT(result.domain_of.size() == graph->nodes().size());
  for (const ValidConnection& c : graph->connections()) {
    RC_ASSERT(result.domain_of[c.from_node] <= result.domain_of[c.to_node]);
  }
  const std::set<std::size_t> used(result.domain_of.begin(), result.domain_of.end());
  RC_ASSERT(used.size() == result.domain_count);
  RC_ASSERT(*used.rbegin() + 1 == result.domain_count);
  RC_ASSERT(result.device_domain.has_value() == graph->has_device());
  if (threads.kind == Kind::one_domain) {
    RC_ASSERT(result.domain_count == 1U);
  } else {
    for (std::size_t n = 0; n < graph->nodes().size(); ++n) {
      const bool on_device = graph->has_device() && result.domain_of[n] == *result.device_domain;
      RC_ASSERT(on_device == graph->on_device_domain()[n]);
    }
  }
}

}  // namespace
}  // namespace streamlab
