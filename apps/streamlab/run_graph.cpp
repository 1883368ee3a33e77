// apps/streamlab/run_graph.cpp
#include "apps/streamlab/run_graph.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/out_of_memory.hpp"
#include "apps/streamlab/run_events.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "apps/streamlab/summary.hpp"
#include "engine/base/printable.hpp"
#include "engine/process/shared_output.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/event_finder.hpp"
#include "engine/run/run_to_end.hpp"
#include "hal/backends.hpp"
#include "nodes/sinks/brief_text.hpp"

namespace streamlab::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostEvents = 4096;  // between two looks

// The rate at which the sources count frames.
double source_rate_hz(const Plan& plan) {
  return plan.slots().empty() ? 0.0 : plan.slots().front().format->sample_rate_hz;
}

std::string graph_progress_text(const EngineStatus& status, double rate_hz, std::int64_t expected,
                                double wall_s) {
  const std::int64_t position = stream_position(status);  // as the frames that are expected are counted
  const double signal_s = rate_hz > 0.0 ? static_cast<double>(position) / rate_hz : 0.0;
  std::string text = spoken_time(signal_s);
  if (expected > 0) {
    const double part = static_cast<double>(position) / static_cast<double>(expected);
    text += fmt::format(" of {} ({:.0f} %)", spoken_time(static_cast<double>(expected) / rate_hz),
                        100.0 * std::min(part, 1.0));
  }
  const bool paced = status.device && status.device->real_time;
  if (!paced && wall_s > 0.0) {
    text += ", " + times_real_time(signal_s, wall_s);
    if (expected > 0 && signal_s > 0.0) {
      const double left_s = static_cast<double>(expected) / rate_hz - signal_s;
      text += fmt::format(", {} left", spoken_time(std::max(0.0, left_s * wall_s / signal_s)));
    }
  }
  if (status.driver && status.driver->state == DriverState::lost) { text += ", device lost: waiting for it"; }
  text += unconnected_text(status);
  if (status.driver && status.driver->xruns > 0) { text += ", " + counted(status.driver->xruns, "xrun"); }
  if (status.gap_frames > 0) { text += fmt::format(", {} lost", counted(status.gap_frames, "frame")); }
  return text;
}

// Frames that the run will have at most, where that is known before it: by its limits, or by the lengths of all its
// sources. 0: not known.
std::int64_t expected_frames(const Plan& plan, const DeviceFormat* device, double rate_hz,
                             const RunOptions& options) {
  if (options.frames > 0) { return options.frames; }
  const ValidGraph& graph = plan.graph();
  const double seconds = options.seconds > 0.0 ? options.seconds : graph.config().duration_s;
  if (seconds > 0.0) { return std::llround(seconds * rate_hz); }
  std::uint64_t longest = 0;
  for (const PlanSlot& slot : plan.slots()) {
    if (!plan.nodes()[slot.node].inputs.empty()) { continue; }
    const bool is_device = graph.nodes()[slot.node].info().boundary == Boundary::device_input;
    const auto length = is_device && device != nullptr ? device->length_frames : slot.length_frames;
    if (!length) { return 0; }
    longest = std::max(longest, *length);
  }
  return static_cast<std::int64_t>(longest);
}

void show_device(const DeviceFormat& device, const RunOptions& options, std::FILE* console) {
  if (options.json) {
    print_json_line(device_document(device), console);
  } else if (!options.quiet) {
    to_stderr(device_line(device) + "\n");
  } else if (is_stand_in(device)) {  // what follows is nobody's sound
    to_stderr(printable(device.notice) + "\n", Tone::warning);
  }
}

void show_event(const EngineEvent& event, bool is_live, double rate_hz, const RunOptions& options,
                std::FILE* console) {
  if (options.json) { return print_json_line(event_document(event, rate_hz), console); }
  const double signal_s = rate_hz > 0.0 ? static_cast<double>(event.position) / rate_hz : 0.0;
  const std::string when = clock_text(is_live ? event.timestamp_us : std::llround(1e6 * signal_s));
  to_stderr(fmt::format("{}  {}\n", when, printable(event_text(event))));
}

}  // namespace

