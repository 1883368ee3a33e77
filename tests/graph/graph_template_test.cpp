// tests/graph/graph_template_test.cpp
//
// A template gives what load_graph() gives: the same graph, or the same errors in the same words.
#include "engine/graph/graph_template.hpp"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

std::string written(const ParamValues& values) {
  std::string text;
  for (std::size_t p = 0; p < values.infos().size(); ++p) {
    const ParamInfo& info = values.infos()[p];
    text += fmt::format(" {}{}", info.name, values.given(p) ? "=" : "~");
    if (!values.has_value(p)) { continue; }
    switch (info.type) {
      case ParamType::number:
      case ParamType::integer:
      case ParamType::boolean:
        text += fmt::format("{}", values.number(p));
        break;
      case ParamType::choice:
      case ParamType::text:
      case ParamType::json:
        text += values.text(p);
        break;
      case ParamType::numbers:
        text += fmt::format("{}", values.numbers(p));
        break;
      case ParamType::labels:
        text += fmt::format("{}", fmt::join(values.labels(p), "|"));
        break;
      case ParamType::matrix:
        text += fmt::format("{}", values.matrix(p));
        break;
      case ParamType::object:
      case ParamType::objects:
        for (const ParamValues& item : values.objects(p)) { text += "{" + written(item) + "}"; }
        break;
    }
  }
  return text;
}

// All that the document of a graph can change; or its errors.
std::string written(const Checked<ValidGraph>& graph) {
  if (!graph) { return to_string(graph.error(), ""); }
  std::string text = fmt::format("{} {} {}\n", graph->title(), graph->config().sample_rate_hz,
                                 graph->config().edge_capacity);
  for (const ValidNode& node : graph->nodes()) {
    text += fmt::format("{} {} {} {}:{}\n", node.pointer, node.id, node.info().name, node.input_count,
                        written(node.params));
  }
  for (const ValidConnection& c : graph->connections()) {
    text += fmt::format("{}.{} -> {}.{} {}\n", c.from_node, c.from_port, c.to_node, c.to_port,
                        c.capacity.value_or(0));
  }
  for (const ValidChannel& channel : graph->channels()) { text += channel.name + "\n"; }
  return text + fmt::format("{} {}", graph->order(), graph->on_device_domain());
}

Variables item(const std::string& stem, const std::string& index) {
  return {{"input", "in/" + stem + ".wav"}, {"stem", stem}, {"index", index}};
}

std::vector<Variables> items() {
  return {item("a", "2"),    item("caf\xe9", "3"), item("${stem}\"\\\n", "4"),         item("", "-1"),
          item("true", "x"), item("item", "1"),    item(std::string("a\0b", 3), "1e9")};
}

// The template gives what load_graph() gives.
void expect_the_same(std::string_view text, const Variables& given = {},
                     const std::vector<Variables>& own_of_items = items(),
                     ConfigLanguage language = ConfigLanguage::json) {
  const Variables first = item("item", "1");
  const auto graphs = GraphTemplate::from_text(text, language, given, first);
  ASSERT_TRUE(graphs) << to_string(graphs.error(), "");
  EXPECT_EQ(written(graphs->graph()), written(load_graph(text, language, given, default_catalog(), first)));
  for (const Variables& own : own_of_items) {
    EXPECT_EQ(written(graphs->with(own)), written(load_graph(text, language, given, default_catalog(), own)));
  }
}

constexpr std::string_view kEnd = R"({"id": "level", "type": "LevelMeter"}, {"id": "show", "type": "Print"}],
    "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "show"}]})";

TEST(GraphTemplate, ReadsTheParametersOfEachItem) {
  expect_the_same(R"({"variables": {"out": "levels", "rate": 0.5}, "nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": "${rate}"}},
      {"id": "show", "type": "Print", "config": {"label": "${index}: ${stem} ${index}"}},
      {"id": "log", "type": "JsonlSink", "config": {"path": "${out}/${stem}.jsonl"}}],
    "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "show"},
                    {"from": "level", "to": "log"}]})");
  expect_the_same(
      "nodes:\n  - {id: file, type: SineGenerator, config: {frequency: 100}}\n"
      "  - {id: show, type: Print, config: {label: \"${stem}\"}}\n"
      "connections: [{from: file, to: show}]\n",
      {}, items(), ConfigLanguage::yaml);
}

TEST(GraphTemplate, TakesWhatIsGivenWithTheVariablesOfAnItem) {
  const std::string text = R"({"variables": {"label": "none"}, "nodes": [
      {"id": "file", "type": "SineGenerator", "config": {"frequency": "${f}", "amplitude": "${a}"}},
      {"id": "pick", "type": "ChannelSelect", "config": {"channels": ["${label}", 1]}},
      {"id": "run", "type": "Process", "config": {"command": ["cat", "${label}", "${f}"]}},
      {"id": "show", "type": "Print", "config": {"label": "${label}"}}],
    "connections": [{"from": "file", "to": "pick"}, {"from": "pick", "to": "run"}, {"from": "run", "to": "show"}]})";
  // A number of a file's own, and one that is a number for some of them only.
  expect_the_same(text, {{"f", "${index}"}, {"a", "0.5"}, {"label", "${stem}.${index}"}});
  expect_the_same(text, {{"f", "10${index}"}, {"a", "${index}"}});
}

TEST(GraphTemplate, ValidatesAllOfIt) {
  const std::string end(kEnd);
  expect_the_same(R"({"title": "${stem}", "nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}}, )" +
                  end);
  expect_the_same(R"({"nodes": [{"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "${stem}", "type": "NullSink"}, )" +
                  end.substr(0, end.size() - 2) + R"(, {"from": "file", "to": "${stem}"}]})");
  expect_the_same(R"({"pipeline_config": {"sample_rate": 8000, "channel_capacity": "${n}"}, "nodes": [
      {"id": "file", "type": "SineGenerator", "config": {"frequency": 100}}, )" +
                      end,
                  {{"n", "${index}"}});
  expect_the_same(R"({"nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "file:${input}"}},
      {"id": "out", "type": "AudioOutput", "config": {"device": "file:in/item.wav"}}],
    "connections": [{"from": "mic", "to": "out"}]})");
}

TEST(GraphTemplate, CountsWhatVariablesMakeOfTheWholeDocument) {
  // The limit is 16 MiB: 9 that are no item's, and 8 of an item.
  expect_the_same(R"({"nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 100}},
      {"id": "a", "type": "Print", "config": {"label": "${long}"}},
      {"id": "b", "type": "Print", "config": {"label": "${stem}"}}],
    "connections": [{"from": "tone", "to": "a"}, {"from": "tone", "to": "b"}]})",
                  {{"long", std::string(9U << 20U, 'y')}}, {item(std::string(8U << 20U, 'x'), "1")});
}

TEST(GraphTemplate, IsRefusedAsTheGraphIs) {
  for (const std::string_view text :
       {"{", R"({"nodes": []})",
        R"({"nodes": [{"id": "a", "type": "Print", "config": {"label": "${stme}"}}]})",
        R"({"variables": 1, "nodes": [{"id": "a", "type": "${stem}"}]})"}) {
    const auto graphs = GraphTemplate::from_text(text, ConfigLanguage::json, {{"x", "1"}}, item("a", "1"));
    ASSERT_FALSE(graphs);
    EXPECT_EQ(to_string(graphs.error(), ""), written(load_graph(text, ConfigLanguage::json, {{"x", "1"}},
                                                                default_catalog(), item("a", "1"))));
  }
}

}  // namespace
}  // namespace streamlab
