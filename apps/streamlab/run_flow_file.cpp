// apps/streamlab/run_flow_file.cpp
//
// streamlab run and streamlab check of a flow.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/flow_file.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/plugin_files.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/base/printable.hpp"
#include "engine/base/real_path.hpp"
#include "engine/flow/flow_checkpoint.hpp"
#include "engine/flow/step_programs.hpp"

namespace streamlab::app {
namespace {

// What "--state" was given: JSON, or "@FILE".
Result<Document> given_state(const std::string& text) {
  if (text.empty()) { return Document::object(); }
  if (!text.starts_with("@")) { return read_state(text, "--state"); }
  const auto content = read_config_file(text.substr(1));
  if (!content) { return tl::unexpected(content.error()); }
  return read_state(*content, text.substr(1));
}

std::string folder_of(const std::string& path) {
  return path == "-" ? std::string() : std::filesystem::path(path).parent_path().string();
}

FileUses files_of_flow(const ConfigArguments& config, const std::string& state) {
  FileUses files;
  if (config.path != "-") { files.reads(config.path, "is this flow"); }
  if (state.starts_with("@")) { files.reads(state.substr(1), "is the state that was given"); }
  return files;
}

// The graphs of steps, by step.
using StepGraphs = std::map<std::size_t, ValidGraph>;

std::string graph_path(const FlowStep& step, const std::string& folder) {
  return in_folder(folder, step.spec.graph);
}
std::string graph_place(const FlowStep& step, const std::string& folder, const std::string& where) {
  return fmt::format("{}/graph: {}{}{}", step.spec.pointer, graph_path(step, folder),
                     where.empty() ? "" : ": ", where);
}

// Checked as "run" would.
StepGraphs load_graphs(const ValidFlow& flow, const std::string& folder, const NodeCatalog& catalog,
                       Errors& errors) {
  StepGraphs graphs;
  for (std::size_t s = 0; s < flow.steps().size(); ++s) {
    const FlowStep& step = flow.steps()[s];
    if (step.spec.kind != StepSpec::Kind::graph) { continue; }
    ConfigArguments graph;
    graph.path = graph_path(step, folder);
    graph.catalog = catalog;
    for (const auto& [name, value] : step.spec.variables) { graph.variables[name] = value; }
    auto loaded = check_config(graph);
    if (loaded) {
      if (Errors formats = check_stdout_formats(*loaded, false); !formats.empty()) {
        loaded = tl::unexpected(std::move(formats));
      }
    }
    if (loaded) {
      graphs.emplace(s, *std::move(loaded));
      continue;
    }
    for (Error& error : loaded.error()) {
      error.where = graph_place(step, folder, error.where);
      errors.push_back(std::move(error));
    }
  }
  return graphs;
}

// May both run at one time?
bool are_simultaneous(const ValidFlow& flow, std::size_t a, std::size_t b) {
  return flow.steps()[a].group == flow.steps()[b].group ||
         !(flow.is_upstream(a, b) || flow.is_upstream(b, a));
}

// What the graphs of steps would write over: `files`, each other's outputs and, of those that run at the same
// time, inputs.
Errors check_flow_files(const ValidFlow& flow, const std::string& folder, const StepGraphs& graphs,
                        FileUses files) {
  for (const auto& [s, graph] : graphs) {
    files.reads(graph_path(flow.steps()[s], folder), "is a graph of this flow");
  }
  Errors errors;
  for (const auto& [s, graph] : graphs) {
    const FlowStep& step = flow.steps()[s];
    FileUses others = files;
    for (const auto& [t, other] : graphs) {
      if (t == s || !are_simultaneous(flow, s, t)) { continue; }
      const StepSpec& spec = flow.steps()[t].spec;
      reads_all(others, other, fmt::format("is read by {} at the same time", spec.name), spec.folder);
      if (t > s) { continue; }  // then it is told there
      for (const WrittenFile& file : written_files(other)) {
        // Where two of them clash, their own graph has told.
        static_cast<void>(others.writes(in_folder(spec.folder, file.path),
                                        fmt::format("is written by {} at the same time", spec.name)));
      }
    }
    for (const WrittenFile& file : written_files(graph)) {
      const auto clash = others.writes(in_folder(step.spec.folder, file.path), "");
      if (!clash || clash->empty()) { continue; }  // within the graph: its own check has told
      Errors error{
          {ErrorCode::refused, file.where, fmt::format("\"{}\" {}", file.path, *clash), "another file", ""}};
      graph.name_nodes(error);
      error.front().where = graph_place(step, folder, file.where);
      errors.push_back(std::move(error.front()));
    }
  }
  return errors;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 10'000'000) { return counted(bytes, "byte"); }
  if (bytes < 10'000'000'000) { return fmt::format("{:.1f} MB", 1e-6 * static_cast<double>(bytes)); }
  return fmt::format("{:.2f} GB", 1e-9 * static_cast<double>(bytes));
}

std::string step_line(const StepReport& step) {
  std::string text = fmt::format("{}: {}", step.name, to_string(step.outcome));
  if (step.end) {
    if (!step.end->is_success()) { text += fmt::format(", {}", describe(*step.end)); }
    if (step.lost_data) { text += " (data was lost)"; }
    text += fmt::format(", {}", spoken_time(step.end->wall_s));
    if (step.end->left_processes) { text += ", left processes behind, which were ended"; }
  }
  if (step.attempts > 1) { text += fmt::format(", attempt {}", step.attempts); }
  return text + "\n";
}

std::string channel_line(const ChannelReport& channel, bool counts_lines) {
  std::string text = fmt::format("channel {}: ", channel.name);
  if (channel.is_counted) { text += bytes_text(channel.relay.bytes) + ", "; }
  if (counts_lines && channel.is_counted) { text += counted(channel.relay.lines, "line") + ", "; }
  text += fmt::format("{}, pipes of {}", channel.mode == StreamMode::direct ? "direct" : "broadcast",
                      bytes_text(channel.granted_bytes));
  for (const auto& consumer : channel.relay.consumers) {
    if (consumer.dropped_bytes > 0) {
      text += fmt::format("; {} dropped for {}", bytes_text(consumer.dropped_bytes), consumer.name);
    }
    if (consumer.left_early) { text += fmt::format("; {} left before its end", consumer.name); }
    if (consumer.lost_bytes > 0) {
      text += fmt::format("; {} lost for {}", bytes_text(consumer.lost_bytes), consumer.name);
    }
  }
  return text + "\n";
}

Document step_document(const StepReport& step) {
  Document document{{"type", "step"},
                    {"name", step.name},
                    {"outcome", to_string(step.outcome)},
                    {"attempts", step.attempts},
                    {"gave_state", step.gave_state},
                    {"lost_data", step.lost_data}};
  if (!step.end) { return document; }
  const ChildEnd& end = *step.end;
  document["exit_status"] = end.signal == 0 ? Document(end.exit_status) : Document(nullptr);
  document["signal"] = end.signal == 0 ? Document(nullptr) : Document(end.signal);
  document["wall_s"] = end.wall_s;
  document["user_s"] = end.user_s;
  document["system_s"] = end.system_s;
  document["stderr_bytes"] = end.stderr_bytes;
  document["stderr_lines"] = end.stderr_lines;
  document["left_processes"] = end.left_processes;
  return document;
}

Document channel_document(const ChannelReport& channel, bool counts_lines) {
  Document consumers = Document::array();
  for (const auto& consumer : channel.relay.consumers) {
    Document document{{"name", consumer.name}};
    if (channel.is_counted) {
      document["bytes"] = consumer.bytes;
      document["dropped_bytes"] = consumer.dropped_bytes;
      document["lost_bytes"] = consumer.lost_bytes;
      document["left_early"] = consumer.left_early;
    }
    consumers.push_back(std::move(document));
  }
  const bool has_lines = channel.is_counted && counts_lines;
  return {{"type", "channel"},
          {"name", channel.name},
          {"mode", channel.mode == StreamMode::direct ? "direct" : "broadcast"},
          {"pipe_bytes", channel.granted_bytes},
          {"bytes", channel.is_counted ? Document(channel.relay.bytes) : Document(nullptr)},
          {"lines", has_lines ? Document(channel.relay.lines) : Document(nullptr)},
          {"consumers", std::move(consumers)}};
}

bool has_lost_data(const ChannelReport& channel) {
  return std::any_of(channel.relay.consumers.begin(), channel.relay.consumers.end(),
                     [](const auto& consumer) { return consumer.dropped_bytes > 0; });
}
bool has_lost_data(const FlowReport& report) {
  return std::any_of(report.channels.begin(), report.channels.end(),
                     [](const ChannelReport& channel) { return has_lost_data(channel); }) ||
         std::any_of(report.steps.begin(), report.steps.end(),
                     [](const StepReport& step) { return step.lost_data; });
}

// What a flow is told on its command line that only graphs understand, or that contradicts itself.
Errors refuse_options(const RunArguments& arguments) {
  Errors errors;
  const auto refuse = [&](const char* option) {
    errors.push_back({ErrorCode::refused, option, "a flow has no such limit", "",
                      "\"timeout\" of a step or of settings.parallel.streams"});
  };
  if (arguments.seconds > 0.0) { refuse("--seconds"); }
  if (arguments.frames > 0) { refuse("--frames"); }
  if (arguments.resume && !arguments.state.empty()) {
    errors.push_back({ErrorCode::refused, "--state", "the flow goes on with the state that was saved",
                      "either --state or --resume", ""});
  }
  return errors;
}

std::string own_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "streamlab" : path.string();
}

// Ctrl-C, and a second one, looked for while the flow runs on the main thread: its children belong to that one.
class InterruptWatch {
 public:
  InterruptWatch(std::stop_source& stop, std::stop_source& stop_now)
      : thread_([&stop, &stop_now](const std::stop_token& over) {
          std::mutex mutex;
          std::condition_variable_any none;  // only the flow's end wakes it
          std::unique_lock lock(mutex);
          while (!over.stop_requested()) {
            if (interrupted()) { stop.request_stop(); }
            if (interrupted_again()) {
              stop_now.request_stop();
              return;
            }
            none.wait_for(lock, over, std::chrono::milliseconds(50), [] { return false; });
          }
        }) {}