ExitCode run_graph(const ValidGraph& graph, const RunOptions& options) {
  catch_signals();
  PatientConsole patient;  // neither the run nor its end waits for who reads about it
  // Beside a stream of bytes there is no place for text.
  std::FILE* const console = streams_to_stdout(graph) ? stderr : stdout;
  EngineOptions engine_options;
  engine_options.host.console_file = console;
  engine_options.host.console = options.json ? Console::json_lines : Console::text;
  engine_options.host.overwrite = options.force;
  engine_options.frame_limit = options.frames;
  engine_options.duration_s = options.seconds;
  engine_options.open_device = [&](DeviceRequest request) {
    request.may_be_simulated = options.may_be_simulated;
    return open_device(request);
  };
  auto engine = Engine::create(graph, std::move(engine_options));
  if (!engine) { return options.report(engine.error()); }
  if (const DeviceFormat* device = (*engine)->device()) { show_device(*device, options, console); }

  const double rate_hz = source_rate_hz((*engine)->plan());
  Results results = Results::none;
  if (options.json || prints(graph) || console == stderr) {
    results = console == stderr && (options.json || prints(graph)) ? Results::on_stderr : Results::on_stdout;
  }
  StatusLine line(!options.quiet && has_room_for_progress(results));
  if (options.view != nullptr) {
    if (auto attached = options.view->attach(**engine, line.is_shown()); !attached) {
      return options.report({attached.error()});
    }
  }
  const std::int64_t expected =
      line.is_shown() ? expected_frames((*engine)->plan(), (*engine)->device(), rate_hz, options) : 0;
  const Clock::time_point begin = Clock::now();
  const bool is_live = (*engine)->device() != nullptr && (*engine)->device()->real_time;
  EventReceiver listener = (*engine)->events(kMostEvents);
  RunEvents events;
  const auto tell = [&](RunEvents::Hold hold) {
    std::vector<EngineEvent> fresh;
    while (const auto event = listener.try_receive()) { fresh.push_back(*event); }
    for (const EngineEvent& event : events.take(fresh, seconds_since(begin), hold)) {
      line.clear();
      show_event(event, is_live, rate_hz, options, console);
    }
  };
  const auto look = [&] {
    patient.pass_on();
    if (options.look) { options.look(**engine); }
    tell(RunEvents::Hold::yes);
    if (!line.is_shown()) { return; }
    const EngineStatus status = (*engine)->status();
    line.show(options.view != nullptr ? options.view->progress(status)
                                      : graph_progress_text(status, rate_hz, expected, seconds_since(begin)));
  };
  // What a run without memory has written is not whole: it replaces nothing.
  const auto ends = [&] {
    if (ran_out_of_memory()) { (*engine)->stop_now(); }
    return interrupted();
  };
  auto ran = run_to_end(**engine, {.ends = ends, .gives_up = interrupted_again, .look = look});
  if (!ran) { return options.report({ran.error()}); }
  line.clear();

  Summary summary;
  summary.status = std::move(ran->status);
  summary.rate_hz = rate_hz;
  summary.wall_s = seconds_since(begin);
  summary.params = Document::parse((*engine)->param_values(Engine::Params::live));
  summary.interrupted = interrupted();
  summary.exit_code = ExitCode::success;
  if (options.view != nullptr) { options.view->conclude(summary); }
  tell(RunEvents::Hold::no);
  if (const std::uint64_t lost = listener.lost(); lost > 0) {
    to_stderr(fmt::format("{} came too fast to be told; the summary counts what they were\n",
                          counted(lost, "event")),
              Tone::warning);
  }
  if (summary.status.data_lost()) { summary.exit_code = ExitCode::data_lost; }
  if (!summary.status.failures.empty()) {
    // What fails after the start is the world's failure, no matter which part found it.
    options.report(summary.status.failures);
    summary.exit_code = ExitCode::failed;
  }
  if (options.json) {
    print_json_line(summary_document(summary), console);
  } else if (!options.quiet || summary.exit_code != ExitCode::success) {
    to_stderr(summary_text(summary));
    to_stderr(loss_text(summary), Tone::warning);
  }
  // A live run's end does not depend on a reader; over files the results may wait in a pager.
  const bool is_limited = is_live || interrupted();
  const bool is_told = patient.finish(is_limited ? std::optional(SharedOutput::kLastWait) : std::nullopt,
                                      is_limited ? interrupted_again : interrupted);
  return is_told ? summary.exit_code : worse(summary.exit_code, ExitCode::data_lost);
}

}  // namespace streamlab::app
