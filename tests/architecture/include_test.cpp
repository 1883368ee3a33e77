// tests/architecture/include_test.cpp
//
// Who may include whom. An object library is linked only to those below it, but an include path knows no such
// border; this test does.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/source_files.hpp"

namespace streamlab {
namespace {

using test::code_files;
using test::lines_of;

struct Layer {
  std::string_view folder;                // the longest that fits a file is its layer
  std::vector<std::string_view> ours;     // prefixes of what it may include of ours
  std::vector<std::string_view> foreign;  // prefixes of <…> beside the standard library; "" is any
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> kLayers{
      {"engine/base/", {"engine/base/"}, {""}},
      {"engine/rt/", {"engine/base/", "engine/rt/"}, {""}},
      {"engine/channel/", {"engine/base/", "engine/rt/", "engine/channel/"}, {""}},
      {"engine/core/", {"engine/base/", "engine/rt/", "engine/core/"}, {""}},
      {"engine/plugin/", {"engine/base/", "engine/core/", "engine/plugin/"}, {""}},
      {"engine/graph/", {"engine/base/", "engine/rt/", "engine/core/", "engine/graph/"}, {""}},
      {"engine/run/",
       {"engine/base/", "engine/rt/", "engine/core/", "engine/graph/", "engine/run/", "engine/channel/",
        "engine/stream/"},
       {""}},
      {"engine/batch/",
       {"engine/base/", "engine/rt/", "engine/core/", "engine/graph/", "engine/run/", "engine/batch/"},
       {""}},
      {"engine/stream/",
       {"engine/base/", "engine/rt/", "engine/channel/", "engine/core/", "engine/stream/"},
       {""}},
      {"engine/process/", {"engine/base/", "engine/rt/", "engine/channel/", "engine/process/"}, {""}},
      {"engine/flow/",
       {"engine/base/", "engine/rt/", "engine/channel/", "engine/core/", "engine/process/", "engine/graph/",
        "engine/flow/"},
       {""}},
      {"nodes/dsp/", {"nodes/dsp/"}, {"fftw3.h", "Eigen/", "immintrin.h", "xmmintrin.h", "cpuid.h"}},
      {"nodes/",
       {"nodes/", "engine/base/", "engine/channel/", "engine/core/", "engine/process/", "engine/stream/"},
       {""}},
      {"nodes/sound_file/", {"nodes/sound_file/", "engine/base/"}, {""}},
      {"hal/",
       {"hal/", "engine/base/", "engine/rt/", "engine/run/driver.hpp",
        "nodes/sound_file/sound_file_reader.hpp"},
       {""}},
      {"apps/", {"apps/", "engine/", "nodes/", "hal/"}, {""}},
  };
  return kLayers;
}

const Layer* layer_of(std::string_view file) {
  const Layer* best = nullptr;
  for (const Layer& layer : layers()) {
    if (file.starts_with(layer.folder) && (best == nullptr || layer.folder.size() > best->folder.size())) {
      best = &layer;
    }
  }
  return best;
}

bool has_prefix(std::string_view name, const std::vector<std::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Headers of the C and C++ standard libraries have neither a folder nor an ending.
bool is_standard(std::string_view name) { return name.find_first_of("/.") == std::string_view::npos; }

// What `line` of `file` includes against the table; empty if nothing.
std::string forbidden(const std::string& file, std::string_view line) {
  const Layer* layer = layer_of(file);
  if (layer == nullptr) { return file + " lies in no layer"; }
  constexpr std::string_view kOurs = "#include \"";
  constexpr std::string_view kForeign = "#include <";
  if (line.starts_with(kOurs)) {
    const std::string_view name = line.substr(kOurs.size(), line.find('"', kOurs.size()) - kOurs.size());
    return has_prefix(name, layer->ours) ? "" : file + " includes " + std::string(name);
  }
  if (line.starts_with(kForeign)) {
    const std::string_view name =
        line.substr(kForeign.size(), line.find('>', kForeign.size()) - kForeign.size());
    const bool allowed = is_standard(name) || has_prefix(name, layer->foreign);
    return allowed ? "" : file + " includes <" + std::string(name) + ">";
  }
  return "";
}

TEST(Includes, LeadOnlyToLayersBelow) {
  std::vector<std::string> found;
  std::size_t includes = 0;
  for (const char* folder : {"engine", "nodes", "hal", "apps"}) {
    for (const std::string& file : code_files(folder)) {
      for (const std::string& line : lines_of(file)) {
        includes += line.starts_with("#include") ? 1 : 0;
        if (const std::string wrong = forbidden(file, line); !wrong.empty()) { found.push_back(wrong); }
      }
    }
  }
  EXPECT_THAT(found, testing::IsEmpty());
  EXPECT_GT(includes, 500U);  // the test did read them
}

// docs/images/house.dot: what a layer may include lies below it in the picture, and no arrow leads elsewhere.
TEST(Includes, AreDrawnAsTheTableSays) {
  std::map<std::string, std::string> folders;                    // by name in the drawing
  std::map<std::string, std::set<std::string>> arrows;           // by folder
  std::vector<std::pair<std::string, std::string>> connections;  // of names
  for (const std::string& line : lines_of("docs/images/house.dot")) {
    static const std::regex kBox(R"re((\w+) \[label="([\w/]+)\\n.*)re");
    static const std::regex kArrow(R"((\w+) -> (\w+);)");
    std::smatch match;
    if (std::regex_search(line, match, kBox)) { folders[match[1]] = match[2].str() + "/"; }
    for (std::sregex_iterator at(line.begin(), line.end(), kArrow), end; at != end; ++at) {
      connections.emplace_back((*at)[1], (*at)[2]);
    }
  }
  for (const auto& [from, to] : connections) { arrows[folders[from]].insert(folders[to]); }
  ASSERT_EQ(folders.size(), layers().size());
  const std::function<bool(const std::string&, std::string_view)> leads_to = [&](const std::string& from,
                                                                                 std::string_view to) {
    return std::any_of(arrows[from].begin(), arrows[from].end(),
                       [&](const std::string& next) { return to.starts_with(next) || leads_to(next, to); });
  };
  for (const Layer& layer : layers()) {
    const std::string folder(layer.folder);
    for (const std::string_view below : layer.ours) {
      const bool is_itself = below.starts_with(folder) || folder.starts_with(below);
      if (folder == "apps/" && below != "hal/" && below != "nodes/") { continue; }  // all of the engine
      EXPECT_TRUE(is_itself || leads_to(folder, below)) << folder << " does not lead to " << below;
    }
    for (const std::string& next : arrows[folder]) {
      const bool is_allowed = std::any_of(layer.ours.begin(), layer.ours.end(), [&](std::string_view below) {
        return below.starts_with(next) || std::string_view(next).starts_with(below);
      });
      EXPECT_TRUE(is_allowed) << folder << " may not include " << next;
    }
  }
}

TEST(Includes, AreJudgedByTheTable) {
  const auto judge = [](const char* file, const char* line) { return forbidden(file, line); };
  EXPECT_EQ(judge("engine/rt/edge.hpp", "#include \"engine/core/node.hpp\""),
            "engine/rt/edge.hpp includes engine/core/node.hpp");
  EXPECT_EQ(judge("engine/core/node.hpp", "#include \"nodes/device_params.hpp\""),
            "engine/core/node.hpp includes nodes/device_params.hpp");
  EXPECT_EQ(judge("hal/jack/jack_driver.cpp", "#include \"engine/run/engine.hpp\""),
            "hal/jack/jack_driver.cpp includes engine/run/engine.hpp");
  EXPECT_EQ(judge("hal/jack/jack_driver.cpp", "#include \"engine/run/driver.hpp\""), "");
  EXPECT_EQ(judge("hal/sim/sim_file.hpp", "#include \"nodes/sound_file/sound_file_reader.hpp\""), "");
  EXPECT_EQ(judge("hal/sim/sim_file.hpp", "#include \"nodes/catalog.hpp\""),
            "hal/sim/sim_file.hpp includes nodes/catalog.hpp");
  EXPECT_EQ(judge("nodes/sound_file/file_bytes.cpp", "#include \"engine/core/node.hpp\""),
            "nodes/sound_file/file_bytes.cpp includes engine/core/node.hpp");
  EXPECT_EQ(judge("nodes/sources/audio_input.cpp", "#include \"hal/backends.hpp\""),
            "nodes/sources/audio_input.cpp includes hal/backends.hpp");
  EXPECT_EQ(judge("nodes/dsp/mix.cpp", "#include <fmt/format.h>"),
            "nodes/dsp/mix.cpp includes <fmt/format.h>");
  EXPECT_EQ(judge("nodes/dsp/mix.cpp", "#include \"engine/core/node.hpp\""),
            "nodes/dsp/mix.cpp includes engine/core/node.hpp");
  EXPECT_EQ(judge("nodes/dsp/real_fft.cpp", "#include <fftw3.h>"), "");
  EXPECT_EQ(judge("nodes/dsp/real_fft.cpp", "#include <cmath>"), "");
  EXPECT_EQ(judge("apps/streamlab/main.cpp", "#include \"hal/backends.hpp\""), "");
}

}  // namespace
}  // namespace streamlab
