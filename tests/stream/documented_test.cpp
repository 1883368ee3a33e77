// tests/stream/documented_test.cpp
//
// What docs/streams.md quotes, and what comes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "engine/channel/mpsc.hpp"
#include "engine/channel/select.hpp"
#include "engine/graph/validate.hpp"
#include "engine/run/pipeline.hpp"
#include "engine/run/streaming_engine.hpp"
#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "engine/stream/stream_context.hpp"

namespace streamlab {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;

struct Level {
  double rms_db = 0.0;
};
const std::vector<Level> kLevels{{-50.0}, {-30.0}, {-40.0}, {-20.0}};

TEST(Documented, AChainRunsWhenItsEndAsks) {
  const std::vector<Level>& levels = kLevels;
  const auto loud = from_range(levels)  // a source
                        .filter([](const Level& l) { return l.rms_db > -40.0; })
                        .map([](const Level& l) { return l.rms_db; })
                        .collect();  // an end: runs it
  if (!loud) { fmt::print(stderr, "{}", to_string(loud.report)); }
  EXPECT_THAT(*loud, ElementsAre(-30.0, -20.0));
}

TEST(Documented, TheCallerPullsItemByItem) {
  const std::vector<Level>& levels = kLevels;
  std::vector<double> shown;
  const auto show = [&](const Level& level) { shown.push_back(level.rms_db); };
  auto loud = from_range(levels).filter([](const Level& l) { return l.rms_db > -40.0; }).pull();
  for (const Level& level : loud) { show(level); }
  if (!loud.report().ok()) { fmt::print(stderr, "{}", to_string(loud.report())); }
  EXPECT_THAT(shown, ElementsAre(-30.0, -20.0));
}

TEST(Documented, AMonitorLooksAtAStreamThatRuns) {
  const std::vector<int> many(1000, 1);
  const auto work = [](int x) { return x; };
  StreamMonitor monitor;
  auto counting =
      std::async(std::launch::async, [&] { return from_range(many).map(work).count({.monitor = &monitor}); });
  fmt::print("{}", to_string(monitor.report()));  // "running, 1234 items in …", and the table
  EXPECT_EQ(*counting.get(), 1000U);
  EXPECT_EQ(monitor.report().items, 1000U);
}

TEST(Documented, AStrategyOfTheEndIsEnough) {
  const std::vector<std::string> texts{"1", "2", "three", "5"};
  const auto number_of = [](const std::string& text) { return std::stoi(text); };
  const auto is_odd = [](int x) { return x % 2 == 1; };
  const auto numbers = from_range(texts).map(number_of).filter(is_odd).collect(collect_errors());
  for (const StreamError& error : numbers.report.collected) { fmt::print(stderr, "{}\n", to_string(error)); }
  EXPECT_THAT(*numbers, ElementsAre(1, 5));
  EXPECT_THAT(numbers.report.collected, SizeIs(1));
}

TEST(Documented, AGraphAndAChannelInOneSelect) {
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "nodes": [{"id": "sine", "type": "SineGenerator"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto spectra = pipeline->subscribe("sine");
  auto settings = mpsc<double>(4);
  ASSERT_TRUE(spectra && pipeline->start() && pipeline->trigger(DataFrame(0, 0)));
  ASSERT_TRUE(settings.sender.send(-6.0));
  settings.sender.close();
  int blocks = 0;
  std::vector<double> used;
  const auto show = [&](const DataFrame&) {
    ++blocks;
    pipeline->stop();
  };
  const auto use = [&](double setting) { used.push_back(setting); };
  while (auto got = select(*spectra, settings.receiver)) {
    if (auto* block = got.from<0>()) { show(**block); }
    if (auto* setting = got.from<1>()) { use(**setting); }
  }
  EXPECT_EQ(blocks, 1);
  EXPECT_THAT(used, ElementsAre(-6.0));
}

TEST(Documented, AChainWithoutASourceServesManyStreams) {
  const std::vector<Level> monday = kLevels;
  const std::vector<Level> tuesday{{-10.0}};
  using namespace streamlab::op;
  auto loud = map(&Level::rms_db) | filter([](double db) { return db > -40.0; });
  auto of_monday = from_range(monday) | loud | collect();
  auto of_tuesday = from_range(tuesday) | loud | count();
  EXPECT_THAT(*of_monday, ElementsAre(-30.0, -20.0));
  EXPECT_EQ(*of_tuesday, 1U);
}

struct Totals {
  std::uint64_t count = 0;
  double highest_db = -1000.0;
};

TEST(Documented, OthersMayLookAtTheStateOfAChain) {
  StreamContext<Totals> totals;
  const auto report = from_range(kLevels)
                          .with(totals,
                                [](Totals& t, const Level& l) {
                                  ++t.count;
                                  t.highest_db = std::max(t.highest_db, l.rms_db);
                                  return l;
                                })
                          .execute();
  const Totals so_far = totals.snapshot();  // any thread, any time
  EXPECT_TRUE(report.ok()) << to_string(report);
  EXPECT_EQ(so_far.count, 4U);
  EXPECT_EQ(so_far.highest_db, -20.0);
}

TEST(Documented, AVirtualHourTakesNoTime) {
  VirtualClock clock(VirtualClock::Advance::when_idle);  // a wait with a deadline moves the clock there
  const auto ticks = timer(std::chrono::seconds(1)).take(3600).count({.clock = &clock});
  EXPECT_EQ(*ticks, 3600U);
  EXPECT_EQ(ticks.report.total, std::chrono::seconds(3600));
}

struct Setting {
  double gain_db = 0.0;
};

TEST(Documented, AChannelEndsWithItsLastSender) {
  std::vector<double> used;
  const auto use = [&used](const Setting& setting) { used.push_back(setting.gain_db); };
  auto [sender, receiver] = mpsc<Setting>(64);
  std::jthread user([sender = std::move(sender)] {
    for (const double gain_db : {-6.0, -3.0, 0.0}) {
      if (!sender.send(Setting{gain_db})) { return; }  // waits for room; nobody listens any more
    }
  });
  while (auto setting = receiver.receive()) { use(*setting); }  // until all senders are gone
  EXPECT_THAT(used, ElementsAre(-6.0, -3.0, 0.0));
}

Result<std::vector<std::ptrdiff_t>> first_ten(const ValidGraph& graph) {
  const auto loudest_bin = [](const DataFrame& spectrum) {
    const auto bins = spectrum.channel(0U);
    return std::max_element(bins.begin(), bins.end()) - bins.begin();
  };
  auto engine = StreamingEngine::create(graph, {});
  if (!engine) { return tl::unexpected(engine.error().front()); }
  auto spectra = (*engine)->output("spec");  // Result<Stream<DataFrame>>
  if (!spectra) { return tl::unexpected(spectra.error()); }
  const auto bins = std::move(*spectra).map(loudest_bin).take(10).collect();
  return *bins;
}

TEST(Documented, AGraphGivesItsOutputsAsStreams) {
  // Bin 80 of 4096 at 48 kHz.
  const auto graph = load_graph(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 10},
      "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 937.5}},
                {"id": "spec", "type": "Spectrum", "config": {"fft_size": 4096}}],
      "connections": [{"from": "tone", "to": "spec"}]})");
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  const auto bins = first_ten(*graph);
  ASSERT_TRUE(bins) << to_string(bins.error());
  EXPECT_THAT(*bins, SizeIs(10));
  EXPECT_THAT(*bins, Each(80));
}

TEST(Documented, DeadLettersCarryWhatFailed) {
  const std::vector<std::string> texts{"1", "two", "3"};
  const auto number_of = [](const std::string& text) { return std::stoi(text); };
  std::vector<std::string> failed_texts;
  const auto show = [&](const std::string& text, const Error&) { failed_texts.push_back(text); };
  auto [letters, failures] = mpsc<FailedItem<std::string>>(100);
  const auto report = from_range(texts).map(number_of, dead_letter(std::move(letters))).execute();
  while (auto failed = failures.receive()) { show(failed->item, failed->error); }
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(failed_texts, ElementsAre("two"));
}

}  // namespace
}  // namespace streamlab
