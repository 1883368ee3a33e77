// tests/apps/batch_table_test.cpp
//
// streamlab batch over folders and lists, into one table, and going on where it was stopped.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/batch_folder.hpp"
#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

// A tone of 0.1 s in a file.
void make_tone(const TempDir& dir, const std::string& path, double amplitude, int channels = 1) {
  std::string gains = "[1.0]";
  for (int c = 1; c < channels; ++c) { gains += ", [0.5]"; }
  fs::create_directories(fs::path(dir.file(path)).parent_path());
  const std::string config = R"({"pipeline_config": {"sample_rate": 8000, "duration_s": 0.1}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000, "amplitude": )" +
                             std::to_string(amplitude) + R"(}},
      {"id": "mix", "type": "Mixer", "config": {"matrix": [)" +
                             gains + R"(]}}, {"id": "file", "type": "FileSink", "config": {"path": ")" +
                             dir.file(path) + R"("}}],
      "connections": [{"from": "tone", "to": "mix.in1"}, {"from": "mix", "to": "file"}]})";
  const auto result = streamlab({"run", "-", "--quiet"}, {}, config);
  ASSERT_EQ(result.exit_code, 0) << result.err;
}

// Levels of a file to `sinks`, a part of a list of nodes; "S" is every sink's place.
std::string levels_config(const TempDir& dir, const std::string& sink = R"("type": "Print")") {
  return dir.write("levels.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.05}},
      {"id": "out", )" + sink + R"(}],
    "connections": [{"from": "file", "to": "level"}, {"from": "level", "to": "out"}]})");
}

std::vector<std::string> first_column(const std::string& table) {
  std::vector<std::string> names;
  for (const auto& row : plain_rows(table)) {
    if (names.empty() || names.back() != row[0]) { names.push_back(row[0]); }
  }
  return names;
}

std::vector<std::string> names_in(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.path())) { names.push_back(entry.path().filename()); }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(BatchTable, HoldsTheRowsOfAllFilesInTheirOrderForEveryNumberOfJobs) {
  const TempDir dir;
  const std::string config = levels_config(dir);
  Words files;
  for (int i = 1; i <= 12; ++i) {
    files.push_back("take " + std::to_string(i) + ".wav");
    make_tone(dir, files.back(), 0.05 * i);
  }
  std::vector<std::string> tables;
  for (const std::string jobs : {"1", "2", "5"}) {
    Words command{"batch", config, ".", "--csv", "all.csv", "--force", "--jobs", jobs};
    const auto result = streamlab(command, dir.path().string());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    tables.push_back(content_of(dir.file("all.csv")));
    EXPECT_EQ(tables.back(), tables.front()) << jobs;
  }
  Words expected{"input"};  // natural order: 2 before 10
  for (const std::string& file : files) { expected.push_back("./" + file); }
  EXPECT_EQ(first_column(tables[0]), expected);
  const auto rows = plain_rows(tables[0]);
  ASSERT_EQ(rows.size(), 1U + 12U * 2U);
  const auto peak = std::find(rows[0].begin(), rows[0].end(), "main_channel.peak [FS]") - rows[0].begin();
  for (int i = 1; i <= 12; ++i) {  // the sine has a sample on its peak
    EXPECT_NEAR(std::stod(rows[static_cast<std::size_t>(2 * i)][static_cast<std::size_t>(peak)]), 0.05 * i,
                1e-6);
  }
  const auto lines = streamlab({"batch", config, ".", "--jsonl", "all.jsonl", "--json"}, dir.path().string());
  EXPECT_EQ(lines.exit_code, 0) << lines.err;
  const auto results = json_lines(content_of(dir.file("all.jsonl")));
  ASSERT_EQ(results.size(), 24U);
  EXPECT_EQ(results[0]["input"], "./take 1.wav");
  EXPECT_EQ(results[0]["label"], "level");
  EXPECT_NEAR(results[23]["channels"]["main_channel.peak"]["value"], 0.6, 1e-6);
  EXPECT_EQ(json_lines(lines.out).back()["done"], 12);
}

