// tests/graph/schema_test.cpp
//
// The JSON Schema of configurations, read by an independent validator (python3-jsonschema): it accepts everything
// in configs/, and of everything in configs/bad it finds the mistake, or this file says why no schema could.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/flow/describe_flow.hpp"
#include "engine/graph/describe.hpp"
#include "tests/support/run_program.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;
using test::run_program;

// What is said about each document; empty where it is accepted.
std::vector<std::string> verdicts(const std::vector<Document>& documents) {
  std::string input = configuration_schema(default_catalog()).dump() + "\n";
  for (const Document& document : documents) {
    input += document.dump(-1, ' ', true, Document::error_handler_t::replace) + "\n";
  }
  const auto result =
      run_program({"/usr/bin/env", "python3", SL_SOURCE_DIR "/tests/graph/check_schema.py"}, {}, input);
  EXPECT_EQ(result.exit_code, 0) << result.err << "\n(scripts/install-deps installs python3-jsonschema)";
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < result.out.size();) {
    const std::size_t end = std::min(result.out.find('\n', at), result.out.size());
    lines.push_back(result.out.substr(at, end - at));
    at = end + 1;
  }
  EXPECT_EQ(lines.size(), documents.size()) << result.err;
  lines.resize(documents.size());
  return lines;
}

