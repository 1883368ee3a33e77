// engine/rt/overflow_policy.cpp
#include "engine/rt/overflow_policy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace streamlab {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"block",       "drop_oldest", "drop_newest",
                                                    "drop_buffer", "latest",      "fail"};

}  // namespace

std::string_view to_string(OverflowPolicy policy) noexcept {
  return kNames[static_cast<std::size_t>(policy)];
}

std::optional<OverflowPolicy> parse_overflow_policy(std::string_view name) noexcept {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) { return std::nullopt; }
  return static_cast<OverflowPolicy>(found - kNames.begin());
}

std::span<const std::string_view> overflow_policy_names() noexcept { return kNames; }

}  // namespace streamlab
