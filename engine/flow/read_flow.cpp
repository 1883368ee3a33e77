// engine/flow/read_flow.cpp
#include "engine/flow/read_flow.hpp"

#include <array>
#include <span>

#include <fmt/format.h>

#include "engine/base/byte_codec.hpp"
#include "engine/flow/flow_params.hpp"
#include "engine/graph/document_reader.hpp"
#include "engine/graph/read_params.hpp"

namespace streamlab {
namespace {

constexpr std::array<std::string_view, 7> kTopKeys{"$schema",  "version", "title", "variables",
                                                   "settings", "nodes",   "edges"};
constexpr std::array<StreamDirection, 5> kDirections{StreamDirection::stdin_, StreamDirection::stdout_,
                                                     StreamDirection::stderr_, StreamDirection::fifo_in,
                                                     StreamDirection::fifo_out};
constexpr const char* kChannelName = "the name of a channel";
constexpr const char* kStepName = "the name of a step";
constexpr std::array<std::string_view, 5> kDirectionNames{"stdin", "stdout", "stderr", "fifo_in", "fifo_out"};

std::optional<std::string> optional_text(const ParamValues& values, std::size_t index) {
  return values.has_value(index) ? std::optional(values.text(index)) : std::nullopt;
}
std::optional<std::size_t> optional_size(const ParamValues& values, std::size_t index) {
  return values.has_value(index) ? std::optional(static_cast<std::size_t>(values[index])) : std::nullopt;
}
// The enumerators are in the order of the choices.
template <class Enum>
std::optional<Enum> optional_choice(const ParamValues& values, std::size_t index) {
  return values.has_value(index) ? std::optional(static_cast<Enum>(values.choice(index))) : std::nullopt;
}
// The values of a nested object, or its defaults.
ParamValues member(const ParamValues& values, std::size_t index, std::span<const ParamInfo> infos) {
  const auto& given = values.objects(index);
  return given.empty() ? ParamValues(infos) : given.front();
}

class FlowReader : private DocumentReader {
 public:
  using DocumentReader::DocumentReader;

  FlowSpec read(const Document& document) {
    FlowSpec spec;
    if (!document.is_object()) {
      add("", fmt::format("the document is {}", article(document)), "an object with \"nodes\" and \"edges\"");
      return spec;
    }
    check_keys(document, "", kTopKeys);
    check_schema_key(document);
    if (document.contains("version") && document["version"] != 1) {
      add("/version", fmt::format("{} is not a version that this program reads", shown(document["version"])),
          "1");
    }
    if (document.contains("title")) { spec.title = text(document["title"], "/title"); }
    if (document.contains("settings")) { read_settings(document["settings"], spec.settings); }
    read_list(document, "nodes", [&](const Document& item, const std::string& pointer) {
      spec.steps.push_back(read_step(item, pointer));
    });
    read_list(document, "edges", [&](const Document& item, const std::string& pointer) {
      spec.edges.push_back(read_edge(item, pointer));
    });
    spec.fingerprint = fingerprint(document);
    return spec;
  }

 private:
  static std::string fingerprint(Document document) {
    document.erase("$schema");
    if (document.contains("nodes") && document["nodes"].is_array()) {
      for (Document& node : document["nodes"]) {
        if (!node.is_object() || !node.contains("env") || !node["env"].is_object()) { continue; }
        for (auto& item : node["env"].items()) { item.value() = nullptr; }
      }
    }
    const std::string text = document.dump();
    return fmt::format("{:016x}", fnv1a(std::as_bytes(std::span(text))));
  }

