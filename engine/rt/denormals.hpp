// engine/rt/denormals.hpp
//
// Denormal numbers as zero, on this thread. A filter that rings out into silence otherwise computes with them
// at a hundredth of its speed. Every thread that runs process() calls flush_denormals() first, so that
// results do not depend on the thread.
#pragma once

namespace streamlab {

// This thread only; two instructions. True if the processor can.
bool flush_denormals() noexcept;

// Whether denormal operands and results count as zero on this thread now, read from the processor.
bool denormals_flushed() noexcept;

}  // namespace streamlab
