// engine/flow/step_programs.cpp
#include "engine/flow/step_programs.hpp"

#include <sys/stat.h>

#include <fmt/format.h>

#include "engine/process/find_program.hpp"

namespace streamlab {
namespace {

bool is_folder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// The PATH on which to search for the step's program, if the step sets one.
const char* search_path_of(const StepSpec& step) {
  for (const auto& [name, value] : step.environment) {
    if (name == "PATH") { return value.c_str(); }
  }
  return nullptr;
}

}  // namespace

Checked<std::vector<std::string>> step_programs(const ValidFlow& flow) {
  std::vector<std::string> paths;
  Errors errors;
  for (const FlowStep& step : flow.steps()) {
    const StepSpec& spec = step.spec;
    paths.emplace_back();
    if (!spec.folder.empty() && !is_folder(spec.folder)) {
      errors.push_back({ErrorCode::refused, spec.pointer + "/cwd",
                        fmt::format("there is no directory \"{}\"", spec.folder), "", "", spec.name});
      continue;
    }
    if (spec.kind == StepSpec::Kind::graph) { continue; }
    const bool is_command = spec.kind == StepSpec::Kind::command;
    const std::string word = is_command ? spec.command.front() : spec.is_python() ? "python3" : spec.shell;
    auto path = find_program(word, spec.folder, search_path_of(spec));
    if (path) {
      paths.back() = std::move(*path);
      continue;
    }
    Error error = path.error();
    error.where = spec.pointer + (is_command ? "/command/0" : spec.is_python() ? "/run" : "/shell");
    error.node = spec.name;
    errors.push_back(std::move(error));
  }
  if (!errors.empty()) { return tl::unexpected(errors); }
  return paths;
}

}  // namespace streamlab
