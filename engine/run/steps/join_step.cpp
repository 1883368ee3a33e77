// engine/run/steps/join_step.cpp
#include "engine/run/steps/join_step.hpp"

namespace streamlab {

bool JoinStep::run(Loop& loop) noexcept {
  return run_round(loop, [&] { return work(loop); });
}

bool JoinStep::work(Loop& loop) noexcept {
  bool worked = false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const BlockStream& stream = *in[i];
    for (std::uint32_t b = 0; b < stream.count; ++b) {
      if (!join_.push(i, *stream.frames[b])) {
        loop.fail_by_overrun(node_index);
        return true;
      }
      worked = true;
    }
    if (stream.ended) { join_.end(i); }
  }
  if (!ways.have_room()) { return worked; }
  while (out.empty() || out[0]->count < out[0]->frames.size()) {
    const auto blocks = join_.next();
    if (blocks.empty()) { break; }
    call(loop, blocks, blocks[0]);
    worked = true;
    if (loop.failed() || had_enough) { return true; }
  }
  return join_.finished() ? finish(loop) || worked : worked;
}

void JoinStep::take_over(DomainStep& before, std::span<const std::size_t> inputs) noexcept {
  DomainStep::take_over(before, inputs);
  take_blocks(static_cast<JoinStep&>(before), inputs);
}

void JoinStep::restart() noexcept {
  DomainStep::restart();
  join_.reset();
}

}  // namespace streamlab