 private:
  std::jthread thread_;
};

void show_report(const FlowReport& report, const ValidFlow& flow, const RunArguments& arguments) {
  const bool counts_lines = flow.settings().count == StreamCount::lines;
  if (arguments.json) {
    for (const StepReport& step : report.steps) { print_json_line(step_document(step)); }
    for (const ChannelReport& channel : report.channels) {
      print_json_line(channel_document(channel, counts_lines));
    }
  } else {
    for (const StepReport& step : report.steps) {
      if (arguments.quiet && step.lost_data) {
        to_stderr(step_line(step), Tone::warning);
      }  // else it was said as it ended
    }
    for (const ChannelReport& channel : report.channels) {
      const Tone tone = has_lost_data(channel) ? Tone::warning : Tone::plain;
      if (!arguments.quiet || tone == Tone::warning) { to_stderr(channel_line(channel, counts_lines), tone); }
    }
  }
}

}  // namespace

ExitCode run_flow_file(const RunArguments& arguments, const std::string& text) {
  const std::string name = name_of(arguments.config);
  const std::string folder = folder_of(arguments.config.path);
  const auto flow = load_flow(text, language_of(arguments.config.path), arguments.config.variables);
  if (!flow) { report(flow.error(), name); }
  Errors errors = refuse_options(arguments);
  if (!errors.empty()) { report(errors, ""); }
  if (!flow || !errors.empty()) { return ExitCode::refused; }
  const StepGraphs graphs = load_graphs(*flow, folder, arguments.config.catalog, errors);
  if (!errors.empty()) { return report(errors, name); }
  auto state = given_state(arguments.state);
  if (!state) { return report(state.error(), ""); }

  std::string save_path = arguments.save;
  if (save_path.empty()) {
    save_path = arguments.config.path == "-" ? "flow.progress" : arguments.config.path + ".progress";
  }
  const bool may_save = std::any_of(flow->steps().begin(), flow->steps().end(),
                                    [](const FlowStep& step) { return step.spec.interrupts_after; });
  FileUses files = files_of_flow(arguments.config, arguments.state);
  if (may_save || arguments.resume) {
    FileUses others = files;
    for (const auto& [s, graph] : graphs) {
      others.reads(graph_path(flow->steps()[s], folder), "is a graph of this flow");
      reads_all(others, graph, fmt::format("is read by {}", flow->steps()[s].spec.name),
                flow->steps()[s].spec.folder);
    }
    if (const auto clash = others.writes(save_path, "")) {
      return report({ErrorCode::refused, "--save", fmt::format("\"{}\" {}", save_path, *clash),
                     "another file for the progress", ""},
                    "");
    }
    files.reads(save_path, "takes the progress of this flow");
  }
  errors = check_flow_files(*flow, folder, graphs, files);
  if (!errors.empty()) { return report(errors, name); }
  FlowOptions options;
  options.state = std::move(*state);
  options.folder = folder;
  options.graph_command = {own_program(), "run", "--quiet"};
  if (arguments.force) { options.graph_command.emplace_back("--force"); }
  for (std::string& option : pass_plugins_on(arguments.plugins)) {
    options.graph_command.push_back(std::move(option));
  }
  bool is_unsaved = false;
  options.save = [&](const FlowProgress& progress) {
    auto saved = save_progress(save_path, *flow, progress);
    is_unsaved = !saved;
    return saved;
  };
  if (arguments.resume) {
    auto progress = load_progress(save_path, *flow);
    if (!progress) { return report(progress.error(), ""); }
    options.resume = std::move(*progress);
  }
  if (may_save) {
    const auto existing =
        arguments.resume || arguments.force ? ExistingProgress::replace : ExistingProgress::refuse;
    if (auto checked = check_progress_path(save_path, existing); !checked) {
      return report(checked.error(), "");
    }
  }
  if (!arguments.quiet && !arguments.json) {
    options.on_event = [](const FlowEvent& event) {
      if (event.kind != FlowEvent::Kind::started) {
        to_stderr(step_line(*event.step), event.step->lost_data ? Tone::warning : Tone::plain);
      }
    };
  }
  catch_signals();
  std::stop_source stop;
  std::stop_source stop_now;
  options.stop = stop.get_token();
  options.stop_now = stop_now.get_token();
  const auto result = [&] {
    const InterruptWatch watch(stop, stop_now);
    return run_flow(*flow, std::move(options));
  }();
  if (!result) { return report(result.error(), name); }

  show_report(*result, *flow, arguments);
  if (result->was_stopped) { to_stderr("stopped\n"); }
  ExitCode code = has_lost_data(*result) ? ExitCode::data_lost : ExitCode::success;
  if (!result->failures.empty()) {
    report(result->failures, name);
    code = ExitCode::failed;  // once it runs, whatever fails is the world's failure
  } else if (result->was_stopped) {
    code = ExitCode::failed;
  } else if (result->interrupted_after) {
    to_stderr(fmt::format("interrupted after {}; --resume goes on from {}\n", *result->interrupted_after,
                          printable(save_path)));
  } else if (arguments.resume) {
    std::error_code ignored;  // it has served; a file that stays does no harm
    std::filesystem::remove(real_path(save_path), ignored);
  }
  if (arguments.json) {
    print_json_line({{"type", "flow"},
                     {"success", result->is_success()},
                     {"interrupted_after",
                      result->interrupted_after ? Document(*result->interrupted_after) : Document(nullptr)},
                     {"wall_s", result->wall_s},
                     {"state", result->state}});
  } else if (result->is_success() || is_unsaved) {  // else what was done would be lost
    print_json(result->state);
  }
  return code;
}

