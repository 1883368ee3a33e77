// tests/apps/streamlab_runner.hpp
//
// The real programs, run as users run them.
#pragma once

#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {

inline std::vector<std::string> streamlab_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{SL_STREAMLAB};
  for (const std::string& argument : arguments) { command.push_back(argument); }
  return command;
}

inline ProgramResult streamlab(const std::vector<std::string>& arguments, const std::string& folder = {},
                               std::string_view input = {}) {
  return run_program(streamlab_command(arguments), folder, input);
}

// Waits until `done()` says that another process has come so far; false after 30 s.
template <class Done>
bool comes(Done done) {
  for (int n = 0; n < 3000; ++n) {
    if (done()) { return true; }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// Every line as JSON; a line that is none throws, and so fails the test.
inline std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) { lines.push_back(nlohmann::json::parse(line)); }
  return lines;
}

// A tone of `seconds` s at 48 kHz through a LevelMeter that measures each half second to a Print.
inline std::string tone_config(double seconds) {
  return R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": )" +
         std::to_string(seconds) + R"(},
    "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000, "amplitude": 0.5}},
              {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.5}},
              {"id": "show", "type": "Print", "config": {"label": "Tone"}}],
    "connections": [{"from": "tone", "to": "level"}, {"from": "level", "to": "show"}]})";
}

}  // namespace streamlab::test
