// apps/streamlab/record.cpp
//
// streamlab record: from a device into a sound file, with a level meter while it runs and a line that says what is in
// the file at its end. The graph is built in memory; what it has to say of its places is said in the words of the command
// line.
//
//   input -> file
//   input -> whole    peak and clipped samples of all of it
//   input -> level    ten times a second, where somebody looks
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/record_meter.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/run_graph.hpp"
#include "engine/base/file_in_use.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/run/event_finder.hpp"
#include "nodes/sinks/brief_text.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"

namespace streamlab::app {
namespace {

constexpr double kMeterS = 0.1;

GraphSpec graph_of(const RecordArguments& arguments) {
  GraphSpec spec;
  spec.title = "Recording";
  spec.config.sample_rate_hz = arguments.sample_rate_hz;
  spec.config.block_size = arguments.period_frames;
  NodeSpec input{"input", "AudioInput", {{"device", arguments.device}}, "/nodes/0"};
  for (std::uint32_t c = 1; c <= arguments.channels; ++c) { input.config["channels"].push_back(c); }
  spec.nodes.push_back(std::move(input));
  spec.nodes.push_back(
      {"file", "FileSink", {{"path", arguments.out}, {"subtype", arguments.subtype}}, "/nodes/1"});
  spec.nodes.push_back({"whole", "LevelMeter", {{"interval_s", 0}}, "/nodes/2"});
  spec.nodes.push_back({"level", "LevelMeter", {{"interval_s", kMeterS}}, "/nodes/3"});
  spec.connections.push_back({"input", "file", {}, {}, "/connections/0"});
  spec.connections.push_back({"input", "whole", {}, {}, "/connections/1"});
  spec.connections.push_back({"input", "level", {}, {}, "/connections/2"});
  return spec;
}

// The option that stands for a place in the graph above.
std::string option_of(const std::string& pointer, const RecordArguments& arguments) {
  const std::array<std::pair<std::string_view, std::string>, 9> options{{
      {"/nodes/0/config/channels", "--channels"},
      {"/nodes/0", "--device " + arguments.device},
      {"device", "--device " + arguments.device},
      {"default", "--device default"},
      {"/nodes/1/config/subtype", "--subtype"},
      {"/nodes/1", arguments.out},
      {"/pipeline_config/sample_rate", "--rate"},
      {"/pipeline_config/block_size", "--period"},
      {"/pipeline_config", "--period"},
  }};
  for (const auto& [place, option] : options) {
    if (pointer.starts_with(place)) { return option; }
  }
  return pointer;
}

// "1:02:03.4", always as long as it was a moment ago.
std::string meter_time(double seconds) {
  std::string text = clock_text(std::llround(1e6 * seconds));
  text.resize(text.size() - 2);  // tenths are read, thousandths flicker
  return text;
}

class RecordView final : public RunView {
 public:
  explicit RecordView(const RecordArguments& arguments) : arguments_(arguments) {}

  Result<void> attach(Engine& engine, bool is_shown) override {
    auto whole = engine.subscribe("whole");
    if (!whole) { return tl::unexpected(whole.error()); }
    whole_.emplace(std::move(*whole));
    // Nobody looks: then the meter must not fill up and hold the recording.
    auto level = engine.subscribe("level", 0, OverflowPolicy::drop_oldest);
    if (!level) { return tl::unexpected(level.error()); }
    if (is_shown) { level_.emplace(std::move(*level)); }
    return {};
  }

  std::string progress(const EngineStatus& status) override {
    while (auto block = level_->try_receive()) { meter_.add(*block); }
    const double rate_hz = status.device ? status.device->sample_rate_hz : 0.0;
    const double seconds = rate_hz > 0.0 ? static_cast<double>(stream_position(status)) / rate_hz : 0.0;
    std::string text = meter_time(seconds);
    if (arguments_.seconds > 0.0) { text += " of " + meter_time(arguments_.seconds); }
    if (status.driver && status.driver->state == DriverState::lost) {
      text += "  device lost: waiting for it";
    }
    if (const std::string unconnected = unconnected_text(status); !unconnected.empty()) {
      text += " " + unconnected.substr(1);
    }
    const std::size_t used = text.size() + 2;
    const std::size_t columns = terminal_columns();
    return text + "  " + meter_.text(columns > used ? columns - used : 0);
  }

