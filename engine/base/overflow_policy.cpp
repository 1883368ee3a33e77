// engine/base/overflow_policy.cpp
#include "engine/base/overflow_policy.hpp"

#include <algorithm>
#include <cstddef>

namespace streamlab {

std::string_view to_string(OverflowPolicy policy) noexcept {
  return kOverflowPolicyNames[static_cast<std::size_t>(policy)];
}

std::optional<OverflowPolicy> parse_overflow_policy(std::string_view name) noexcept {
  const auto* const found = std::find(kOverflowPolicyNames.begin(), kOverflowPolicyNames.end(), name);
  if (found == kOverflowPolicyNames.end()) { return std::nullopt; }
  return static_cast<OverflowPolicy>(found - kOverflowPolicyNames.begin());
}

}  // namespace streamlab
