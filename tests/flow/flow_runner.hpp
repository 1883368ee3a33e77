// tests/flow/flow_runner.hpp
//
// Runs flows of real programs in a folder of their own. Every run has a bound, after which it is stopped and
// the test fails.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "engine/flow/run_flow.hpp"
#include "tests/flow/flow_texts.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {

// Stops whatever takes longer than a minute, which nothing in these tests does.
class Watchdog {
 public:
  Watchdog()
      : thread_([this] {
          std::unique_lock lock(mutex_);
          if (!ended_.wait_for(lock, std::chrono::minutes(1), [this] { return is_over_; })) {
            ADD_FAILURE() << "the flow did not end";
            stop_.request_stop();
          }
        }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    ended_.notify_all();
  }
  std::stop_source& stop() { return stop_; }

 private:
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false;
  std::jthread thread_;  // last: it uses all the others
};

// A folder that is the working directory while it lives.
class WorkFolder {
 public:
  WorkFolder() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path()); }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() { std::filesystem::current_path(before_); }

  std::string content(std::string_view name) const { return content_of(folder_.file(name)); }
  bool has(std::string_view name) const { return std::filesystem::exists(folder_.file(name)); }
  const TempDir& folder() const { return folder_; }

  // Short times, so that the tests of what ignores signals take no seconds; run directories in this folder.
  FlowOptions options() const {
    FlowOptions options;
    options.supervisor.grace = std::chrono::milliseconds(50);
    options.supervisor.linger = std::chrono::milliseconds(50);
    options.run_directory_parent = folder_.path().string();
    return options;
  }
  FlowReport run(std::string_view yaml, FlowOptions options) const {
    Watchdog watchdog;
    if (!options.stop.stop_possible()) { options.stop = watchdog.stop().get_token(); }
    auto report = run_flow(flow_of(yaml), std::move(options));
    if (!report) { throw std::runtime_error(to_string(report.error(), "")); }
    return *std::move(report);
  }
  FlowReport run(std::string_view yaml) const { return run(yaml, options()); }
  // What it says when it is refused before anything starts.
  std::string refusal(std::string_view yaml, FlowOptions options) const {
    const auto report = run_flow(flow_of(yaml), std::move(options));
    return report ? "it ran" : to_string(report.error(), "");
  }
  std::string refusal(std::string_view yaml) const { return refusal(yaml, options()); }

 private:
  TempDir folder_;
  std::filesystem::path before_;
};

inline std::string failures(const FlowReport& report) { return to_string(report.failures, ""); }

inline const StepReport& step(const FlowReport& report, std::string_view name) {
  for (const StepReport& each : report.steps) {
    if (each.name == name) { return each; }
  }
  throw std::runtime_error("no such step");
}

}  // namespace streamlab::test
