// tests/apps/batch_report_test.cpp
//
// What streamlab batch says of its files: columns of the table, the summary, standard output and error; and where its
// outputs go.
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

constexpr const char* kCsvToStdout = R"("type": "CsvSink", "config": {"path": "-"})";

// A graph that copies a file to `path`.
std::string copies(const BatchFolder& folder, const std::string& path) {
  return folder.dir().write("copy.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "x.wav"}},
      {"id": "copy", "type": "FileSink", "config": {"path": ")" +
                                             path +
                                             R"("}}], "connections": [{"from": "file", "to": "copy"}]})");
}

TEST(BatchReport, SaysInTheTableWhatWasLost) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.make_wav("cut.wav", 8000, 1, 800, 500);
  const std::string config = folder.levels();
  EXPECT_EQ(folder.batch(config, {"a.wav", "cut.wav"}, {"--csv", "all.csv"}).exit_code, 3);
  const auto rows = plain_rows(folder.content("all.csv"));
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0][1], "exit_code");
  EXPECT_EQ(rows[0][2], "lost");
  EXPECT_EQ(rows[0][3], "position");
  EXPECT_EQ(rows[1][1], "0");
  EXPECT_EQ(rows[1][2], "");
  EXPECT_EQ(rows[3][0], "cut.wav");
  EXPECT_EQ(rows[3][1], "3");
  EXPECT_THAT(rows[3][2], Not(""));
  EXPECT_EQ(folder.batch(config, {"a.wav", "cut.wav"}, {"--jsonl", "all.jsonl"}).exit_code, 3);
  const auto lines = json_lines(folder.content("all.jsonl"));
  EXPECT_EQ(lines.front()["exit_code"], 0);
  EXPECT_EQ(lines.front()["lost"].size(), 0U);
  EXPECT_EQ(lines.back()["exit_code"], 3);
  EXPECT_EQ(lines.back()["lost"].size(), 1U);
}

TEST(BatchReport, CountsLossesAndFilesWithoutAResult) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.make_wav("cut.wav", 8000, 1, 800, 500);
  folder.make_wav("empty.wav", 0, 1, 0);
  const std::string config = folder.levels();
  for (const Words& options : {Words{"--csv", "all.csv"}, Words{}}) {
    Words words = options;
    words.emplace_back("--json");
    const auto result = folder.batch(config, {"a.wav", "cut.wav", "empty.wav"}, words);
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err, HasSubstr("\n3 files, 0 failed, 1 with losses, 1 without a result; "));
    std::vector<nlohmann::json> files;
    for (const auto& line : json_lines(result.out)) {
      if (line.value("type", "") == "file") { files.push_back(line); }
    }
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files[0]["results"], 2);
    EXPECT_EQ(files[0]["losses"].size(), 0U);
    EXPECT_EQ(files[1]["losses"].size(), 1U);
    EXPECT_EQ(files[2]["results"], 0);
    EXPECT_EQ(json_lines(result.out).back()["with_losses"], 1);
    EXPECT_EQ(json_lines(result.out).back()["without_result"], 1);
    EXPECT_EQ(json_lines(result.out).back()["interrupted"], false);
  }
  // That a file gives no result is no failure.
  EXPECT_EQ(folder.batch(config, {"a.wav", "empty.wav"}, {}).exit_code, 0);
}

TEST(BatchReport, HasTheSameColumnsInEveryOrderOfTheFiles) {
  const BatchFolder folder;
  folder.make_wav("1.wav", 8000);
  folder.make_wav("2.wav", 8000, 2);
  folder.make_wav("4.wav", 8000, 4);
  const std::string config = folder.levels();
  std::string first;
  for (const Words& files : {Words{"1.wav", "2.wav", "4.wav"}, Words{"4.wav", "1.wav", "2.wav"},
                             Words{"2.wav", "4.wav", "1.wav"}}) {
    ASSERT_EQ(folder.batch(config, files, {"--csv", "all.csv", "--force"}).exit_code, 0);
    const std::string table = folder.content("all.csv");
    if (first.empty()) { first = table.substr(0, table.find('\n')); }
    EXPECT_EQ(table.substr(0, table.find('\n')), first);
  }
  EXPECT_LT(first.find("main_channel.peak"), first.find("left.peak"));
  EXPECT_LT(first.find("left.peak"), first.find("ch1.peak"));
}

TEST(BatchReport, WritesOneTableToStandardOutput) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.make_wav("b.wav", 8000, 2);
  const Words files{"a.wav", "b.wav", "./a.wav"};
  const std::string config = folder.levels();
  ASSERT_EQ(folder.batch(config, files, {"--csv", "all.csv", "--jobs", "1"}).exit_code, 0);
  ASSERT_EQ(folder.batch(config, files, {"--jsonl", "all.jsonl"}).exit_code, 0);
  EXPECT_EQ(folder.batch(config, files, {"--csv", "-"}).out, folder.content("all.csv"));
  EXPECT_EQ(folder.batch(config, files, {"--jsonl", "-"}).out, folder.content("all.jsonl"));
  EXPECT_FALSE(folder.has("-"));
  // A CsvSink of the graph's own: the same columns, but for those of the batch.
  const auto own = folder.batch(folder.levels(kCsvToStdout), files, {});
  EXPECT_EQ(own.exit_code, 0) << own.err;
  const auto rows = plain_rows(own.out);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0][1], "position");
  EXPECT_EQ(rows[0].size() + 2, plain_rows(folder.content("all.csv"))[0].size());
  for (const auto& row : rows) { EXPECT_EQ(row.size(), rows[0].size()); }
  // What failed, for a pipe.
  folder.dir().write("bad.wav", "no sound");
  EXPECT_EQ(folder.batch(config, {"a.wav", "bad.wav"}, {"--csv", "t.csv", "--failures", "-"}).out,
            "bad.wav\n");
  const auto refusal = [&](const Words& options) {
    const auto result = folder.batch(config, files, options);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_THAT(
      refusal({"--csv", "-", "--json"}),
      HasSubstr(
          "--csv: a table on standard output, which carries JSON Lines of --json; expected one format on "
          "one stream; name a file\n"));
  EXPECT_THAT(refusal({"--csv", "-", "--failures", "-"}), HasSubstr("--failures: a list on standard output"));
  EXPECT_THAT(refusal({"--csv", "-", "--resume"}),
              HasSubstr("--resume: a table on standard output does not tell what is complete"));
  for (const std::string option : {"--csv", "--jsonl"}) {
    EXPECT_THAT(
        refusal({option, "/dev/stdout"}),
        HasSubstr(option +
                  ": \"/dev/stdout\" is standard output; expected \"-\" for standard output, or a file\n"));
  }
}

