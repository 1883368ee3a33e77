// tests/plugin/load_plugins_test.cpp
#include "engine/plugin/load_plugins.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/graph/validate.hpp"
#include "engine/plugin/version.hpp"
#include "engine/run/pipeline.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

std::string plugin(const std::string& name) { return std::string(SL_PLUGINS) + "/" + name + ".so"; }

// What is said of these plug-ins, one error a line; empty if nothing.
std::string refusals(const PluginPlaces& places) {
  const auto catalog = with_plugins(default_catalog(), places);
  return catalog ? "" : to_string(catalog.error(), "");
}
std::string refusal(const std::string& name) { return refusals({.files = {plugin(name)}}); }

TEST(Plugins, AddTheirNodesToTheCatalogue) {
  const auto catalog = with_plugins(default_catalog(), {.files = {plugin("right")}});
  ASSERT_TRUE(catalog) << to_string(catalog.error(), "");
  EXPECT_EQ(catalog->entries().size(), default_catalog().entries().size() + 1);
  ASSERT_NE(catalog->find("Twice"), nullptr);
  EXPECT_EQ(catalog->find("Twice")->info.description, "Doubles every sample.");
}

TEST(Plugins, RunInAGraphThatOutlivesTheCatalogue) {
  const auto graph = [] {
    const auto catalog = with_plugins(default_catalog(), {.files = {plugin("right")}});
    EXPECT_TRUE(catalog);
    return load_graph(R"({"nodes": [
        {"id": "tone", "type": "SineGenerator",
         "config": {"frequency": 12000, "amplitude": 0.25, "sample_rate": 48000, "frame_size": 4}},
        {"id": "loud", "type": "Twice"}], "connections": [{"from": "tone", "to": "loud"}]})",
                      ConfigLanguage::json, {}, *catalog);
  }();
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  auto pipeline = Pipeline::create(*graph);
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  const auto blocks = pipeline->process(DataFrame(0, 0));
  ASSERT_TRUE(blocks);
  const auto x = blocks->front().channel(0U);
  EXPECT_NEAR(x[1], 0.5, 1e-15);  // a quarter turn, within an ulp of the sine
  EXPECT_NEAR(x[3], -0.5, 1e-15);
}

TEST(Plugins, AreRefusedWhenTheyWereBuiltForAnotherVersion) {
  const std::string ours = fmt::format("StreamLab {} (interface {})", kVersion, kInterface);
  const std::string hint = "build it again with the headers of this version\n";
  for (const char* name : {"other_version", "other_version_lacks_a_function"}) {
    EXPECT_EQ(refusal(name),
              fmt::format("{}: was built for StreamLab 0.0.9 (interface 0123456789ab); expected "
                          "one for this program, {}; {}",
                          plugin(name), ours, hint));
  }
  EXPECT_EQ(
      refusal("other_headers"),
      fmt::format(
          "{}: was built for StreamLab {} (interface 0123456789ab); expected one for this program, {}; {}",
          plugin("other_headers"), kVersion, ours, hint));
}

TEST(Plugins, AreRefusedWhenTheyWereCompiledWithOtherOptions) {
  EXPECT_EQ(refusal("other_layout"),
            plugin("other_layout") +
                ": was compiled with options that change the layout of classes; expected those of "
                "this program; _GLIBCXX_DEBUG and _GLIBCXX_USE_CXX11_ABI are such options\n");
}

