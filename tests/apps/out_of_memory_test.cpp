// tests/apps/out_of_memory_test.cpp
//
// Whichever allocation fails, the program ends by itself: with a message and exit code 1, or as if nothing had been where
// a library does without. A sample of the allocations; all of them with SL_EVERY_ALLOCATION=1 in the environment.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

#ifdef SL_FAILING_MALLOC

namespace streamlab::test {
namespace {

std::string with_memory(std::uint64_t nth_fails) { return fmt::format("FAILING_MALLOC={}", nth_fails); }

std::uint64_t count_allocations(const std::vector<std::string>& command, const TempDir& dir) {
  std::vector<std::string> counted{"/usr/bin/env", "LD_PRELOAD=" SL_FAILING_MALLOC,
                                   "FAILING_MALLOC_COUNT=" + dir.file("count")};
  counted.insert(counted.end(), command.begin(), command.end());
  EXPECT_EQ(run_program(counted).exit_code, 0);
  std::uint64_t count = 0;
  std::ifstream(dir.file("count")) >> count;
  EXPECT_GT(count, 100U);
  return count;
}

// Takes the line "failing_malloc: LIBRARY" out of `text` and gives that name; empty if there is none.
std::string take_library(std::string& text) {
  constexpr std::string_view kBegin = "failing_malloc: ";
  const std::size_t begin = text.find(kBegin);
  if (begin == std::string::npos) { return {}; }
  const std::size_t end = text.find('\n', begin);
  const std::string library = text.substr(begin + kBegin.size(), end - begin - kBegin.size());
  text.erase(begin, end - begin + 1);
  return library;
}

// A file that was begun can be read as far as it goes.
void expect_whole(const std::string& path, const std::string& where) {
  if (!std::ifstream(path)) { return; }
  const auto info = streamlab({"info", path});
  EXPECT_EQ(info.exit_code, 0) << where << info.err;
}

void expect_an_orderly_end(const std::vector<std::string>& arguments, const TempDir& dir,
                           const std::string& output = {}) {
  const auto command = streamlab_command(arguments);
  const std::uint64_t count = count_allocations(command, dir);
  constexpr std::uint64_t kSample = 60;
  const bool all = std::getenv("SL_EVERY_ALLOCATION") != nullptr;
  std::uint64_t messages = 0;
  for (std::uint64_t k = 1; k <= count; k += all ? 1 : std::max<std::uint64_t>(1, count / kSample)) {
    std::vector<std::string> failing{"/usr/bin/env", "LD_PRELOAD=" SL_FAILING_MALLOC, with_memory(k)};
    failing.insert(failing.end(), command.begin(), command.end());
    auto result = run_program(failing);
    const std::string library = take_library(result.err);
    const std::string where =
        fmt::format("allocation {} of {}: {}\n{}", k, count, result.exit_code, result.err);
    // FFTW gets no memory while it plans a transform: it aborts, or follows a null pointer.
    if (!library.starts_with("libfftw3")) { EXPECT_THAT(result.exit_code, testing::AnyOf(0, 1, 2)) << where; }
    if (result.exit_code != 0) {
      EXPECT_FALSE(result.err.empty()) << where;
      ++messages;
    }
    if (!output.empty()) { expect_whole(output, where); }
    if (testing::Test::HasFailure() && !all) { return; }
  }
  EXPECT_GT(messages, 10U);
}

TEST(OutOfMemory, CheckEndsInGoodOrder) {
  const TempDir dir;
  expect_an_orderly_end({"check", std::string(SL_CONFIGS) + "/live_capture.json"}, dir);
}

TEST(OutOfMemory, RunEndsInGoodOrder) {
  const TempDir dir;
  const std::string config =
      dir.write("run.json", R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 1},
    "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000, "amplitude": 0.5}},
              {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}},
              {"id": "spec", "type": "Spectrum", "config": {"fft_size": 1024}},
              {"id": "show", "type": "Print"},
              {"id": "lines", "type": "JsonlSink", "config": {"overwrite": true, "path": ")" +
                                dir.file("spectra.jsonl") + R"("}},
              {"id": "file", "type": "FileSink", "config": {"overwrite": true, "path": ")" +
                                dir.file("out.wav") + R"("}}],
    "connections": [{"from": "tone", "to": "level"}, {"from": "level", "to": "show"}, {"from": "tone", "to": "spec"},
                    {"from": "spec", "to": "lines"}, {"from": "tone", "to": "file"}]})");
  expect_an_orderly_end({"run", config}, dir, dir.file("out.wav"));
}

TEST(OutOfMemory, RecordEndsInGoodOrder) {
  const TempDir dir;
  const std::string script = dir.write("card.json", R"({"clock": "virtual", "input": {"counting": true},
      "input_channels": 2, "sample_rate_hz": 48000})");
  expect_an_orderly_end(
      {"record", "--force", "--device", "sim:" + script, "--seconds", "0.5", dir.file("take.wav")}, dir,
      dir.file("take.wav"));
}

}  // namespace
}  // namespace streamlab::test

#endif
