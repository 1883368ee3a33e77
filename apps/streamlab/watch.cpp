// apps/streamlab/watch.cpp
#include "apps/streamlab/watch.hpp"

#include <memory>

#include <fmt/format.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "engine/base/printable.hpp"

namespace streamlab::app {
namespace {

void tell(const ReloadPlan& plan, const RunArguments& arguments, std::FILE* console) {
  if (arguments.json) {
    print_json_line({{"type", "event"},
                     {"event", "reload"},
                     {"kept", plan.kept},
                     {"changed", plan.changed},
                     {"restarted", plan.restarted},
                     {"added", plan.added},
                     {"removed", plan.removed},
                     {"faded", plan.faded},
                     {"jumps", plan.jumps}},
                    console);
  } else if (!arguments.quiet) {
    to_stderr(fmt::format("{}: {}\n", printable(name_of(arguments.config)), to_string(plan)));
  }
}

// False: the device went away meanwhile; nothing was said, and nothing changed.
bool reload(Engine& engine, const RunArguments& arguments, std::FILE* console) {
  const auto goes_on = [] {
    to_stderr("the graph goes on as it was\n", Tone::warning);
    return true;
  };
  const auto text = read_config(arguments.config.path);
  if (!text) {
    report(text.error(), "");
    return goes_on();
  }
  const auto graph = load_config(arguments.config, *text);  // says what is wrong
  if (!graph) { return goes_on(); }
  const auto done = engine.reload(*graph, {.allow_gap = arguments.allow_gap, .gives_up = interrupted});
  if (done) {
    tell(*done, arguments, console);
    return true;
  }
  if (engine.status().device_is_away) { return false; }
  report(done.error(), name_of(arguments.config));
  return goes_on();
}

}  // namespace

std::string WatchedFile::stamp() const {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) { return {}; }
  return fmt::format("{} {} {}.{}", now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec);
}

bool WatchedFile::has_changed() {
  const std::string now = stamp();
  const bool is_settled = now == seen_;
  seen_ = now;
  if (!is_settled || now.empty() || now == known_) { return false; }
  known_ = now;
  return true;
}

std::function<void(Engine&)> reloads_on_change(const RunArguments& arguments, std::FILE* console) {
  const auto file = std::make_shared<WatchedFile>(arguments.config.path);
  return [file, &arguments, console](Engine& engine) {
    // While the device is away nothing is taken over: what was saved meanwhile is when it is back.
    if (engine.status().device_is_away || !file->has_changed()) { return; }
    if (!reload(engine, arguments, console)) { file->forget(); }
  };
}

}  // namespace streamlab::app
