// tests/nodes/process/programs.hpp
//
// The node Process with a line of shell, for its tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {

// A configuration that runs `script`; `more`: its other parameters, with a comma at the end.
inline std::string shell(const std::string& script, const std::string& more = "") {
  return nlohmann::json{{"command", {"sh", "-c", script}}}.dump().insert(1, more);
}

// Everything that `node` says once a stream is over; with the last status.
inline std::vector<NodeNote> notes_after(NodeHarness& node, const Signal& signal,
                                         std::uint32_t block = 1000) {
  node.run(signal, block);
  return node.node().notes();
}

// What it fails with; empty: it does not.
inline std::string failure_of(const std::string& config, const Signal& signal, std::uint32_t block = 1000) {
  NodeHarness node("Process", config, {48000.0, static_cast<std::uint32_t>(signal.size()), block});
  for (std::size_t begin = 0; begin < signal[0].size() && node.last_status() != Status::fault;
       begin += block) {
    DataFrame x = node.input_frame();
    x.set_frame_count(block);
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      std::copy_n(signal[c].begin() + static_cast<std::ptrdiff_t>(begin), block, x.channel_data(c));
    }
    x.header().position = static_cast<std::int64_t>(begin);
    node.process(x);
  }
  while (node.last_status() == Status::ok) { node.finish(); }
  return node.last_status() == Status::fault ? to_string(node.node().failure()) : "";
}

}  // namespace streamlab::test
