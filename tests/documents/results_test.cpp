// tests/documents/results_test.cpp
//
// What docs/results.md quotes: every way to get blocks out of a graph gives the same blocks.
#include <cmath>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <streamlab.hpp>

namespace streamlab {
namespace {

constexpr std::uint64_t kBlocks = 5;
constexpr std::string_view kGraph = R"({
    "nodes": [{"id": "tone", "type": "SineGenerator",
               "config": {"frequency": 1000, "sample_rate": 48000, "frame_size": 100}},
              {"id": "gain", "type": "Gain", "config": {"gain": 0.5}}],
    "connections": [{"from": "tone", "to": "gain"}, {"from": "gain", "channel": "loud"}]})";

class Results : public testing::Test {
 protected:
  void take(const DataFrame& block) {
    const auto x = block.channel(0U);
    taken_.insert(taken_.end(), x.begin(), x.end());
  }
  static EngineOptions limited() {
    EngineOptions options;
    options.frame_limit = 100 * kBlocks;
    return options;
  }
  // By the formula of the tone and the factor.
  void TearDown() override {
    ASSERT_EQ(taken_.size(), 100 * kBlocks);
    for (std::size_t n = 0; n < taken_.size(); ++n) {
      ASSERT_NEAR(taken_[n], 0.5 * std::sin(2.0 * 3.14159265358979323846 * static_cast<double>(n) / 48.0),
                  1e-12);
    }
  }

  std::vector<double> taken_;
};

TEST_F(Results, OfProcess) {
  auto pipeline = Pipeline::from_json(kGraph);
  ASSERT_TRUE(pipeline);
  for (std::uint64_t i = 0; i < kBlocks; ++i) {
    const auto blocks = pipeline->process(DataFrame(0, i));  // Result<std::vector<DataFrame>>
    ASSERT_TRUE(blocks);
    for (const DataFrame& block : *blocks) { take(block); }
  }
}

TEST_F(Results, OfAReceiver) {
  const auto graph = load_graph(kGraph);
  auto engine = Engine::create(*graph, limited());
  ASSERT_TRUE(engine);
  auto output = (*engine)->subscribe("gain");  // before start()
  ASSERT_TRUE(output);
  ASSERT_TRUE((*engine)->start());
  while (const auto block = output->receive()) { take(*block); }  // until the graph has ended
}

TEST_F(Results, OfANamedChannel) {
  const auto graph = load_graph(kGraph);
  auto engine = Engine::create(*graph, limited());
  ASSERT_TRUE(engine);
  auto loud = (*engine)->channels().subscribe<DataFrame>("loud", OnLag::wait);
  ASSERT_TRUE(loud);
  ASSERT_TRUE((*engine)->start());
  while (auto block = loud->receive()) { take(*block); }  // until the channel is closed
}

TEST_F(Results, OfAStream) {
  const auto graph = load_graph(kGraph);
  const EngineOptions options = limited();
  auto streaming = StreamingEngine::create(*graph, options);
  ASSERT_TRUE(streaming);
  auto output = (*streaming)->output("gain");  // Result<Stream<DataFrame>>
  ASSERT_TRUE(output);
  const auto report = std::move(*output).for_each([&](DataFrame& block) { take(block); });
  EXPECT_TRUE(report.ok()) << to_string(report);
}

TEST(ParametersWhileItRuns, TakeAnotherValue) {
  const auto graph = load_graph(kGraph);
  EngineOptions options;
  options.frame_limit = 100;
  auto engine = Engine::create(*graph, options);
  ASSERT_TRUE(engine);
  ASSERT_TRUE((*engine)->start());
  const auto changed = (*engine)->set_param("gain", "gain", 2.0);  // Result<void>; any thread
  EXPECT_TRUE(changed);
  EXPECT_FALSE((*engine)->set_param("tone", "sample_rate", 8000.0));
  (*engine)->stop();
}

}  // namespace
}  // namespace streamlab