std::vector<fs::path> configs_in(const char* folder) {
  std::vector<fs::path> paths;
  for (const auto& file : fs::directory_iterator(fs::path(SL_SOURCE_DIR) / folder)) {
    if (file.is_regular_file() && file.path().extension() != ".expected") { paths.push_back(file.path()); }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Checked<Document> read(const fs::path& path) {
  const auto text = read_config_file(path.string());
  if (!text) { return tl::unexpected(Errors{text.error()}); }
  return parse_document(*text, language_of(path.string()));
}

// Mistakes that no schema can find, by what they take to be found.
const std::map<std::string, std::vector<std::string>> kBeyondASchema{
    {"it is no JSON or YAML, or one with a key twice",
     {"binary", "empty", "key_twice", "key_twice_yaml", "nested_too_deep", "not_utf8", "number_too_large",
      "syntax_missing_comma", "syntax_single_quotes", "syntax_two_commas", "syntax_unfinished",
      "syntax_unquoted_key", "syntax_yaml_deep", "syntax_yaml_indent", "two_documents", "yaml_scalars"}},
    {"names of nodes, steps, channels and ports, which other places give",
     {"channel_unknown", "flow_name_twice", "flow_stream_to_itself", "flow_stream_without_edge", "id_twice",
      "input_missing", "join_of_one", "named_channel_two_writers", "named_channel_unknown",
      "named_channel_without_writer", "node_unknown", "port_absent", "port_unknown", "source_missing",
      "two_into_one_port", "unconnected"}},
    {"the graph as a whole: its order, its kinds of stream, its devices",
     {"block_from_real_time",
      "flow_between_a_group",
      "flow_cycle",
      "flow_direct_to_two",
      "flow_merge_twice",
      "flow_mode_without_stream",
      "flow_modes_differ",
      "flow_nothing_leads_there",
      "flow_one_after_the_other",
      "flow_order_cycle",
      "flow_policies_direct",
      "flow_too_few_at_once",
      "flow_waits_within_a_group",
      "cycle",
      "debounce_of_audio",
      "join_of_kinds",
      "join_of_rates",
      "joins_values",
      "kind_wrong",
      "merge_of_formats",
      "named_channel_blocks",
      "device_asked_twice",
      "other_device",
      "pipe_sink_of_values",
      "rates_contradict",
      "rates_differ_at_join",
      "second_device"}},
    {"one number against another, or against the rate",
     {"above_nyquist", "batch_too_large", "breaker_beyond_its_window", "burst_below_a_block",
      "delay_too_long", "filter_above_nyquist", "filter_contradicts", "flow_units", "hop_loses_data",
      "join_lateness", "join_tolerance", "matrix_uneven", "matrix_wrong_width", "memory",
      "sample_interval_too_short"}},
    {"arithmetic or another language",
     {"expression_assigns", "expression_unfinished", "expression_unknown_name", "fft_size_prime"}},
    {"what another key says about a value, where both may be right alone",
     {"channel_source_frames", "channel_source_rate", "file_sink_stdout", "flac_rate", "pipe_sink_samples",
      "pipe_source_of_what", "pipe_source_rate"}},
    {"the machine: its files and its environment",
     {"environment_without_variable", "file_missing", "flow_variable_without_value",
      "variable_without_value"}},
};

std::string reason_for(const std::string& name) {
  for (const auto& [reason, names] : kBeyondASchema) {
    if (std::find(names.begin(), names.end(), name) != names.end()) { return reason; }
  }
  return {};
}

TEST(Schema, AcceptsEveryConfigurationThatIsShipped) {
  std::vector<Document> documents;
  std::vector<fs::path> paths = configs_in("configs");
  for (const fs::path& path : paths) {
    auto document = read(path);
    ASSERT_TRUE(document.has_value()) << path;
    (*document)["$schema"] = "streamlab.schema.json";
    documents.push_back(*document);
  }
  EXPECT_GE(paths.size(), 12U);
  const auto said = verdicts(documents);
  for (std::size_t i = 0; i < paths.size(); ++i) { EXPECT_EQ(said[i], "") << paths[i]; }
}

TEST(Schema, AcceptsTheExampleOfEveryNode) {
  std::vector<Document> documents;
  for (const NodeEntry* entry : default_catalog().entries()) {
    documents.push_back({{"nodes", {Document::parse(entry->info.example)}}});
  }
  const auto said = verdicts(documents);
  for (std::size_t i = 0; i < documents.size(); ++i) { EXPECT_EQ(said[i], "") << documents[i]; }
}

TEST(Schema, FindsEveryMistakeThatASchemaCanFind) {
  std::vector<Document> documents;
  std::vector<std::string> names;
  for (const fs::path& path : configs_in("configs/bad")) {
    const std::string name = path.stem().string();
    const auto document = read(path);
    if (!document) {
      EXPECT_NE(reason_for(name), "") << name << " cannot be read: put it into kBeyondASchema";
      continue;
    }
    names.push_back(name);
    documents.push_back(*document);
  }
  EXPECT_GE(names.size(), 100U);
  const auto said = verdicts(documents);
  std::size_t found = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string reason = reason_for(names[i]);
    found += said[i].empty() ? 0 : 1;
    if (said[i].empty()) {
      EXPECT_NE(reason, "") << names[i] << " is not found: let the schema say it, or kBeyondASchema why not";
    } else {
      EXPECT_EQ(reason, "") << names[i] << " is found: " << said[i];
    }
  }
  EXPECT_GE(found, 60U);
}

TEST(Schema, NamesNoFileThatIsGone) {
  for (const auto& [reason, names] : kBeyondASchema) {
    for (const std::string& name : names) {
      const bool is_there = fs::exists(fs::path(SL_SOURCE_DIR) / ("configs/bad/" + name + ".json")) ||
                            fs::exists(fs::path(SL_SOURCE_DIR) / ("configs/bad/" + name + ".yaml"));
      EXPECT_TRUE(is_there) << name;
    }
  }
}

TEST(Schema, LooksAtEveryPartOfAGraph) {
  const Document good = Document::parse(R"({
    "version": 1, "title": "A tone", "pipeline_config": {"sample_rate": 48000, "threads": "per_node"},
    "nodes": [{"id": "tone", "type": "SineGenerator"}, {"id": "late", "type": "Delay", "config": {"frames": 96}},
              {"id": "mix", "type": "Mixer"}, {"id": "show", "type": "Print"}],
    "connections": [{"from": "tone", "to": "late"}, {"from": "tone", "to": "mix.in1"},
                    {"from": "late", "to": "mix.in2", "policy": "block", "capacity": 5},
                    {"from": "mix", "to": "show"}]})");
  struct Change {
    const char* place;
    Document value;
    bool is_good;
  };
  const Change changes[] = {
      {"/version", 2, false},
      {"/nods", Document::array(), false},
      {"/$schema", "x", true},
      {"/nodes/0/type", "SinGenerator", false},
      {"/nodes/0/id", "my.tone", false},
      {"/nodes/0/config", {{"frequency", -1}}, false},
      {"/nodes/0/config", {{"frequncy", 1}}, false},
      {"/nodes/0/config", {{"frequency", "440"}}, false},
      {"/nodes/0/config", {{"frequency", 440.5}}, true},
      {"/nodes/0/config", {{"frequency", "${hz}"}}, true},
      {"/nodes/0/config", {{"frame_size", 10.5}}, false},
      {"/nodes/3", {{"id", "in"}, {"type", "FileSource"}}, false},  // path is required
      {"/nodes/1", {{"id", "late"}, {"type", "Delay"}}, false},     // frames or ms
      {"/connections/0/policy", "drop", false},
      {"/connections/0/policy", "latest", true},
      {"/connections/0/capacity", 0, false},
      {"/connections/0/from", "", false},
      {"/pipeline_config/threads", "many", false},
      {"/pipeline_config/threads", 3, true},
      {"/pipeline_config/threads", 2000, false},
      {"/title", "a ${name", false},
  };
  std::vector<Document> documents{good};
  for (const Change& change : changes) {
    documents.push_back(good);
    documents.back()[Document::json_pointer(change.place)] = change.value;
  }
  const auto said = verdicts(documents);
  EXPECT_EQ(said[0], "");
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    EXPECT_EQ(said[i + 1].empty(), changes[i].is_good) << changes[i].place << changes[i].value << said[i + 1];
  }
}

