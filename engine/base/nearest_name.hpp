// engine/base/nearest_name.hpp
//
// The valid name that a mistyped one, or one of another program, most likely stands for, for "did you mean
// …?".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace streamlab {

// Damerau-Levenshtein distance (optimal string alignment), letters compared without case: the number of
// insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The first of `names` at the smallest distance from `name`; empty if even that one differs in more than a
// third of its letters (at least one edit is always allowed), for then a suggestion would only confuse.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

// The one of `names` that is called so elsewhere ("cutoff" for "frequency"), or that is the same but for its
// unit ("gain_db" for "gain"); empty where there is none.
std::string_view related_name(std::string_view name, std::span<const std::string_view> names);

// `did you mean "X"?` with a related name or else the nearest one; an empty string where there is neither.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);

}  // namespace streamlab
