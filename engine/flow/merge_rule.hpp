// engine/flow/merge_rule.hpp
#pragma once

#include <cstdint>

namespace streamlab {

// What happens to a key that two branches of a flow set to different values, where the branches meet.
enum class MergeRule : std::uint8_t {
  error,  // it is refused
  last,   // the branch whose edge is last in the file wins
  list,   // all values, in the order of the edges
};

}  // namespace streamlab
