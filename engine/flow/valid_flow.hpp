// engine/flow/valid_flow.hpp
//
// ValidFlow: a flow whose names, edges, channels and rules are checked. Steps, channels and groups are
// indices into flat arrays. Only validate_flow() makes one, so users need not check again.
//
// Steps joined by streams form a group and run at the same time; every other step is its own group. A group
// waits for the groups that its members depend on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/flow/flow_spec.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// Where a step's state comes from.
struct StepInput {
  static constexpr std::size_t kStart = static_cast<std::size_t>(-1);
  std::size_t step = kStart;
  // Then both run at the same time, and this step sees only the state before the other.
  bool carries_stream = false;
};

struct FlowStep {
  StepSpec spec;
  std::vector<StepInput> inputs;  // in the order of the edges; never empty
  MergeRule merge = MergeRule::error;
  std::size_t group = 0;
};

struct FlowChannel {
  struct End {
    std::size_t step = 0;
    StepStream stream;
  };
  std::string name;
  StreamMode mode = StreamMode::direct;
  std::size_t buffer_bytes = kDefaultPipeBytes;  // requested
  End producer;
  std::vector<End> consumers;
};

struct FlowGroup {
  std::vector<std::size_t> steps;      // in the order of the file
  std::vector<std::size_t> channels;   // between them
  std::vector<std::size_t> waits_for;  // groups
};

class ValidFlow {
 public:
  const std::string& title() const { return title_; }
  const FlowSettings& settings() const { return settings_; }
  const std::vector<FlowStep>& steps() const { return steps_; }
  const std::vector<FlowChannel>& channels() const { return channels_; }
  // Groups in topological order; ties in the order of the file.
  const std::vector<FlowGroup>& groups() const { return groups_; }
  // Where the final state comes from: steps without successors, or with an edge to "__end__".
  const std::vector<StepInput>& results() const { return results_; }
  MergeRule results_merge() const { return results_merge_; }
  // Does a path of edges lead from step `a` to another step `b`?
  bool is_upstream(std::size_t a, std::size_t b) const { return upstream_[b][a]; }
  std::optional<std::size_t> find(std::string_view name) const;
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  friend class FlowValidator;
  friend class FlowStreams;
  ValidFlow() = default;

  std::string title_;
  FlowSettings settings_;
  std::vector<FlowStep> steps_;
  std::vector<FlowChannel> channels_;
  std::vector<FlowGroup> groups_;
  std::vector<StepInput> results_;
  MergeRule results_merge_ = MergeRule::error;
  std::vector<std::vector<bool>> upstream_;  // [b][a]
  std::string fingerprint_;
};

// Every reason why the flow cannot run, or the flow.
Checked<ValidFlow> validate_flow(const FlowSpec& spec);
// The same, but adds to `errors`; the result is usable only if nothing was added.
ValidFlow validate_flow(const FlowSpec& spec, Errors& errors);

// Text to ValidFlow: reads and validates, and returns all errors of both together, in the order of the file.
Checked<ValidFlow> load_flow(std::string_view text, ConfigLanguage language = ConfigLanguage::json,
                             const Variables& variables = {});

}  // namespace streamlab
