// engine/flow/flow_states.cpp
#include "engine/flow/flow_states.hpp"

#include <fmt/format.h>

#include "engine/base/assert.hpp"

namespace streamlab {
namespace {

static_assert(StepInput::kStart == kGiven, "one number for where a flow begins");

}  // namespace

FlowStates::FlowStates(const ValidFlow& flow, Document given)
    : flow_(flow),
      given_document_(std::move(given)),
      given_(given_document_),
      seen_(flow.steps().size()),
      out_(flow.steps().size()) {}

Result<void> FlowStates::restore(const FlowProgress& progress) {
  for (const FlowProgress::Done& done : progress.done) {
    const auto step = flow_.find(done.step);
    if (!step) { return refused("", fmt::format("the flow has no step \"{}\"", done.step)); }
    out_[*step] = done.state;
  }
  given_document_ = progress.given;
  given_ = FlowState(given_document_);
  return {};
}

MergePlace FlowStates::place(StepIndex at, std::string where, MergeRule rule) const {
  MergePlace place;
  place.at = at;
  place.where = std::move(where);
  place.rule = rule;
  // The end of the flow is after every step.
  const StepIndex end = flow_.steps().size();
  place.leads_to = [this, end](StepIndex a, StepIndex b) {
    return a != b && a != end && (b == end || flow_.is_upstream(a, b));
  };
  place.name_of = [this](StepIndex step) {
    return step < flow_.steps().size() ? flow_.steps()[step].spec.name : std::string(kFlowStart);
  };
  return place;
}

Checked<void> FlowStates::begin(std::size_t step) {
  std::vector<const FlowState*> branches;
  for (const StepInput& input : flow_.steps()[step].inputs) {
    if (input.step == StepInput::kStart) {
      branches.push_back(&given_);
      continue;
    }
    const auto& state = input.carries_stream ? seen_[input.step] : out_[input.step];
    SL_ASSERT(state.has_value(), "a step begins before the steps that it depends on");
    branches.push_back(&*state);
  }
  const FlowStep& info = flow_.steps()[step];
  auto merged = merge_states(branches, place(step, info.spec.pointer, info.merge));
  if (!merged) { return tl::unexpected(merged.error()); }
  seen_[step] = *std::move(merged);
  return {};
}

Checked<void> FlowStates::finish(std::size_t step, const Document& returned) {
  const FlowStep& info = flow_.steps()[step];
  bool has_streams = false;
  for (const StepInput& input : info.inputs) { has_streams = has_streams || input.carries_stream; }
  if (!has_streams) {
    FlowState out = *seen_[step];
    out.set_all(returned, step);
    out_[step] = std::move(out);
    return {};
  }
  std::vector<FlowState> overlaid;  // no need to decide who set the keys that the step overwrites
  for (const StepInput& input : info.inputs) {
    const bool is_start = input.step == StepInput::kStart;
    SL_ASSERT(is_start || out_[input.step].has_value(), "a step ends before those that it depends on");
    overlaid.push_back(is_start ? given_ : *out_[input.step]);
    overlaid.back().set_all(returned, step);
  }
  std::vector<const FlowState*> branches;
  for (const FlowState& branch : overlaid) { branches.push_back(&branch); }
  auto merged = merge_states(branches, place(step, info.spec.pointer, info.merge));
  if (!merged) { return tl::unexpected(merged.error()); }
  out_[step] = *std::move(merged);
  return {};
}

Checked<Document> FlowStates::result() const {
  std::vector<const FlowState*> branches;
  for (const StepInput& input : flow_.results()) {
    SL_ASSERT(out_[input.step].has_value(), "a flow ends before its steps");
    branches.push_back(&*out_[input.step]);
  }
  auto merged = merge_states(branches, place(flow_.steps().size(), "/edges", flow_.results_merge()));
  if (!merged) { return tl::unexpected(merged.error()); }
  return merged->document();
}

Document FlowStates::so_far() const {
  std::vector<bool> is_followed(out_.size(), false);
  for (std::size_t s = 0; s < out_.size(); ++s) {
    if (!out_[s]) { continue; }
    for (const StepInput& input : flow_.steps()[s].inputs) {
      if (input.step != StepInput::kStart) { is_followed[input.step] = true; }
    }
  }
  std::vector<const FlowState*> branches{&given_};
  for (std::size_t s = 0; s < out_.size(); ++s) {
    if (out_[s] && !is_followed[s]) { branches.push_back(&*out_[s]); }
  }
  const auto merged = merge_states(branches, place(flow_.steps().size(), "", MergeRule::last));
  return merged ? merged->document() : given_document_;
}

FlowProgress FlowStates::progress() const {
  FlowProgress progress;
  progress.given = given_document_;
  for (std::size_t s = 0; s < out_.size(); ++s) {
    if (out_[s]) { progress.done.push_back({flow_.steps()[s].spec.name, *out_[s]}); }
  }
  return progress;
}

}  // namespace streamlab