  void read_settings(const Document& object, FlowSettings& settings) {
    if (!check_object(object, "/settings")) { return; }
    const ParamValues values = read_params(object, flow_settings_params(), "/settings", errors());
    const ParamValues parallel = member(values, flow_settings::kParallel, flow_parallel_params());
    const ParamValues streams = member(parallel, flow_parallel::kStreams, flow_stream_settings_params());
    const ParamValues state = member(values, flow_settings::kState, flow_state_params());
    settings.merge = static_cast<MergeRule>(values.choice(flow_settings::kMerge));
    settings.strategy = static_cast<ParallelStrategy>(parallel.choice(flow_parallel::kStrategy));
    if (parallel.has_value(flow_parallel::kMaxSteps)) {
      settings.max_steps = static_cast<std::uint32_t>(parallel[flow_parallel::kMaxSteps]);
    }
    settings.streams_enabled = streams.flag(flow_streams::kEnabled);
    settings.buffer_bytes = static_cast<std::size_t>(streams[flow_streams::kBufferSize]);
    if (streams.has_value(flow_streams::kTimeout)) {
      settings.stream_timeout_s = streams[flow_streams::kTimeout];
    }
    settings.count = static_cast<StreamCount>(streams.choice(flow_streams::kCount));
    settings.max_state_bytes = static_cast<std::size_t>(state[flow_state::kMaxBytes]);
  }

