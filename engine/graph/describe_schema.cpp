// engine/graph/describe_schema.cpp
//
// The JSON Schema of a configuration. It checks shapes, types, ranges and names; what takes the whole graph
// (ports, cycles, formats) is for `streamlab check`.
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/graph/describe.hpp"
#include "engine/graph/parse_config.hpp"
#include "engine/rt/overflow_policy.hpp"

namespace streamlab {
namespace {

// A value that may as well be one variable.
Document or_variable(Document schema) {
  Document either;
  either["anyOf"] = Document::array({std::move(schema), {{"$ref", "#/$defs/variable"}}});
  return either;
}

Document bounded(const char* type, const Range& range) {
  Document schema{{"type", type}};
  if (std::isfinite(range.min)) { schema["minimum"] = range.min; }
  if (std::isfinite(range.max)) { schema["maximum"] = range.max; }
  return schema;
}

Document array_of(Document items, std::size_t max_items) {
  return {{"type", "array"}, {"items", std::move(items)}, {"maxItems", max_items}};
}

Document params_schema(std::span<const ParamInfo> params);

Document bare_param_schema(const ParamInfo& info) {
  switch (info.type) {
    case ParamType::number:
      return or_variable(bounded("number", info.range));
    case ParamType::integer:
      return or_variable(bounded("integer", info.range));
    case ParamType::boolean:
      return or_variable({{"type", "boolean"}});
    case ParamType::choice:
      return or_variable({{"enum", info.choices}});
    case ParamType::text:
      return {{"type", "string"}};
    case ParamType::numbers:
      return {{"anyOf", Document::array({array_of(or_variable(bounded("number", info.range)), info.max_items),
                                         or_variable(bounded("number", info.range))})}};
    case ParamType::labels:
      return or_variable(array_of(
          {{"anyOf", Document::array({{{"type", "integer"}, {"minimum", 1}}, {{"type", "string"}}})}},
          info.max_items));
    case ParamType::matrix:
      return or_variable(
          array_of(array_of(or_variable(bounded("number", info.range)), info.max_items), info.max_items));
    case ParamType::object:
      return or_variable(params_schema(info.fields));
    case ParamType::objects:
      return or_variable(array_of(params_schema(info.fields), info.max_items));
    case ParamType::json:
      break;
  }
  return Document::object();  // anything
}

Document param_schema(const ParamInfo& info) {
  Document schema = bare_param_schema(info);
  std::string description(info.description);
  if (!info.unit.empty()) { description += fmt::format(" Unit: {}.", info.unit); }
  schema["description"] = description;
  const Document fallback = default_document(info);
  if (!fallback.is_null()) { schema["default"] = fallback; }
  return schema;
}

Document params_schema(std::span<const ParamInfo> params) {
  Document schema{{"type", "object"}, {"properties", Document::object()}, {"additionalProperties", false}};
  for (const ParamInfo& info : params) {
    schema["properties"][std::string(info.name)] = param_schema(info);
    if (info.need == Need::required) { schema["required"].push_back(info.name); }
  }
  return schema;
}

bool needs_config(const NodeInfo& info) {
  for (const ParamInfo& param : info.params) {
    if (param.need == Need::required) { return true; }
  }
  return false;
}

Document node_schema(const NodeCatalog& catalog) {
  Document schema;
  schema["type"] = "object";
  schema["properties"]["id"] = {{"type", "string"},
                                {"pattern", "^([A-Za-z0-9_-]|\\$\\{[^}]+\\})+$"},
                                {"description", "Name of the node in this graph."}};
  schema["properties"]["type"] = {{"enum", catalog.names()}};
  schema["properties"]["config"] = {{"type", "object"}};
  schema["required"] = {"id", "type"};
  schema["additionalProperties"] = false;
  for (const NodeEntry* entry : catalog.entries()) {
    const std::string name(entry->info.name);
    Document rule;
    rule["if"]["properties"]["type"]["const"] = name;
    rule["then"]["properties"]["config"]["$ref"] = "#/$defs/" + name;
    if (needs_config(entry->info)) { rule["then"]["required"] = Document::array({"config"}); }
    schema["allOf"].push_back(std::move(rule));
  }
  return schema;
}

Document connection_schema() {
  Document schema;
  schema["type"] = "object";
  schema["properties"]["from"] = {{"type", "string"}, {"description", "\"node\" or \"node.port\"."}};
  schema["properties"]["to"] = {{"type", "string"}, {"description", "\"node\" or \"node.port\"."}};
  schema["properties"]["policy"] = or_variable({{"enum", overflow_policy_names()}});
  schema["properties"]["policy"]["description"] =
      "What happens to a block when the edge is full. Counts only between threads.";
  schema["properties"]["capacity"] =
      or_variable({{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxCapacity}});
  schema["properties"]["capacity"]["description"] = "Blocks that wait between two threads at most.";
  schema["properties"]["channel"] = {{"type", "string"},
                                     {"pattern", "^([A-Za-z0-9_-]|\\$\\{[^}]+\\})+$"},
                                     {"description",
                                      "Name of a channel: with \"from\", who writes to it; with \"to\", who "
                                      "reads it. C++ can subscribe to it."}};
  for (const auto& [one, other] : {std::pair("from", "to"), {"from", "channel"}, {"channel", "to"}}) {
    schema["anyOf"].push_back({{"required", {one, other}}});
  }
  schema["additionalProperties"] = false;
  return schema;
}

Document pipeline_config_schema() {
  Document schema = params_schema(pipeline_config_params());
  Document& threads = schema["properties"]["threads"];
  const Document description = threads["description"];
  threads = or_variable({{"anyOf", Document::array({{{"enum", {"auto", "per_node"}}},
                                                    {{"type", "integer"}, {"minimum", 1}}})}});
  threads["description"] = description;
  threads["default"] = "auto";
  return schema;
}

}  // namespace

Document config_schema(const NodeCatalog& catalog) {
  Document schema;
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "StreamLab configuration";
  schema["type"] = "object";
  Document& properties = schema["properties"];
  properties["version"] = {{"const", 1}};
  properties["title"] = {{"type", "string"}, {"description", "For people."}};
  properties["variables"] = {
      {"type", "object"},
      {"description",
       "Defaults of the variables that stand as ${name} in texts; --set name=value changes them."}};
  properties["pipeline_config"] = pipeline_config_schema();
  properties["nodes"] = {{"type", "array"}, {"minItems", 1}, {"items", node_schema(catalog)}};
  properties["connections"] = {{"type", "array"}, {"items", connection_schema()}};
  schema["required"] = {"nodes"};
  schema["additionalProperties"] = false;
  Document& definitions = schema["$defs"];
  definitions["variable"] = {{"type", "string"},
                             {"pattern", "\\$\\{[^}]+\\}"},
                             {"description", "A value to be filled in: \"${name}\" or \"${env:NAME}\"."}};
  for (const NodeEntry* entry : catalog.entries()) {
    Document node = params_schema(entry->info.params);
    node["description"] = entry->info.description;
    definitions[std::string(entry->info.name)] = std::move(node);
  }
  return schema;
}

}  // namespace streamlab