TEST(BatchReport, IsQuietButForErrorsAndLosses) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.make_wav("cut.wav", 8000, 1, 800, 500);
  folder.dir().write("notes.txt", "");
  const std::string config = folder.levels();
  const auto good = folder.batch(config, {"a.wav"}, {"--csv", "a.csv", "--quiet"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.err, "");
  const auto lost = folder.batch(config, {"."}, {"--csv", "all.csv", "--quiet"});
  EXPECT_EQ(lost.exit_code, 3);
  EXPECT_THAT(lost.err, AllOf(testing::StartsWith("./cut.wav: file: "),
                              HasSubstr("\n2 files, 0 failed, 1 with losses; ")));
  EXPECT_EQ(lost.err.find("./cut.wav", 3), std::string::npos) << "the path stands once: " << lost.err;
}

TEST(BatchReport, PrintsNoNamesWhereNothingIsPrinted) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  const auto result = folder.batch(copies(folder, "copy.wav"), {"a.wav"}, {"--out-dir", "out"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(BatchReport, NamesTheKindsOfFilesThatItLeavesOut) {
  const BatchFolder folder;
  folder.make_wav("in/a.wav", 8000);
  for (const char* name : {"in/b.m4a", "in/c.M4A", "in/d.webm", "in/.e.wav", "in/f"}) {
    folder.dir().write(name, "");
  }
  const auto result = folder.batch(folder.levels(), {"in"}, {"--json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(
      result.err,
      HasSubstr("in: 5 files left out: 1 hidden, 2 .m4a, 1 .webm, 1 without an ending; ffmpeg makes WAV "
                "or FLAC of them, which are read\n"));
  EXPECT_EQ(json_lines(result.out).back()["left_out"], 5);
}

TEST(BatchReport, RefusesAFlowInOneLine) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  const std::string flow = folder.dir().write("flow.yaml",
                                              "nodes:\n  - {name: a, type: command, command: [\"true\"]}\n"
                                              "edges:\n  - {from: __start__, to: a}\n");
  const auto result = folder.batch(flow, {"a.wav"}, {});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      flow +
          ": this is a flow of programs; expected a graph; \"streamlab run\" runs a flow, once for each "
          "file: --set input=FILE\n");
}

TEST(BatchReport, BeginsNothingWhereAllIsRefused) {
  const BatchFolder folder;
  folder.make_wav("a.wav", 8000);
  folder.dir().write("bad.wav", "no sound");
  const std::string config = folder.levels();
  const auto result = folder.batch(config, {"bad.wav"}, {"--csv", "all.csv", "--failures", "list"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_FALSE(folder.has("all.csv"));
  EXPECT_FALSE(folder.has("all.csv.part"));
  EXPECT_FALSE(folder.has("all.csv.batch"));
  EXPECT_EQ(folder.content("list"), "bad.wav\n");  // which was asked for, and is what --files-from takes
}

TEST(BatchReport, MakesTheFoldersOfItsOutputs) {
  const BatchFolder folder;
  folder.make_wav("in/a.wav", 8000);
  const auto result = folder.batch(copies(folder, "new/${dir}/${stem}.wav"), {"in/a.wav"}, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(folder.has("new/in/a.wav"));
}

TEST(BatchReport, KeepsFolders) {
  const BatchFolder folder;
  folder.make_wav("in/a.wav", 8000);
  folder.make_wav("in/sub/a.wav", 8000);
  const std::string config = copies(folder, "copy.wav");
  const std::string absolute = folder.dir().file("in/a.wav");
  EXPECT_EQ(folder.batch(config, {"in"}, {"--out-dir", "out", "--keep-folders"}).exit_code, 0);
  EXPECT_TRUE(folder.has("out/in/a.wav/copy.wav"));
  EXPECT_TRUE(folder.has("out/in/sub/a.wav/copy.wav"));
  // The place of a file does not depend on the others.
  folder.make_wav("in/b/a.wav", 8000);
  const auto more = folder.batch(config, {"in"}, {"--out-dir", "out", "--keep-folders", "--resume"});
  EXPECT_THAT(more.err, HasSubstr("3 files, 2 complete already, 0 failed"));
  EXPECT_EQ(folder.batch(config, {absolute}, {"--out-dir", "two", "--keep-folders"}).exit_code, 0);
  EXPECT_TRUE(folder.has("two" + absolute + "/copy.wav"));
}

}  // namespace
}  // namespace streamlab::test