namespace {

std::string what_runs(const FlowStep& step) {
  switch (step.spec.kind) {
    case StepSpec::Kind::script:
      return fmt::format("{} script", step.spec.shell);
    case StepSpec::Kind::command:
      return step.spec.command.front();
    case StepSpec::Kind::graph:
      return fmt::format("graph {}", step.spec.graph);
  }
  return {};
}

}  // namespace

ExitCode check_flow_file(const CheckArguments& arguments, const std::string& text) {
  const std::string name = name_of(arguments.config);
  const std::string folder = folder_of(arguments.config.path);
  const auto flow = load_flow(text, language_of(arguments.config.path), arguments.config.variables);
  if (!flow) { return report(flow.error(), name); }
  Errors errors;
  const StepGraphs graphs = load_graphs(*flow, folder, arguments.config.catalog, errors);
  if (errors.empty()) {
    errors = check_flow_files(*flow, folder, graphs, files_of_flow(arguments.config, {}));
  }
  if (!errors.empty()) { return report(errors, name); }
  if (const auto programs = step_programs(*flow); !programs) { return report(programs.error(), name); }

  Document groups = Document::array();
  std::string lines;
  std::size_t number = 0;
  for (const FlowGroup& group : flow->groups()) {
    Document steps = Document::array();
    lines += fmt::format("{}.", ++number);
    for (const std::size_t index : group.steps) {
      const FlowStep& step = flow->steps()[index];
      steps.push_back(step.spec.name);
      lines += fmt::format(" {} ({})", step.spec.name, what_runs(step));
    }
    lines += group.steps.size() > 1 ? ", at the same time\n" : "\n";
    Document channels = Document::array();
    for (const std::size_t index : group.channels) {
      const FlowChannel& channel = flow->channels()[index];
      Document consumers = Document::array();
      std::string to;
      for (const FlowChannel::End& end : channel.consumers) {
        consumers.push_back(flow->steps()[end.step].spec.name);
        to += fmt::format("{}{}", to.empty() ? "" : ", ", flow->steps()[end.step].spec.name);
      }
      const char* mode = channel.mode == StreamMode::direct ? "direct" : "broadcast";
      const std::string& producer = flow->steps()[channel.producer.step].spec.name;
      lines += fmt::format("   channel {}: {} -> {}, {}, pipes of {}\n", channel.name, producer, to, mode,
                           bytes_text(channel.buffer_bytes));
      channels.push_back({{"name", channel.name},
                          {"producer", producer},
                          {"consumers", std::move(consumers)},
                          {"mode", mode},
                          {"pipe_bytes", channel.buffer_bytes}});
    }
    groups.push_back(
        {{"steps", std::move(steps)}, {"channels", std::move(channels)}, {"waits_for", group.waits_for}});
  }
  if (arguments.json) {
    print_json_line({{"type", "flow_plan"}, {"title", flow->title()}, {"groups", std::move(groups)}});
  } else {
    to_stdout(lines);
  }
  return ExitCode::success;
}

}  // namespace streamlab::app
