// tests/graph/describe_test.cpp
//
// Descriptions of nodes, graphs, plans, and the JSON Schema, against what the nodes say of themselves and
// against graphs written by hand.
#include <map>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/graph/describe.hpp"
#include "engine/graph/parse_config.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kToneGraph = R"({
  "version": 1, "title": "A \"tone\"",
  "pipeline_config": {"sample_rate": 48000, "block_size": 480, "threads": "per_node", "channel_capacity": 7},
  "nodes": [
    {"id": "tone", "type": "SineGenerator"},
    {"id": "late", "type": "Delay", "config": {"frames": 96}},
    {"id": "mix", "type": "Mixer"},
    {"id": "show", "type": "Print"}
  ],
  "connections": [
    {"from": "tone", "to": "late"},
    {"from": "tone", "to": "mix.in1"},
    {"from": "late", "to": "mix.in2", "policy": "block", "capacity": 5},
    {"from": "mix", "to": "show"}
  ]
})";

ValidGraph tone_graph() {
  auto graph = load_graph(kToneGraph);
  EXPECT_TRUE(graph.has_value()) << (graph ? "" : to_string(graph.error(), ""));
  return *graph;
}

Plan tone_plan() {
  PlanOptions options;
  options.threads.kind = ThreadPolicy::Kind::per_node;
  options.lossless = false;
  auto plan = make_plan(tone_graph(), options);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : to_string(plan.error(), ""));
  return std::move(*plan);
}

const NodeInfo& info_of(std::string_view name) { return default_catalog().find(name)->info; }

const ParamInfo& param_of(std::string_view node, std::string_view name) {
  for (const ParamInfo& param : info_of(node).params) {
    if (param.name == name) { return param; }
  }
  throw std::runtime_error("no such parameter");
}

TEST(DescribeNodes, SaysEverythingOfAParameter) {
  EXPECT_EQ(describe_param(param_of("SineGenerator", "frequency")),
            "number, 0 .. 10000000 Hz, default 1000, live");
  EXPECT_EQ(describe_param(param_of("AudioInput", "access")), "\"auto\", \"mmap\", \"rw\", default \"auto\"");
  EXPECT_EQ(describe_param(param_of("FileSource", "path")), "text, required");
  EXPECT_EQ(describe_param(param_of("FileSink", "overwrite")), "boolean, default false");
}

TEST(DescribeNodes, SortsNodesByWhatTheyAreFor) {
  std::map<std::string_view, std::string_view> task_of;
  std::size_t count = 0;
  for (const NodeTask& task : nodes_by_task(default_catalog())) {
    EXPECT_FALSE(task.nodes.empty()) << task.title;
    for (const NodeInfo* info : task.nodes) { task_of[info->name] = task.title; }
    count += task.nodes.size();
  }
  EXPECT_EQ(count, default_catalog().entries().size());
  EXPECT_EQ(task_of["FileSource"], "Bring sound or blocks in");
  EXPECT_EQ(task_of["Biquad"], "Change sound");
  EXPECT_EQ(task_of["Process"], "Change sound");
  EXPECT_EQ(task_of["LevelMeter"], "Measure sound");
  EXPECT_EQ(task_of["Spectrum"], "Measure sound");
  EXPECT_EQ(task_of["Reduce"], "Choose, gather, join and pace blocks of any kind");
  EXPECT_EQ(task_of["Print"], "Give sound and results out");
}

TEST(DescribeNodes, ListsEveryNodeOnce) {
  const std::string text = describe_nodes(default_catalog());
  std::size_t listed = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) { listed += line.starts_with("  ") ? 1 : 0; }
  EXPECT_EQ(listed, default_catalog().entries().size());
  for (const NodeEntry* entry : default_catalog().entries()) {
    EXPECT_THAT(text, HasSubstr(std::string(entry->info.name) + " "));
    EXPECT_THAT(text, HasSubstr(std::string(entry->info.description)));
  }
}

