// tests/nodes/process/pipes_in_graphs_test.cpp
//
// Whole graphs between pipes: the output matches the input, and they end when a reader or writer leaves.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "tests/nodes/process/pipe_ends.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
using testing::IsEmpty;
using testing::SizeIs;

// A graph of these nodes in a row, started.
std::unique_ptr<Engine> started(const std::vector<std::pair<std::string, std::string>>& nodes,
                                EngineOptions options = {}) {
  std::string json = R"({"version": 1, "nodes": [)";
  std::string connections;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    json += std::string(n > 0 ? "," : "") + R"({"id": "n)" + std::to_string(n) + R"(", "type": ")" +
            nodes[n].first + R"(", "config": )" + nodes[n].second + "}";
    if (n > 0) {
      connections += std::string(n > 1 ? "," : "") + R"({"from": "n)" + std::to_string(n - 1) +
                     R"(", "to": "n)" + std::to_string(n) + "\"}";
    }
  }
  const auto graph = load_graph(json + R"(], "connections": [)" + connections + "]}", ConfigLanguage::json);
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  auto engine = Engine::create(*graph, std::move(options));
  if (!engine) { throw std::runtime_error(to_string(engine.error(), "")); }
  if (auto running = (*engine)->start(); !running) { throw std::runtime_error(to_string(running.error())); }
  return std::move(*engine);
}

std::string quoted(const std::string& key, int fd) {
  return "\"" + key + R"(": ")" + descriptor_name(fd) + "\"";
}

constexpr std::chrono::seconds kPatience{60};  // a bound for what hangs

TEST(PipesInGraphs, CarryEverySampleThroughInBothDirections) {
  for (const std::string format : {"wav", "framed"}) {
    Pipe in = new_pipe();
    Pipe out = new_pipe();
    const std::string samples = counting_samples(30'000);
    std::thread writer([&] {
      EXPECT_TRUE(write_all(in.write_end.get(), wave_saying(samples.size(), samples)));
      in.write_end.reset();
    });
    Pipe middle = new_pipe();
    // Two graphs in series.
    const auto second = [&] {
      return started({{"PipeSource", "{" + quoted("from", middle.read_end.get()) + R"(, "frame_size": 100})"},
                      {"PipeSink", "{" + quoted("to", out.write_end.get()) + R"(, "format": "s16le"})"}});
    };
    std::string text;
    std::thread reader([&] { text = read_all(out.read_end.get()); });
    auto first = started(
        {{"PipeSource", "{" + quoted("from", in.read_end.get()) + R"(, "frame_size": 777})"},
         {"Gain", R"({"gain": 1})"},
         {"PipeSink", "{" + quoted("to", middle.write_end.get()) + R"(, "format": ")" + format + "\"}"}});
    middle.write_end.reset();
    const auto after = second();
    out.write_end.reset();
    EXPECT_TRUE(first->wait_for(kPatience));
    first->stop();
    EXPECT_TRUE(after->wait_for(kPatience));
    after->stop();
    reader.join();
    writer.join();
    EXPECT_EQ(text == samples, true) << format;
    EXPECT_THAT(first->status().failures, IsEmpty());
    EXPECT_THAT(after->status().notes, IsEmpty());
    EXPECT_FALSE(after->status().data_lost());
  }
}

TEST(PipesInGraphs, EndWhenTheReaderGoes) {
  Pipe out = new_pipe();
  // It would never end by itself.
  EngineOptions options;
  options.duration_s = 1e6;
  const auto engine =
      started({{"SineGenerator", R"({"frequency": 1000})"},
               {"PipeSink", "{" + quoted("to", out.write_end.get()) + R"(, "format": "f32le"})"}},
              std::move(options));
  char first[1000];
  EXPECT_EQ(::read(out.read_end.get(), first, sizeof first), 1000);
  EXPECT_FALSE(engine->wait_for(std::chrono::nanoseconds(0)));
  out.read_end.reset();
  EXPECT_TRUE(engine->wait_for(kPatience));
  engine->stop();
  const EngineStatus status = engine->status();
  EXPECT_THAT(status.failures, IsEmpty());
  ASSERT_THAT(status.notes, SizeIs(1));
  EXPECT_THAT(status.notes[0].second.text, testing::HasSubstr("frames were not taken"));
  EXPECT_TRUE(status.data_lost());
}

TEST(PipesInGraphs, ContinueForAnotherSinkWhenAReaderGoes) {
  Pipe out = new_pipe();
  out.read_end.reset();  // no reader from the start
  const auto graph = load_graph(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 2},
      "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000}},
                {"id": "gone", "type": "PipeSink", "config": {"format": "framed", )" +
                                    quoted("to", out.write_end.get()) + R"(}},
                {"id": "null", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "gone"}, {"from": "tone", "to": "null"}]})",
                                ConfigLanguage::json);
  ASSERT_TRUE(graph.has_value()) << to_string(graph.error(), "");
  auto engine = Engine::create(*graph, {});
  ASSERT_TRUE(engine.has_value()) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  EXPECT_TRUE((*engine)->wait_for(kPatience));
  (*engine)->stop();
  EXPECT_EQ((*engine)->status().frames, 96'000U);
}

TEST(PipesInGraphs, StopWhileTheyWait) {
  Pipe in = new_pipe();
  Pipe out = new_pipe(4096);
  const auto engine = started(
      {{"PipeSource", "{" + quoted("from", in.read_end.get()) +
                          R"(, "format": "f64le", "channels": 1, "sample_rate": 48000, "frame_size": 8})"},
       {"PipeSink", "{" + quoted("to", out.write_end.get()) + R"(, "format": "f64le"})"}});
  EXPECT_FALSE(engine->wait_for(std::chrono::nanoseconds(0)));
  engine->stop();  // the source waits for bytes
  EXPECT_FALSE(engine->status().running);
  EXPECT_FALSE(engine->status().data_lost());

  // And now the sink, for a reader that never reads: two pages, one in the pipe.
  const auto full =
      started({{"SineGenerator", R"({"frequency": 1000})"},
               {"PipeSink", "{" + quoted("to", out.write_end.get()) + R"(, "format": "f64le"})"}},
              [] {
                EngineOptions options;
                options.duration_s = 1e6;
                return options;
              }());
  pollfd filled{out.read_end.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&filled, 1, 60'000), 1);
  full->stop();
  EXPECT_FALSE(full->status().running);
  EXPECT_TRUE(full->status().data_lost());
  EXPECT_THAT(full->status().failures, IsEmpty());
}

TEST(PipesInGraphs, LeaveNoDescriptorBehind) {
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 20; ++i) {
    Pipe in = new_pipe();
    Pipe out = new_pipe();
    ASSERT_TRUE(write_all(in.write_end.get(), wave_saying(0, counting_samples(100))));
    in.write_end.reset();
    const auto engine = started({{"PipeSource", "{" + quoted("from", in.read_end.get()) + "}"},
                                 {"PipeSink", "{" + quoted("to", out.write_end.get()) + "}"}});
    EXPECT_TRUE(engine->wait_for(kPatience));
    engine->stop();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace streamlab