  // The meter's own losses are no losses of the recording.
  void conclude(Summary& summary) override {
    std::uint64_t unmeasured = 0;
    for (const EdgeReport& edge : summary.status.edges) {
      if (edge.name == "input -> whole") { unmeasured += edge.counters.dropped; }
    }
    std::erase_if(summary.status.edges, [](const EdgeReport& edge) { return edge.name != "input -> file"; });
    RecordMeter whole;
    bool is_measured = false;  // it is not where a second Ctrl-C has given up what was under way
    while (auto block = whole_->try_receive()) {
      whole.add(*block);
      is_measured = true;
    }
    for (const Error& failure : summary.status.failures) {  // it is gone: what has its name is another's
      if (is_about_lost_name(failure.what)) { return; }
    }
    if (summary.status.frames == 0) {
      summary.headline =
          fmt::format("{}: nothing was recorded, the device has given no frame", arguments_.out);
      return;
    }
    // With --force an old file is still there where the new one failed or was given up: a note says so.
    const bool is_kept = std::any_of(
        summary.status.notes.begin(), summary.status.notes.end(),
        [](const auto& note) { return note.second.text.find("the old file was kept") != std::string::npos; });
    if (is_kept || (arguments_.force && !summary.status.failures.empty())) { return; }
    const auto file = SoundFileReader::open(arguments_.out);
    if (!file) {
      summary.headline = fmt::format("{}: {}", arguments_.out, file.error().what);
      return;
    }
    const SoundFileInfo& info = file->info();
    const double seconds = duration_s(info);
    summary.headline =
        fmt::format("{}: {} ({} at {} Hz, {})", arguments_.out, spoken_time(seconds),
                    counted(info.frames, "frame"), info.sample_rate_hz, counted(info.channels, "channel"));
    const double peak_db = whole.peak_db();
    // Where writing failed, more was heard than is in the file.
    const bool is_all = summary.status.failures.empty() && is_measured;
    if (!is_measured && summary.status.failures.empty()) {
      summary.headline += ", its peak was not measured";
    }
    if (info.frames > 0 && is_all) {
      const bool is_silent = !(peak_db > -HUGE_VAL);  // of zeros it is -inf, of no block NaN
      summary.headline += is_silent ? ", silence" : fmt::format(", peak {:.1f} dBFS", peak_db);
      if (unmeasured > 0) { summary.headline += " or more"; }
      if (is_silent && unmeasured == 0) {
        summary.hint = "every sample is zero: is anything connected to the input? See \"streamlab devices\"";
      }
    }
    if (whole.clipped() > 0 && is_all) {
      summary.headline += fmt::format(", {} clipped", counted(whole.clipped(), "sample"));
    }
    summary.file = {{"path", arguments_.out},
                    {"frames", info.frames},
                    {"sample_rate_hz", info.sample_rate_hz},
                    {"channels", info.channels},
                    {"duration_s", seconds},
                    {"peak_db", is_all ? Document(peak_db) : Document(nullptr)},
                    {"clipped_samples", is_all ? Document(whole.clipped()) : Document(nullptr)}};
  }

 private:
  const RecordArguments& arguments_;
  std::optional<Receiver> whole_;
  std::optional<Receiver> level_;
  RecordMeter meter_;
};

}  // namespace

ExitCode record_command(const RecordArguments& arguments) {
  const auto report_here = [&](Errors errors) {
    for (Error& error : errors) {
      // A hint about a parameter of a node is none here.
      if (error.where.starts_with("/nodes/1") && error.hint.find("--force") == std::string::npos) {
        error.hint.clear();
      }
      const bool names_it = error.what.starts_with("\"" + arguments.out + "\"");
      error.where = names_it ? std::string() : option_of(error.where, arguments);
      error.node.clear();  // of a graph that the user did not write
    }
    return report(errors, "record");
  };
  if (!container_of_path(arguments.out)) {
    return report_here(
        {{ErrorCode::refused, arguments.out, "no kind of file that can be written has this ending",
          ".wav, .rf64, .w64 or .flac", ""}});
  }
  const auto graph = validate(graph_of(arguments));
  if (!graph) { return report_here(graph.error()); }
  if (const Errors errors = check_files(*graph, FileUses()); !errors.empty()) { return report_here(errors); }
  if (const Errors errors = check_writable(*graph); !errors.empty()) { return report_here(errors); }
  const auto replacing = arguments.force ? Replacing::allowed : Replacing::refused;
  if (const Errors errors = refuse_existing(*graph, replacing); !errors.empty()) {
    return report_here(errors);
  }
  RecordView view(arguments);
  const RunOptions options{.seconds = arguments.seconds,
                           .json = arguments.json,
                           .quiet = arguments.quiet,
                           .force = arguments.force,
                           .report = report_here,
                           .view = &view,
                           .may_be_simulated = false};
  return run_graph(*graph, options);
}

}  // namespace streamlab::app
