// engine/graph/describe_reference.cpp
//
// The reference manual in Markdown: the configuration, then every node in the order of its name.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/graph/describe.hpp"
#include "engine/graph/parse_config.hpp"

namespace streamlab {
namespace {

// A cell of a table: no bars, no line ends.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') { result += '\\'; }
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

void append_rows(std::string& text, std::span<const ParamInfo> params, const std::string& prefix) {
  for (const ParamInfo& param : params) {
    text += fmt::format("| `{}{}` | {} | {} |\n", prefix, param.name, cell(describe_param(param)),
                        cell(param.description));
    append_rows(text, param.fields, fmt::format("{}{}.", prefix, param.name));
  }
}

std::string param_table(std::span<const ParamInfo> params) {
  std::string text = "| key | value | meaning |\n|---|---|---|\n";
  append_rows(text, params, "");
  return text;
}

void append_ports(std::string& text, std::string_view title, std::span<const PortInfo> ports) {
  for (const PortInfo& port : ports) {
    text += fmt::format("- {} `{}{}`: {}\n", title, port.name, port.max_repeat > 1 ? "1, …" : "",
                        port.description);
  }
}

std::string value_table(std::span<const ValueInfo> values) {
  std::string text = fmt::format("\n{}\n\n| value | unit | meaning |\n|---|---|---|\n", kValueNames);
  for (const ValueInfo& value : values) {
    text += fmt::format("| `{}` | {} | {} |\n", value.name, value.unit, cell(value.description));
  }
  return text;
}

std::string node_chapter(const NodeInfo& info) {
  std::string text = fmt::format("### {}\n\n{}\n\n", info.name, info.description);
  append_ports(text, "input", info.inputs);
  if (info.input_mode == InputMode::separate) {
    text += "- the inputs need not begin, end or come at the same pace\n";
  }
  append_ports(text, "output", info.outputs);
  text += info.rt_safe == RtSafe::yes ? "- may run on the device's real-time thread\n"
                                      : "- never runs on the device's real-time thread\n";
  if (!info.at_gap.empty()) { text += fmt::format("- where frames are missing: {}\n", info.at_gap); }
  if (!info.params.empty()) { text += fmt::format("\n{}", param_table(info.params)); }
  if (!info.rules.empty()) { text += "\n"; }
  for (const ParamRule& rule : info.rules) { text += fmt::format("- {}\n", describe_rule(rule)); }
  if (!info.values.empty()) { text += value_table(info.values); }
  if (!info.details.empty()) { text += fmt::format("\n{}\n", info.details); }
  if (!info.example.empty()) { text += fmt::format("\n```json\n{}\n```\n", info.example); }
  return text + "\n";
}

std::string task_index(const NodeCatalog& catalog) {
  std::string text;
  for (const NodeTask& task : nodes_by_task(catalog)) {
    text += fmt::format("\n### {}\n\n| node | what it does |\n|---|---|\n", task.title);
    for (const NodeInfo* info : task.nodes) {
      std::string anchor(info->name);
      std::transform(anchor.begin(), anchor.end(), anchor.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      text += fmt::format("| [{}](#{}) | {} |\n", info->name, anchor, cell(info->description));
    }
  }
  return text;
}

constexpr std::string_view kIntroduction = R"(# The configuration

A configuration is a JSON file, in which comments and a comma behind the last item are allowed, or the same in YAML
(`.yaml`, `.yml`). `streamlab schema` prints its JSON Schema, for editors; `"$schema"` may say where that is.
This page is made from the program's own descriptions: `streamlab nodes --markdown`.

```jsonc
{
  "version": 1,                          // may be left out
  "title": "Level of a tone",            // for people
  "variables": { "hz": 440 },            // defaults of ${hz}; --set hz=880 changes it. The program gives ${now},
                                         // the time of its start: 2026-11-30_14-03-21
  "pipeline_config": { "sample_rate": 48000, "duration_s": 2 },
  "nodes": [
    { "id": "tone",  "type": "SineGenerator", "config": { "frequency": "${hz}" } },
    { "id": "level", "type": "LevelMeter" },
    { "id": "show",  "type": "Print",         "config": { "label": "Level" } }
  ],
  "connections": [
    { "from": "tone", "to": "level" },
    { "from": "level", "to": "show" }
  ]
}
```

- `"from"` and `"to"` name a node or one of its ports, `"node.port"`. Several connections may leave a port;
  one connection enters a port.
- A connection may have a `policy` (`block`, `drop_oldest`, `drop_newest`, `drop_buffer`, `latest`, `fail`: what
  happens when it is full) and a `capacity` in blocks. Both count only between threads.
- An output can have a name: `{"from": "mic", "channel": "raw"}`. Its readers then say
  `{"channel": "raw", "to": "spec"}`, and C++ can subscribe to `raw` while the graph runs. A channel has one
  writer and any number of readers. `policy` and `capacity` of a reader count for it, those of the writer for
  readers that name none and for subscribers.
- `${name}` in any text is replaced by a variable, `${env:NAME}` by the environment. A text that is nothing
  but one variable takes the variable's type; within a longer text stands what was given, letter by letter.
  `streamlab batch` gives a file's own: `${input}` (its path), `${dir}`, `${stem}` (its name without folder and
  ending), `${ext}`, `${index}` (from 1); values of `--set` may hold them: `--set 'output=${stem}_eq.wav'`.
- YAML is YAML 1.2 with its core schema: `+3`, `.5`, `0x10`, `0o17`, `True` and `~` are a number, a number,
  16, 15, true and null; `yes` and `on` are texts; `!!str 5` is a text, `!!float 3` a number. Values of `--set`
  are read the same way, but `null` and nothing at all are texts there, and so is every value of a variable
  whose default is a text.
- Unknown keys, types, ports and parameters are errors, all reported together, each with its place.
)";

}  // namespace

std::string config_reference(const NodeCatalog& catalog) {
  std::string text(kIntroduction);
  text += "\n## pipeline_config\n\n" + param_table(pipeline_config_params());
  text += "\n## Nodes by task\n" + task_index(catalog);
  text += "\n## Nodes\n\n";
  std::vector<const NodeInfo*> infos;
  for (const NodeEntry* entry : catalog.entries()) { infos.push_back(&entry->info); }
  std::sort(infos.begin(), infos.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const NodeInfo* info : infos) { text += node_chapter(*info); }
  text.pop_back();  // one line end at the end of the file
  return text;
}

}  // namespace streamlab
