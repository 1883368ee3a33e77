// tests/apps/batch_resume_test.cpp
//
// streamlab batch --resume: what is complete is left alone, whatever else is done again, kept or refused; nothing is lost
// or mixed (docs/decisions/resume.md).
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/batch_folder.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

const Words kThree{"a.wav", "b.wav", "c.wav"};

void make_three(const BatchFolder& folder) {
  folder.make_wav("a.wav", 8000);
  folder.make_wav("b.wav", 16000, 2);
  folder.make_wav("c.wav", 24000);
}

nlohmann::json summary_of(const ProgramResult& result) { return json_lines(result.out).back(); }

TEST(BatchResume, KeepsTheRowsOfFilesThatAreNotInThisBatch) {
  for (const std::string option : {"--csv", "--jsonl"}) {
    const BatchFolder folder;
    make_three(folder);
    const std::string config = folder.levels();
    ASSERT_EQ(folder.batch(config, kThree, {option, "all"}).exit_code, 0);
    const std::string whole = folder.content("all");
    const auto one = folder.batch(config, {"c.wav"}, {option, "all", "--resume"});
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_EQ(folder.content("all"), whole) << option;
    EXPECT_THAT(one.err, HasSubstr("1 file, 1 complete already, 0 failed"));

    // What failed is repaired and done by the list of failures: the others stay.
    folder.dir().write("b.wav", "no sound");
    const Words failures{option, "all", "--failures", "list"};
    Words with_force = failures;
    with_force.emplace_back("--force");
    EXPECT_EQ(folder.batch(config, kThree, with_force).exit_code, 1);
    EXPECT_EQ(folder.content("list"), "b.wav\n");
    folder.make_wav("b.wav", 16000, 2);
    Words with_list = failures;
    with_list.insert(with_list.end(), {"--files-from", "list", "--resume"});
    const auto again = folder.batch(config, {}, with_list);
    EXPECT_EQ(again.exit_code, 0) << again.err;
    if (option == "--csv") {
      EXPECT_THAT(names_of(folder.content("all")), ElementsAre("input", "a.wav", "c.wav", "b.wav"));
    }
    EXPECT_EQ(folder.content("list"), "");
    EXPECT_EQ(folder.batch(config, kThree, {option, "all", "--resume"}).exit_code, 0);
    EXPECT_EQ(folder.content("all"), whole) << option;
  }
}

