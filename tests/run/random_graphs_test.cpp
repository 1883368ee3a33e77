// tests/run/random_graphs_test.cpp
//
// No graph that is accepted stands still, and none gives other samples for another number of threads: random graphs of
// 2 to 40 nodes, with sources that cut their streams differently and end at different times, splits, joins, queues, nodes that
// hold frames back, leave some out, measure or end early, edges of 1 to 16 blocks. SL_RANDOM_GRAPHS=N in the environment: N graphs
// instead of 1000.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/run/engine.hpp"
#include "tests/run/keep_node.hpp"

namespace streamlab {
namespace {

using Json = nlohmann::json;

class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : random_(seed) {
    const int sources = pick(1, 4);
    for (int s = 0; s < sources; ++s) { add_source(); }
    const int others = pick(1, 36);
    for (int n = 0; n < others; ++n) { add_node(); }
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (read_[i]) { continue; }
      end(i);
    }
  }
  Json text() const {
    return {{"version", 1},
            {"pipeline_config",
             {{"sample_rate", 48000}, {"block_size", block_size_}, {"channel_capacity", capacity_}}},
            {"nodes", nodes_},
            {"connections", connections_}};
  }

 private:
  int pick(int least, int most) {
    return least + static_cast<int>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  template <class T>
  T one_of(std::initializer_list<T> list) {
    return list.begin()[pick(0, static_cast<int>(list.size()) - 1)];
  }
  void add(const std::string& type, Json config) {
    ids_.push_back(fmt::format("n{}", ids_.size()));
    read_.push_back(false);
    nodes_.push_back({{"id", ids_.back()}, {"type", type}, {"config", std::move(config)}});
  }
  void connect(std::size_t from, const std::string& to) {
    read_[from] = true;
    Json connection{{"from", ids_[from]}, {"to", to}};
    if (pick(0, 1) == 0) { connection["capacity"] = pick(1, 16); }
    connections_.push_back(std::move(connection));
  }
  std::size_t any() { return static_cast<std::size_t>(pick(0, static_cast<int>(ids_.size()) - 1)); }
  void add_sink(const std::string& id, const std::string& type) {
    nodes_.push_back({{"id", id}, {"type", type}});
  }
  // What nobody reads goes to a sink: as it is, or through a node that leaves blocks out, cuts them, measures, or takes
  // another stream beside it.
  void end(std::size_t from) {
    const std::string sink = "keep_" + ids_[from];
    const std::string before = "end_" + ids_[from];
    const auto through = [&](const char* type, Json config, const char* sink_type) {
      nodes_.push_back({{"id", before}, {"type", type}, {"config", std::move(config)}});
      add_sink(sink, sink_type);
      connections_.push_back({{"from", before}, {"to", sink}});
    };
    switch (pick(0, 11)) {
      case 0:
        through("Filter", {{"above_db", -pick(10, 30)}}, "Keep");
        return connect(from, before);
      case 1:
        through("RateLimit", {{"rate", pick(1000, 30000)}, {"burst", 100000}, {"unit", "samples"}}, "Keep");
        return connect(from, before);
      case 2:
        through("Window", {{"size", pick(1, 400)}, {"hop", pick(1, 400)}, {"allow_loss", true}}, "Keep");
        return connect(from, before);
      case 3:
        through("LevelMeter", {{"interval_s", pick(1, 20) * 0.001}}, "NullSink");
        return connect(from, before);
      case 4:
        through("Spectrum", {{"fft_size", one_of({32, 256})}}, "NullSink");
        return connect(from, before);
      case 5:  // (The order in which they come is not said.)
        through("Merge", Json::object(), "NullSink");
        connect(from, before + ".in1");
        return connect(from, before + ".in2");
      case 6:  // (Its inputs have blocks of one size.)
        through("Join", Json::object(), "Keep");
        connect(from, before + ".in1");
        return connect(from, before + ".in2");
      default:
        add_sink(sink, "Keep");
        return connect(from, sink);
    }
  }
  void add_source() {
    if (pick(0, 9) == 0) {
      return add("FileSource", {{"path", "/usr/share/sounds/alsa/Front_Center.wav"},
                                {"frame_size", one_of({1, 64, 333})},
                                {"end_s", pick(1, 60) * 0.001}});
    }
    const int frame_size = one_of({1, 7, 31, 64, 100, 128, 333});
    add("SineGenerator", {{"frequency", pick(100, 5000)},
                          {"amplitude", 0.3},
                          {"frame_size", frame_size},
                          {"duration_s", std::min(3000, frame_size * pick(1, 200)) / 48000.0}});
  }
  void add_node() {
    const std::size_t from = any();
    switch (pick(0, 12)) {
      case 0:
      case 1:
        add("Gain", {{"gain", pick(-20, 20) * 0.1}});
        break;
      case 2:
        add("Delay", {{"frames", pick(0, 300)}});
        break;
      case 3:
        add("Biquad", {{"sections", {{{"type", "lowpass"}, {"frequency", pick(100, 9000)}, {"q", 0.7}}}}});
        break;
      case 4:
      case 5:
        add("Buffer", {{"capacity", pick(1, 8)}});
        break;
      case 6:
        if (batches_++ >= 2) { return add_mixer(); }  // each makes the blocks behind it longer
        add("Batch", {{"blocks", pick(1, 5)}});
        break;
      case 7:
        add("Skip", {{"frames", pick(1, 500)}});
        break;
      case 8:
        add("Take", {{"frames", pick(1, 2000)}});
        break;
      default:
        return add_mixer();
    }
    connect(from, ids_.back());
  }
  void add_mixer() {
    const int inputs = pick(2, 4);
    std::vector<std::size_t> from;
    Json row = Json::array();
    for (int i = 0; i < inputs; ++i) {
      from.push_back(any());
      row.push_back(pick(-10, 10) * 0.1);
    }
    add("Mixer", {{"matrix", Json::array({row})}});
    for (int i = 0; i < inputs; ++i) {
      connect(from[static_cast<std::size_t>(i)], fmt::format("{}.in{}", ids_.back(), i + 1));
    }
  }

  std::mt19937_64 random_;
  const int block_size_ = one_of({1, 7, 64, 127, 1024});
  const int capacity_ = pick(1, 16);
  std::vector<std::string> ids_;  // of nodes with an output
  std::vector<bool> read_;
  int batches_ = 0;
  Json nodes_ = Json::array();
  Json connections_ = Json::array();
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kGraphs = 40;  // a sanitizer looks at each access: it needs no rare graph, and is slow
#else
constexpr int kGraphs = 1000;
#endif

using Samples = std::vector<std::vector<double>>;  // by sink, in the order of the graph

// `samples`: none where the graph would take too much memory.
void run(const ValidGraph& graph, const ThreadPolicy& threads, std::optional<Samples>& samples) {
  EngineOptions options;
  options.threads = threads;
  options.cores = 4;
  auto engine = Engine::create(graph, std::move(options));
  if (!engine && engine.error()[0].what.find("would take") != std::string::npos) {
    return;
  }  // too much memory
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  const bool ended = (*engine)->wait_for(std::chrono::minutes(1));
  if (!ended) { (*engine)->stop_now(); }
  ASSERT_TRUE(ended) << "it stands still";
  (*engine)->stop();
  ASSERT_TRUE((*engine)->status().failures.empty()) << to_string((*engine)->status().failures, "");
  samples = test::kept_samples(**engine);
}

TEST(RandomGraphs, EndAndGiveTheSameForEveryNumberOfThreads) {
  using Kind = ThreadPolicy::Kind;
  const char* count = std::getenv("SL_RANDOM_GRAPHS");
  const int graphs = count != nullptr ? std::atoi(count) : kGraphs;
  int refused = 0;  // their blocks would take more memory than a graph may: about one in ten thousand
  for (int seed = 0; seed < graphs; ++seed) {
    const Json text = RandomGraph(static_cast<std::uint64_t>(seed)).text();
    SCOPED_TRACE(fmt::format("seed {}: {}", seed, text.dump()));
    const auto graph = load_graph(text.dump(), ConfigLanguage::json, {}, test::catalog_with_keep());
    ASSERT_TRUE(graph) << to_string(graph.error(), "");
    std::optional<Samples> expected;
    run(*graph, {Kind::count, 1}, expected);
    if (HasFatalFailure()) { return; }
    if (!expected) {
      ++refused;
      continue;
    }
    for (const ThreadPolicy threads : {ThreadPolicy{Kind::count, 2}, ThreadPolicy{Kind::count, 3},
                                       ThreadPolicy{Kind::per_node, 0}, ThreadPolicy{Kind::automatic, 0}}) {
      std::optional<Samples> got;
      run(*graph, threads, got);
      if (HasFatalFailure()) { return; }
      ASSERT_TRUE(got && got->size() == expected->size());
      for (std::size_t k = 0; k < got->size(); ++k) {
        const auto& samples = (*got)[k];
        ASSERT_TRUE(samples == (*expected)[k]) << fmt::format(
            "sink {} of {}, threads {} {}: {} samples; expected {}", k, got->size(),
            static_cast<int>(threads.kind), threads.count, samples.size(), (*expected)[k].size());
      }
    }
  }
  EXPECT_LE(refused, graphs / 1000);
}

// Three sources, of blocks of 7, 128 and 7 frames: it stood still when a domain waited in the middle of a round.
TEST(RandomGraphs, TheOneThatStoodStillEnds) {
  constexpr const char* kGraph =
      R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 7, "channel_capacity": 4},
    "nodes": [
      {"id": "s0", "type": "SineGenerator", "config": {"frequency": 4856, "frame_size": 7, "duration_s": 0.3}},
      {"id": "s1", "type": "SineGenerator", "config": {"frequency": 2658, "frame_size": 128, "duration_s": 0.3}},
      {"id": "s2", "type": "SineGenerator", "config": {"frequency": 2272, "frame_size": 7, "duration_s": 0.3}},
      {"id": "n2", "type": "Buffer", "config": {"capacity": 5}},
      {"id": "n7", "type": "Mixer", "config": {"matrix": [[-0.27, 0.19], [-0.29, -0.32]]}},
      {"id": "n11", "type": "Mixer", "config": {"matrix": [[-0.27, -0.16, 0.11, -0.32]]}},
      {"id": "n18", "type": "Mixer", "config": {"matrix": [[0.23, -0.34]]}},
      {"id": "n19", "type": "Gain", "config": {"gain": 1.1}},
      {"id": "n21", "type": "Mixer", "config": {"matrix": [[0.35, 0.12, -0.43, -0.40]]}},
      {"id": "keep", "type": "Keep"}],
    "connections": [
      {"from": "s0", "to": "n2", "capacity": 11}, {"from": "s2", "to": "n7.in1"}, {"from": "s1", "to": "n7.in2"},
      {"from": "s2", "to": "n11.in1", "capacity": 14}, {"from": "n7", "to": "n11.in2"}, {"from": "n2", "to": "n11.in3"},
      {"from": "s2", "to": "n18.in1"}, {"from": "s1", "to": "n18.in2", "capacity": 15}, {"from": "s0", "to": "n19", "capacity": 14},
      {"from": "n19", "to": "n21.in1", "capacity": 1}, {"from": "n11", "to": "n21.in2", "capacity": 4}, {"from": "n18", "to": "n21.in3"},
      {"from": "s1", "to": "n21.in4"}, {"from": "n21", "to": "keep", "capacity": 4}]})";
  const auto graph = load_graph(kGraph, ConfigLanguage::json, {}, test::catalog_with_keep());
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  using Kind = ThreadPolicy::Kind;
  for (const ThreadPolicy threads : {ThreadPolicy{Kind::count, 1}, ThreadPolicy{Kind::count, 2},
                                     ThreadPolicy{Kind::count, 3}, ThreadPolicy{Kind::automatic, 0}}) {
    std::optional<Samples> samples;
    run(*graph, threads, samples);
    if (HasFatalFailure()) { return; }
    ASSERT_TRUE(samples);
    EXPECT_EQ(samples->front().size(), 14400U);
  }
}

}  // namespace
}  // namespace streamlab
