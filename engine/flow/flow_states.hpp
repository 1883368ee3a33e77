// engine/flow/flow_states.hpp
//
// FlowStates: the state before and after every step of one run.
//
//   seen(c) = merge over the inputs p of c:  seen(p) where a stream comes from p, else out(p)
//   out(c)  = merge over the inputs p of c of out(p), then what c returned over it
//
// A step that reads a stream runs beside the one that writes it: it sees what was there before both. Behind
// both stands what both gave, and where both set a key the one further down has the last word.
#pragma once

#include <optional>
#include <vector>

#include "engine/flow/flow_state.hpp"
#include "engine/flow/valid_flow.hpp"

namespace streamlab {

// What is done, for going on later.
struct FlowProgress {
  struct Done {
    std::string step;
    FlowState state;  // out(step)
  };
  Document given = Document::object();  // the state that the run began with
  std::vector<Done> done;               // in the order of the file
};

// One thread at a time.
class FlowStates {
 public:
  // `flow` stays where it is for as long as this lives.
  FlowStates(const ValidFlow& flow, Document given);
  // Takes up what was done. Refused: a step that the flow has not.
  Result<void> restore(const FlowProgress& progress);

  // Merges what the step sees. Its inputs have come before: begun those that streams come from, finished the
  // others.
  Checked<void> begin(std::size_t step);
  // Merges what is behind it. All its inputs have finished.
  Checked<void> finish(std::size_t step, const Document& returned);

  const FlowState& seen(std::size_t step) const { return *seen_[step]; }
  bool is_done(std::size_t step) const { return out_[step].has_value(); }
  // The state of the flow; every step is done.
  Checked<Document> result() const;
  // Of the steps that are done, the last word of each branch; where branches differ, that of the last.
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
