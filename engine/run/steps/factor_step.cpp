// engine/run/steps/factor_step.cpp
#include "engine/run/steps/factor_step.hpp"

namespace streamlab {

void FactorStep::add(EachBlockStep& member) {
  members_.push_back(&member);
  factors_.reserve(members_.size());
  out = member.out;
}

bool FactorStep::may_hold(const EachBlockStep& step) {
  // (Without storage of its own, the output is in the frames of the input.)
  return step.out.size() == 1 && step.out[0]->storage.empty() && step.factor_run() != nullptr;
}

bool FactorStep::is_continued_by(const EachBlockStep& step) const {
  const EachBlockStep& last = *members_.back();
  return last.out[0] == step.in[0] && last.out[0]->outgoing.empty() && last.factor_run() == step.factor_run();
}

void FactorStep::find_factors() noexcept {
  factors_.clear();
  for (const EachBlockStep* member : members_) {
    // Somebody wants what lies between: then each is called by itself.
    if (member != members_.back() && !member->out[0]->outgoing.empty()) { return; }
    const auto factor = member->node->constant_factor();
    if (!factor) { return; }
    factors_.push_back(factor->factor);
  }
  pass_ = members_[0]->factor_run();
}

bool FactorStep::run(Loop& loop) noexcept {
  const BlockStream& from = *in[0];
  BlockStream& to = *out[0];
  to.count = 0;
  bool worked = false;
  if (!finished) {
    if (pass_ == nullptr) { find_factors(); }
    if (pass_ != nullptr) {
      for (std::uint32_t b = 0; b < from.count; ++b) {
        DataFrame& frame = *from.frames[b];
        for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
          pass_(frame.channel_data(c), frame.frame_count(), factors_);
        }
      }
    } else {
      for (EachBlockStep* member : members_) {
        BlockStream& between = *member->out[0];
        between.count = 0;
        member->call_each(loop);
        if (member == members_.back()) { break; }
        between.ended = from.ended;
        loop.send(between);
      }
    }
    to.count = from.count;
    finished = to.ended = from.ended;
    if (finished) {
      for (EachBlockStep* member : members_) { member->out[0]->ended = true; }
    }
    worked = from.count > 0 || from.ended;
  }
  loop.send(to);
  return worked;
}

void FactorStep::restart() noexcept {
  DomainStep::restart();
  pass_ = nullptr;
}

}  // namespace streamlab
