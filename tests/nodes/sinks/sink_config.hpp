// tests/nodes/sinks/sink_config.hpp
//
// The JSON object of a sink that writes a file.
#pragma once

#include <string>

namespace streamlab::test {

// {"path": "PATH", MORE}
inline std::string config(const std::string& path, const std::string& more = "") {
  return R"({"path": ")" + path + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

}  // namespace streamlab::test
