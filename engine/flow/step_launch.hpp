// engine/flow/step_launch.hpp
//
// StepLaunch: what is started for a step: its command, its environment, the files that it is given, and what
// each of its descriptors is.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/flow_state.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/process/child.hpp"
#include "engine/process/run_directory.hpp"
#include "engine/process/stream_registry.hpp"

namespace streamlab {

// The descriptor that a step writes its state to.
inline constexpr int kStateFd = 3;

// Control thread only. What it is made with stays where it is for as long as it lives.
class StepLaunch {
 public:
  // `programs`: of step_programs(). `graph_command`: what runs a graph, before its path. `folder`: that paths
  // of graphs begin at.
  StepLaunch(const ValidFlow& flow, std::vector<std::string> programs, std::vector<std::string> graph_command,
             std::string folder, const RunDirectory& directory, const StreamRegistry& channels);

  // Writes the step's files; its channels are open. Standard output that is tied to no channel is our
  // standard error.
  Result<ChildSpec> prepare(std::size_t step, const FlowState& state);
  // The step's program has ended: removes its files.
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
  Fd own_stderr_;
  std::string python_program_;  // its path, once it was written
};

}  // namespace streamlab
