// tests/graph/validate_test.cpp
//
// The rules of a graph, one by one, in the words that a user is shown. (Those that a file of configs/bad/ can
// break are tested with it, too.)
#include "engine/graph/validate.hpp"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/describe.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/graph/plan.hpp"
#include "tests/graph/test_nodes.hpp"

namespace streamlab {
namespace {

using test::graph_json;
using test::graph_of;
using test::test_catalog;
using test::Words;
using testing::ElementsAre;
using testing::IsEmpty;

Words graph_refusals(const Words& nodes, const Words& edges, const std::string& pipeline_config = "{}") {
  const auto graph =
      load_graph(graph_json(nodes, edges, pipeline_config), ConfigLanguage::json, {}, test_catalog());
  Words list;
  if (!graph) {
    for (const Error& error : graph.error()) { list.push_back(to_string(error)); }
  }
  return list;
}

TEST(Validate, AllowsLettersDigitsUnderscoreAndMinusInAnId) {
  EXPECT_THAT(graph_refusals({"aZ09_- Source"}, {}), IsEmpty());
  for (const std::string id : {"a.b", "a/b", "ä"}) {
    EXPECT_THAT(graph_refusals({id + " Source"}, {}),
                ElementsAre("/nodes/0/id: \"" + id +
                            "\" cannot be an id; expected letters, digits, \"_\" and \"-\" (no dot)"));
  }
}

TEST(Validate, RefusesEmptyNames) {
  const auto refusals = [](const std::string& nodes, const std::string& connections) {
    const auto graph = load_graph(R"({"nodes": [)" + nodes + R"(], "connections": [)" + connections + "]}",
                                  ConfigLanguage::json, {}, test_catalog());
    return graph ? std::string() : to_string(graph.error(), "");
  };
  EXPECT_EQ(refusals(R"({"id": "g", "type": ""})", ""),
            "/nodes/0/type (\"g\"): this is empty; expected a node type: \"streamlab nodes\" lists them\n");
  EXPECT_EQ(refusals(R"({"id": "", "type": "Source"})", ""),
            "/nodes/0/id: this is empty; expected letters, digits, \"_\" and \"-\"\n");
  EXPECT_EQ(
      refusals(R"({"id": "a", "type": "Source"})", R"({"from": "", "to": ""}, {"channel": "", "from": "a"})"),
      "/connections/0/from: this is empty; expected \"node\" or \"node.port\"\n"
      "/connections/0/to: this is empty; expected \"node\" or \"node.port\"\n"
      "/connections/1/channel: this is empty; expected the name of a channel\n");
}

// No reader has said that something is missing in a GraphSpec made in C++.
TEST(Validate, RefusesEmptyNamesOfASpecMadeInCpp) {
  const auto refusals = [](const NodeSpec& node, const std::vector<ConnectionSpec>& connections) {
    GraphSpec spec;
    spec.nodes = {node};
    spec.connections = connections;
    const auto graph = validate(spec, test_catalog());
    return graph ? std::string() : to_string(graph.error(), "");
  };
  const NodeSpec good{"a", "Source", nlohmann::ordered_json::object(), "/nodes/0"};
  EXPECT_EQ(refusals(good, {}), "");
  EXPECT_NE(refusals({"a", "", nlohmann::ordered_json::object(), ""}, {}), "");
  EXPECT_NE(refusals({"", "Source", nlohmann::ordered_json::object(), ""}, {}), "");
  EXPECT_NE(refusals(good, {{"", "", {}, {}, "/connections/0"}}), "");
  EXPECT_NE(refusals(good, {{"", "", {}, {}, "/connections/0", "x"}}), "");
}

// What a node says of a place within it stands behind its pointer; the path of a file keeps a distance.
TEST(Validate, LocatesTheErrorsOfANode) {
  ValidNode node;
  node.id = "mic";
  node.pointer = "/nodes/0";
  const auto where = [&](const std::string& place) {
    return node.located({ErrorCode::failed, place, "it is wrong", "", ""}).where;
  };
  EXPECT_EQ(where(""), "/nodes/0");
  EXPECT_EQ(where("/config"), "/nodes/0/config");
  EXPECT_EQ(node.located({ErrorCode::failed, "", "it is wrong", "", ""}).node, "mic");
  EXPECT_EQ(where("/config/path"), "/nodes/0/config/path");
  EXPECT_EQ(where("unk.flac"), "/nodes/0 (\"mic\"): unk.flac");
  EXPECT_EQ(where("/tmp/unk.flac"), "/nodes/0 (\"mic\"): /tmp/unk.flac");
  EXPECT_EQ(where("/configs/unk.flac"), "/nodes/0 (\"mic\"): /configs/unk.flac");
}

// Nothing that is done for each node looks at all nodes: these would take minutes.
TEST(Validate, TakesTwentyThousandNodes) {
  constexpr std::size_t kCount = 20000;
  Words nodes{"n0 Source"};
  Words chain;
  Words fan_out;
  for (std::size_t n = 1; n < kCount; ++n) {
    nodes.push_back("n" + std::to_string(n) + " Step");
    chain.push_back("n" + std::to_string(n - 1) + " n" + std::to_string(n));
    fan_out.push_back("n0 n" + std::to_string(n));
  }
  for (const Words& connections : {chain, fan_out}) {
    const ValidGraph graph = graph_of(nodes, connections);
    ASSERT_EQ(graph.order().size(), kCount);
    EXPECT_EQ(graph.order().back(), kCount - 1);
    const auto plan = make_plan(graph, {});
    ASSERT_TRUE(plan) << to_string(plan.error(), "");
    EXPECT_FALSE(describe_plan(*plan).empty());
  }
  // A long cycle, and as many mistakes as nodes.
  chain.front() = "n" + std::to_string(kCount - 1) + " n1";
  EXPECT_THAT(graph_refusals(nodes, chain),
              ElementsAre(testing::AllOf(
                  testing::StartsWith("/connections: the connections form a cycle: n1 -> n2 -> "),
                  testing::HasSubstr(" -> … -> "),
                  testing::EndsWith(" -> n19999 -> n1; "
                                    "expected a graph without "
                                    "cycles"))));
  for (std::string& edge : fan_out) { edge.replace(0, 2, "m0"); }
  EXPECT_EQ(graph_refusals(nodes, fan_out).size(), kCount - 1);
}

TEST(Validate, NamesTheFirstUseOfAnId) {
  EXPECT_THAT(graph_refusals({"a Source", "b Source", "a Source"}, {}),
              ElementsAre("/nodes/2/id: the id \"a\" is taken by /nodes/0; expected another id"));
}

TEST(Validate, SuggestsTheNearestType) {
  EXPECT_THAT(
      graph_refusals({"a Sourec", "b Xyzzyx"}, {}),
      ElementsAre("/nodes/0/type (\"a\"): there is no node type \"Sourec\"; did you mean \"Source\"?",
                  "/nodes/1/type (\"b\"): there is no node type \"Xyzzyx\"; \"streamlab nodes\" lists them"));
}

TEST(Validate, FindsPortsByNameAndTakesTheFirstWithoutOne) {
  const ValidGraph graph = graph_of({"s Source", "split Split", "pair Pair"},
                                    {"s split", "split.high pair.reference", "split.low pair.response"});
  EXPECT_EQ(graph.connections()[0].to_port, 0U);
  EXPECT_EQ(graph.connections()[1].from_port, 1U);
  EXPECT_EQ(graph.connections()[1].to_port, 0U);
  EXPECT_EQ(graph.connections()[2].from_port, 0U);
  EXPECT_EQ(graph.connections()[2].to_port, 1U);
  EXPECT_EQ(graph.nodes()[2].input_count, 2U);
}

TEST(Validate, NamesThePortsThereAre) {
  EXPECT_THAT(
      graph_refusals({"s Source", "split Split", "pair Pair"},
                     {"s split", "split.hihg pair.reference", "split.low pair.x"}),
      ElementsAre("/connections/1/from: \"split\" has no output \"hihg\"; expected \"low\", \"high\"; "
                  "did you mean \"high\"?",
                  "/connections/2/to: \"pair\" has no input \"x\"; expected \"reference\", "
                  "\"response\""));
}

TEST(Validate, SaysWhenANodeHasNoSuchSide) {
  EXPECT_THAT(graph_refusals({"s Source", "t Source"}, {"s t"}),
              ElementsAre("/connections/0/to: \"t\" is a Source, which has no input"));
  EXPECT_THAT(graph_refusals({"s Source", "end NullSink", "g Step"}, {"s end", "end g"}),
              ElementsAre("/connections/1/from: \"end\" is a NullSink, which has no output"));
}

TEST(Validate, RefusesAKindThatThePortDoesNotTake) {
  EXPECT_THAT(graph_refusals({"s Source", "level LevelMeter", "g Step"}, {"s level", "level g"}),
              ElementsAre("/connections/1: \"level\" gives values, and \"g\" takes audio"));
}

TEST(Validate, NamesTheNodeThatMixesWhereSeveralGoIntoOnePort) {
  EXPECT_THAT(
      graph_refusals({"a Source", "b Source", "g Step"}, {"a g", "b g.in"}),
      ElementsAre("/connections/1/to: the input \"g.in\" is already fed by /connections/0; expected one "
                  "connection; a \"Join\" adds several streams: connect them to its in1, in2, …"));
}

TEST(Validate, AllowsSeveralOutOfOnePort) {
  EXPECT_THAT(graph_refusals({"s Source", "a Step", "b Step"}, {"s a", "s b"}), IsEmpty());
}

TEST(Validate, WantsEveryInputConnected) {
  EXPECT_THAT(
      graph_refusals({"s Source", "pair Pair", "g Step"}, {"s pair.response"}),
      ElementsAre("/nodes/1: the input \"reference\" of \"pair\" is not connected; expected a connection "
                  "to \"pair.reference\"",
                  "/nodes/2: the input \"in\" of \"g\" is not connected; expected a connection to "
                  "\"g.in\""));
}

TEST(Validate, WantsRepeatedInputsWithoutHoles) {
  EXPECT_THAT(graph_refusals({"s Source", "j Join"}, {"s j.in2", "s j.in4"}),
              ElementsAre("/nodes/1: the input \"in1\" of \"j\" is not connected; expected a connection to "
                          "\"j.in1\"",
                          "/nodes/1: the input \"in3\" of \"j\" is not connected; expected a connection to "
                          "\"j.in3\""));
  EXPECT_THAT(graph_refusals({"s Source", "j Join"}, {"s j.in2", "s j.in1"}), IsEmpty());
  EXPECT_THAT(
      graph_refusals({"s Source", "j Join"}, {"s j.in9"}),
      ElementsAre("/connections/0/to: \"j\" has no input \"in9\"; expected \"in1\", \"in2\" … \"in8\""));
  EXPECT_THAT(graph_refusals({"s Source", "j Join"}, {"s j.im1"}),
              ElementsAre("/connections/0/to: \"j\" has no input \"im1\"; expected \"in1\", \"in2\" … "
                          "\"in8\"; did you mean \"in1\"?"));
}

TEST(Validate, SpellsACycleOut) {
  EXPECT_THAT(
      graph_refusals({"s Source", "j Join", "a Step", "b Step", "end Step"},
                     {"s j.in1", "j a", "a b", "b j.in2", "b end"}),
      ElementsAre("/connections: the connections form a cycle: j -> a -> b -> j; expected a graph without "
                  "cycles"));
  EXPECT_THAT(graph_refusals({"a Step"}, {"a a"}),
              ElementsAre("/connections: the connections form a cycle: a -> a; expected a graph without "
                          "cycles"));
}

TEST(Validate, OrdersNodesBehindWhatFeedsThem) {
  const ValidGraph graph =
      graph_of({"end NullSink", "b Step", "a Step", "s Source"}, {"s a", "a b", "b end"});
  EXPECT_THAT(graph.order(), ElementsAre(3, 2, 1, 0));
}

TEST(Validate, KnowsThePolicies) {
  for (const char* policy : {"block", "drop_oldest", "drop_newest", "drop_buffer", "latest", "fail"}) {
    EXPECT_THAT(graph_refusals({"s Source", "g Step"}, {"s g \"policy\": \"" + std::string(policy) + "\""}),
                IsEmpty());
  }
  EXPECT_THAT(graph_refusals({"s Source", "g Step"}, {R"(s g "policy": "drop")"}),
              ElementsAre("/connections/0/policy: there is no policy \"drop\"; expected \"block\", "
                          "\"drop_oldest\", \"drop_newest\", \"drop_buffer\", \"latest\", \"fail\"; "
                          "did you mean \"drop_oldest\"?"));
}

TEST(Validate, KeepsTheRealTimeDomainFromWaiting) {
  EXPECT_THAT(
      graph_refusals({"mic AudioInput", "end NullSink"}, {R"(mic end "policy": "block")"}),
      ElementsAre("/connections/0/policy: \"block\" cannot be used here: \"mic\" runs on the real-time "
                  "domain, which may not wait; expected \"drop_oldest\", \"drop_newest\", \"drop_buffer\", "
                  "\"latest\" or "
                  "\"fail\""));
  // Between nodes of the real-time domain, and behind it, nothing drops.
  EXPECT_THAT(graph_refusals({"mic AudioInput", "g Step", "out AudioOutput"},
                             {R"(mic g "policy": "block")", R"(g out "policy": "block")"}),
              IsEmpty());
  EXPECT_THAT(
      graph_refusals({"mic AudioInput", "g Step", "end NullSink"}, {"mic g", R"(g end "policy": "block")"}),
      IsEmpty());
}

TEST(Validate, KeepsWhatIsNotRealTimeSafeOutFromBetweenInputAndOutput) {
  EXPECT_THAT(
      graph_refusals({"mic AudioInput", "slow Slow", "out AudioOutput"}, {"mic slow", "slow out"}),
      ElementsAre(
          "/nodes/1/type (\"slow\"): a Slow cannot run between \"mic\" and \"out\": it is not real-time "
          "safe; expected a branch of its own"));
  EXPECT_THAT(graph_refusals({"mic AudioInput", "slow Slow", "out AudioOutput"}, {"mic slow", "mic out"}),
              IsEmpty());
}

TEST(Validate, PutsWhatLiesBetweenInputAndOutputOnTheDeviceDomain) {
  const ValidGraph graph =
      graph_of({"mic AudioInput", "g Step", "tone Source", "j Join", "out AudioOutput", "level LevelMeter"},
               {"mic g", "g j.in1", "tone j.in2", "j out", "g level"});
  EXPECT_THAT(graph.on_device_domain(), ElementsAre(true, true, false, true, true, false));
  EXPECT_TRUE(graph.has_device());
  EXPECT_EQ(graph.find(Boundary::device_output), 4U);
}

TEST(Validate, AllowsOneDeviceAGraph) {
  EXPECT_THAT(
      graph_refusals({"mic AudioInput", "mic2 AudioInput"}, {}),
      ElementsAre(
          "/nodes/1 (\"mic2\"): a second AudioInput beside \"mic\"; expected one device a graph: two devices "
          "are two clocks, and nothing in this graph matches their rates"));
  EXPECT_THAT(
      graph_refusals({R"(mic AudioInput {"device": "a"})", R"(out AudioOutput {"device": "b"})"},
                     {"mic out"}),
      ElementsAre(
          "/nodes/1/config/device (\"out\"): \"b\" is not the device of \"mic\", \"a\"; expected the same "
          "device: two devices are two clocks, and nothing in this graph matches their rates"));
}

// ---- Named channels

TEST(Validate, LeadsANamedChannelToEveryReader) {
  const ValidGraph graph =
      graph_of({"s Source", "a Step", "b Step"},
               {R"(#raw a "capacity": 7)", R"(s #raw "policy": "drop_newest", "capacity": 3)",
                R"(#raw b "policy": "latest")"});
  ASSERT_EQ(graph.channels().size(), 1U);
  EXPECT_EQ(graph.channels()[0].name, "raw");
  EXPECT_EQ(graph.channels()[0].from_node, 0U);
  EXPECT_EQ(graph.channels()[0].policy, OverflowPolicy::drop_newest);
  EXPECT_EQ(graph.channels()[0].capacity, 3U);
  // A reader's own policy and capacity count for it, else the writer's.
  ASSERT_EQ(graph.connections().size(), 2U);
  const ValidConnection& to_a = graph.connections()[0];
  EXPECT_EQ(std::tie(to_a.from_node, to_a.to_node, to_a.channel), std::tuple(0U, 1U, std::optional(0U)));
  EXPECT_EQ(to_a.policy, OverflowPolicy::drop_newest);
  EXPECT_EQ(to_a.capacity, 7U);
  const ValidConnection& to_b = graph.connections()[1];
  EXPECT_EQ(to_b.policy, OverflowPolicy::latest);
  EXPECT_EQ(to_b.capacity, 3U);
}

TEST(Validate, LetsAChannelBeReadByNobodyOrNameAConnection) {
  EXPECT_EQ(graph_of({"s Source", "two Split"}, {"s two", "two.high #raw"}).channels()[0].from_port, 1U);
  const ValidGraph named = graph_of({"s Source", "a Step", "b Step"}, {R"(s a "channel": "raw")", "#raw b"});
  EXPECT_EQ(named.connections().size(), 2U);
  EXPECT_EQ(named.channels().size(), 1U);
}

TEST(Validate, RefusesChannelsWithoutOneWriter) {
  EXPECT_THAT(
      graph_refusals({"s Source", "a Step"}, {"s #raw", "#rawe a"}),
      ElementsAre("/connections/1/channel: nobody writes to a channel \"rawe\"; expected a connection "
                  "{\"from\": …, \"channel\": \"rawe\"}; did you mean \"raw\"?"));
  EXPECT_THAT(
      graph_refusals({"s Source", "t Source", "a Step"}, {"s #raw", "t #raw", "#raw a"}),
      ElementsAre("/connections/1/channel: the channel \"raw\" is already written to by /connections/0; "
                  "expected one writer; a \"Merge\" makes one stream of several"));
  EXPECT_THAT(
      graph_refusals({"s Source", "a Step"}, {"s #r.w", "#r.w a"}),
      ElementsAre("/connections/0/channel: \"r.w\" cannot be the name of a channel; expected letters, "
                  "digits, \"_\" and \"-\""));
  // One mistake, said once: the readers of a channel without a writer say nothing.
  EXPECT_THAT(graph_refusals({"s Source", "a Step"}, {"x #raw", "#raw a"}),
              ElementsAre("/connections/0/from: there is no node \"x\"; did you mean \"s\"?"));
  EXPECT_THAT(graph_refusals({"s Source", "a Step"}, {R"( a "channel": "")"}),
              ElementsAre("/connections/0/from: this is empty; expected \"node\" or \"node.port\"",
                          "/connections/0/channel: this is empty; expected the name of a channel"));
  EXPECT_THAT(graph_refusals({"s Source", "a Step"}, {R"(s #raw "policy": "blok")", "#raw a"}),
              ElementsAre(testing::StartsWith("/connections/0/policy: there is no policy \"blok\"")));
}

TEST(Validate, RefusesAChannelThatWouldHoldUpTheDevice) {
  const std::string message =
      "\"block\" cannot be used here: \"mic\" runs on the real-time domain, which may not wait";
  EXPECT_THAT(graph_refusals({"mic AudioInput", "a NullSink", "b NullSink"},
                             {R"(mic #raw "policy": "block")", "#raw a", R"(#raw b "policy": "latest")"}),
              ElementsAre(testing::HasSubstr("/connections/0/policy: " + message)));
  EXPECT_THAT(graph_refusals({"mic AudioInput", "a NullSink"}, {"mic #raw", R"(#raw a "policy": "block")"}),
              ElementsAre(testing::HasSubstr("/connections/1/policy: " + message)));
}

TEST(Validate, SaysAllErrorsInTheOrderOfTheFile) {
  EXPECT_THAT(
      graph_refusals({"a.b Source", "g Stepp", R"(h Step {"latency": -1})"}, {"g x", R"(h g "capacity": 0)"},
                     R"({"thredas": 2})"),
      ElementsAre(testing::StartsWith("/pipeline_config/thredas: "), testing::StartsWith("/nodes/0/id: "),
                  testing::StartsWith("/nodes/1/type (\"g\"): "),
                  testing::StartsWith("/nodes/2/config/latency (\"h\"): "),
                  testing::StartsWith("/connections/0/to: "),
                  testing::StartsWith("/connections/1/capacity: ")));
}

// A meter that nobody reads runs happily, and for nothing. (Of a program nobody knows what it does.)
TEST(ValidGraph, KnowsWhatNobodyReads) {
  const auto unread = [](const std::string& nodes, const std::string& connections) {
    const auto graph = load_graph(R"({"nodes": [)" + nodes + R"(], "connections": [)" + connections + "]}");
    std::vector<std::string> ids;
    if (!graph) { return Words{to_string(graph.error(), "")}; }
    for (const std::size_t n : graph->unread()) { ids.push_back(graph->nodes()[n].id); }
    return ids;
  };
  const std::string nodes = R"({"id": "tone", "type": "SineGenerator"}, {"id": "level", "type": "LevelMeter"},
                               {"id": "show", "type": "Print"}, {"id": "sox", "type": "Process",
                                "config": {"command": ["cat"]}})";
  const std::string edges = R"({"from": "tone", "to": "level"}, {"from": "tone", "to": "show"},
                               {"from": "tone", "to": "sox"})";
  EXPECT_THAT(unread(nodes, edges), ElementsAre("level"));
  EXPECT_THAT(unread(nodes, edges + R"(, {"from": "level", "channel": "levels"})"), IsEmpty());
}

TEST(ValidGraph, GivesChangedCopies) {
  const ValidGraph graph = graph_of({"s Source", "end NullSink"}, {"s end"});
  const ValidGraph changed = graph.with_text(0, 5, "no");
  EXPECT_EQ(changed.nodes()[0].params.text(5), "no");
  EXPECT_EQ(graph.nodes()[0].params.text(5), "");
  EXPECT_EQ(graph.find("end"), 1U);
  EXPECT_EQ(graph.find("ned"), std::nullopt);
}

}  // namespace
}  // namespace streamlab
