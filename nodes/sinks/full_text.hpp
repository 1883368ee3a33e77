// nodes/sinks/full_text.hpp
//
// Everything about a block, for people (several lines) and for programs (one line of JSON). Of audio the number
// of frames, mean and rms; of a spectrum the number of bins and the largest one; values as they are.
#pragma once

#include <string>

#include "engine/core/data_frame.hpp"

namespace streamlab {

std::string full_text_of(const DataFrame& frame, const std::string& label);
// With a line end. NaN is null.
std::string json_line_of(const DataFrame& frame, const std::string& label);

}  // namespace streamlab
