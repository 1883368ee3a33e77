// engine/run/steps/step.cpp
#include "engine/run/steps/step.hpp"

namespace streamlab {

void NodeStep::take_status(Loop& loop, Status status, bool is_last_call) noexcept {
  if (status == Status::fault) {
    loop.fail(node_index);
  } else if (is_last_call) {
    finished = true;
  } else {
    had_enough = loop.reader_left = true;
  }
}

bool NodeStep::finish(Loop& loop) noexcept {
  if (had_enough) { return true; }
  // finish() needs free output frames: call it after the blocks of this round have been passed on.
  if (std::any_of(out.begin(), out.end(), [](const BlockStream* stream) { return stream->count > 0; })) {
    return true;
  }
  if (!ways.have_room()) { return false; }
  bind(nullptr);
  const Status status = node->finish(ports_);
  count_blocks(loop);
  if (status != Status::ok) { take_status(loop, status, true); }
  if (finished) { end(); }
  return true;
}

}  // namespace streamlab
