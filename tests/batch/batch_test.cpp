// tests/batch/batch_test.cpp
//
// Batch over the recordings of package alsa-utils.
#include "engine/batch/batch.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <filesystem>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/validate.hpp"
#include "engine/run/streaming_engine.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> recordings() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator("/usr/share/sounds/alsa")) {
    if (entry.path().extension() == ".wav") { files.push_back(entry.path().string()); }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The levels of a file, printed under its name, and the file itself into `copy`, if there is one.
std::string levels(const std::string& path, const std::string& copy = {}) {
  const std::string to_copy =
      R"(, {"id": "copy", "type": "FileSink", "config": {"path": ")" + copy + R"("}})";
  return R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": ")" +
         path + R"("}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}},
      {"id": "show", "type": "Print", "config": {"label": "${stem}"}})" +
         (copy.empty() ? "" : to_copy) + R"(],
    "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "show"})" +
         (copy.empty() ? "" : R"(, {"from": "file", "to": "copy"})") + "]}";
}

Batch batch_of(const std::string& json, BatchOptions options = {}) {
  auto batch = Batch::from_json(json, std::move(options));
  if (!batch) { throw std::runtime_error(to_string(batch.error(), "")); }
  return *batch;
}

// Bit for bit: the crest of silence is not a number.
std::vector<std::uint64_t> samples_of(const std::vector<DataFrame>& blocks) {
  std::vector<std::uint64_t> samples;
  for (const DataFrame& block : blocks) {
    samples.push_back(static_cast<std::uint64_t>(block.position()));
    for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
      for (const double sample : block.channel(c)) {
        samples.push_back(std::bit_cast<std::uint64_t>(sample));
      }
    }
  }
  return samples;
}

// The same by a graph that runs alone.
std::vector<std::uint64_t> samples_alone(const std::string& path) {
  const auto graph = load_graph(levels(path), ConfigLanguage::json, {{"stem", "x"}});
  EngineOptions options;
  options.host.console = Console::off;
  auto engine = StreamingEngine::create(*graph, std::move(options));
  const auto blocks = (*(*engine)->output("level")).collect();
  return samples_of(*blocks);
}

TEST(FileBatch, GivesTheSameForEveryNumberOfJobsInTheOrderOfTheFiles) {
  const std::vector<std::string> paths = recordings();
  ASSERT_EQ(paths.size(), 9U);
  for (const std::size_t jobs : {1U, 2U, 5U}) {
    std::vector<std::string> taken;
    const auto totals =
        batch_of(levels("${input}"), {.jobs = jobs, .outputs = {"level", "file"}})
            .run(paths, [&](const FileResult& file) {
              taken.push_back(file.path);
              EXPECT_EQ(file.end, FileEnd::complete);
              EXPECT_THAT(file.printed, HasSubstr("[" + fs::path(file.path).stem().string() + "] 0:00.000"));
              ASSERT_EQ(file.blocks.size(), 2U);
              EXPECT_EQ(samples_of(file.blocks[0]), samples_alone(file.path));
              std::size_t frames = 0;
              for (const DataFrame& block : file.blocks[1]) { frames += block.frame_count(); }
              EXPECT_DOUBLE_EQ(file.sound_s, static_cast<double>(frames) / 48000.0);
            });
    EXPECT_EQ(taken, paths);
    EXPECT_EQ(totals.done, 9U);
    EXPECT_EQ(totals.failed, 0U);
    EXPECT_GT(totals.sound_s, 9.0);
  }
}

TEST(FileBatch, PutsTheFileInThePlaceOfWhatTheGraphPlays) {
  std::vector<std::size_t> blocks;
  batch_of(levels("take.wav"), {.outputs = {"level"}, .variables = {{"stem", "x"}}})
      .run({recordings()[0]}, [&](const FileResult& file) { blocks.push_back(file.blocks[0].size()); });
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_GT(blocks[0], 5U);
}

TEST(FileBatch, GivesTheErrorOfABadFileInItsPlaceAndGoesOn) {
  const TempDir dir;
  const std::vector<std::string> paths{recordings()[0], dir.write("bad.wav", "no sound"),
                                       dir.file("none.wav"), "..", recordings()[1]};
  std::vector<FileEnd> ends;
  std::vector<std::string> errors;
  const auto totals = batch_of(levels("${input}"), {.jobs = 3}).run(paths, [&](const FileResult& file) {
    ends.push_back(file.end);
    for (const Error& error : file.errors) { errors.push_back(to_string(error)); }
  });
  EXPECT_THAT(ends, ElementsAre(FileEnd::complete, FileEnd::refused, FileEnd::refused, FileEnd::refused,
                                FileEnd::complete));
  EXPECT_THAT(errors, ElementsAre(HasSubstr("/nodes/0/config/path (\"file\"): "), HasSubstr("none.wav"),
                                  HasSubstr("this is the name of a folder")));
  EXPECT_EQ(totals.done, 5U);
  EXPECT_EQ(totals.failed, 3U);
}

