// engine/graph/parse_config.cpp
#include "engine/graph/parse_config.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "engine/base/sample_format.hpp"
#include "engine/graph/document_reader.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/graph/read_params.hpp"

namespace streamlab {
namespace {

constexpr std::array<std::string_view, 7> kTopKeys{"$schema", "version",         "title",      "variables",
                                                   "nodes",   "pipeline_config", "connections"};
constexpr std::array<std::string_view, 3> kNodeKeys{"id", "type", "config"};
constexpr std::array<std::string_view, 5> kConnectionKeys{"from", "to", "channel", "policy", "capacity"};

enum ConfigIndex : std::size_t {
  kSampleRate,
  kBlockSize,
  kEdgeCapacity,
  kChannelCapacity,
  kThreads,
  kDuration,
  kReloadFade
};
constexpr ParamInfo kConfigParams[] = {
    param::number(
        "sample_rate", "Hz", {1.0, kMaxSampleRateHz}, Need::optional,
        "Sample rate of sources that name none and of the device; left out, the device or file decides."),
    param::integer(
        "block_size", "frames", {1, kMaxBlockSize}, Need::optional,
        "Frames per block: of sources that name none (1024 if left out), and asked of the device."),
    param::integer("edge_capacity", "blocks", {1, kMaxCapacity}, 100,
                   "Capacity of every edge between threads that names no other."),
    param::integer("channel_capacity", "blocks", {1, kMaxCapacity}, Need::optional,
                   "Another name of \"edge_capacity\"."),
    {.name = "threads",
     .type = ParamType::text,
     .default_text = "auto",
     .description =
         "\"auto\", \"per_node\", or a number (without quotes): over how many threads the nodes are spread."},
    param::number("duration_s", "s", {0.0, 1e9}, Need::optional,
                  "Ends the run after this much signal; needed by graphs of generators alone."),
    param::number(
        "reload_fade_ms", "ms", {0.0, 1000.0}, 10.0, Live::no,
        "When the graph is reloaded while it plays: how long what is played takes to go over to the new "
        "graph. 0: from one sample to the next."),
};
constexpr std::string_view kCapacityNames[] = {"edge_capacity", "channel_capacity"};
constexpr ParamRule kConfigRules[] = {{ParamRule::Kind::at_most_one, kCapacityNames}};

class SpecReader : private DocumentReader {
 public:
  using DocumentReader::DocumentReader;

  GraphSpec read(const Document& document) {
    GraphSpec spec;
    if (!document.is_object()) {
      add("", fmt::format("the document is {}", article(document)),
          "an object with \"nodes\" and \"connections\"");
      return spec;
    }
    check_keys(document, "", kTopKeys);
    check_schema_key(document);
    if (document.contains("version") && document["version"] != 1) {
      add("/version", fmt::format("{} is not a version that this program reads", shown(document["version"])),
          "1");
    }
    if (document.contains("title")) { spec.title = text(document["title"], "/title"); }
    if (document.contains("pipeline_config")) {
      read_pipeline_config(document["pipeline_config"], spec.config);
    }
    read_list(document, "nodes", [&](const Document& item, const std::string& pointer) {
      spec.nodes.push_back(read_node(item, pointer));
    });
    if (document.contains("connections")) {
      read_list(document, "connections", [&](const Document& item, const std::string& pointer) {
        spec.connections.push_back(read_connection(item, pointer));
      });
    }
    return spec;
  }

 private:
  void read_pipeline_config(const Document& object, PipelineConfig& config) {
    const std::string pointer = "/pipeline_config";
    if (!check_object(object, pointer)) { return; }
    Document rest = object;
    if (rest.contains("threads")) {
      read_threads(rest["threads"], config.threads);
      rest.erase("threads");
    }
    const ParamValues values = read_params(rest, kConfigParams, kConfigRules, pointer, errors());
    if (values.has_value(kSampleRate)) { config.sample_rate_hz = values[kSampleRate]; }
    if (values.has_value(kBlockSize)) { config.block_size = static_cast<std::uint32_t>(values[kBlockSize]); }
    if (values.has_value(kDuration)) { config.duration_s = values[kDuration]; }
    config.reload_fade_ms = values[kReloadFade];
    const ConfigIndex capacity = values.given(kChannelCapacity) ? kChannelCapacity : kEdgeCapacity;
    config.edge_capacity = static_cast<std::uint32_t>(values[capacity]);
  }
  void read_threads(const Document& value, ThreadPolicy& threads) {
    if (value == "auto") { return; }
    if (value == "per_node") {
      threads.kind = ThreadPolicy::Kind::per_node;
    } else if (value.is_number_integer() && value >= 1 && value <= kMaxThreads) {
      threads = {ThreadPolicy::Kind::count, value.get<std::uint32_t>()};
    } else {
      add("/pipeline_config/threads", fmt::format("{} is no number of threads", shown(value)),
          fmt::format("\"auto\", \"per_node\" or 1 .. {}", kMaxThreads));
    }
  }
  NodeSpec read_node(const Document& object, const std::string& pointer) {
    check_keys(object, pointer, kNodeKeys);
    NodeSpec node;
    node.pointer = pointer;
    node.id = required_name(object, pointer, "id", "letters, digits, \"_\" and \"-\"");
    node.type = required_name(object, pointer, "type", "a node type: \"streamlab nodes\" lists them");
    if (object.contains("config")) {
      if (check_object(object["config"], pointer + "/config")) { node.config = object["config"]; }
    }
    return node;
  }
  ConnectionSpec read_connection(const Document& object, const std::string& pointer) {
    check_keys(object, pointer, kConnectionKeys);
    ConnectionSpec connection;
    connection.pointer = pointer;
    const bool is_named = object.contains("channel");
    if (is_named) {
      connection.channel = name(object["channel"], pointer + "/channel", "the name of a channel");
    }
    if (is_named && !object.contains("from") && !object.contains("to")) {
      add(pointer, "neither \"from\" nor \"to\" is given",
          "\"from\", who writes to the channel, or \"to\", who reads it");
    }
    const auto end = [&](const char* key) {
      if (is_named && !object.contains(key)) { return std::string{}; }
      return required_name(object, pointer, key, "\"node\" or \"node.port\"");
    };
    connection.from = end("from");
    connection.to = end("to");
    if (object.contains("policy")) { connection.policy = text(object["policy"], pointer + "/policy"); }
    if (object.contains("capacity")) {
      const Document& capacity = object["capacity"];
      if (capacity.is_number_integer() && capacity >= 1 && capacity <= kMaxCapacity) {
        connection.capacity = capacity.get<std::uint32_t>();
      } else {
        add(pointer + "/capacity", fmt::format("{} is no capacity", shown(capacity)),
            fmt::format("1 .. {} blocks", kMaxCapacity));
      }
    }
    return connection;
  }
};

}  // namespace

std::span<const ParamInfo> pipeline_config_params() { return kConfigParams; }
std::span<const ParamRule> pipeline_config_rules() { return kConfigRules; }

GraphSpec read_graph_spec(const Document& document, Errors& errors) {
  return SpecReader(errors).read(document);
}

Checked<GraphSpec> parse_config(std::string_view text, ConfigLanguage language, const Variables& variables) {
  auto document = parse_document(text, language);
  if (!document) { return tl::unexpected(document.error()); }
  Errors errors;
  replace_variables(*document, variables, errors);
  GraphSpec spec = read_graph_spec(*document, errors);
  if (!errors.empty()) { return tl::unexpected(errors); }
  return spec;
}

}  // namespace streamlab