struct SchemaCase {
  const char* type;
  const char* config;
  bool is_good;
};

// Schema and reader have the rules from one place, and must read them alike.
TEST(Schema, RefusesWhatTheReaderRefuses) {
  constexpr SchemaCase kCases[] = {
      {"Gain", R"({"gain": 2, "gain_db": 6})", false},
      {"Gain", R"({"gain_db": 6})", true},
      {"Take", R"({})", false},
      {"Take", R"({"frames": 1, "blocks": 1})", false},
      {"Take", R"({"frames": 1})", true},
      {"Reduce", R"({"count": 2, "per_block": true})", false},
      {"Reduce", R"({"count": 2, "per_block": false})", true},
      {"Buffer", R"({"spill_path": "/tmp"})", false},
      {"Buffer", R"({"spill_path": "/tmp", "spill_bytes": 1e6})", true},
      {"Filter", R"({"above_db": -3, "min": 1})", false},
      {"Filter", R"({"metadata": "used", "min": 1})", true},
      {"Spectrum", R"({"averages": 4})", false},
      {"Spectrum", R"({"averages": 4, "averaging": "max"})", true},
      {"Spectrum", R"({"window": "kaiser"})", false},
      {"Spectrum", R"({"window": "kaiser", "window_parameter": 8})", true},
      {"Join", R"({"by": "time"})", false},
      {"Join", R"({"by": "time", "tolerance_s": 1})", true},
      {"ChannelSelect", R"({"channels": [1, 2], "names": ["a", "a"]})", false},
      {"ChannelSelect", R"({"channels": []})", false},
      {"ChannelSelect", R"({"channels": 1})", false},
      {"ChannelSelect", R"({"channels": "left"})", true},
      {"LevelMeter", R"({"pa_per_full_scale": 20})", true},
      {"LevelMeter", R"({"pa_per_full_scale": [20, 10]})", true},
      {"LevelMeter", R"({"pa_per_full_scale": []})", false},
      {"Mixer", R"({"matrix": [1, 0]})", false},
      {"Biquad", R"({"sections": {"type": "lowpass", "frequency": 100}})", true},
      {"Biquad", R"({"sections": [{"type": "lowpass", "frequency": 100}], "q": 2})", false},
  };
  std::vector<Document> documents;
  for (const SchemaCase& one : kCases) {
    documents.push_back(
        {{"nodes", {{{"id", "n"}, {"type", one.type}, {"config", Document::parse(one.config)}}}}});
  }
  const auto said = verdicts(documents);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    EXPECT_EQ(said[i].empty(), kCases[i].is_good) << documents[i] << ": " << said[i];
    const auto graph = load_graph(documents[i].dump());  // its inputs and outputs lack a partner at least
    ASSERT_TRUE(!graph || kCases[i].is_good) << documents[i];
    const bool is_refused =
        !graph && std::any_of(graph.error().begin(), graph.error().end(),
                              [](const Error& error) { return error.where.starts_with("/nodes/0/config"); });
    EXPECT_EQ(!is_refused, kCases[i].is_good) << documents[i] << to_string(graph.error(), "");
  }
}

TEST(Schema, TakesAVariableForEveryValue) {
  const auto said = verdicts(
      {Document::parse(
           R"({"nodes": [{"id": "s", "type": "Spectrum", "config": {"fft_size": "${n}", "averages": 4,
                           "averaging": "${how}", "overlap": "${env:OVERLAP}"}}]})"),
       Document::parse(R"({"nodes": [{"id": "s", "type": "Spectrum", "config": {"fft_size": "many"}}]})")});
  EXPECT_EQ(said[0], "");
  EXPECT_NE(said[1], "");
}

}  // namespace
}  // namespace streamlab
