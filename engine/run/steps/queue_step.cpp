// engine/run/steps/queue_step.cpp
#include "engine/run/steps/queue_step.hpp"

namespace streamlab {

bool QueueStep::run(Loop& loop) noexcept {
  return run_round(loop, [&] { return work(loop); });
}

bool QueueStep::work(Loop& loop) noexcept {
  const BlockStream& from = *in[0];
  const BlockStream& to = *out[0];
  for (std::uint32_t b = 0; b < from.count && !loop.failed(); ++b) {
    const DataFrame* const block = from.frames[b];
    call(loop, {&block, 1}, block);
  }
  bool worked = from.count > 0;
  if (!ways.have_room()) { return worked; }
  while (!loop.failed() && to.count < to.frames.size()) {
    const std::uint32_t before = to.count;
    call(loop, {}, nullptr);
    if (to.count == before) { break; }
    worked = true;
  }
  if (!from.ended || loop.failed()) { return worked; }
  return finish(loop) || worked;
}

}  // namespace streamlab