TEST(DescribeNodes, ShowsPortsParametersAndExample) {
  const std::string text = describe_node(info_of("Mixer"));
  EXPECT_THAT(text, HasSubstr("in1, in2, …: audio"));
  EXPECT_THAT(text, HasSubstr("matrix: matrix"));
  EXPECT_THAT(text, HasSubstr(std::string(info_of("Mixer").example)));
}

TEST(DescribeNodes, NamesTheValuesOfAMeter) {
  const NodeInfo& meter = info_of("LevelMeter");
  EXPECT_THAT(describe_node(meter),
              HasSubstr("\n  rms_db_spl    dB SPL      Sound pressure level, re 20 µPa."));
  EXPECT_THAT(describe_node(meter),
              HasSubstr("\"left.rms_db\": \"main_channel\" where there is one channel"));
  EXPECT_THAT(config_reference(default_catalog()), HasSubstr("\n| `rms_db` | dB re 1 FS | Its level: "));
  EXPECT_EQ(node_document(meter)["values"].size(), meter.values.size());
  EXPECT_EQ(node_document(meter)["values"][1]["unit"], "dBFS");
  EXPECT_THAT(describe_node(info_of("Gain")), Not(HasSubstr("\nValues\n")));
}

TEST(DescribeNodes, EveryExampleIsANodeThatIsAccepted) {
  for (const NodeEntry* entry : default_catalog().entries()) {
    const NodeInfo& info = entry->info;
    const Document document = node_document(info);
    ASSERT_TRUE(document.contains("example") && document["example"].is_object()) << info.name;
    EXPECT_EQ(document["example"]["type"], info.name);
    EXPECT_EQ(document["params"].size(), info.params.size()) << info.name;
    const Document graph{
        {"version", 1}, {"nodes", {document["example"]}}, {"connections", Document::array()}};
    const auto loaded = load_graph(graph.dump());
    if (loaded) { continue; }
    for (const Error& error : loaded.error()) {  // its inputs have no partner here; nothing else may be wrong
      EXPECT_THAT(error.what, HasSubstr("is not connected")) << info.name << error.where;
    }
  }
}

TEST(DescribeReference, HasAChapterForEveryNodeAndARowForEveryParameter) {
  const std::string text = config_reference(default_catalog());
  for (const NodeEntry* entry : default_catalog().entries()) {
    EXPECT_THAT(text, HasSubstr("\n### " + std::string(entry->info.name) + "\n"));
    for (const ParamInfo& param : entry->info.params) {
      EXPECT_THAT(text, HasSubstr("\n| `" + std::string(param.name) + "` | "));
    }
  }
  for (const ParamInfo& param : pipeline_config_params()) {
    EXPECT_THAT(text, HasSubstr("\n| `" + std::string(param.name) + "` | "));
  }
}

TEST(DescribePlan, ShowsDomainsFormatsEdgesAndLatency) {
  const std::string text = describe_plan(tone_plan());
  EXPECT_THAT(text, HasSubstr("A \"tone\"\n"));
  EXPECT_THAT(text, HasSubstr("thread 1\n  tone  SineGenerator  -> "));
  EXPECT_THAT(text, HasSubstr("audio at 48000 Hz, blocks of up to 480 frames"));
  EXPECT_THAT(text, HasSubstr("  late -> mix.in2  block, up to 5 blocks\n"));
  EXPECT_THAT(text, HasSubstr("  tone -> mix.in1  block, up to 7 blocks\n"));
  EXPECT_THAT(text, HasSubstr("endless"));
  EXPECT_THAT(text, HasSubstr(fmt::format(" KiB of blocks, {} KiB of stack for 4 threads\n",
                                          4 * kThreadStackBytes / 1024)));
}

