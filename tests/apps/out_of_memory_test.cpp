// tests/apps/out_of_memory_test.cpp
//
// Whichever allocation fails, the program ends by itself: with a message and exit code 1, or as if nothing had been where
// a library does without. What it wrote can be read. A sample of the allocations; all of them by scripts/oom.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

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

// A file that was begun can be read as far as it goes: sound, or lines of which none is torn.
void expect_whole(const std::string& path, const std::string& where) {
  if (!std::ifstream(path)) { return; }
  if (path.ends_with(".wav")) {
    const auto info = streamlab({"info", path});
    EXPECT_EQ(info.exit_code, 0) << where << info.err;
    return;
  }
  const std::string text = content_of(path);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << where << text;
  std::istringstream lines(text);
  std::ptrdiff_t commas = -1;
  for (std::string line; std::getline(lines, line);) {
    if (path.ends_with(".jsonl")) {
      EXPECT_TRUE(nlohmann::json::accept(line)) << where << line;
      continue;
    }
    if (line.starts_with('#')) { continue; }
    const auto has = std::count(line.begin(), line.end(), ',');
    EXPECT_EQ(has, commas < 0 ? has : commas) << where << line;  // no text of these has one
    commas = has;
  }
}

// How often an allocation is to fail: each one, or a sample.
std::uint64_t step_of(std::uint64_t count, std::uint64_t sample) {
  return std::getenv("SL_EVERY_ALLOCATION") != nullptr ? 1 : std::max<std::uint64_t>(1, count / sample);
}

std::vector<std::string> failing(std::uint64_t nth, const std::vector<std::string>& command) {
  std::vector<std::string> all{"/usr/bin/env", "LD_PRELOAD=" SL_FAILING_MALLOC, with_memory(nth)};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

// True: it ended with a message.
bool expect_an_orderly_end(ProgramResult result, const std::string& which) {
  const std::string library = take_library(result.err);
  const std::string where = fmt::format("allocation {}: {}\n{}", which, result.exit_code, result.err);
  // FFTW gets no memory while it plans a transform: it aborts, or follows a null pointer.
  if (!library.starts_with("libfftw3")) { EXPECT_THAT(result.exit_code, testing::AnyOf(0, 1)) << where; }
  if (result.exit_code != 0) { EXPECT_FALSE(result.err.empty()) << where; }
  return result.exit_code != 0;
}

void expect_orderly_ends(const std::vector<std::string>& arguments, const TempDir& dir,
                         const std::vector<std::string>& outputs = {}) {
  const auto command = streamlab_command(arguments);
  const std::uint64_t count = count_allocations(command, dir);
  const std::uint64_t step = step_of(count, 40);
  std::uint64_t messages = 0;
  for (std::uint64_t k = 1; k <= count; k += step) {
    const std::string which = fmt::format("{} of {}", k, count);
    for (const std::string& output : outputs) { std::filesystem::remove(output); }
    if (expect_an_orderly_end(run_program(failing(k, command)), which)) { ++messages; }
    for (const std::string& output : outputs) { expect_whole(output, which); }
    if (testing::Test::HasFailure() && step > 1) { return; }
  }
  EXPECT_GT(messages, 10U);
  if (step == 1) { fmt::print("{} of {} allocations ended it with a message\n", messages, count); }
}

TEST(OutOfMemory, CheckEndsInGoodOrder) {
  const TempDir dir;
  expect_orderly_ends({"check", std::string(SL_CONFIGS) + "/live_capture.json"}, dir);
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
              {"id": "table", "type": "CsvSink", "config": {"overwrite": true, "path": ")" +
                                dir.file("levels.csv") + R"("}},
              {"id": "file", "type": "FileSink", "config": {"overwrite": true, "path": ")" +
                                dir.file("out.wav") + R"("}}],
    "connections": [{"from": "tone", "to": "level"}, {"from": "level", "to": "show"}, {"from": "level", "to": "table"},
                    {"from": "tone", "to": "spec"},
                    {"from": "spec", "to": "lines"}, {"from": "tone", "to": "file"}]})");
  expect_orderly_ends({"run", config}, dir,
                      {dir.file("out.wav"), dir.file("spectra.jsonl"), dir.file("levels.csv")});
}

TEST(OutOfMemory, RecordEndsInGoodOrder) {
  const TempDir dir;
  const std::string script = dir.write("card.json", R"({"clock": "virtual", "input": {"counting": true},
      "input_channels": 2, "sample_rate_hz": 48000})");
  expect_orderly_ends(
      {"record", "--force", "--device", "sim:" + script, "--seconds", "0.5", dir.file("take.wav")}, dir,
      {dir.file("take.wav")});
}