TEST(BatchTable, HasTheColumnsOfAllFiles) {
  const TempDir dir;
  make_tone(dir, "a.wav", 0.25);
  make_tone(dir, "b.wav", 0.5, 2);
  make_tone(dir, "c.wav", 0.125);
  const auto result = streamlab({"batch", levels_config(dir), "a.wav", "b.wav", "c.wav", "--csv", "all.csv"},
                                dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto rows = plain_rows(content_of(dir.file("all.csv")));
  ASSERT_EQ(rows.size(), 7U);
  const auto value = [&](std::size_t row, const std::string& column) {
    const auto at = std::find(rows[0].begin(), rows[0].end(), column) - rows[0].begin();
    return rows.at(row).at(static_cast<std::size_t>(at));
  };
  EXPECT_NEAR(std::stod(value(1, "main_channel.peak [FS]")), 0.25, 1e-6);
  EXPECT_EQ(value(1, "left.peak [FS]"), "");
  EXPECT_EQ(value(3, "main_channel.peak [FS]"), "");
  EXPECT_NEAR(std::stod(value(3, "left.peak [FS]")), 0.5, 1e-6);
  EXPECT_NEAR(std::stod(value(4, "right.peak [FS]")), 0.25, 1e-6);
  EXPECT_NEAR(std::stod(value(6, "main_channel.peak [FS]")), 0.125, 1e-6);
  for (const auto& row : rows) { EXPECT_EQ(row.size(), rows[0].size()); }
}

TEST(BatchTable, TakesThePlaceOfTheSinksOfTheGraph) {
  const TempDir dir;
  make_tone(dir, "a.wav", 0.25);
  const std::string config = levels_config(dir, R"("type": "JsonlSink", "config": {"path": "own.jsonl"}},
      {"id": "again", "type": "CsvSink", "config": {"path": "own.csv", "date_time": "utc", "overwrite": true}},
      {"id": "show", "type": "Print")");
  std::string text = content_of(config);
  text.replace(text.rfind("]}"), 2,
               R"(, {"from": "level", "to": "again"}, {"from": "file", "to": "show"}]})");
  dir.write("levels.json", text);
  const auto result = streamlab({"batch", config, "a.wav", "--csv", "all.csv"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(names_in(dir), ElementsAre("a.wav", "all.csv", "all.csv.batch", "levels.json"));
  EXPECT_THAT(first_column(content_of(dir.file("all.csv"))), ElementsAre("input", "a.wav"));
  EXPECT_THAT(content_of(dir.file("all.csv")), HasSubstr(",date_time [UTC],"));  // as the graph's own table
}

TEST(BatchTable, RefusesWhatIsNoTable) {
  const TempDir dir;
  make_tone(dir, "a.wav", 0.25);
  const auto error_of = [&](const std::string& config, const Words& options) {
    Words command{"batch", config, "a.wav"};
    command.insert(command.end(), options.begin(), options.end());
    const auto result = streamlab(command, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_THAT(
      error_of(levels_config(dir, R"("type": "NullSink")"), {"--csv", "all.csv"}),
      HasSubstr("--csv: this graph has no result for a table; expected a CsvSink, JsonlSink or Print\n"));
  const std::string two = dir.write("two.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}}, {"id": "level", "type": "LevelMeter"},
      {"id": "spec", "type": "Spectrum", "config": {"fft_size": 256}}, {"id": "p", "type": "Print"},
      {"id": "q", "type": "Print"}], "connections": [{"from": "file", "to": "level"},
      {"from": "file", "to": "spec"}, {"from": "level", "to": "p"}, {"from": "spec", "to": "q"}]})");
  EXPECT_THAT(
      error_of(two, {"--csv", "all.csv"}),
      HasSubstr("--csv: this graph has 2 results, \"level\", \"spec\", which cannot stand in one table; "
                "expected one; --jsonl takes all of them\n"));
  EXPECT_EQ(streamlab({"batch", two, "a.wav", "--jsonl", "all.jsonl"}, dir.path().string()).exit_code, 0);
  EXPECT_THAT(content_of(dir.file("all.jsonl")),
              testing::AllOf(HasSubstr(R"("label":"level")"), HasSubstr(R"("label":"spec")")));
  EXPECT_THAT(error_of(levels_config(dir), {"--csv", "a.wav", "--force"}),
              HasSubstr("--csv: \"a.wav\" is an input"));
  const std::string graph = levels_config(dir);
  const std::string list = dir.write("list", "a.wav\n");
  for (const char* option : {"--csv", "--jsonl", "--failures"}) {
    EXPECT_THAT(error_of(graph, {option, graph, "--force"}), HasSubstr("\" is the configuration; expected"));
  }
  for (const char* option : {"--csv", "--jsonl"}) {  // --failures may: Batch.ListsWhatFailed
    EXPECT_THAT(
        error_of(graph, {option, "./list", "--files-from", "list", "--force"}),
        HasSubstr(std::string(option) + ": \"./list\" is the list of files; expected another file\n"));
  }
  EXPECT_THAT(error_of(graph, {"--csv", "x", "--failures", "./x"}), HasSubstr("--failures: \"./x\" is "));
  EXPECT_EQ(content_of(list), "a.wav\n");
  EXPECT_THAT(error_of(levels_config(dir), {"--csv", "no/all.csv"}), HasSubstr("an existing folder"));
  dir.write("old.csv", "of somebody");
  EXPECT_THAT(
      error_of(levels_config(dir), {"--csv", "old.csv"}),
      HasSubstr(
          "--csv: \"old.csv\" exists already; use --force to replace it, or --resume to go on with it"));
  EXPECT_EQ(content_of(dir.file("old.csv")), "of somebody");
  EXPECT_THAT(
      error_of(levels_config(dir, R"("type": "CsvSink", "config": {"path": "x.csv", "decimal": "comma"})"),
               {"--csv", "all.csv"}),
      HasSubstr("\"comma\" cannot be used on standard output, nor in the table of a batch"));
  EXPECT_THAT(error_of(levels_config(dir), {"--resume"}), HasSubstr("nothing tells what is complete"));
}

// The table tells which files are done: one whose rows are there is not read again.
TEST(BatchTable, IsResumedWithTheRowsThatItHas) {
  for (const std::string option : {"--csv", "--jsonl"}) {
    const TempDir dir;
    const std::string config = levels_config(dir);
    const Words files{"1.wav", "b\"o,r.wav", "3.wav"};
    for (const std::string& file : files) {
      make_tone(dir, file == files[1] ? "2.wav" : file, 0.25, file == files[2] ? 2 : 1);
    }
    fs::rename(dir.file("2.wav"), dir.file(files[1]));
    const auto batch = [&](const Words& options) {
      Words command{"batch", config, files[0], files[1], files[2], option, "all", "--json"};
      command.insert(command.end(), options.begin(), options.end());
      const auto result = streamlab(command, dir.path().string());
      const auto summary = json_lines(result.out).back();
      return std::vector<int>{result.exit_code, summary["done"], summary["skipped"], summary["failed"]};
    };
    EXPECT_THAT(batch({}), ElementsAre(0, 3, 0, 0));
    const std::string whole = content_of(dir.file("all"));
    EXPECT_THAT(batch({"--resume"}), ElementsAre(0, 3, 3, 0));
    EXPECT_EQ(content_of(dir.file("all")), whole);
    // A file that fails is not in the table, and done again when it can be read.
    const std::string sound = content_of(dir.file(files[1]));
    dir.write(files[1], "no sound");
    EXPECT_THAT(batch({"--force"}), ElementsAre(1, 3, 0, 1));
    EXPECT_THAT(content_of(dir.file("all")), Not(HasSubstr("o,r.wav")));
    dir.write(files[1], sound);
    EXPECT_THAT(batch({"--resume"}), ElementsAre(0, 3, 2, 0));
    EXPECT_EQ(content_of(dir.file("all")), whole);
    // After a kill: the last file in FILE.part may have lost rows, those before are complete.
    fs::remove(dir.file("all"));
    const std::size_t cut = whole.find("3.wav") + 60;
    dir.write("all.part", whole.substr(0, cut));
    EXPECT_THAT(batch({"--resume"}), ElementsAre(0, 3, 2, 0));
    EXPECT_EQ(content_of(dir.file("all")), whole);
    EXPECT_FALSE(fs::exists(dir.file("all.part")));
  }
}

TEST(Batch, ResumesWhereFilesAreMissing) {
  const TempDir dir;
  const std::string config = levels_config(dir, R"("type": "CsvSink", "config": {"path": "levels.csv"}},
      {"id": "copy", "type": "FileSink", "config": {"path": "copy.wav"})");
  std::string text = content_of(config);
  text.replace(text.rfind("]}"), 2, R"(, {"from": "file", "to": "copy"}]})");
  dir.write("levels.json", text);
  for (const char* file : {"a.wav", "b.wav", "c.wav"}) { make_tone(dir, file, 0.5); }
  const auto batch = [&](const Words& options) {
    Words command{"batch", config, "a.wav", "b.wav", "c.wav", "--out-dir", "out"};
    command.insert(command.end(), options.begin(), options.end());
    return streamlab(command, dir.path().string());
  };
  EXPECT_EQ(batch({}).exit_code, 0);
  const auto refused = batch({});
  EXPECT_EQ(refused.exit_code, 2);  // nothing was started, and all six are named
  for (const char* path : {"out/a/levels.csv", "out/a/copy.wav", "out/b/levels.csv", "out/b/copy.wav",
                           "out/c/levels.csv", "out/c/copy.wav"}) {
    EXPECT_THAT(refused.err, HasSubstr(std::string("\"") + path +
                                       "\" exists already; use --force to replace it, or --resume"));
  }
  // Of b one of two is missing; what a kill left beside c is in nobody's way.
  const std::string levels = content_of(dir.file("out/b/levels.csv"));
  const std::string copy = content_of(dir.file("out/c/copy.wav"));
  fs::remove(dir.file("out/b/levels.csv"));
  fs::remove(dir.file("out/c/copy.wav"));
  dir.write("out/c/copy.wav.part", "RIFF");
  const auto resumed = batch({"--resume"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("3 files, 1 complete already, 0 failed"));
  EXPECT_EQ(content_of(dir.file("out/b/levels.csv")), levels);
  EXPECT_EQ(content_of(dir.file("out/c/copy.wav")), copy);
  EXPECT_FALSE(fs::exists(dir.file("out/c/copy.wav.part")));
}

// A batch that is killed leaves nothing under a result's name; one that is interrupted leaves nothing at all.
TEST(Batch, LeavesNothingUnfinishedUnderTheNameOfAResult) {
  const TempDir dir;
  const std::string config = dir.write("copy.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
      {"id": "slow", "type": "Throttle", "config": {"speed": 0.01}},
      {"id": "out", "type": "FileSink", "config": {"path": "${stem}.copy.wav"}}],
    "connections": [{"from": "file", "to": "slow"}, {"from": "slow", "to": "out"}]})");
  make_tone(dir, "a.wav", 0.5);
  for (const int signal : {SIGINT, SIGKILL}) {
    Program program(streamlab_command({"batch", config, "a.wav"}), dir.path().string());
    ASSERT_TRUE(comes([&] { return fs::exists(dir.file("a.copy.wav.part")); }));
    EXPECT_FALSE(fs::exists(dir.file("a.copy.wav")));
    program.send(signal);
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, signal == SIGINT ? 1 : -1);
    EXPECT_FALSE(fs::exists(dir.file("a.copy.wav")));
    EXPECT_EQ(fs::exists(dir.file("a.copy.wav.part")), signal == SIGKILL);
  }
}

TEST(Batch, TakesListsOfFiles) {
  const TempDir dir;
  const std::string config = levels_config(dir);
  for (const char* file : {"a.wav", "b.wav", "c d.wav", "e\nf.wav"}) {
    make_tone(dir, file == std::string("e\nf.wav") ? "x.wav" : file, 0.5);
  }
  fs::rename(dir.file("x.wav"), dir.file("e\nf.wav"));
  const auto inputs_of = [&](const Words& options, std::string_view input = {}) {
    Words command{"batch", config, "--json"};
    command.insert(command.end(), options.begin(), options.end());
    const auto result = streamlab(command, dir.path().string(), input);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> inputs;
    for (const auto& line : json_lines(result.out)) {
      if (line.value("type", "") == "file") { inputs.push_back(line["input"]); }
    }
    return inputs;
  };
  EXPECT_THAT(inputs_of({"--files-from", dir.write("list", "c d.wav\n\na.wav")}),
              ElementsAre("c d.wav", "a.wav"));
  EXPECT_THAT(inputs_of({"--files-from", dir.write("windows", "c d.wav\r\n\r\na.wav\r\n")}),
              ElementsAre("c d.wav", "a.wav"));
  EXPECT_THAT(inputs_of({"b.wav", "--files-from", "-"}, "a.wav\n"), ElementsAre("b.wav", "a.wav"));
  EXPECT_THAT(inputs_of({"--files-from", "-"}, std::string_view("e\nf.wav\0a.wav\0", 14)),
              ElementsAre("e\nf.wav", "a.wav"));
  const auto refusal = [&](const Words& options, std::string_view input = {}) {
    Words command{"batch"};
    command.insert(command.end(), options.begin(), options.end());
    const auto result = streamlab(command, dir.path().string(), input);
    EXPECT_EQ(result.exit_code, 2);
    return result.err;
  };
  EXPECT_EQ(refusal({config, "--files-from", "none"}),
            "batch: --files-from: \"none\" cannot be read: No such file or directory\n");
  EXPECT_EQ(refusal({config, "--files-from", "."}),
            "batch: --files-from: \".\" cannot be read: Is a directory\n");
  EXPECT_EQ(refusal({config, "--files-from", "-"}, "\n"),
            "batch: --files-from: there is no path in standard input; expected a path on each line\n");
  EXPECT_THAT(refusal({"-", "--files-from", "-"}), HasSubstr("standard input brings the configuration"));
  EXPECT_EQ(refusal({config}), "batch: no file was given; expected FILES, folders or --files-from\n");
}

TEST(Batch, TakesFoldersInNaturalOrder) {
  const TempDir dir;
  const std::string config = levels_config(dir);
  make_tone(dir, "tone.wav", 0.5);
  const std::string tone = content_of(dir.file("tone.wav"));
  for (const char* file : {"in/10.wav", "in/9.WAV", "in/sub 2/x.wav", "in/sub 10/x.wav", "in/notes.txt",
                           "in/.hidden.wav", "in/.git/y.wav", "in/out/old/copy.wav"}) {
    fs::create_directories(fs::path(dir.file(file)).parent_path());
    dir.write(file, tone);
  }
  fs::create_directory_symlink(dir.file("in"), dir.file("in/loop"));
  const auto result =
      streamlab({"batch", config, "in", "--out-dir", "in/out", "--csv", "all.csv"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(first_column(content_of(dir.file("all.csv"))),
              ElementsAre("input", "in/9.WAV", "in/10.wav", "in/sub 2/x.wav", "in/sub 10/x.wav"));
  EXPECT_THAT(result.err, HasSubstr("in/out: left out: results go there\n"));
  EXPECT_THAT(result.err,
              HasSubstr("in/loop: left out: a link to a folder, which is read where it is named"));
  EXPECT_THAT(result.err, HasSubstr("in/.git: left out: a hidden folder\n"));
  EXPECT_THAT(result.err, HasSubstr("in: 2 files left out: 1 hidden, 1 .txt\n"));
  fs::create_directory(dir.file("empty"));
  const auto empty = streamlab({"batch", config, "empty"}, dir.path().string());
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("batch: empty: there is no sound file in this folder; expected "));
}

TEST(Batch, ListsWhatFailed) {
  const TempDir dir;
  const std::string config = levels_config(dir);
  make_tone(dir, "a.wav", 0.5);
  dir.write("bad.wav", "no sound");
  dir.write("worse.wav", "none either");
  const auto some = streamlab({"batch", config, "bad.wav", "a.wav", "worse.wav", "--failures", "failed"},
                              dir.path().string());
  EXPECT_EQ(some.exit_code, 1);
  EXPECT_THAT(some.err, HasSubstr("\n2 of 3 files failed:\n  bad.wav\n  worse.wav\n3 files, 2 failed; "));
  EXPECT_EQ(content_of(dir.file("failed")), "bad.wav\nworse.wav\n");
  // The list is what the next batch takes; where nothing fails it is empty. All refused: nothing was started.
  const auto all = streamlab({"batch", config, "--files-from", "failed"}, dir.path().string());
  EXPECT_EQ(all.exit_code, 2);
  dir.write("bad.wav", content_of(dir.file("a.wav")));
  dir.write("worse.wav", content_of(dir.file("a.wav")));
  const auto refused = streamlab({"batch", config, "a.wav", "--failures", "failed"}, dir.path().string());
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--failures: \"failed\" exists already"));
  const auto good = streamlab({"batch", config, "--files-from", "failed", "--failures", "failed", "--force"},
                              dir.path().string());
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(content_of(dir.file("failed")), "");
}

TEST(Batch, RefusesAnotherOutputUnderTheNameThatATableHasUntilItIsComplete) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  const auto result =
      folder.batch(folder.levels(), {"a.wav"}, {"--csv", "t.csv", "--failures", "t.csv.part"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("t.csv.part\" is written by --csv, until it is complete"));
  EXPECT_FALSE(folder.has("t.csv"));
}

// An output of a file that failed was never written: what has its name now is somebody else's.
TEST(BatchResume, KeepsAFileThatHasTheNameOfAnOutputThatWasNeverWritten) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.dir().write("b.wav", "no sound");
  const std::string config = folder.levels(R"("type": "JsonlSink", "config": {"path": "levels.jsonl"})");
  EXPECT_EQ(folder.batch(config, {"a.wav", "b.wav"}, {"--out-dir", "out"}).exit_code, 1);
  std::filesystem::create_directories(folder.dir().file("out/b"));
  folder.dir().write("out/b/levels.jsonl", "mine");
  folder.make_wav("b.wav", 16000);
  const auto resumed = folder.batch(config, {"a.wav", "b.wav"}, {"--out-dir", "out", "--resume"});
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_THAT(resumed.err,
              HasSubstr("b.wav: \"out/b/levels.jsonl\" exists already, and no batch has written it"));
  EXPECT_EQ(folder.content("out/b/levels.jsonl"), "mine");
}

}  // namespace
}  // namespace streamlab::test
