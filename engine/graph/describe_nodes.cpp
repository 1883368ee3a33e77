// engine/graph/describe_nodes.cpp
//
// Node types as text and as JSON.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/graph/describe.hpp"
#include "engine/graph/read_params.hpp"
#include "engine/graph/wrapped.hpp"

namespace streamlab {
namespace {

std::vector<std::string_view> kind_names(KindMask kinds) {
  std::vector<std::string_view> names;
  for (const StreamKind kind : {StreamKind::audio, StreamKind::spectrum, StreamKind::values}) {
    if ((kinds & mask(kind)) != 0) { names.push_back(to_string(kind)); }
  }
  return names;
}

std::string shown_name(const PortInfo& port) {
  return port.max_repeat > 1 ? fmt::format("{}1, {}2, …", port.name, port.name) : std::string(port.name);
}

std::string ports_text(std::string_view title, std::span<const PortInfo> ports) {
  if (ports.empty()) { return {}; }
  std::string text = fmt::format("\n{}\n", title);
  for (const PortInfo& port : ports) {
    text += fmt::format("  {}: {}\n", shown_name(port), fmt::join(kind_names(port.kinds), ", "));
    if (!port.description.empty()) { text += wrapped(port.description, 6) + "\n"; }
  }
  return text;
}

void append_params(std::string& text, std::span<const ParamInfo> params, std::size_t indent) {
  for (const ParamInfo& param : params) {
    text += fmt::format("{:{}}{}: {}\n", "", indent, param.name, describe_param(param));
    if (!param.description.empty()) { text += wrapped(param.description, indent + 4) + "\n"; }
    append_params(text, param.fields, indent + 4);
  }
}

std::string values_text(std::span<const ValueInfo> values) {
  if (values.empty()) { return {}; }
  std::size_t names = 0;
  std::size_t units = 0;
  for (const ValueInfo& value : values) {
    names = std::max(names, value.name.size());
    units = std::max(units, value.unit.size());
  }
  std::string text = fmt::format("\nValues\n{}\n", wrapped(kValueNames, 2));
  for (const ValueInfo& value : values) {
    text += fmt::format("  {:{}}  {:{}}  {}\n", value.name, names, value.unit, units, value.description);
  }
  return text;
}

Document port_document(const PortInfo& port) {
  Document document;
  document["name"] = port.name;
  document["kinds"] = kind_names(port.kinds);
  if (port.max_repeat > 1) { document["max_repeat"] = port.max_repeat; }
  document["description"] = port.description;
  return document;
}

Document number_document(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: up to here a whole number is written as one
  if (std::trunc(value) == value && std::fabs(value) <= kExact) { return static_cast<std::int64_t>(value); }
  return value;
}

std::string_view need_name(Need need) {
  switch (need) {
    case Need::defaulted:
      return "defaulted";
    case Need::optional:
      return "optional";
    case Need::required:
      return "required";
  }
  return {};
}

Document param_document(const ParamInfo& info) {
  Document document;
  document["name"] = info.name;
  document["type"] = to_string(info.type);
  if (!info.unit.empty()) { document["unit"] = info.unit; }
  if (info.type != ParamType::boolean) {
    if (std::isfinite(info.range.min)) { document["min"] = number_document(info.range.min); }
    if (std::isfinite(info.range.max)) { document["max"] = number_document(info.range.max); }
  }
  if (!info.choices.empty()) { document["choices"] = info.choices; }
  document["need"] = need_name(info.need);
  const Document fallback = default_document(info);
  if (!fallback.is_null()) { document["default"] = fallback; }
  document["live"] = info.live == Live::yes;
  document["description"] = info.description;
  for (const ParamInfo& field : info.fields) { document["fields"].push_back(param_document(field)); }
  return document;
}

// Index into nodes_by_task().
std::size_t task_of(const NodeInfo& info) {
  if (info.inputs.empty()) { return 0; }
  if (info.outputs.empty()) { return 4; }
  if (info.inputs.front().kinds != kAudioOnly) { return 3; }
  return info.outputs.front().kinds == kAudioOnly ? 1 : 2;
}

}  // namespace

Document default_document(const ParamInfo& info) {
  if (info.need != Need::defaulted) { return nullptr; }
  switch (info.type) {
    case ParamType::number:
    case ParamType::integer:
      return number_document(info.default_number);
    case ParamType::boolean:
      return info.default_number != 0.0;
    case ParamType::choice:
    case ParamType::text:
      return info.default_text;
    default:
      return nullptr;
  }
}

std::string describe_param(const ParamInfo& info) {
  std::string text(to_string(info.type));
  if (info.type == ParamType::choice) {
    std::vector<std::string> quoted;
    for (const std::string_view choice : info.choices) { quoted.push_back(fmt::format("\"{}\"", choice)); }
    text = fmt::format("{}", fmt::join(quoted, ", "));
  } else if (info.type != ParamType::boolean &&
             (std::isfinite(info.range.min) || std::isfinite(info.range.max))) {
    text += ", " + describe_range(info);
  } else if (!info.unit.empty()) {
    text += fmt::format(", {}", info.unit);
  }
  if (info.need == Need::required) { text += ", required"; }
  if (info.need == Need::optional) { text += ", optional"; }
  const Document fallback = default_document(info);
  if (!fallback.is_null() && fallback != "") { text += ", default " + fallback.dump(); }
  if (info.live == Live::yes) { text += ", live"; }
  return text;
}

std::string describe_rule(const ParamRule& rule) {
  const auto list = [](std::span<const std::string_view> names) {
    return fmt::format("{}", fmt::join(names, ", "));
  };
  const std::string params = list(rule.params);
  switch (rule.kind) {
    case ParamRule::Kind::at_least_one:
      return "at least one of " + params;
    case ParamRule::Kind::at_most_one:
      return "only one of " + params;
    case ParamRule::Kind::together:
      return fmt::format("{}: all of them, or none", params);
    case ParamRule::Kind::only_with:
      return fmt::format("{}: only with {}{}", params, rule.others.size() > 1 ? "one of " : "",
                         list(rule.others));
    case ParamRule::Kind::only_if:
      return fmt::format("{}: only with {} {}", params, rule.choice, list(rule.others));
    case ParamRule::Kind::needed_if:
      return fmt::format("{}: needed with {} {}", params, rule.choice, list(rule.others));
  }
  return {};
}

std::vector<NodeTask> nodes_by_task(const NodeCatalog& catalog) {
  std::vector<NodeTask> tasks{{"Bring sound or blocks in", {}},
                              {"Change sound", {}},
                              {"Measure sound", {}},
                              {"Choose, gather, join and pace blocks of any kind", {}},
                              {"Give sound and results out", {}}};
  for (const NodeEntry* entry : catalog.entries()) {
    tasks[task_of(entry->info)].nodes.push_back(&entry->info);
  }
  for (NodeTask& task : tasks) {
    std::sort(task.nodes.begin(), task.nodes.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
  }
  return tasks;
}

std::string describe_nodes(const NodeCatalog& catalog) {
  std::size_t width = 0;
  for (const NodeEntry* entry : catalog.entries()) { width = std::max(width, entry->info.name.size()); }
  std::string text;
  for (const NodeTask& task : nodes_by_task(catalog)) {
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", task.title);
    for (const NodeInfo* info : task.nodes) {
      text += fmt::format("  {:{}}  {}\n", info->name, width, info->description);
    }
  }
  return text;
}

std::string describe_node(const NodeInfo& info) {
  std::string text = fmt::format("{}\n{}\n", info.name, wrapped(info.description, 2));
  text += ports_text("Inputs", info.inputs);
  if (info.input_mode == InputMode::separate) {
    text += "  The inputs need not begin, end or come at the same pace.\n";
  }
  text += ports_text("Outputs", info.outputs);
  text += "\nParameters\n";
  if (info.params.empty()) { text += "  none\n"; }
  append_params(text, info.params, 2);
  for (const ParamRule& rule : info.rules) { text += wrapped(describe_rule(rule), 2) + "\n"; }
  text += values_text(info.values);
  if (!info.details.empty()) { text += fmt::format("\nDetails\n{}\n", wrapped(info.details, 2)); }
  if (!info.at_gap.empty()) {
    text += fmt::format("\nWhere frames are missing\n{}\n", wrapped(info.at_gap, 2));
  }
  text += fmt::format("\nReal time\n  {}\n", info.rt_safe == RtSafe::yes
                                                 ? "may run on the device's real-time thread"
                                                 : "never runs on the device's real-time thread");
  if (!info.example.empty()) { text += fmt::format("\nExample\n  {}\n", info.example); }
  return text;
}

Document node_document(const NodeInfo& info) {
  Document document;
  document["name"] = info.name;
  document["description"] = info.description;
  document["inputs"] = Document::array();
  document["outputs"] = Document::array();
  document["params"] = Document::array();
  for (const PortInfo& port : info.inputs) { document["inputs"].push_back(port_document(port)); }
  for (const PortInfo& port : info.outputs) { document["outputs"].push_back(port_document(port)); }
  for (const ParamInfo& param : info.params) { document["params"].push_back(param_document(param)); }
  for (const ParamRule& rule : info.rules) { document["rules"].push_back(describe_rule(rule)); }
  for (const ValueInfo& value : info.values) {
    document["values"].push_back(
        {{"name", value.name}, {"unit", value.unit}, {"description", value.description}});
  }
  document["input_mode"] = info.input_mode == InputMode::separate ? "separate" : "joined";
  document["real_time_safe"] = info.rt_safe == RtSafe::yes;
  document["at_gap"] = info.at_gap;
  document["details"] = info.details;
  if (!info.example.empty()) { document["example"] = Document::parse(info.example, nullptr, false, true); }
  return document;
}

}  // namespace streamlab
