// engine/rt/overflow_policy.hpp
//
// OverflowPolicy: what an edge does with a new block when it already holds as many as it may.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace streamlab {

enum class OverflowPolicy {
  block,        // the producer waits until there is room; nothing is lost
  drop_oldest,  // the oldest block in the edge makes room and is counted as dropped
  drop_newest,  // the new block is not taken and is counted as dropped
  drop_buffer,  // every block in the edge makes room and is counted as dropped: all that follows is new
  latest,       // drop_oldest with room for one: the consumer gets the newest there is
  fail,         // the new block is counted as dropped and the edge is marked as failed
};

// The name used in configuration files.
std::string_view to_string(OverflowPolicy policy) noexcept;

// Nothing when `name` is no policy's name.
std::optional<OverflowPolicy> parse_overflow_policy(std::string_view name) noexcept;

// All names, in the order of the enumerators.
std::span<const std::string_view> overflow_policy_names() noexcept;

}  // namespace streamlab
