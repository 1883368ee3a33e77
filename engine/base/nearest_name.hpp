// engine/base/nearest_name.hpp
//
// For "did you mean …?": the valid name that a mistyped name, or a name from another program, most likely
// means.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace streamlab {

// Damerau-Levenshtein distance (optimal string alignment), ignoring case: the number of insertions,
// deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The first of `names` at the smallest distance from `name`; empty if even that one differs in more than a
// third of its letters (one edit is always allowed), since the suggestion would only confuse.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

// The one of `names` that other programs call `name` ("cutoff" for "frequency"), or that differs only by its
// unit ("gain_db" for "gain"); empty if there is none.
std::string_view related_name(std::string_view name, std::span<const std::string_view> names);

// `did you mean "X"?` with a related name, else the nearest one; empty if there is neither.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);

}  // namespace streamlab
