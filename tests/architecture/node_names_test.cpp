// tests/architecture/node_names_test.cpp
//
// Programs and engine know no node and no parameter by name: what they must know, NodeInfo and ParamInfo::role say. So
// a node with a file, a device or a stream of its own, also one of a plug-in, is treated as those that come with
// StreamLab.
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/node_catalog.hpp"
#include "tests/architecture/source_files.hpp"

namespace streamlab {
namespace {

// Where names have to stand.
const std::map<std::string, std::string>& files_with_names() {
  static const std::map<std::string, std::string> kFiles{
      {"apps/streamlab/main.cpp", "help texts"},
      {"apps/streamlab/record.cpp", "composes a graph of its own"},
      {"engine/base/related_name.cpp", "a dictionary: what other programs call things"},
      {"engine/graph/describe_reference.cpp", "the example of the manual"},
  };
  return kFiles;
}

struct Names {
  std::set<std::string, std::less<>> nodes;
  std::set<std::string, std::less<>> params;
};

const Names& names() {
  static const Names kNames = [] {
    Names all;
    for (const NodeEntry* entry : default_catalog().entries()) {
      all.nodes.emplace(entry->info.name);
      for (const ParamInfo& param : entry->info.params) { all.params.emplace(param.name); }
    }
    return all;
  }();
  return kNames;
}

// The texts between quotes; comments have none.
std::vector<std::string> literals_of(const std::string& line) {
  std::vector<std::string> literals;
  bool is_inside = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (is_inside && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      if (!is_inside) { literals.emplace_back(); }
      is_inside = !is_inside;
    } else if (is_inside) {
      literals.back() += line[i];
    } else if (line.compare(i, 2, "//") == 0) {
      break;
    }
  }
  return literals;
}

bool has_two_humps(std::string_view name) {
  return std::count_if(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) > 1;
}

// The name that a line of code should not know; empty if there is none. "Print" alone is a node, "Print the version" a
// sentence; "FileSource" is a node wherever it stands.
std::string known_name(const std::string& line) {
  for (const std::string& literal : literals_of(line)) {
    for (const std::string& node : names().nodes) {
      const bool is_in_sentence = has_two_humps(node) && literal.find(node) != std::string::npos;
      if (literal == node || is_in_sentence) { return node; }
    }
    constexpr std::string_view kConfig = "/config/";
    const std::size_t at = literal.find(kConfig);
    if (at == std::string::npos) { continue; }
    const std::string key = literal.substr(at + kConfig.size());
    const std::string param = key.substr(0, key.find('/'));
    if (names().params.contains(param)) { return param; }
  }
  for (const std::string_view search : {"params.find(\"", "params().find(\""}) {
    if (const std::size_t at = line.find(search); at != std::string::npos) {
      const std::size_t begin = at + search.size();
      return line.substr(begin, line.find('"', begin) - begin);
    }
  }
  return {};
}

TEST(NodeNames, AreKnownToNoProgramAndNotToTheEngine) {
  std::vector<std::string> found;
  std::set<std::string> exempted;
  for (const char* folder : {"engine", "apps/streamlab"}) {
    for (const std::string& file : test::code_files(folder)) {
      for (const std::string& line : test::lines_of(file)) {
        const std::string name = known_name(line);
        if (name.empty()) { continue; }
        if (files_with_names().contains(file)) {
          exempted.insert(file);
        } else {
          found.push_back(file + " names " + name + ": " + line);
        }
      }
    }
  }
  EXPECT_THAT(found, testing::IsEmpty());
  EXPECT_EQ(exempted.size(), files_with_names().size()) << "a file needs no exemption any more";
}

TEST(NodeNames, AreFoundWhereTheyStand) {
  EXPECT_EQ(known_name(R"(  const auto path = node.params.find("path");)"), "path");
  EXPECT_EQ(known_name(R"(  if (node.info().name == "Print") {)"), "Print");
  EXPECT_EQ(known_name(R"(  add(node.pointer + "/config/device", "x");)"), "device");
  EXPECT_EQ(known_name(R"(  hint = "FileSource and FileSink";)"), "FileSink");
  EXPECT_EQ(known_name(R"(  about = "Print the version and end.";)"), "");
  EXPECT_EQ(known_name(R"(  document["path"] = path;)"), "");
  EXPECT_EQ(known_name("  // FileSource reads \"path\""), "");
}

}  // namespace
}  // namespace streamlab
