// engine/flow/describe_flow.cpp
//
// The JSON Schema of a flow, beside that of a graph. The tables of flow_params.cpp give names, types and ranges;
// what they leave to the reader as "any JSON" is said here, and what belongs together within a step, an edge or
// the flow. What takes names of steps and channels is for `streamlab check`.
#include "engine/flow/describe_flow.hpp"

#include <nlohmann/json.hpp>

#include "engine/flow/flow_params.hpp"
#include "engine/graph/describe.hpp"
#include "engine/graph/schema_parts.hpp"

namespace streamlab {
namespace {

// As is_flow_name() has it; a part of it, or all, may be variables.
constexpr std::string_view kStepNamePattern =
    R"(^(?!__start__$|__end__$)([A-Za-z_]|\$\{[^}]+\})([A-Za-z0-9_-]|\$\{[^}]+\}){0,99}$)";

Document list_of(std::initializer_list<Document> schemas) { return Document::array_t(schemas); }
Document any_of(std::initializer_list<Document> schemas) { return {{"anyOf", list_of(schemas)}}; }
Document has(const char* key) { return {{"required", list_of({key})}}; }
Document is(const char* key, Document value) {
  return {{"properties", {{key, std::move(value)}}}, {"required", list_of({key})}};
}
Document negated(Document schema) { return {{"not", std::move(schema)}}; }
Document rule(Document condition, Document consequence) {
  return {{"if", std::move(condition)}, {"then", std::move(consequence)}};
}
Document nonempty_text() { return {{"type", "string"}, {"minLength", 1}}; }
Document replaced(const Document& table, const char* key, Document schema) {
  schema["description"] = table["properties"][key]["description"];
  return schema;
}

// A text, or a number or flag that is taken as it is written.
Document word() { return any_of({{{"$ref", "#/$defs/text"}}, {{"type", "number"}}, {{"type", "boolean"}}}); }

Document stream_schema(bool is_input) {
  Document object = schema::of_params(flow_stream_params());
  object["properties"]["channel"] = replaced(object, "channel", nonempty_text());
  if (is_input) {
    object["allOf"] = list_of({rule(has("unit_bytes"), is("policy", {{"const", "drop_oldest"}}))});
  } else {
    object["properties"].erase("policy");  // they are for those who read from a channel
    object["properties"].erase("unit_bytes");
  }
  return any_of({nonempty_text(), std::move(object)});
}

Document streams_schema() {
  Document schema{{"type", "object"}, {"additionalProperties", false}};
  for (const char* key : {"stdin", "fifo_in"}) { schema["properties"][key] = stream_schema(true); }
  for (const char* key : {"stdout", "stderr", "fifo_out"}) {
    schema["properties"][key] = stream_schema(false);
  }
  return schema;
}

Document with_streams() { return is("streams", {{"type", "object"}, {"minProperties", 1}}); }

Document step_schema() {
  Document schema = schema::of_params(flow_step_params());
  Document& properties = schema["properties"];
  const auto set = [&](const char* key, Document value) {
    properties[key] = replaced(schema, key, std::move(value));
  };
  set("name", {{"type", "string"}, {"pattern", kStepNamePattern}});
  set("run", {{"type", "string"}});  // "${…}" is the shell's own there
  set("shell", schema::or_variable(any_of({{{"enum", {"python", "sh", "bash"}}}, {{"pattern", "^/"}}})));
  Document program = word();
  program["not"] = {{"const", ""}};
  set("command",
      {{"type", "array"}, {"minItems", 1}, {"prefixItems", list_of({program})}, {"items", word()}});
  set("graph", nonempty_text());
  set("set", {{"type", "object"}, {"additionalProperties", word()}});
  set("streams", streams_schema());
  set("env", {{"type", "object"},
              {"propertyNames", {{"pattern", "^(?!STREAMLAB_)[^=\\u0000]+$"}}},
              {"additionalProperties", {{"$ref", "#/$defs/text"}}}});
  const Document what{{"oneOf", list_of({has("run"), has("command"), has("graph")})}};
  schema["allOf"] = list_of({
      what,
      rule(has("shell"), has("run")),
      rule(has("set"), has("graph")),
      rule(has("graph"), negated(is("state", {{"const", "required"}}))),
      rule(with_streams(), negated(any_of({has("retry"), is("interrupt_after", {{"const", true}})}))),
  });
  return schema;
}

// One name or several; `never`: the end of the flow that this end of an edge cannot be.
Document ends_schema(const char* never) {
  Document name = nonempty_text();
  name["not"] = {{"const", never}};
  return any_of({name, {{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}, {"items", name}}});
}

Document holds(const char* key, const char* name) {
  return is(key, any_of({{{"const", name}}, {{"type", "array"}, {"contains", {{"const", name}}}}}));
}

Document edge_schema() {
  Document schema = schema::of_params(flow_edge_params());
  schema["properties"]["from"] = replaced(schema, "from", ends_schema("__end__"));
  schema["properties"]["to"] = replaced(schema, "to", ends_schema("__start__"));
  schema["properties"]["fan_in"] = replaced(schema, "fan_in", nonempty_text());
  schema["allOf"] = list_of({rule(has("fan_in"), negated(holds("to", "__end__")))});
  return schema;
}

Document flow_schema() {
  Document schema;
  schema["title"] = "StreamLab flow";
  schema::add_top(schema);
  schema["properties"]["settings"] = schema::of_params(flow_settings_params());
  schema["properties"]["nodes"] = {{"type", "array"}, {"minItems", 1}, {"items", step_schema()}};
  // Some edge leads from "__start__", or from what a variable says.
  const Document beginning = any_of({holds("from", "__start__"), is("from", {{"$ref", "#/$defs/variable"}})});
  schema["properties"]["edges"] = {{"type", "array"}, {"items", edge_schema()}, {"contains", beginning}};
  schema["required"] = {"nodes", "edges"};
  const auto in_settings = [](Document parallel) {
    return is("settings", is("parallel", std::move(parallel)));
  };
  const Document enabled = any_of({{{"const", true}}, {{"$ref", "#/$defs/variable"}}});
  schema["allOf"] =
      list_of({rule(is("nodes", {{"contains", with_streams()}}),
                    {{"allOf", list_of({in_settings(is("streams", is("enabled", enabled))),
                                        negated(in_settings(is("strategy", {{"const", "thread"}})))})}})});
  return schema;
}

}  // namespace

Document configuration_schema(const NodeCatalog& catalog) {
  Document graph = config_schema(catalog);
  graph.erase("$schema");
  Document definitions = std::move(graph["$defs"]);
  graph.erase("$defs");
  definitions["graph"] = std::move(graph);
  definitions["flow"] = flow_schema();
  Document schema;
  schema["$schema"] = schema::kDialect;
  schema["$id"] = "https://streamlab.invalid/configuration.schema.json";  // a name; nothing is there
  schema["title"] = "StreamLab configuration";
  schema["type"] = "object";
  schema["if"] = any_of({has("edges"), has("settings")});  // as is_flow() has it
  schema["then"] = {{"$ref", "#/$defs/flow"}};
  schema["else"] = {{"$ref", "#/$defs/graph"}};
  schema["$defs"] = std::move(definitions);
  return schema;
}

}  // namespace streamlab