std::string plan_text(const std::string& nodes, const std::string& connections,
                      const std::string& more = {}) {
  auto graph =
      load_graph(R"({"nodes": [)" + nodes + R"(], "connections": [)" + connections + "]" + more + "}");
  EXPECT_TRUE(graph.has_value()) << (graph ? "" : to_string(graph.error(), ""));
  PlanOptions options;
  if (graph->has_device()) {
    options.device = DeviceStream{
        .sample_rate_hz = 48000.0, .max_block_frames = 256, .input_names = {}, .output_names = {"left"}};
  }
  auto plan = make_plan(*graph, options);
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : to_string(plan.error(), ""));
  return describe_plan(*plan);
}

TEST(DescribePlan, NamesTheValues) {
  EXPECT_THAT(plan_text(R"({"id": "tone", "type": "SineGenerator"}, {"id": "level", "type": "LevelMeter"})",
                        R"({"from": "tone", "to": "level"})"),
              HasSubstr("-> 10 values\n      main_channel.peak, main_channel.peak_db, main_channel.rms, "));
}

// With a device a run needs no length: it lasts until somebody ends it.
TEST(DescribePlan, SaysWhatAnEndlessRunNeeds) {
  const std::string tone = R"({"id": "tone", "type": "SineGenerator"})";
  EXPECT_THAT(plan_text(tone + R"(, {"id": "end", "type": "NullSink"})", R"({"from": "tone", "to": "end"})"),
              HasSubstr("\nlength   endless: a run needs --seconds, --frames or duration_s\n"));
  EXPECT_THAT(
      plan_text(tone + R"(, {"id": "card", "type": "AudioOutput"})", R"({"from": "tone", "to": "card"})"),
      HasSubstr(
          "\nlength   endless: a run lasts until Ctrl-C, or as --seconds, --frames or duration_s say\n"));
  EXPECT_THAT(plan_text(tone + R"(, {"id": "end", "type": "NullSink"})", R"({"from": "tone", "to": "end"})",
                        R"(, "pipeline_config": {"duration_s": 2.5})"),
              HasSubstr("\nlength   2.5 s at most (duration_s), or as --seconds or --frames say\n"));
}

TEST(DescribePlan, GivesTheSameToPrograms) {
  const Document plan = plan_document(tone_plan());
  EXPECT_EQ(plan["title"], "A \"tone\"");
  EXPECT_EQ(plan["domains"], 4);
  EXPECT_EQ(plan["device_domain"], nullptr);
  ASSERT_EQ(plan["nodes"].size(), 4U);
  EXPECT_EQ(plan["nodes"][0]["id"], "tone");
  EXPECT_EQ(plan["nodes"][0]["outputs"][0]["format"]["sample_rate_hz"], 48000.0);
  EXPECT_EQ(plan["nodes"][0]["outputs"][0]["format"]["channels"][0]["unit"], "FS");
  ASSERT_EQ(plan["edges"].size(), 4U);
  EXPECT_EQ(plan["endless"], true);
  EXPECT_EQ(plan["needs_length"], true);
  EXPECT_GT(plan["memory_bytes"], 4 * 7 * 480 * 8);  // three edges of 7 blocks and one of 5, at least
  EXPECT_EQ(plan["stack_bytes"], 4 * kThreadStackBytes);
}

TEST(GraphDot, QuotesTitlesAndNamesPortsAndPolicies) {
  const ValidGraph graph = tone_graph();
  const std::string dot = graph_dot(graph, partition(graph, graph.config().threads, 1));
  EXPECT_THAT(dot, testing::StartsWith("digraph \"A \\\"tone\\\"\" {\n"));
  EXPECT_THAT(dot, HasSubstr("\"late\" -> \"mix\" [label=\"mix.in2, block, 5 blocks\"];"));
  EXPECT_THAT(dot, HasSubstr("\"mix\" -> \"show\";"));
  EXPECT_THAT(dot, HasSubstr("subgraph cluster_3"));
  EXPECT_THAT(dot, Not(HasSubstr("subgraph cluster_4")));
}

}  // namespace
}  // namespace streamlab
