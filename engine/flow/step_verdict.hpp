// engine/flow/step_verdict.hpp
//
// Whether a step has succeeded: judged by how its program ended and the state that it returned.
#pragma once

#include <cstdint>

#include "engine/flow/run_flow.hpp"

namespace streamlab {

struct StepCircumstances {
  std::uint32_t attempt = 1;
  bool timed_out = false;           // its time limit was over, and it was ended
  bool run_is_ending = false;       // another step failed, or the run was stopped
  bool readers_went_first = false;  // no reader of its output was left
  std::size_t max_state_bytes = 0;
};

struct StepVerdict {
  StepOutcome outcome = StepOutcome::succeeded;  // or ended_early, ended_by_us
  Document returned = Document::object();
  bool gave_state = false;
  bool lost_data = false;
};

// An error is a failure of the step, located at the step.
Result<StepVerdict> judge_step(const StepSpec& step, const ChildEnd& end,
                               const StepCircumstances& circumstances);

}  // namespace streamlab
