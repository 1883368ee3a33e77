// engine/base/overflow_policy.hpp
//
// OverflowPolicy: what a full edge does with a new block.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace streamlab {

enum class OverflowPolicy {
  block,        // the producer waits until there is room; nothing is lost
  drop_oldest,  // the oldest block in the edge is dropped and counted
  drop_newest,  // the new block is not taken and is counted as dropped
  drop_buffer,  // every block in the edge is dropped and counted: what follows is new
  latest,       // drop_oldest with room for one: the consumer gets the newest block
  fail,         // the new block is counted as dropped and the edge is marked as failed
};

// Used in configuration files, in the order of the enumerators.
inline constexpr std::array<std::string_view, 6> kOverflowPolicyNames{
    "block", "drop_oldest", "drop_newest", "drop_buffer", "latest", "fail"};

std::string_view to_string(OverflowPolicy policy) noexcept;

// Nothing when no policy has that name.
std::optional<OverflowPolicy> parse_overflow_policy(std::string_view name) noexcept;

}  // namespace streamlab