  // A member that may be left out, but not be empty.
  void refuse_empty(const Document& object, const std::string& pointer, const std::string& key,
                    const char* expected) {
    if (object.contains(key) && object[key] == "") {
      add(pointer + "/" + key, "this must not be empty", expected);
    }
  }
  StepSpec read_step(const Document& object, const std::string& pointer) {
    const std::size_t before = errors().size();
    const ParamValues values = read_params(object, flow_step_params(), pointer, errors());
    StepSpec step;
    step.pointer = pointer;
    step.name = optional_text(values, flow_step::kName).value_or("");
    refuse_empty(object, pointer, "name", "letters, digits, \"_\" and \"-\"");
    const bool runs_nothing =
        !object.contains("run") && !object.contains("command") && !object.contains("graph");
    if (!runs_nothing) {
      read_what_runs(object, values, pointer, step);
    } else if (errors().size() == before) {  // otherwise one of them was most likely mistyped
      add(pointer, "the step has nothing to run",
          "\"run\", a script; \"command\", a program and its arguments; or \"graph\", a configuration");
    }
    if (object.contains("set")) { step.variables = read_variables(object["set"], pointer + "/set"); }
    if (object.contains("streams")) { step.streams = read_streams(object["streams"], pointer + "/streams"); }
    if (object.contains("env")) { step.environment = read_environment(object["env"], pointer + "/env"); }
    step.folder = optional_text(values, flow_step::kCwd).value_or("");
    if (values.has_value(flow_step::kTimeout)) { step.timeout_s = values[flow_step::kTimeout]; }
    if (const auto& retry = values.objects(flow_step::kRetry); !retry.empty()) {
      step.retry = read_retry(retry.front(), pointer + "/retry");
    }
    step.interrupts_after = values.flag(flow_step::kInterruptAfter);
    step.state_required = values.choice(flow_step::kState) == 1;
    if (step.kind == StepSpec::Kind::graph && step.state_required) {
      add(pointer + "/state", "a graph returns no state", "\"optional\"");
    }
    return step;
  }
  void read_what_runs(const Document& object, const ParamValues& values, const std::string& pointer,
                      StepSpec& step) {
    std::vector<std::string_view> given;
    for (const char* key : {"run", "command", "graph"}) {
      if (object.contains(key)) { given.emplace_back(key); }
    }
    if (given.size() > 1) {
      add(pointer + "/" + std::string(given[1]),
          fmt::format("\"{}\" is already given: a step runs only one thing", given[0]), "only one of them");
    }
    if (object.contains("shell") && !object.contains("run")) {
      add(pointer + "/shell", "\"shell\" needs a \"run\"", "\"run\" with a script");
    }
    if (object.contains("set") && !object.contains("graph")) {
      add(pointer + "/set", "\"set\" needs a \"graph\"", "\"env\", for scripts and commands");
    }
    if (object.contains("run")) {
      step.kind = StepSpec::Kind::script;
      step.script = optional_text(values, flow_step::kRun).value_or("");
      step.shell = values.text(flow_step::kShell);
      check_shell(step.shell, pointer + "/shell");
    } else if (object.contains("command")) {
      step.command = read_command(object["command"], pointer + "/command");
    } else if (object.contains("graph")) {
      step.kind = StepSpec::Kind::graph;
      step.graph = optional_text(values, flow_step::kGraph).value_or("");
      refuse_empty(object, pointer, "graph", "the path of a configuration");
    }
  }
  void check_shell(const std::string& shell, const std::string& where) {
    constexpr std::array<std::string_view, 3> kShells{"python", "sh", "bash"};
    if (shell.starts_with('/') || std::find(kShells.begin(), kShells.end(), shell) != kShells.end()) {
      return;
    }
    add(where, fmt::format("there is no shell \"{}\"", shell),
        "\"python\", \"sh\", \"bash\" or an absolute path", did_you_mean(shell, kShells));
  }
  std::vector<std::string> read_command(const Document& value, const std::string& pointer) {
    constexpr const char* kExpected = "a program and its arguments in brackets: [\"sox\", \"in.wav\", \"-\"]";
    if (!value.is_array()) {
      add(pointer, fmt::format("this is {}", article(value)), kExpected,
          value.is_string() ? "a line for a shell is \"run\" with \"shell\": \"sh\"" : "");
      return {};
    }
    if (value.empty() || value.front() == "") { add(pointer, "there is no program in it", kExpected); }
    std::vector<std::string> command;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string where = fmt::format("{}/{}", pointer, i);
      command.push_back(word(value[i], where));
    }
    return command;
  }
  // A text, or a number or flag as written.
  std::string word(const Document& value, const std::string& where) {
    const bool is_word = value.is_number() || value.is_boolean();
    return without_null(is_word ? value.dump() : text(value, where), where);
  }
  std::string without_null(std::string value, const std::string& where) {
    if (value.find('\0') != std::string::npos) {
      add(where, "it contains a NUL character, which would end it");
    }
    return value;
  }
  std::vector<std::pair<std::string, std::string>> read_variables(const Document& object,
                                                                  const std::string& pointer) {
    std::vector<std::pair<std::string, std::string>> variables;
    if (!check_object(object, pointer)) { return variables; }
    for (const auto& [name, value] : object.items()) {
      variables.emplace_back(name, word(value, pointer + "/" + pointer_token(name)));
    }
    return variables;
  }
  // No message may show a value.
  std::vector<std::pair<std::string, std::string>> read_environment(const Document& object,
                                                                    const std::string& pointer) {
    std::vector<std::pair<std::string, std::string>> variables;
    if (!check_object(object, pointer)) { return variables; }
    for (const auto& [name, value] : object.items()) {
      const std::string where = pointer + "/" + pointer_token(name);
      if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        add(where, fmt::format("\"{}\" is not a valid name of an environment variable", name),
            "a name without \"=\"");
      } else if (name.starts_with("STREAMLAB_")) {
        add(where, "names that begin with STREAMLAB_ are reserved", "another name");
      } else if (!value.is_string()) {
        add(where, fmt::format("the value is {}", article(value)), "a text in quotes");
      } else {
        variables.emplace_back(name, without_null(value.get<std::string>(), where));
      }
    }
    return variables;
  }
  std::vector<StepStream> read_streams(const Document& object, const std::string& pointer) {
    std::vector<StepStream> streams;
    if (!check_object(object, pointer)) { return streams; }
    check_keys(object, pointer, kDirectionNames);
    for (std::size_t i = 0; i < kDirections.size(); ++i) {
      const std::string key(kDirectionNames[i]);
      if (!object.contains(key)) { continue; }
      StepStream stream;
      stream.direction = kDirections[i];
      stream.pointer = pointer + "/" + key;
      const Document& value = object[key];
      if (value.is_string()) {
        stream.channel = name(value, stream.pointer, kChannelName);
      } else if (value.is_object()) {
        read_stream(read_params(value, flow_stream_params(), stream.pointer, errors()), stream);
        refuse_empty(value, stream.pointer, "channel", kChannelName);
      } else {
        add(stream.pointer, fmt::format("this is {}", article(value)),
            "the name of a channel, or an object with \"channel\"");
      }
      streams.push_back(std::move(stream));
    }
    return streams;
  }
  void read_stream(const ParamValues& values, StepStream& stream) {
    stream.channel = optional_text(values, flow_stream::kChannel).value_or("");
    if (values.has_value(flow_stream::kPolicy)) {
      stream.policy = parse_overflow_policy(values.text(flow_stream::kPolicy));
    }
    stream.buffer_bytes = optional_size(values, flow_stream::kBufferSize);
    stream.unit_bytes = optional_size(values, flow_stream::kUnitBytes);
    const bool is_consumer = is_input(stream.direction);
    if (stream.policy && !is_consumer) {
      add(stream.pointer + "/policy", "only a consumer of a channel can have a policy", "none here");
    }
    if (stream.unit_bytes && stream.policy != OverflowPolicy::drop_oldest) {
      add(stream.pointer + "/unit_bytes", "\"unit_bytes\" needs the policy \"drop_oldest\"",
          "\"policy\": \"drop_oldest\"");
    }
  }
  RetrySpec read_retry(const ParamValues& values, const std::string& pointer) {
    RetrySpec retry;
    if (values.has_value(flow_retry::kAttempts)) {
      retry.attempts = static_cast<std::uint32_t>(values[flow_retry::kAttempts]);
    }
    retry.backoff_ms = values[flow_retry::kBackoff];
    retry.backoff_factor = values[flow_retry::kFactor];
    retry.max_backoff_ms = values[flow_retry::kMaxBackoff];
    if (retry.max_backoff_ms < retry.backoff_ms) {
      add(pointer + "/max_backoff_ms",
          fmt::format("{} ms is shorter than the first wait", retry.max_backoff_ms),
          fmt::format("at least backoff_ms, {} ms", retry.backoff_ms));
    }
    return retry;
  }

