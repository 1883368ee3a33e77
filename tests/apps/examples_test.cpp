// tests/apps/examples_test.cpp
//
// The programs of apps/examples over a recorded voice: what they print against plain loops over its samples.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/voice.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kRateHz = 48000.0;

ProgramResult example(const std::string& name, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), std::string(SL_EXAMPLES) + "/" + name);
  return run_program(arguments);
}

double db(double power) { return 10.0 * std::log10(power); }

TEST(Examples, FanOutFindsPeakAndPower) {
  const std::vector<double> x = samples_of_voice();
  double peak = 0.0;
  for (const double sample : x) { peak = std::max(peak, std::abs(sample)); }
  const auto result = example("fan_out", {kVoice});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            fmt::format("peak {:.2f} dBFS, rms {:.2f} dB re 1 FS over {} frames\n", 20.0 * std::log10(peak),
                        db(energy(x, 0, x.size()) / static_cast<double>(x.size())), x.size()));
  EXPECT_EQ(example("fan_out").out, result.out);  // the voice is what it takes by itself
}

TEST(Examples, LevelsAtMarksAreThoseOfTheNearestMeasurement) {
  // One level every 50 ms, of the 50 ms from there on; a mark is within 30 ms of one of them, or of none.
  constexpr std::size_t kInterval = 2400;
  const std::vector<double> x = samples_of_voice();
  std::string expected;
  for (const auto& [mark_s, text] :
       {std::pair{0.11, "front"}, {0.66, "pause"}, {0.86, "center"}, {1.21, "the end"}}) {
    const auto k = static_cast<std::size_t>(std::lround(mark_s / 0.05));
    const double power = energy(x, k * kInterval, (k + 1) * kInterval) / kInterval;
    expected += fmt::format("{:<8} {:.2f} s  {}\n", text, 0.05 * static_cast<double>(k),
                            power > 0.0 ? fmt::format("{:6.1f} dB", db(power)) : "silence");
  }
  const auto result = example("levels_at_marks", {kVoice});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, expected);
  EXPECT_EQ(result.err, "marks too far from every level: 1\n");
}

TEST(Examples, LevelsOfABatchAreThoseOfTheLoudestIntervalInOrder) {
  constexpr std::size_t kInterval = 4800;
  const std::vector<double> x = samples_of_voice();
  double highest = 0.0;
  for (std::size_t begin = 0; begin < x.size(); begin += kInterval) {
    const std::size_t end = std::min(x.size(), begin + kInterval);
    highest = std::max(highest, energy(x, begin, end) / static_cast<double>(end - begin));
  }
  const TempDir dir;
  const std::string copy = dir.file("copy.wav");
  std::filesystem::copy_file(kVoice, copy);
  const auto line = [&](const std::string& path) {
    return fmt::format("{:8.2f} dB re 1 FS  {}\n", db(highest), path);
  };
  const auto result = example("levels_of_batch", {kVoice, "/nonexistent.wav", copy});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, line(kVoice) + line(copy));
  EXPECT_THAT(result.err, HasSubstr("/nonexistent.wav: "));
  EXPECT_EQ(example("levels_of_batch", {copy}).exit_code, 0);
}

TEST(Examples, LevelsOfFilesAreThoseOfTheirSamplesInOrder) {
  const TempDir dir;
  const std::vector<double> x = samples_of_voice();
  const std::string line =
      fmt::format("{:8.2f} dB re 1 FS  ", db(energy(x, 0, x.size()) / static_cast<double>(x.size())));
  std::vector<std::string> paths;
  std::string expected;
  for (int i = 0; i < 12; ++i) {
    paths.push_back(dir.file(fmt::format("{}.wav", i)));
    std::filesystem::copy_file(kVoice, paths.back());
    expected += line + paths.back() + "\n";
  }
  const auto result = example("levels_of_files", paths);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, expected);

  paths.insert(paths.begin() + 3, "/nonexistent.wav");
  const auto with_errors = example("levels_of_files", paths);
  EXPECT_EQ(with_errors.exit_code, 1);
  EXPECT_EQ(with_errors.out, expected);
  EXPECT_EQ(with_errors.err, "/nonexistent.wav: does not exist\n");
}

