// engine/flow/step_launch.cpp
#include "engine/flow/step_launch.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "engine/flow/python_step.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStateFile = "state";
constexpr const char* kScriptFile = "script";

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return error ? path : whole.string();
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

StepLaunch::StepLaunch(const ValidFlow& flow, std::vector<std::string> programs,
                       std::vector<std::string> graph_command, std::string folder,
                       const RunDirectory& directory, const StreamRegistry& channels)
    : flow_(flow),
      programs_(std::move(programs)),
      graph_command_(std::move(graph_command)),
      folder_(std::move(folder)),
      directory_(directory),
      channels_(channels) {}

// It begins with a digit, unlike any channel name: channels have files there too.
std::string StepLaunch::file_name(std::size_t step, const char* what) const {
  return fmt::format("{}.{}.{}", step, flow_.steps()[step].spec.name, what);
}

std::string StepLaunch::with_fifos(std::size_t step, std::string word) const {
  const std::string& name = flow_.steps()[step].spec.name;
  for (const StreamDirection direction : {StreamDirection::fifo_in, StreamDirection::fifo_out}) {
    const std::string path = channels_.fifo_path(name, direction);
    if (!path.empty()) { replace_all(word, fmt::format("{{{}}}", to_string(direction)), path); }
  }
  return word;
}

Result<ChildSpec> StepLaunch::prepare(std::size_t step, const FlowState& state) {
  const StepSpec& spec = flow_.steps()[step].spec;
  ChildSpec child;
  child.name = spec.name;
  child.program = programs_[step];
  child.folder = spec.folder;
  child.environment = spec.environment;
  child.descriptors = channels_.handovers(spec.name);
  const bool has_stdout = std::any_of(child.descriptors.begin(), child.descriptors.end(),
                                      [](const Handover& handover) { return handover.as == 1; });
  if (!has_stdout) {
    if (!output_) {
      auto output = PrintableOutput::open();
      if (!output) { return tl::unexpected(output.error()); }
      output_.emplace(std::move(*output));
    }
    child.descriptors.push_back({output_->fd(), 1});
  }
  const auto tell_fifo = [&](StreamDirection direction, const char* variable) {
    const std::string path = channels_.fifo_path(spec.name, direction);
    if (!path.empty()) { child.environment.emplace_back(variable, path); }
  };
  tell_fifo(StreamDirection::fifo_in, "STREAMLAB_FIFO_IN");
  tell_fifo(StreamDirection::fifo_out, "STREAMLAB_FIFO_OUT");
  if (spec.kind == StepSpec::Kind::graph) {
    set_graph(step, child);
    return child;
  }
  const auto path = directory_.write(file_name(step, kStateFile), state.document().dump());
  if (!path) { return tl::unexpected(path.error()); }
  child.environment.emplace_back("STREAMLAB_STATE", *path);
  child.environment.emplace_back("STREAMLAB_STATE_FD", std::to_string(kStateFd));
  if (spec.kind == StepSpec::Kind::command) {
    set_command(step, child);
  } else if (auto written = set_script(step, child); !written) {
    return tl::unexpected(written.error());
  }
  return child;
}

Result<void> StepLaunch::set_script(std::size_t step, ChildSpec& child) {
  const StepSpec& spec = flow_.steps()[step].spec;
  const auto path = directory_.write(file_name(step, kScriptFile), spec.script);
  if (!path) { return tl::unexpected(path.error()); }
  if (!spec.is_python()) {
    child.command = {spec.shell, *path};
    return {};
  }
  if (python_program_.empty()) {
    auto program = directory_.write("0python_step.py", python_step_program());
    if (!program) { return tl::unexpected(program.error()); }
    python_program_ = std::move(*program);
  }
  child.command = {"python3", python_program_, *path, spec.name};
  return {};
}

void StepLaunch::set_command(std::size_t step, ChildSpec& child) const {
  for (const std::string& word : flow_.steps()[step].spec.command) {
    child.command.push_back(with_fifos(step, word));
  }
}

void StepLaunch::set_graph(std::size_t step, ChildSpec& child) const {
  const StepSpec& spec = flow_.steps()[step].spec;
  child.program = graph_command_.front();
  child.command = graph_command_;
  const bool is_relative = spec.graph.front() != '/' && !folder_.empty();
  // The step may have its own working directory.
  child.command.push_back(absolute(is_relative ? folder_ + "/" + spec.graph : spec.graph));
  for (const auto& [name, value] : spec.variables) {
    child.command.emplace_back("--set");
    child.command.push_back(fmt::format("{}={}", name, with_fifos(step, value)));
  }
}

void StepLaunch::clean(std::size_t step) {
  for (const char* what : {kStateFile, kScriptFile}) {
    ::unlink(directory_.path_of(file_name(step, what)).c_str());
  }
}

}  // namespace streamlab
