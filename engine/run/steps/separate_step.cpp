// engine/run/steps/separate_step.cpp
#include "engine/run/steps/separate_step.hpp"

namespace streamlab {

bool SeparateStep::run(Loop& loop) noexcept {
  return run_round(loop, [&] { return work(loop); });
}

bool SeparateStep::work(Loop& loop) noexcept {
  bool worked = false;
  bool ended = true;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const BlockStream& stream = *in[i];
    for (std::uint32_t b = 0; b < stream.count; ++b) {
      shown_[i] = stream.frames[b];
      call(loop, shown_, stream.frames[b]);
      shown_[i] = nullptr;
      worked = true;
      if (loop.failed() || had_enough) { return true; }
    }
    if (stream.ended && !told_end_[i]) {
      told_end_[i] = true;
      node->input_ended(i);
      worked = true;
    }
    ended = ended && stream.ended;
  }
  return ended ? finish(loop) || worked : worked;
}

void SeparateStep::take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept {
  DomainStep::take_over(before, inputs);
  const auto& told_before = static_cast<SeparateStep&>(before).told_end_;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    told_end_[i] = inputs[i] != kNone && told_before[inputs[i]];
  }
}

void SeparateStep::restart() noexcept {
  DomainStep::restart();
  told_end_.assign(told_end_.size(), false);
}

}  // namespace streamlab
