// engine/run/steps/each_block_step.cpp
#include "engine/run/steps/each_block_step.hpp"

namespace streamlab {

void EachBlockStep::call_each(Loop& loop) noexcept {
  const BlockStream& stream = *in[0];
  for (std::uint32_t b = 0; b < stream.count && !loop.failed() && !had_enough; ++b) {
    const DataFrame* const block = stream.frames[b];
    call(loop, {&block, 1}, block);
  }
}

bool EachBlockStep::run(Loop& loop) noexcept {
  return run_round(loop, [&] {
    const BlockStream& stream = *in[0];
    call_each(loop);
    if (!stream.ended || loop.failed()) { return stream.count > 0; }
    return finish(loop) || stream.count > 0;
  });
}

}  // namespace streamlab
