// tests/run/file_uses_test.cpp
//
// What a graph reads it never writes, and nothing twice: also where C++ runs it, and whatever may be replaced.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "engine/run/engine.hpp"
#include "engine/run/pipeline.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A sound file that goes into a sound file and a table, which may replace old ones.
std::string text_of(const std::string& from, const std::string& to, const std::string& table) {
  return fmt::format(R"(
version: 1
nodes:
  - {{ id: in, type: FileSource, config: {{ path: "{}" }} }}
  - {{ id: copy, type: FileSink, config: {{ path: "{}", overwrite: true }} }}
  - {{ id: table, type: CsvSink, config: {{ path: "{}", overwrite: true }} }}
connections: [ {{ from: in, to: copy }}, {{ from: in, to: table }} ]
)",
                     from, to, table);
}

class FilesOfAGraph : public testing::Test {
 protected:
  void SetUp() override {
    SF_INFO info{};
    info.samplerate = 48000;
    info.channels = 1;
    info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    SNDFILE* const file = sf_open(sound_.c_str(), SFM_WRITE, &info);
    ASSERT_NE(file, nullptr);
    const std::vector<short> samples(480, 1000);
    ASSERT_EQ(sf_write_short(file, samples.data(), 480), 480);
    sf_close(file);
    std::filesystem::create_symlink(sound_, folder_.file("link.wav"));
  }
  // What speaks against the graph as a Pipeline, an AsyncPipeline and an Engine; empty: nothing. The same in all.
  std::string refusal(const std::string& text) const {
    const auto pipeline = Pipeline::from_yaml(text);
    const std::string words = pipeline ? "" : to_string(pipeline.error(), "");
    const auto async = AsyncPipeline::from_yaml(text);
    EXPECT_EQ(async ? "" : to_string(async.error(), ""), words);
    const auto graph = load_graph(text, ConfigLanguage::yaml);
    EXPECT_TRUE(graph);
    const auto engine = Engine::create(*graph, {});
    EXPECT_EQ(engine ? "" : to_string(engine.error(), ""), words);
    return words;
  }

  test::TempDir folder_;
  const std::string sound_ = folder_.file("in.wav");
};

TEST_F(FilesOfAGraph, AreNotWrittenWhereTheyAreRead) {
  const std::string table = folder_.file("t.csv");
  for (const char* spelling : {"in.wav", "./in.wav", "link.wav"}) {
    const std::string out = folder_.file(spelling);
    EXPECT_THAT(refusal(text_of(sound_, out, table)),
                AllOf(HasSubstr("/nodes/1/config/path"), HasSubstr("copy"),
                      HasSubstr(fmt::format("\"{}\" is read by this graph; expected another file", out))));
  }
  EXPECT_EQ(refusal(text_of(sound_, folder_.file("out.wav"), table)), "");
  EXPECT_EQ(std::filesystem::file_size(sound_), 44U + 960U);  // a WAV header and 480 samples of 16 bits
}

TEST_F(FilesOfAGraph, AreNotWrittenTwice) {
  EXPECT_THAT(refusal(text_of(sound_, folder_.file("a"),
                              folder_.file("../") + folder_.path().filename().string() + "/a")),
              AllOf(HasSubstr("/nodes/2/config/path"), HasSubstr("is written by /nodes/1 already")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("a")));
}

// While it replaces an old file, "a.wav" is "a.wav.new".
TEST_F(FilesOfAGraph, DoNotHaveTheNameOfAnotherThatIsNotComplete) {
  const std::string a = folder_.file("a.wav");
  for (const char* ending : {".new", ".new2", ".part", ".part100"}) {
    EXPECT_THAT(refusal(text_of(sound_, a, a + ending)),
                AllOf(HasSubstr("/nodes/2/config/path"),
                      HasSubstr(fmt::format("\"{}{}\" is written by /nodes/1 already, until it is complete",
                                            a, ending))));
    EXPECT_THAT(refusal(text_of(sound_, a + ending, a)),
                AllOf(HasSubstr("/nodes/2/config/path"),
                      HasSubstr(fmt::format("\"{}\" is \"{}{}\" until it is complete, which is written by "
                                            "/nodes/1 already",
                                            a, std::filesystem::weakly_canonical(a).string(), ending))));
  }
  for (const char* other : {"b.wav.new", "a.wav.newer", "a.wav.2", "a.wav.csv.new"}) {
    EXPECT_EQ(refusal(text_of(sound_, a, folder_.file(other))), "") << other;
  }
}

TEST_F(FilesOfAGraph, AreToldWithAllThatIsWrong) {
  const std::string words = refusal(text_of(folder_.file("none.wav"), sound_, sound_));
  EXPECT_THAT(words, AllOf(HasSubstr("/nodes/2/config/path"), HasSubstr("none.wav\" does not exist")));
}

TEST_F(FilesOfAGraph, AreNotWrittenAfterAReload) {
  const std::string card_alone = "{ id: card, type: AudioInput }";
  std::string with_files = text_of(sound_, sound_, folder_.file("t.csv"));
  with_files.insert(with_files.find("  - { id: in"), fmt::format("  - {}\n", card_alone));
  const auto graph = load_graph(fmt::format("version: 1\nnodes: [ {} ]\nconnections: []\n", card_alone),
                                ConfigLanguage::yaml);
  const auto other = load_graph(with_files, ConfigLanguage::yaml);
  ASSERT_TRUE(graph && other);
  VirtualDriver card(VirtualDriver::Card{});
  EngineOptions options;
  options.open_device = card.opener();
  const auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine && (*engine)->start());
  const auto plan = (*engine)->plan_reload(*other);
  ASSERT_FALSE(plan);
  EXPECT_THAT(to_string(plan.error(), ""), HasSubstr("is read by this graph"));
  (*engine)->stop_now();
}

}  // namespace
}  // namespace streamlab
