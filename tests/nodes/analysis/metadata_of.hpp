// tests/nodes/analysis/metadata_of.hpp
//
// One number of the metadata of a result.
#pragma once

#include <string_view>

#include "engine/core/data_frame.hpp"

namespace streamlab::test {

inline double meta(const DataFrame& frame, std::string_view key) {
  return frame.metadata().get(key).value_or(-1.0);
}

}  // namespace streamlab::test
