// engine/flow/flow_states.hpp
//
// FlowStates: the state before and after every step of one run.
//
//   seen(c) = merge over the inputs p of c:  seen(p) if a stream comes from p, else out(p)
//   out(c)  = merge over the inputs p of c of out(p), then what c returned over it
//
// A step that reads a stream runs in parallel with its writer: it sees the state before both. After both, the
// state has what both returned; if both set a key, the downstream one wins.
#pragma once

#include <optional>
#include <vector>

#include "engine/flow/flow_state.hpp"
#include "engine/flow/valid_flow.hpp"

namespace streamlab {

// The progress, for resuming later.
struct FlowProgress {
  struct Done {
    std::string step;
    FlowState state;  // out(step)
  };
  Document given = Document::object();  // the state at the start of the run
  std::vector<Done> done;               // in the order of the file
};

// One thread at a time.
class FlowStates {
 public:
  // `flow` must stay at its address for as long as this lives.
  FlowStates(const ValidFlow& flow, Document given);
  // Restores progress. Refused: a step that the flow does not have.
  Result<void> restore(const FlowProgress& progress);

  // Merges what the step sees. Before: inputs with a stream must have begun, all others finished.
  Checked<void> begin(std::size_t step);
  // Merges the state after it. All its inputs have finished.
  Checked<void> finish(std::size_t step, const Document& returned);

  const FlowState& seen(std::size_t step) const { return *seen_[step]; }
  bool is_done(std::size_t step) const { return out_[step].has_value(); }
  // The state of the flow; every step must be done.
  Checked<Document> result() const;
  // The latest values of the steps that are done; where branches differ, the last branch wins.
  Document so_far() const;
  FlowProgress progress() const;

 private:
  MergePlace place(StepIndex at, std::string where, MergeRule rule) const;

  const ValidFlow& flow_;
  Document given_document_;
  FlowState given_;
  std::vector<std::optional<FlowState>> seen_;
  std::vector<std::optional<FlowState>> out_;
};

}  // namespace streamlab
