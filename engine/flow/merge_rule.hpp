// engine/flow/merge_rule.hpp
#pragma once

#include <cstdint>

namespace streamlab {

// What becomes of a key that two branches of a flow set to different values where they meet.
enum class MergeRule : std::uint8_t {
  error,  // it is refused
  last,   // the branch whose edge stands last in the file wins
  list,   // all values, in the order of the edges
};

}  // namespace streamlab
