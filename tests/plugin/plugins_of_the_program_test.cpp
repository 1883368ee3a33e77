// tests/plugin/plugins_of_the_program_test.cpp
//
// Plug-ins on the command line of streamlab.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string plugin_file(const std::string& name) { return std::string(SL_PLUGINS) + "/" + name + ".so"; }

ProgramResult program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SL_STREAMLAB);
  return run_program(arguments);
}

constexpr const char* kGraph = R"({"nodes": [
    {"id": "tone", "type": "SineGenerator",
     "config": {"frequency": 12000, "amplitude": 0.25, "sample_rate": 48000, "frame_size": 4}},
    {"id": "loud", "type": "Twice"},
    {"id": "table", "type": "CsvSink", "config": {"path": "-"}}],
  "connections": [{"from": "tone", "to": "loud"}, {"from": "loud", "to": "table"}]})";

constexpr const char* kOfFiles = R"({"nodes": [
    {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},
    {"id": "loud", "type": "Twice"},
    {"id": "level", "type": "LevelMeter", "config": {"interval_s": 10}},
    {"id": "show", "type": "Print"}],
  "connections": [{"from": "file", "to": "loud"}, {"from": "loud", "to": "level"}, {"from": "level", "to": "show"}]})";

constexpr const char* kVoice = "/usr/share/sounds/alsa/Front_Center.wav";

TEST(PluginsOfTheProgram, GiveNodesToTheGraphThatRuns) {
  const TempDir dir;
  const std::string graph = dir.write("graph.json", kGraph);
  const auto run = program({"run", graph, "--plugin", plugin_file("right"), "--frames", "4", "--quiet"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\n1,"));  // the second row
  EXPECT_THAT(run.out, HasSubstr(",0.5\r\n"));
  const auto without = program({"run", graph, "--frames", "4"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err, HasSubstr("there is no node type \"Twice\""));
}

TEST(PluginsOfTheProgram, AreTakenByEveryCommandThatReadsAGraphOrTellsOfNodes) {
  const TempDir dir;
  const std::string graph = dir.write("graph.json", kGraph);
  const std::string of_files = dir.write("files.json", kOfFiles);
  const std::string right = plugin_file("right");
  const auto check = program({"check", graph, "--plugin", right});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_THAT(check.out, HasSubstr("loud"));
  const auto dot = program({"graph", graph, "--plugin", right});
  EXPECT_EQ(dot.exit_code, 0) << dot.err;
  const auto batch = program({"batch", of_files, kVoice, "--plugin", right, "--csv", dir.file("all.csv")});
  EXPECT_EQ(batch.exit_code, 0) << batch.err;
  EXPECT_THAT(content_of(dir.file("all.csv")), HasSubstr("Front_Center.wav"));
  const auto node = program({"nodes", "Twice", "--plugin", right});
  EXPECT_EQ(node.exit_code, 0) << node.err;
  EXPECT_THAT(node.out, HasSubstr("Doubles every sample."));
  EXPECT_THAT(program({"nodes", "--plugin", right}).out, HasSubstr("  Twice "));
  EXPECT_THAT(program({"nodes", "--json", "--plugin", right}).out, HasSubstr("{\"name\":\"Twice\""));
  EXPECT_THAT(program({"schema", "--plugin", right}).out, HasSubstr("\"Twice\""));
  EXPECT_THAT(program({"schema"}).out, Not(HasSubstr("\"Twice\"")));
}

TEST(PluginsOfTheProgram, AreFoundInTheFoldersOfTheEnvironment) {
  const TempDir dir;
  std::filesystem::create_symlink(plugin_file("right"), dir.file("right.so"));
  const std::string graph = dir.write("graph.json", kGraph);
  const std::string path = "STREAMLAB_PLUGIN_PATH=" + dir.path().string();
  const auto run = run_program({"/usr/bin/env", path, SL_STREAMLAB, "check", graph});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  // Also where it is named besides.
  const auto both =
      run_program({"/usr/bin/env", path, SL_STREAMLAB, "check", graph, "--plugin", plugin_file("right")});
  EXPECT_EQ(both.exit_code, 0) << both.err;
  const auto wrong = run_program({"/usr/bin/env", path + "/missing", SL_STREAMLAB, "check", graph});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("STREAMLAB_PLUGIN_PATH: "));
  // A command without nodes does not look for them.
  EXPECT_EQ(run_program({"/usr/bin/env", path + "/missing", SL_STREAMLAB, "info", kVoice}).exit_code, 0);
}

// Each of its graphs runs in a process of its own, here in another working directory: paths that were relative still lead
// to the plug-ins.
TEST(PluginsOfTheProgram, GiveNodesToTheGraphsOfAFlow) {
  const TempDir dir;
  const TempDir elsewhere;
  std::string of_a_file = kOfFiles;
  of_a_file.replace(of_a_file.find("${input}"), 8, kVoice);
  dir.write("graph.json", of_a_file);
  const std::string flow = dir.write(
      "flow.json", R"({"settings": {}, "nodes": [{"name": "levels", "graph": "graph.json", "cwd": ")" +
                       elsewhere.path().string() + R"("}],
      "edges": [{"from": "__start__", "to": "levels"}, {"from": "levels", "to": "__end__"}]})");
  std::filesystem::create_directory(dir.file("plugins"));
  std::filesystem::copy_file(plugin_file("right"), dir.file("plugins/right.so"));
  const auto in_dir = [&](const std::string& command) {
    return run_program({"/bin/sh", "-c", "cd " + dir.path().string() + " && " + command});
  };
  const std::string run = std::string(SL_STREAMLAB) + " run " + flow;
  const auto named = in_dir(run + " --plugin plugins/right.so");
  EXPECT_EQ(named.exit_code, 0) << named.err;
  const auto found = in_dir("STREAMLAB_PLUGIN_PATH=plugins: " + run);
  EXPECT_EQ(found.exit_code, 0) << found.err;
  const auto without = in_dir(run);
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err, HasSubstr("there is no node type \"Twice\""));
}

TEST(PluginsOfTheProgram, AreRefusedBeforeAnythingIsStarted) {
  const TempDir dir;
  const std::string graph = dir.write("graph.json", kGraph);
  const auto run = program({"run", graph, "--plugin", plugin_file("other_version"), "--plugin",
                            plugin_file("right"), "--plugin", plugin_file("right"), "--frames", "4"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("other_version.so: was built for StreamLab 0.0.9"));
  EXPECT_THAT(run.err, HasSubstr("right.so: is named twice"));
}

// What it reads is known by its role: nothing writes over it.
TEST(PluginsOfTheProgram, HaveTheFilesThatTheyReadProtected) {
  const TempDir dir;
  const std::string table = dir.write("table.csv", "1\n");
  const std::string graph = dir.write("graph.json", R"({"nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"frequency": 12000, "sample_rate": 48000}},
      {"id": "loud", "type": "Twice", "config": {"table": ")" +
                                                        table + R"("}},
      {"id": "out", "type": "CsvSink", "config": {"path": ")" +
                                                        table + R"("}}],
    "connections": [{"from": "tone", "to": "loud"}, {"from": "loud", "to": "out"}]})");
  const auto run = program({"run", graph, "--force", "--frames", "4", "--plugin", plugin_file("right")});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("/nodes/2/config/path (\"out\"): \"" + table + "\" is read by this graph"));
  EXPECT_EQ(content_of(table), "1\n");
}

}  // namespace
}  // namespace streamlab::test