TEST(FileBatch, BeginsNoFileAfterItIsStopped) {
  std::atomic<bool> stops{false};
  std::size_t complete = 0;
  const std::vector<std::string> paths(200, recordings()[0]);
  const auto totals = batch_of(levels("${input}"), {.jobs = 2, .stops = [&] { return stops.load(); }})
                          .run(paths, [&](const FileResult& file) {
                            complete += file.end == FileEnd::complete ? 1 : 0;
                            if (file.is_failed()) {
                              EXPECT_EQ(to_string(file.errors.front()), "interrupted");
                            }
                            stops = true;
                          });
  EXPECT_GE(complete, 1U);
  EXPECT_LE(totals.done, 1U + 32U);  // what may be begun before the first is taken
  EXPECT_EQ(complete + totals.failed, totals.done);
}

TEST(FileBatch, WritesWholeFilesBelowAFolderOfEach) {
  const TempDir dir;
  const std::vector<std::string> paths{recordings()[0], recordings()[1]};
  const auto batch =
      batch_of(levels("${input}", "copy.wav"), {.jobs = 2, .place = {.out_dir = dir.file("out")}});
  std::vector<std::string> written;
  batch.run(paths, [&](const FileResult& file) {
    EXPECT_FALSE(file.is_failed());
    written.insert(written.end(), file.written.begin(), file.written.end());
  });
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[0], dir.file("out/" + fs::path(paths[0]).stem().string() + "/copy.wav"));
  for (const std::string& file : written) { EXPECT_TRUE(fs::exists(file)); }
  // They are there now, and may not be replaced.
  const auto again = batch.run(paths, [&](const FileResult& file) {
    EXPECT_TRUE(file.is_failed());
    EXPECT_THAT(to_string(file.errors.front()), HasSubstr("exists"));
    EXPECT_THAT(file.written, testing::IsEmpty());
  });
  EXPECT_EQ(again.failed, 2U);
}

TEST(FileBatch, RefusesOutputsThatMeetEachInItsPlace) {
  const TempDir dir;
  const std::vector<std::string> paths{recordings()[0], recordings()[1], recordings()[2]};
  EngineOptions engine;
  engine.host.overwrite = true;
  std::vector<FileEnd> ends;
  std::vector<std::string> errors;
  batch_of(levels("${input}", dir.file("copy.wav")), {.jobs = 3, .engine = engine})
      .run(paths, [&](const FileResult& file) {
        ends.push_back(file.end);
        for (const Error& error : file.errors) { errors.push_back(to_string(error)); }
      });
  EXPECT_THAT(ends, ElementsAre(FileEnd::complete, FileEnd::refused, FileEnd::refused));
  EXPECT_THAT(errors,
              testing::Each(HasSubstr("copy.wav\", which takes the output for \"" + paths[0] + "\"")));
  // Nor is a file of the batch written over.
  const std::string own = dir.file("own.wav");
  fs::copy_file(paths[0], own);
  batch_of(levels("${input}", own), {.engine = engine}).run({own}, [&](const FileResult& file) {
    EXPECT_THAT(to_string(file.errors.front()), HasSubstr("which is a file of the batch"));
  });
  EXPECT_EQ(fs::file_size(own), fs::file_size(paths[0]));
}

TEST(FileBatch, SaysWhatIsWrongBeforeAnythingRuns) {
  const auto refusal = [](const std::string& json, BatchOptions options) {
    const auto batch = Batch::from_json(json, std::move(options));
    return batch ? std::string() : to_string(batch.error(), "");
  };
  EXPECT_EQ(refusal(levels("${input}"), {.jobs = 0, .outputs = {"levle.out"}}),
            "BatchOptions::outputs: there is no node \"levle\"; did you mean \"level\"?\n"
            "BatchOptions::jobs: 0 files at a time; expected at least 1\n");
  EXPECT_THAT(refusal(levels("${inptu}"), {}), HasSubstr("the variable ${inptu} has no value"));
  EXPECT_TRUE(
      Batch::from_yaml("nodes: [{id: a, type: FileSource, config: {path: x}}, {id: b, type: NullSink}]\n"
                       "connections: [{from: a, to: b}]\n"));
}

}  // namespace
}  // namespace streamlab