// An old file is there, or a whole new one of 4800 frames.
TEST(OutOfMemory, LeavesAnOldFileWhereTheNewOneIsNotWhole) {
  const TempDir dir;
  const std::string script = dir.write("card.json", R"({"clock": "virtual", "input": {"counting": true},
      "input_channels": 1, "sample_rate_hz": 48000})");
  const std::string take = dir.file("take.wav");
  const auto command =
      streamlab_command({"record", "--force", "--device", "sim:" + script, "--seconds", "0.1", take});
  const std::uint64_t count = count_allocations(command, dir);
  const std::uint64_t step = step_of(count, 40);
  int kept = 0;
  for (std::uint64_t k = 1; k <= count; k += step) {
    dir.write("take.wav", "the old one");
    const auto result = run_program(failing(k, command));
    if (content_of(take) == "the old one") {
      EXPECT_NE(result.exit_code, 0) << k;
      ++kept;
    } else {
      EXPECT_THAT(streamlab({"info", take}).out, testing::HasSubstr("4800 frames")) << k << result.err;
    }
  }
  EXPECT_GT(kept, 5);
}

TEST(OutOfMemory, BatchEndsInGoodOrder) {
  const TempDir dir;
  const std::string graph = dir.write("batch.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}}, {"id": "show", "type": "Print"},
      {"id": "file", "type": "FileSink", "config": {"overwrite": true, "path": ")" +
                                                        dir.file("${stem}.wav") + R"("}}],
      "connections": [{"from": "in", "to": "level"}, {"from": "level", "to": "show"}, {"from": "in", "to": "file"}]})");
  expect_orderly_ends({"batch", graph, kVoice, "--csv", dir.file("all.csv"), "--force"}, dir,
                      {dir.file("Front_Center.wav"), dir.file("all.csv")});
}

TEST(OutOfMemory, AFlowEndsInGoodOrder) {
  const TempDir dir;
  const std::string flow = dir.write("flow.json", R"({"nodes": [
      {"name": "a", "shell": "sh", "run": "echo x; echo y", "streams": {"stdout": "lines"}},
      {"name": "b", "shell": "sh", "run": "cat >/dev/null", "streams": {"stdin": "lines"}}],
      "settings": {"parallel": {"streams": {"enabled": true}}},
      "edges": [{"from": "__start__", "to": "a"}, {"from": "a", "to": "b", "parallel": true}]})");
  expect_orderly_ends({"run", flow}, dir);
}

// Another graph takes the place of the one that runs and plays, by way of a fade; whatever fails on the way, the recording can
// be read.
TEST(OutOfMemory, AReloadEndsInGoodOrder) {
  const TempDir dir;
  const auto write_graph = [&](const std::string& nodes, const std::string& connections) {
    return dir.write("live.json",
                     R"({"pipeline_config": {"sample_rate": 48000}, "nodes": [
        {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {"clock": "real_time",
            "input": {"counting": true}, "input_channels": 1, "output_channels": 1, "buffer_frames": 2880000}}},
        {"id": "out", "type": "AudioOutput", "config": {"device": "sim"}},
        {"id": "take", "type": "FileSink", "config": {"overwrite": true, "path": ")" +
                         dir.file("take.wav") + R"("}})" + nodes +
                         R"(], "connections": [{"from": "mic", "to": "take", "capacity": 10000}, )" +
                         connections + "]}");
  };
  const auto reload = [&](const std::vector<std::string>& environment) {
    std::vector<std::string> command{"/usr/bin/env", "LD_PRELOAD=" SL_FAILING_MALLOC};
    command.insert(command.end(), environment.begin(), environment.end());
    for (const std::string& word : streamlab_command(
             {"run", write_graph("", R"({"from": "mic", "to": "out"})"), "--watch", "--json"})) {
      command.push_back(word);
    }
    Program program(command);
    if (program.wait_for_output("\"type\":\"device\"")) {
      write_graph(
          R"(, {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.02}}, {"id": "show", "type": "Print"},
              {"id": "half", "type": "Gain", "config": {"gain": 0.5}})",
          R"({"from": "mic", "to": "half"}, {"from": "half", "to": "out"}, {"from": "mic", "to": "level"},
             {"from": "level", "to": "show"})");
      if (program.wait_for_output("rms_db")) { program.send(SIGINT); }  // else it has ended
    }
    return program.wait();
  };
  ASSERT_EQ(reload({"FAILING_MALLOC_COUNT=" + dir.file("count")}).exit_code, 0);
  std::uint64_t count = 0;
  std::ifstream(dir.file("count")) >> count;
  for (std::uint64_t k = 1; k <= count; k += step_of(count, 12)) {
    const std::string which = fmt::format("{} of about {}", k, count);
    expect_an_orderly_end(reload({with_memory(k)}), which);
    expect_whole(dir.file("take.wav"), which);
  }
}

}  // namespace
}  // namespace streamlab::test

#endif