// sha256sum is the independent program.
TEST(Examples, FlowOfProgramsGivesWhatItsStepsReturn) {
  const std::string voice = kVoice;
  const std::string digest = run_program({"/usr/bin/sha256sum", voice}).out.substr(0, 64);
  const auto result = example("flow_of_programs", {voice});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, fmt::format("{} bytes, SHA-256 {}\n", std::filesystem::file_size(voice), digest));
  for (const char* step : {"producer", "length", "digest"}) {
    EXPECT_THAT(result.err, HasSubstr(fmt::format("{}: succeeded\n", step)));
  }
  const auto failed = example("flow_of_programs", {"/nonexistent"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.out, "");
  EXPECT_THAT(failed.err, HasSubstr("the flow: /nodes/0: "));
  EXPECT_THAT(failed.err, HasSubstr("/nonexistent"));
}

TEST(Examples, LoudestSecondIsTheLoudest) {
  const std::vector<double> x = samples_of_voice();
  std::size_t loudest = 0;
  double most = 0.0;
  for (std::size_t begin = 0; begin + 48'000 <= x.size(); begin += 2400) {
    const double sum = energy(x, begin, begin + 48'000);
    if (sum > most) {
      most = sum;
      loudest = begin;
    }
  }
  const auto result = example("loudest_second", {kVoice});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, fmt::format("the loudest second begins at {:.2f} s: {:.2f} dB re 1 FS\n",
                                    static_cast<double>(loudest) / kRateHz, db(most / 48'000.0)));
}

// Live, by a card without hardware that plays the file, through a channel: every level of a tenth of a
// second.
TEST(Examples, LiveLevelsWritesWhatTheCardHeard) {
  constexpr std::size_t kTenth = 4800;
  const TempDir dir;
  const std::vector<double> x = samples_of_voice();
  const auto result = example("live_levels", {dir.file("levels.jsonl"), std::string("file:") + kVoice, "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::string expected;
  for (std::size_t k = 0; k < 10; ++k) {
    expected +=
        fmt::format("{{\"time_s\": {:.3f}, \"frames\": 4800, \"level_db\": {:.4f}}}\n",
                    0.1 * static_cast<double>(k), db(energy(x, k * kTenth, (k + 1) * kTenth) / kTenth));
  }
  EXPECT_EQ(content_of(dir.file("levels.jsonl")), expected);
  EXPECT_THAT(result.out, Not(HasSubstr("lost")));
}

TEST(Examples, SayWhyAFileCannotBeRead) {
  for (const char* name : {"fan_out", "levels_at_marks", "loudest_second"}) {
    const auto result = example(name, {"/nonexistent.wav"});
    EXPECT_EQ(result.exit_code, 1) << name;
    EXPECT_EQ(result.out, "") << name;
    EXPECT_THAT(result.err, HasSubstr("stage \"frames_of\", item 0: /nonexistent.wav: does not exist"))
        << name;
  }
}

TEST(Examples, LoudestSecondRefusesWhatIsShorter) {
  const TempDir dir;
  // 0.99 s: the voice's header with its two lengths made to fit.
  std::string bytes = content_of(kVoice).substr(0, 44 + 2 * 47'520);
  const auto put_length = [&bytes](std::size_t at, std::size_t length) {
    for (std::size_t i = 0; i < 4; ++i) { bytes[at + i] = static_cast<char>(length >> (8 * i) & 0xFFU); }
  };
  put_length(4, bytes.size() - 8);
  put_length(40, bytes.size() - 44);
  const auto result = example("loudest_second", {dir.write("short.wav", bytes)});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "the recording is shorter than a second\n");
}

TEST(Examples, UnreliableAnalyserAnswersForEveryItem) {
  // Every third call is refused, and asked again 100 ms, then 200 ms, … later; every fourth item is given up.
  int calls = 0;
  int again = 0;
  int waited_ms = 0;
  std::string results = "results: ";
  std::string letters;
  for (int item = 0; item < 12; ++item) {
    for (int pause_ms = 100;; pause_ms *= 2) {
      ++calls;
      if (item % 4 == 3) {
        letters += fmt::format("item {} was given up: the item cannot be analysed\n", item);
        break;
      }
      if (calls % 3 != 0) {
        results += fmt::format(" {}", 0.5 * item);
        break;
      }
      ++again;
      waited_ms += pause_ms;
    }
  }
  ASSERT_GT(again, 3);
  const auto result = example("unreliable_analyser");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, results + "\n" + letters +
                            fmt::format("{} calls, {} of them for another attempt, {} ms waited\n", calls,
                                        again, waited_ms));
}

// --- resume_levels

constexpr std::size_t kBlock = 480;

struct Job {
  TempDir dir;
  std::string output = dir.file("levels.jsonl");
  std::string state = dir.file("levels.state");

  ProgramResult run(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{kVoice, output, state};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return example("resume_levels", arguments);
  }
  // Killed by SIGKILL while it works on block `blocks`.
  void run_and_kill(std::size_t blocks) const {
    const auto result = run({std::to_string(blocks)});
    EXPECT_EQ(result.exit_code, -1) << "killed at block " << blocks << "\n" << result.out;
  }
};

std::string uninterrupted() {
  const Job job;
  EXPECT_EQ(job.run().exit_code, 0);
  return content_of(job.output);
}

TEST(Examples, ResumeLevelsAveragesExponentially) {
  const std::vector<double> x = samples_of_voice();
  std::string expected;
  double mean = 1e-10;
  for (std::size_t begin = 0; begin < x.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, x.size());
    mean += 0.1 * (energy(x, begin, end) / static_cast<double>(end - begin) - mean);
    expected += fmt::format("{{\"level_db\": {:.3f}}}\n", db(mean));
  }
  const Job job;
  const auto result = job.run();
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_EQ(content_of(job.output), expected);
  EXPECT_FALSE(std::filesystem::exists(job.state));  // the job is done
  EXPECT_FALSE(std::filesystem::exists(job.state + ".previous"));
}

TEST(Examples, ResumeLevelsGoesOnWhereverItWasKilled) {
  const std::string whole = uninterrupted();
  ASSERT_EQ(std::count(whole.begin(), whole.end(), '\n'), 143);
  for (const std::size_t killed_at : {0U, 1U, 19U, 20U, 21U, 40U, 77U, 139U, 140U, 142U}) {
    const Job job;
    job.run_and_kill(killed_at);
    EXPECT_NE(content_of(job.output), whole) << killed_at;
    const auto result = job.run();
    EXPECT_EQ(result.exit_code, 0) << result.out;
    // A checkpoint is written when the block after it is asked for.
    const std::size_t kept = killed_at / 20 * 20;
    if (kept > 0) {
      EXPECT_THAT(result.out, HasSubstr(fmt::format("resumed at item {} ", kept))) << killed_at;
    } else {
      EXPECT_THAT(result.out, testing::Not(HasSubstr("resumed"))) << killed_at;
    }
    EXPECT_EQ(content_of(job.output) == whole, true) << "killed at block " << killed_at;
  }
}

TEST(Examples, ResumeLevelsGoesOnAfterEveryKill) {
  const std::string whole = uninterrupted();
  const Job job;
  for (const std::size_t blocks : {25U, 3U, 50U, 0U, 41U}) { job.run_and_kill(blocks); }
  EXPECT_EQ(job.run().exit_code, 0);
  EXPECT_EQ(content_of(job.output) == whole, true);
}

TEST(Examples, ResumeLevelsUsesThePreviousCheckpointWhenOneIsCutShort) {
  const std::string whole = uninterrupted();
  const Job job;
  job.run_and_kill(70);
  std::filesystem::resize_file(job.state, std::filesystem::file_size(job.state) / 2);
  const auto result = job.run();
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("the one before it is used"));
  EXPECT_THAT(result.out, HasSubstr("resumed at item 40 "));
  EXPECT_EQ(content_of(job.output) == whole, true);
}

}  // namespace
}  // namespace streamlab::test
