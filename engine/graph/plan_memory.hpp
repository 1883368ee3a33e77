// engine/graph/plan_memory.hpp
//
// How much memory the blocks of a plan take.
#pragma once

#include <cstdint>

#include "engine/graph/plan.hpp"

namespace streamlab {

// Of one block.
std::uint64_t frame_bytes(const StreamFormat& format);
// Of all that nodes give, that edges hold, and that joins hold back.
std::uint64_t memory_of(const Plan& plan);

}  // namespace streamlab