TEST(BatchResume, WritesOverNothingThatNoBatchHasWritten) {
  const BatchFolder folder;
  make_three(folder);
  const std::string config = folder.levels();
  for (const std::string text : {"name;value\nmy notes;1\n", "input,price\na.wav,3\n", ""}) {
    folder.dir().write("own.csv", text);
    const auto result = folder.batch(config, kThree, {"--csv", "own.csv", "--resume"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(
        result.err,
        "--resume: there is no record, \"own.csv.batch\", of what stands in \"own.csv\"; expected a table that a "
        "batch has written; --force instead of --resume replaces it; or name another file\n");
    EXPECT_EQ(folder.content("own.csv"), text);
    EXPECT_FALSE(folder.has("own.csv.batch"));
  }
  ASSERT_EQ(folder.batch(config, kThree, {"--csv", "all.csv"}).exit_code, 0);
  const std::string whole = folder.content("all.csv");
  std::string changed = whole;
  changed.replace(changed.find("\r\n") + 2, 5, "A.wav");
  const std::string a_row_behind = whole + "other.wav,1,2,3\r\n";
  for (const std::string& text : {changed, "name;value\n" + whole, a_row_behind, whole + "my note"}) {
    folder.dir().write("all.csv", text);
    const auto result = folder.batch(config, kThree, {"--csv", "all.csv", "--resume"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("expected a table as \"all.csv.batch\" knows it"));
    EXPECT_EQ(folder.content("all.csv"), text);
    EXPECT_FALSE(folder.has("all.csv.part"));
  }
  // A file that only has the name of a record.
  folder.dir().write("x.csv.batch", "mine");
  const auto record = folder.batch(config, kThree, {"--csv", "x.csv"});
  EXPECT_EQ(record.exit_code, 2);
  EXPECT_THAT(record.err,
              HasSubstr("x.csv.batch: this is no record of a batch, whose record would have this name"));
  EXPECT_EQ(folder.content("x.csv.batch"), "mine");
  // A list of other files.
  folder.dir().write("list", "my notes\n");
  const auto list = folder.batch(config, kThree, {"--csv", "y.csv", "--failures", "list", "--resume"});
  EXPECT_EQ(list.exit_code, 2);
  EXPECT_EQ(folder.content("list"), "my notes\n");
}

TEST(BatchResume, SaysAgainThatDataWasLost) {
  const BatchFolder folder;
  make_three(folder);
  folder.make_wav("cut.wav", 8000, 1, 800, 300);
  const Words files{"a.wav", "cut.wav"};
  const std::string to_table = folder.levels();
  const std::string to_files = folder.dir().write(
      "files.json", R"({"nodes": [{"id": "file", "type": "FileSource", "config": {"path": "x.wav"}},
        {"id": "copy", "type": "FileSink", "config": {"path": "copy.wav"}}],
      "connections": [{"from": "file", "to": "copy"}]})");
  for (const auto& [config, options] : {std::pair(to_table, Words{"--csv", "all.csv"}),
                                        {to_table, Words{"--jsonl", "all.jsonl"}},
                                        {to_files, Words{"--out-dir", "out"}}}) {
    Words words = options;
    words.emplace_back("--json");
    const auto first = folder.batch(config, files, words);
    EXPECT_EQ(first.exit_code, 3) << first.err;
    words.emplace_back("--resume");
    const auto again = folder.batch(config, files, words);
    EXPECT_EQ(again.exit_code, 3) << again.err;
    EXPECT_THAT(again.err, AllOf(HasSubstr("cut.wav: file: "),
                                 HasSubstr("2 complete already, 0 failed, 1 with losses")));
    const auto line = json_lines(again.out)[1];
    EXPECT_EQ(line["input"], "cut.wav");
    EXPECT_EQ(line["exit_code"], 3);
    EXPECT_EQ(line["skipped"], true);
    EXPECT_EQ(line["losses"].size(), 1U);
    EXPECT_EQ(line["losses"], json_lines(first.out)[1]["losses"]);
    EXPECT_EQ(summary_of(again)["exit_code"], 3);
    EXPECT_EQ(summary_of(again)["with_losses"], 1);
  }
}

TEST(BatchResume, DoesAgainWhatHasChanged) {
  const BatchFolder folder;
  make_three(folder);
  const Words table{"--csv", "all.csv", "--json"};
  const auto batch = [&](const std::string& config, const Words& files, Words options) {
    options.insert(options.end(), table.begin(), table.end());
    return folder.batch(config, files, options);
  };
  ASSERT_EQ(batch(folder.levels(), kThree, {}).exit_code, 0);
  // Another configuration, under the same name.
  const auto interval = batch(folder.levels(R"("type": "Print")", "0.025"), kThree, {"--resume"});
  EXPECT_EQ(interval.exit_code, 0) << interval.err;
  EXPECT_THAT(interval.err,
              HasSubstr("--resume: 3 files are done again: 3 have results of another configuration\n"));
  EXPECT_EQ(summary_of(interval)["skipped"], 0);
  EXPECT_EQ(plain_rows(folder.content("all.csv")).size(), 1U + 3U * 4U);
  // The same one, written in another way.
  std::string text = folder.content("levels.json");
  text.insert(1, "\n\n  ");
  folder.dir().write("levels.json", text + "\n// measured on Monday\n");
  EXPECT_EQ(summary_of(batch(folder.dir().file("levels.json"), kThree, {"--resume"}))["skipped"], 3);
  // Values of variables.
  std::string set = folder.content("levels.json");
  set.replace(set.find("0.025"), 5, "\"${interval}\"");
  const std::string config = folder.dir().write("set.json", set);
  EXPECT_EQ(summary_of(batch(config, kThree, {"--set", "interval=0.025", "--resume"}))["skipped"], 3);
  EXPECT_EQ(summary_of(batch(config, kThree, {"--set", "interval=0.05", "--resume"}))["skipped"], 0);
  // An input.
  folder.make_wav("b.wav", 4000, 2);
  const auto input = batch(config, kThree, {"--set", "interval=0.05", "--resume"});
  EXPECT_EQ(summary_of(input)["skipped"], 2);
  EXPECT_THAT(input.err, HasSubstr("--resume: 1 file is done again: 1 has changed\n"));
  const std::string resumed = folder.content("all.csv");
  ASSERT_EQ(batch(config, kThree, {"--set", "interval=0.05", "--force"}).exit_code, 0);
  EXPECT_EQ(resumed, folder.content("all.csv"));
  // Rows of other files by another configuration could neither stay nor be made again.
  const auto mixed = batch(config, {"a.wav"}, {"--set", "interval=0.01", "--resume"});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_EQ(
      mixed.err,
      "--resume: the table has rows of 2 other files by another configuration: \"" +
          folder.dir().file("b.wav") + "\", \"" + folder.dir().file("c.wav") +
          "\"; expected one configuration in a table; name these files, too, and they are done again\n");
  // One that is gone cannot be named: the message says which, and the way out.
  fs::remove(folder.dir().file("c.wav"));
  const auto gone = batch(config, {"a.wav"}, {"--set", "interval=0.01", "--resume"});
  EXPECT_EQ(gone.exit_code, 2);
  EXPECT_THAT(gone.err, HasSubstr("\"" + folder.dir().file("c.wav") + "\""));
  EXPECT_THAT(gone.err, HasSubstr("not all are there: without them, a new table without --resume\n"));
  EXPECT_EQ(resumed, folder.content("all.csv"));
}

// A share that is not there today, say.
TEST(BatchResume, KeepsTheRowsOfAFileThatIsGone) {
  const BatchFolder folder;
  make_three(folder);
  const std::string config = folder.levels();
  ASSERT_EQ(folder.batch(config, kThree, {"--csv", "all.csv"}).exit_code, 0);
  fs::rename(folder.dir().file("b.wav"), folder.dir().file("gone"));
  const auto result = folder.batch(config, kThree, {"--csv", "all.csv", "--resume"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("b.wav: /nodes/0/config/path"));
  EXPECT_THAT(names_of(folder.content("all.csv")), ElementsAre("input", "b.wav", "a.wav", "c.wav"));
  fs::remove(folder.dir().file("a.wav"));
  fs::remove(folder.dir().file("c.wav"));
  const std::string before = folder.content("all.csv");
  EXPECT_EQ(folder.batch(config, kThree, {"--csv", "all.csv", "--resume"}).exit_code, 2);
  EXPECT_EQ(folder.content("all.csv"), before);
  EXPECT_FALSE(folder.has("all.csv.part"));
}

TEST(BatchResume, TakesNothingFromATableThatWasBegunByAnotherConfiguration) {
  const BatchFolder folder;
  make_three(folder);
  ASSERT_EQ(folder.batch(folder.levels(), kThree, {"--csv", "all.csv"}).exit_code, 0);
  fs::rename(folder.dir().file("all.csv"), folder.dir().file("all.csv.part"));  // as if it had been killed
  const std::string other = folder.levels(R"("type": "Print")", "0.025");
  ASSERT_EQ(folder.batch(other, {"a.wav", "b.wav"}, {"--csv", "all.csv"}).exit_code, 0);
  EXPECT_FALSE(folder.has("all.csv.part"));  // which nobody will go on with
  ASSERT_EQ(folder.batch(other, kThree, {"--csv", "all.csv", "--resume"}).exit_code, 0);
  EXPECT_EQ(plain_rows(folder.content("all.csv")).size(), 1U + 3U * 4U);
}

TEST(BatchResume, KnowsAFileByEveryPath) {
  const BatchFolder folder;
  make_three(folder);
  fs::create_symlink("a.wav", folder.dir().file("link.wav"));
  const std::string config = folder.levels();
  const std::string absolute = folder.dir().file("a.wav");
  const auto first = folder.batch(config, {"a.wav", "a.wav", "./a.wav", absolute, "link.wav", "b.wav"},
                                  {"--csv", "all.csv", "--json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err,
              HasSubstr("4 files were named again, and done once: \"a.wav\", \"./a.wav\" is \"a.wav\", \"" +
                        absolute + "\" is \"a.wav\", …\n"));
  EXPECT_EQ(summary_of(first)["files"], 2);
  EXPECT_EQ(summary_of(first)["repeated"], 4);
  const std::string whole = folder.content("all.csv");
  EXPECT_THAT(names_of(whole), ElementsAre("input", "a.wav", "b.wav"));
  const auto again =
      folder.batch(config, {absolute, "./b.wav", "b.wav"}, {"--csv", "all.csv", "--resume", "--json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(summary_of(again)["skipped"], 2);
  EXPECT_EQ(folder.content("all.csv"), whole);
  // A list of a folder's content, the folder included.
  const auto list = folder.batch(config, {".", "./a.wav"}, {"--csv", "list.csv"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(names_of(folder.content("list.csv")), ElementsAre("input", "./a.wav", "./b.wav", "./c.wav"));
}

TEST(BatchResume, DoesAgainWhoseRowsAreNotAllThere) {
  for (const std::string option : {"--csv", "--jsonl"}) {
    for (const std::string name : {"all", "all.part"}) {
      const BatchFolder folder;
      make_three(folder);
      const std::string config = folder.levels();
      ASSERT_EQ(folder.batch(config, kThree, {option, "all"}).exit_code, 0);
      const std::string whole = folder.content("all");
      // Within the last row, behind a row, within the name of the last file, and behind the second file.
      const std::size_t last = whole.rfind("c.wav");
      const std::size_t third = whole.find("c.wav");
      const std::size_t row = option == "--csv" ? 0 : std::string("{\"input\":\"").size();
      for (const std::size_t bytes : {whole.size() - 9, last - row, third + 2, third - row}) {
        fs::remove(folder.dir().file("all"));
        folder.dir().write(name, whole.substr(0, bytes));
        const auto result = folder.batch(config, kThree, {option, "all", "--resume", "--json"});
        EXPECT_EQ(result.exit_code, 0) << result.err;
        EXPECT_EQ(summary_of(result)["skipped"], 2) << bytes;
        EXPECT_EQ(folder.content("all"), whole) << bytes;
        EXPECT_FALSE(folder.has("all.part"));
      }
      // Of a file that is not in this batch nothing can be made again.
      folder.dir().write("all", whole.substr(0, whole.size() - 9));
      const auto other = folder.batch(config, {"a.wav"}, {option, "all", "--resume"});
      EXPECT_EQ(other.exit_code, 2);
      EXPECT_THAT(other.err,
                  HasSubstr("the table ends within the rows of \"c.wav\", which is not in this batch"));
      EXPECT_EQ(folder.content("all"), whole.substr(0, whole.size() - 9));
    }
  }
}

// As a kill leaves it that comes while rows of the table are taken over: the part is cut anywhere, the table whole.
TEST(BatchResume, GoesOnBesideAPartThatWasCutWhileItTookRowsOver) {
  for (const std::string option : {"--csv", "--jsonl"}) {
    const BatchFolder folder;
    folder.make_wav("a.wav", 8000);
    folder.make_wav("b.wav", 16000);
    const Words two{"a.wav", "b.wav"};
    const std::string config = folder.levels();
    ASSERT_EQ(folder.batch(config, two, {option, "all"}).exit_code, 0);
    const std::string whole = folder.content("all");
    for (std::size_t bytes = 1; bytes <= whole.size(); bytes += 29) {
      folder.dir().write("all.part", whole.substr(0, bytes));
      const auto result = folder.batch(config, two, {option, "all", "--resume", "--json"});
      EXPECT_EQ(result.exit_code, 0) << bytes << ": " << result.err;
      EXPECT_EQ(summary_of(result)["skipped"], 2) << bytes;
      EXPECT_EQ(folder.content("all"), whole) << bytes;
      EXPECT_FALSE(folder.has("all.part"));
    }
    // Without the table, what the part has not is done again; a heading that is cut is none.
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{5}, whole.size() / 2}) {
      fs::remove(folder.dir().file("all"));
      folder.dir().write("all.part", whole.substr(0, bytes));
      const auto result = folder.batch(config, two, {option, "all", "--resume"});
      EXPECT_EQ(result.exit_code, 0) << bytes << ": " << result.err;
      EXPECT_EQ(folder.content("all"), whole) << bytes;
    }
    // Rows that somebody has added are no copy.
    const std::string row = option == "--csv" ? "b.wav,0,,1\r\n" : "{\"input\":\"b.wav\",\"exit_code\":0}\n";
    folder.dir().write("all.part", whole + row);
    const auto result = folder.batch(config, two, {option, "all", "--resume"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("a batch did not write its rows of \"b.wav\" so"));
    EXPECT_EQ(folder.content("all.part"), whole + row);
  }
}

// A batch that had no result leaves an empty table; a record that was killed before its first line is empty, too.
TEST(BatchResume, GoesOnWhereNoFileHadAResult) {
  for (const std::string option : {"--csv", "--jsonl"}) {
    const BatchFolder folder;
    make_three(folder);
    const std::string fails =
        folder.levels(R"("type": "Print")", "0.05", R"("type": "Process", "config": {"command": ["false"]})");
    EXPECT_EQ(folder.batch(fails, kThree, {option, "all"}).exit_code, 1);
    EXPECT_EQ(folder.content("all"), "");
    const std::string config = folder.levels();
    const auto result = folder.batch(config, kThree, {option, "all", "--resume"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    ASSERT_EQ(folder.batch(config, kThree, {option, "whole"}).exit_code, 0);
    EXPECT_EQ(folder.content("all"), folder.content("whole"));

    folder.dir().write("killed.part", "");
    folder.dir().write("killed.batch", "");
    EXPECT_EQ(folder.batch(config, kThree, {option, "killed", "--resume"}).exit_code, 0);
    EXPECT_EQ(folder.content("killed"), folder.content("whole"));
  }
}

// All files are under way: none is left that was not begun.
TEST(BatchResume, GoesOnWhereAnInterruptMetTheLastFiles) {
  const BatchFolder folder;
  make_three(folder);
  const std::string config =
      folder.levels(R"("type": "Print")", "0.05", R"("type": "Throttle", "config": {"speed": 0.05})");
  const Words options{"--csv", "all.csv", "--jobs", "3"};
  Program program(streamlab_command(BatchFolder::command(config, kThree, options)),
                  folder.dir().path().string());
  ASSERT_TRUE(comes([&] { return folder.has("all.csv.part"); }));
  program.send(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 1);
  EXPECT_FALSE(folder.has("all.csv"));
  Words resumed = options;
  resumed.emplace_back("--resume");
  EXPECT_EQ(folder.batch(config, kThree, resumed).exit_code, 0);
  EXPECT_TRUE(folder.has("all.csv"));
}

TEST(BatchResume, LeavesWhatAnInterruptHasNotReached) {
  const BatchFolder folder;
  make_three(folder);
  // 0.1 s of sound in 1 s.
  const std::string config =
      folder.levels(R"("type": "Print")", "0.05", R"("type": "Throttle", "config": {"speed": 0.1})");
  ASSERT_EQ(folder.batch(config, kThree, {"--csv", "whole.csv", "--jobs", "3"}).exit_code, 0);
  const Words options{"--csv", "all.csv", "--failures", "list", "--json", "--jobs", "1"};
  for (const int signal : {SIGINT, SIGKILL}) {
    Program program(streamlab_command(BatchFolder::command(config, kThree, options)),
                    folder.dir().path().string());
    const auto is_done = [&] {
      return folder.has("all.csv.batch") &&
             folder.content("all.csv.batch").find("\"done\"") != std::string::npos;
    };
    ASSERT_TRUE(comes(is_done));
    // A second batch would write over it.
    const auto second = folder.batch(config, kThree, {"--csv", "all.csv", "--resume"});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_THAT(second.err, HasSubstr("all.csv.batch: another batch is writing this record"));
    program.send(signal);
    const auto result = program.wait();
    EXPECT_FALSE(folder.has("all.csv"));
    EXPECT_TRUE(folder.has("all.csv.part"));
    if (signal == SIGINT) {
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_THAT(names_of(folder.content("all.csv.part")), ElementsAre("input", "a.wav"));
      EXPECT_EQ(folder.content("list"), "b.wav\nc.wav\n");
      EXPECT_EQ(summary_of(result)["interrupted"], true);
      EXPECT_THAT(result.err, AllOf(HasSubstr("interrupted: 1 of 3 files not worked on\n"),
                                    HasSubstr("\n2 of 3 files, 1 failed; ")));
    }
    Words resumed = options;
    resumed.emplace_back("--resume");
    const auto rest = folder.batch(config, kThree, resumed);
    EXPECT_EQ(rest.exit_code, 0) << rest.err;
    EXPECT_EQ(summary_of(rest)["skipped"], 1);
    EXPECT_EQ(folder.content("all.csv"), folder.content("whole.csv"));
    EXPECT_FALSE(folder.has("all.csv.part"));
    EXPECT_EQ(folder.content("list"), "");
    for (const char* name : {"all.csv", "all.csv.batch", "list"}) { fs::remove(folder.dir().file(name)); }
  }
}

// Parts of two configurations: each is gone on with by its own.
TEST(BatchResume, KnowsEveryPartThatWasLeft) {
  const BatchFolder folder;
  make_three(folder);
  const std::string slow = R"("type": "Throttle", "config": {"speed": 0.1})";
  std::string text = folder.content(folder.levels(R"("type": "Print")", "0.05", slow));
  text.replace(text.find("0.05"), 4, "\"${interval}\"");
  const std::string config = folder.dir().write("set.json", text);
  const auto stop_after_one = [&](const std::string& interval, const std::string& option) {
    const auto done = [&] {
      std::size_t count = 0;
      const std::string record = folder.has("all.csv.batch") ? folder.content("all.csv.batch") : "";
      for (std::size_t at = 0; (at = record.find("\"done\"", at)) != std::string::npos; ++at) { ++count; }
      return count;
    };
    const std::size_t before = done();
    Program program(
        streamlab_command(BatchFolder::command(
            config, kThree, {"--set", "interval=" + interval, "--csv", "all.csv", "--jobs", "1", option})),
        folder.dir().path().string());
    ASSERT_TRUE(comes([&] { return done() > before; }));
    program.send(SIGINT);
    EXPECT_EQ(program.wait().exit_code, 1);
  };
  stop_after_one("0.05", "--force");
  stop_after_one("0.025", "--force");
  const auto resumed =
      folder.batch(config, kThree, {"--set", "interval=0.05", "--csv", "all.csv", "--resume", "--json"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(summary_of(resumed)["skipped"], 1);
  EXPECT_EQ(plain_rows(folder.content("all.csv")).size(), 1U + 3U * 2U);
  EXPECT_FALSE(folder.has("all.csv.part"));
  EXPECT_FALSE(folder.has("all.csv.part2"));
}

TEST(BatchResume, KnowsTheFilesThatItHasWritten) {
  const BatchFolder folder;
  make_three(folder);
  const std::string config = folder.levels(R"("type": "JsonlSink", "config": {"path": "levels.jsonl"})");
  const auto batch = [&](const std::string& out, const Words& options) {
    Words words{"--out-dir", out, "--json"};
    words.insert(words.end(), options.begin(), options.end());
    return folder.batch(config, kThree, words);
  };
  ASSERT_EQ(batch("out", {}).exit_code, 0);
  // The record lies among them, and moves with them.
  fs::rename(folder.dir().file("out"), folder.dir().file("moved"));
  EXPECT_EQ(summary_of(batch("moved", {"--resume"}))["skipped"], 3);
  // Somebody has changed one.
  const std::string levels = folder.content("moved/b/levels.jsonl");
  folder.dir().write("moved/b/levels.jsonl", "mine");
  const auto changed = batch("moved", {"--resume"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_THAT(changed.err,
              HasSubstr("b.wav: \"moved/b/levels.jsonl\" exists already, and has been changed since a batch "
                        "wrote it; --force instead of --resume replaces it; or move it away\n"));
  EXPECT_EQ(folder.content("moved/b/levels.jsonl"), "mine");
  fs::remove(folder.dir().file("moved/b/levels.jsonl"));
  const auto missing = batch("moved", {"--resume"});
  EXPECT_THAT(missing.err, HasSubstr("--resume: 1 file is done again: 1 has no longer all its results\n"));
  EXPECT_EQ(folder.content("moved/b/levels.jsonl"), levels);
  // No batch has written these.
  fs::create_directories(folder.dir().file("new/a"));
  folder.dir().write("new/a/levels.jsonl", "mine");
  const auto unknown = batch("new", {"--resume"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("a.wav: \"new/a/levels.jsonl\" exists already, and is not known to "
                                     "\"new/streamlab.batch\""));
  EXPECT_EQ(folder.content("new/a/levels.jsonl"), "mine");
  EXPECT_FALSE(folder.has("new/streamlab.batch"));
}

TEST(BatchResume, KeepsTheRowOfAFileWhoseNameIsNotUtf8) {
  const BatchFolder folder;
  make_three(folder);
  const std::string name = "caf\xe9.wav";
  folder.make_wav(name, 8000);
  const std::string config = folder.levels();
  const Words files{"a.wav", name};
  const auto first = folder.batch(config, files, {"--csv", "all.csv", "--json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const std::string whole = folder.content("all.csv");
  EXPECT_THAT(names_of(whole), ElementsAre("input", "a.wav", "caf\\xe9.wav"));
  EXPECT_EQ(whole.find('\xe9'), std::string::npos);
  EXPECT_EQ(json_lines(first.out)[1]["input"], "caf\\xe9.wav");
  const auto again = folder.batch(config, files, {"--csv", "all.csv", "--json", "--resume"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(summary_of(again)["skipped"], 2);
  EXPECT_EQ(folder.content("all.csv"), whole);
}

}  // namespace
}  // namespace streamlab::test
