// engine/graph/describe_schema.cpp
//
// The JSON Schema of a graph. It checks shapes, types, ranges, names, and which parameters belong together;
// what takes the whole graph (ports, cycles, formats) is for `streamlab check`.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/overflow_policy.hpp"
#include "engine/graph/describe.hpp"
#include "engine/graph/parse_config.hpp"
#include "engine/graph/schema_parts.hpp"

namespace streamlab {
namespace {

Document all_of(std::initializer_list<Document> schemas) { return {{"allOf", Document::array_t(schemas)}}; }

Document bounded(const char* type, const Range& range) {
  Document schema{{"type", type}};
  if (std::isfinite(range.min)) { schema["minimum"] = range.min; }
  if (std::isfinite(range.max)) { schema["maximum"] = range.max; }
  return schema;
}

Document array_of(Document items, std::size_t max_items) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", 1}, {"maxItems", max_items}};
}

Document any_of(Document one, Document other) {
  return {{"anyOf", Document::array({std::move(one), std::move(other)})}};
}

Document text_schema(const ParamInfo& info) {
  const Document text{{"$ref", "#/$defs/text"}};
  if (info.pattern.empty()) { return text; }
  return schema::or_variable({{"type", "string"}, {"pattern", fmt::format("^({})$", info.pattern)}});
}

Document bare_param_schema(const ParamInfo& info) {
  using schema::or_variable;
  const auto number = [&] { return or_variable(bounded("number", info.range)); };
  switch (info.type) {
    case ParamType::number:
      return number();
    case ParamType::integer:
      return or_variable(bounded("integer", info.range));
    case ParamType::boolean:
      return or_variable({{"type", "boolean"}});
    case ParamType::choice:
      return or_variable({{"enum", info.choices}});
    case ParamType::text:
      return text_schema(info);
    case ParamType::numbers:
      return any_of(array_of(number(), info.max_items), number());
    case ParamType::labels: {
      const Document label = any_of({{"type", "integer"}, {"minimum", 1}}, {{"$ref", "#/$defs/text"}});
      Document list = array_of(label, info.max_items);
      if (info.distinct) { list["uniqueItems"] = true; }
      return any_of(std::move(list), {{"$ref", "#/$defs/text"}});
    }
    case ParamType::matrix:
      return or_variable(array_of(or_variable(array_of(number(), info.max_items)), info.max_items));
    case ParamType::object:
      return or_variable(schema::of_params(info.fields));
    case ParamType::objects: {
      const Document object = or_variable(schema::of_params(info.fields));
      return any_of(array_of(object, info.max_items), object);
    }
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

// Says a table's rules about which parameters belong together.
class RuleWriter {
 public:
  explicit RuleWriter(std::span<const ParamInfo> params) : params_(params) {}

  void write(const ParamRule& rule, Document& rules) const {
    switch (rule.kind) {
      case ParamRule::Kind::at_least_one:
        rules.push_back(any_given(rule.params));
        return;
      case ParamRule::Kind::at_most_one:
        for (std::size_t i = 0; i < rule.params.size(); ++i) {
          for (std::size_t j = i + 1; j < rule.params.size(); ++j) {
            rules.push_back({{"not", all_of({given(rule.params[i]), given(rule.params[j])})}});
          }
        }
        return;
      case ParamRule::Kind::together:
        for (const std::string_view name : rule.params) {
          rules.push_back({{"if", given(name)}, {"then", {{"required", rule.params}}}});
        }
        return;
      case ParamRule::Kind::only_with:
        for (const std::string_view name : rule.params) {
          rules.push_back({{"if", given(name)}, {"then", any_given(rule.others)}});
        }
        return;
      case ParamRule::Kind::only_if:
        for (const std::string_view name : rule.params) {
          rules.push_back({{"if", given(name)}, {"then", chosen(rule, true)}});
        }
        return;
      case ParamRule::Kind::needed_if:
        rules.push_back({{"if", chosen(rule, false)}, {"then", {{"required", rule.params}}}});
        return;
    }
  }

 private:
  const ParamInfo& info_of(std::string_view name) const {
    return *std::find_if(params_.begin(), params_.end(),
                         [&](const ParamInfo& info) { return info.name == name; });
  }
  Document given(std::string_view name) const {
    Document schema;
    schema["required"].push_back(name);
    if (info_of(name).type == ParamType::boolean) { schema["properties"][std::string(name)]["const"] = true; }
    return schema;
  }
  Document any_given(std::span<const std::string_view> names) const {
    Document schema;
    for (const std::string_view name : names) { schema["anyOf"].push_back(given(name)); }
    return schema;
  }
  // `open`: a variable may hold one of them.
  Document chosen(const ParamRule& rule, bool open) const {
    Document schema;
    Document names{{"enum", rule.others}};
    schema["properties"][std::string(rule.choice)] = open ? schema::or_variable(names) : names;
    const std::string_view fallback = info_of(rule.choice).default_text;
    const bool by_default = std::find(rule.others.begin(), rule.others.end(), fallback) != rule.others.end();
    if (!by_default) { schema["required"].push_back(rule.choice); }
    return schema;
  }

  std::span<const ParamInfo> params_;
};

bool needs_config(const NodeInfo& info) {
  const auto is_required = [](const ParamInfo& param) { return param.need == Need::required; };
  const auto asks = [](const ParamRule& rule) { return rule.kind == ParamRule::Kind::at_least_one; };
  return std::any_of(info.params.begin(), info.params.end(), is_required) ||
         std::any_of(info.rules.begin(), info.rules.end(), asks);
}

Document node_schema(const NodeCatalog& catalog) {
  Document schema;
  schema["type"] = "object";
  schema["properties"]["id"] = schema::name("Name of the node in this graph.");
  schema["properties"]["type"] = {{"enum", catalog.names()}};
  schema["properties"]["config"] = {{"type", "object"}};
  schema["required"] = {"id", "type"};
  schema["additionalProperties"] = false;
  for (const NodeEntry* entry : catalog.entries()) {
    const std::string name(entry->info.name);
    Document rule;
    rule["if"]["properties"]["type"]["const"] = name;
    rule["if"]["required"] = {"type"};
    rule["then"]["properties"]["config"]["$ref"] = "#/$defs/" + name;
    if (needs_config(entry->info)) { rule["then"]["required"] = Document::array({"config"}); }
    schema["allOf"].push_back(std::move(rule));
  }
  return schema;
}

Document connection_schema() {
  const auto end = [] {
    return Document{{"type", "string"},
                    {"pattern", fmt::format("^{0}(\\.{0})?$", schema::kNamePattern)},
                    {"description", "\"node\" or \"node.port\"."}};
  };
  Document schema;
  schema["type"] = "object";
  schema["properties"]["from"] = end();
  schema["properties"]["to"] = end();
  schema["properties"]["policy"] = schema::or_variable({{"enum", kOverflowPolicyNames}});
  schema["properties"]["policy"]["description"] =
      "What happens to a block when the edge is full. Counts only between threads.";
  schema["properties"]["capacity"] =
      schema::or_variable({{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxCapacity}});
  schema["properties"]["capacity"]["description"] = "Blocks that wait between two threads at most.";
  schema["properties"]["channel"] = schema::name(
      "Name of a channel: with \"from\", who writes to it; with \"to\", who reads it. C++ can subscribe to it.");
  for (const auto& [one, other] : {std::pair("from", "to"), {"from", "channel"}, {"channel", "to"}}) {
    schema["anyOf"].push_back({{"required", {one, other}}});
  }
  schema["additionalProperties"] = false;
  return schema;
}

Document pipeline_config_schema() {
  Document schema = schema::of_params(pipeline_config_params(), pipeline_config_rules());
  Document& threads = schema["properties"]["threads"];
  const Document description = threads["description"];
  threads = schema::or_variable(any_of({{"enum", {"auto", "per_node"}}},
                                       {{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxThreads}}));
  threads["description"] = description;
  threads["default"] = "auto";
  return schema;
}

}  // namespace

namespace schema {

Document or_variable(Document schema) { return any_of(std::move(schema), {{"$ref", "#/$defs/variable"}}); }

Document name(std::string_view description) {
  return {{"type", "string"}, {"pattern", fmt::format("^{}$", kNamePattern)}, {"description", description}};
}

Document of_params(std::span<const ParamInfo> params, std::span<const ParamRule> rules) {
  Document schema{{"type", "object"}, {"properties", Document::object()}, {"additionalProperties", false}};
  for (const ParamInfo& info : params) {
    schema["properties"][std::string(info.name)] = param_schema(info);
    if (info.need == Need::required) { schema["required"].push_back(info.name); }
  }
  Document said = Document::array();
  for (const ParamRule& rule : rules) { RuleWriter(params).write(rule, said); }
  if (!said.empty()) { schema["allOf"] = std::move(said); }
  return schema;
}

void add_top(Document& schema) {
  schema["type"] = "object";
  Document& properties = schema["properties"];
  properties["$schema"] = {{"type", "string"}, {"description", "For editors: where this schema is."}};
  properties["version"] = {{"const", 1}};
  properties["title"] = {{"$ref", "#/$defs/text"}, {"description", "For people."}};
  properties["variables"] = {
      {"type", "object"},
      {"additionalProperties", {{"not", {{"type", "string"}, {"pattern", "\\$\\{"}}}}},
      {"description",
       "Defaults of the variables that stand as ${name} in texts; --set name=value changes them."}};
  schema["additionalProperties"] = false;
}

Document common_definitions() {
  // A text without NUL, in which every "${" is closed.
  constexpr std::string_view kText = R"(^([^$\u0000]|\$(?!\{)|\$\{[^}]+\})*$)";
  Document definitions;
  definitions["variable"] = {{"type", "string"},
                             {"pattern", "\\$\\{[^}]+\\}"},
                             {"description", "A value to be filled in: \"${name}\" or \"${env:NAME}\"."}};
  definitions["text"] = {{"type", "string"}, {"pattern", kText}};
  return definitions;
}

}  // namespace schema

Document config_schema(const NodeCatalog& catalog) {
  Document schema;
  schema["$schema"] = schema::kDialect;
  schema["title"] = "StreamLab graph";
  schema::add_top(schema);
  Document& properties = schema["properties"];
  properties["pipeline_config"] = pipeline_config_schema();
  properties["nodes"] = {{"type", "array"}, {"minItems", 1}, {"items", node_schema(catalog)}};
  properties["connections"] = {{"type", "array"}, {"items", connection_schema()}};
  schema["required"] = {"nodes"};
  Document& definitions = schema["$defs"] = schema::common_definitions();
  for (const NodeEntry* entry : catalog.entries()) {
    Document node = schema::of_params(entry->info.params, entry->info.rules);
    node["description"] = entry->info.description;
    definitions[std::string(entry->info.name)] = std::move(node);
  }
  return schema;
}

}  // namespace streamlab
