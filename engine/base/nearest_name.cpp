// engine/base/nearest_name.cpp
#include "engine/base/nearest_name.hpp"

#include <algorithm>
#include <vector>

namespace streamlab {
namespace {

// A third of its letters, and at least one edit.
std::size_t allowed_for(std::string_view candidate) { return std::max<std::size_t>(1, candidate.size() / 3); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Only three rows of the dynamic programming table are kept: two back, one back and the current one.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) { last[j] = j; }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) { row[j] = std::min(row[j], before[j - 2] + 1); }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view candidate : names) {
    const std::size_t longer =
        std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (longer > allowed_for(candidate)) {
      continue;
    }  // the distance is at least that; and a name may have megabytes
    const std::size_t distance = edit_distance(name, candidate);
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best_distance <= allowed_for(best) ? best : std::string_view{};
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> names) {
  std::string_view best =
      related_name(name, names);  // "hanning" means "hann", although "hamming" is closer by letters
  if (best.empty()) { best = nearest_name(name, names); }
  return best.empty() ? std::string{} : "did you mean \"" + std::string(best) + "\"?";
}

}  // namespace streamlab