TEST(Plugins, AreRefusedWhenTheyAreNoPlugins) {
  const TempDir dir;
  EXPECT_EQ(refusals({.files = {dir.file("missing.so")}}),
            dir.file("missing.so") + ": does not exist; expected a plug-in, a shared library\n");
  EXPECT_EQ(refusals({.files = {dir.path().string()}}),
            dir.path().string() +
                ": is a folder; expected a plug-in, a shared library; STREAMLAB_PLUGIN_PATH takes folders\n");
  const std::string fifo = dir.file("fifo.so");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusals({.files = {fifo}}), fifo + ": is not a file; expected a plug-in, a shared library\n");
  for (const char* content : {"", "EL", "a text, and no library"}) {
    const std::string path = dir.write("text.so", content);
    EXPECT_EQ(refusals({.files = {path}}), path + ": is not a shared library; expected a plug-in\n");
  }
  const std::string half = dir.write("half.so", content_of(plugin("right")).substr(0, 1000));
  EXPECT_THAT(refusals({.files = {half}}), testing::StartsWith(half + ": is cut short: it has 1000 bytes, "));
  EXPECT_EQ(refusal("no_function"),
            plugin("no_function") +
                ": is not a plug-in of StreamLab: it has no object \"streamlab_plugin\"; "
                "expected SL_PLUGIN(…) in one of its files\n");
  // Of the same name, and something else. (The function would end the program: it calls one that is not there.)
  for (const char* name : {"a_number", "a_function"}) {
    EXPECT_EQ(refusal(name),
              plugin(name) +
                  ": is not a plug-in of StreamLab: its \"streamlab_plugin\" is something else; "
                  "expected SL_PLUGIN(…) in one of its files\n");
  }
  EXPECT_EQ(
      refusal("says_nothing"),
      plugin("says_nothing") + ": does not say what it is; expected SL_PLUGIN(…) in one of its files\n");
}

TEST(Plugins, AreRefusedWhenAFunctionIsMissing) {
  EXPECT_EQ(
      refusal("lacks_a_function"),
      plugin("lacks_a_function") +
          ": uses \"streamlab::function_of_nobody(double&)\", which neither it nor this program has; expected a "
          "plug-in that is linked with StreamLab::streamlab and all else that it uses\n");
}

TEST(Plugins, AreRefusedWhenTheNameOfANodeIsTaken) {
  EXPECT_EQ(refusal("name_of_streamlab"),
            plugin("name_of_streamlab") +
                ": has a node \"Gain\", which StreamLab has already; expected another "
                "name\n");
  EXPECT_EQ(refusals({.files = {plugin("right"), plugin("same_name")}}),
            fmt::format("{}: has a node \"Twice\", which \"{}\" has already; expected another name\n",
                        plugin("same_name"), plugin("right")));
  EXPECT_EQ(refusal("twice"),
            plugin("twice") + ": has a node \"Twice\", which it has already; expected another name\n");
}

TEST(Plugins, AreRefusedWhenTheyDescribeNodesWronglyOrHaveNone) {
  EXPECT_EQ(refusal("bad_description"),
            plugin("bad_description") + ": the node \"Twice\" has two parameters \"table\"\n");
  EXPECT_EQ(refusal("no_nodes"), plugin("no_nodes") + ": has no nodes\n");
}

TEST(Plugins, AreRefusedWhenTheyAreNamedTwice) {
  const std::string again = std::string(SL_PLUGINS) + "/../plugins/right.so";
  EXPECT_EQ(refusals({.files = {plugin("right"), again}}),
            again + ": is named twice; expected each plug-in once\n");
}

TEST(Plugins, AreAllRefusedTogether) {
  EXPECT_EQ(refusals({.files = {plugin("no_nodes"), plugin("right"), plugin("name_of_streamlab")}}),
            refusal("no_nodes") + refusal("name_of_streamlab"));
}

TEST(Plugins, AreFoundInFoldersOnce) {
  const TempDir dir;
  std::filesystem::create_symlink(plugin("right"), dir.file("b.so"));
  std::filesystem::create_symlink(plugin("right"), dir.file("c.so"));
  dir.write("README", "no plug-in, and not looked at");
  const std::string folder = dir.path().string();
  const auto catalog =
      with_plugins(default_catalog(), {.files = {plugin("right")}, .folders = ":" + folder + "::" + folder});
  ASSERT_TRUE(catalog) << to_string(catalog.error(), "");
  EXPECT_NE(catalog->find("Twice"), nullptr);
  EXPECT_EQ(
      refusals({.folders = dir.file("missing")}),
      fmt::format(
          "STREAMLAB_PLUGIN_PATH: \"{}\" cannot be read: No such file or directory; expected folders, with "
          "colons between them\n",
          dir.file("missing")));
  dir.write("a.so", "no library");
  EXPECT_EQ(refusals({.folders = folder}),
            dir.file("a.so") + ": is not a shared library; expected a plug-in\n");
}

}  // namespace
}  // namespace streamlab::test
