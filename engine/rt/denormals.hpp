// engine/rt/denormals.hpp
//
// Treats denormal numbers as zero on this thread. Otherwise a filter that decays into silence slows down a
// hundredfold. Every thread that runs process() calls flush_denormals() first, so that results do not depend
// on the thread.
#pragma once

namespace streamlab {

// This thread only; two instructions. True if the processor supports it.
bool flush_denormals() noexcept;

// Whether denormal operands and results count as zero on this thread now, read from the processor.
bool denormals_flushed() noexcept;

}  // namespace streamlab
