// engine/flow/step_launch.hpp
//
// StepLaunch: how a step is started: its command, environment, files and descriptors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/flow/flow_state.hpp"
#include "engine/flow/printable_output.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/process/child.hpp"
#include "engine/process/run_directory.hpp"
#include "engine/process/stream_registry.hpp"

namespace streamlab {

// The descriptor that a step writes its state to.
inline constexpr int kStateFd = 3;

// Control thread only. Its constructor arguments must outlive it.
class StepLaunch {
 public:
  // `programs`: from step_programs(). `graph_command`: the command that runs a graph, before its path.
  // `folder`: graph paths are relative to it.
  StepLaunch(const ValidFlow& flow, std::vector<std::string> programs, std::vector<std::string> graph_command,
             std::string folder, const RunDirectory& directory, const StreamRegistry& channels);

  // Writes the step's files; its channels must be open. Standard output without a channel goes to our
  // standard error.
  Result<ChildSpec> prepare(std::size_t step, const FlowState& state);
  // The program of the step has ended: removes its files.
  void clean(std::size_t step);

 private:
  Result<void> set_script(std::size_t step, ChildSpec& child);
  void set_command(std::size_t step, ChildSpec& child) const;
  void set_graph(std::size_t step, ChildSpec& child) const;
  std::string with_fifos(std::size_t step, std::string word) const;
  std::string file_name(std::size_t step, const char* what) const;

  const ValidFlow& flow_;
  std::vector<std::string> programs_;
  std::vector<std::string> graph_command_;
  std::string folder_;
  const RunDirectory& directory_;
  const StreamRegistry& channels_;
  std::optional<PrintableOutput> output_;  // of steps whose stdout leads nowhere; once it is needed
  std::string python_program_;             // its path, once it was written
};

}  // namespace streamlab