  EdgeSpec read_edge(const Document& object, const std::string& pointer) {
    const ParamValues values = read_params(object, flow_edge_params(), pointer, errors());
    EdgeSpec edge;
    edge.pointer = pointer;
    edge.from_is_list = object.contains("from") && object["from"].is_array();
    edge.to_is_list = object.contains("to") && object["to"].is_array();
    edge.from = read_names(object, pointer, "from");
    edge.to = read_names(object, pointer, "to");
    edge.is_parallel = !values.has_value(flow_edge::kParallel) || values.flag(flow_edge::kParallel);
    edge.strategy = optional_choice<ParallelStrategy>(values, flow_edge::kStrategy);
    edge.mode = optional_choice<StreamMode>(values, flow_edge::kMode);
    edge.fan_in = optional_text(values, flow_edge::kFanIn);
    refuse_empty(object, pointer, "fan_in", kStepName);
    edge.merge = optional_choice<MergeRule>(values, flow_edge::kMerge);
    return edge;
  }
  std::vector<std::string> read_names(const Document& object, const std::string& pointer, const char* key) {
    if (!object.contains(key)) { return {}; }
    const Document& value = object[key];
    const std::string where = fmt::format("{}/{}", pointer, key);
    if (!value.is_array()) { return {name(value, where, kStepName)}; }
    if (value.empty()) { add(where, "the list is empty", "names of steps"); }
    std::vector<std::string> names;
    for (std::size_t i = 0; i < value.size(); ++i) {
      names.push_back(name(value[i], fmt::format("{}/{}", where, i), kStepName));
    }
    return names;
  }
};

}  // namespace

bool is_flow(const Document& document) {
  return document.is_object() && (document.contains("edges") || document.contains("settings"));
}

void replace_flow_variables(Document& document, const Variables& given, Errors& errors) {
  std::vector<std::pair<std::size_t, Document>> scripts;  // index of the node, its `run`
  const bool has_nodes = document.is_object() && document.contains("nodes") && document["nodes"].is_array();
  for (std::size_t i = 0; has_nodes && i < document["nodes"].size(); ++i) {
    Document& node = document["nodes"][i];
    if (node.is_object() && node.contains("run")) {
      scripts.emplace_back(i, std::exchange(node["run"], Document("")));
    }
  }
  replace_variables(document, given, errors);
  for (auto& [index, script] : scripts) { document["nodes"][index]["run"] = std::move(script); }
}

FlowSpec read_flow_spec(const Document& document, Errors& errors) {
  return FlowReader(errors).read(document);
}

}  // namespace streamlab
