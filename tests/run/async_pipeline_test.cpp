// tests/run/async_pipeline_test.cpp
#include <chrono>
#include <future>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/mpsc.hpp"
#include "engine/channel/select.hpp"
#include "engine/run/pipeline.hpp"
#include "engine/stream/sources.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

// Three nodes in a row: `threads` and `capacity` as given.
std::string chain(const std::string& threads, int capacity) {
  return R"({"version": 1, "pipeline_config": {"channel_capacity": )" + std::to_string(capacity) +
         R"(, "threads": )" + threads + R"(},
      "nodes": [{"id": "sine", "type": "SineGenerator",
                 "config": {"frequency": 1000, "sample_rate": 48000, "frame_size": 16}},
                {"id": "gain", "type": "Gain", "config": {"gain": 2}},
                {"id": "back", "type": "Gain", "config": {"gain": 0.5}}],
      "connections": [{"from": "sine", "to": "gain"}, {"from": "gain", "to": "back"}]})";
}

class HowManyGoIn : public testing::TestWithParam<std::pair<std::string, int>> {};

// D domains, capacity c, no reader: (D + 1) c blocks in edges.
TEST_P(HowManyGoIn, IsExact) {
  const auto [threads, domains] = GetParam();
  for (const int capacity : {1, 2, 10}) {
    auto pipeline = AsyncPipeline::from_json(chain(threads, capacity));
    ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
    auto receiver = pipeline->subscribe("back");
    ASSERT_TRUE(receiver);
    ASSERT_TRUE(pipeline->start());
    const int expected = (domains + 1) * capacity;
    for (int i = 0; i < expected; ++i) {
      ASSERT_TRUE(pipeline->trigger(DataFrame(0, static_cast<std::uint64_t>(i))))
          << i;  // each of them returns
    }
    const auto one_more = pipeline->trigger_for(DataFrame(0, 999), 20ms);
    ASSERT_TRUE(one_more);
    EXPECT_EQ(*one_more, Engine::Triggered::full);
    EXPECT_EQ(*pipeline->try_trigger(DataFrame(0, 999)), Engine::Triggered::full);
    // Each block that is read lets one more in, and all come out in order.
    for (int i = 0; i < expected; ++i) {
      const auto block = receiver->receive();
      ASSERT_TRUE(block);
      EXPECT_EQ(block->sequence_id(), static_cast<std::uint64_t>(i));
    }
    pipeline->stop();
    EXPECT_EQ(receiver->counters().dropped, 0U);
  }
}
TEST(AsyncPipeline, SaysWhyItCannotBeStartedAgain) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 2));
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  ASSERT_TRUE(pipeline->start());
  EXPECT_EQ(to_string(pipeline->start().error()), "the engine is already running");
  EXPECT_TRUE(pipeline->trigger(DataFrame(0, 0)));  // and goes on
  EXPECT_TRUE(pipeline->status().running);
  pipeline->stop();
  EXPECT_EQ(to_string(pipeline->start().error()),
            "the engine was stopped; expected a new engine for another run");
  EXPECT_EQ(to_string(pipeline->subscribe("back").error()),
            "back: the engine was stopped; expected subscribe() before stop()");
  EXPECT_EQ(to_string(pipeline->set_param("gain", "gain", 1.0).error()), "the engine was stopped");
  EXPECT_FALSE(pipeline->trigger(DataFrame(0, 0)));
}

// stop() without start() ends it, too.
TEST(AsyncPipeline, SaysThatItWasStoppedBeforeItStarted) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 2));
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  pipeline->stop();
  EXPECT_EQ(to_string(pipeline->start().error()),
            "the engine was stopped; expected a new engine for another run");
}

TEST(Engine, OfADryRunHasAPlanAndCannotBeStarted) {
  const auto graph = load_graph(chain("2", 2));
  ASSERT_TRUE(graph);
  EngineOptions options;
  options.look_only = true;
  options.frame_limit = 1;
  const auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  EXPECT_EQ((*engine)->plan().nodes().size(), 3U);
  EXPECT_TRUE((*engine)->status().edges.empty());
  EXPECT_EQ(to_string((*engine)->start().error()), "the engine was created for a dry run (look_only)");
  EXPECT_EQ(to_string((*engine)->subscribe("back").error()),
            "back: the engine was created for a dry run (look_only); expected subscribe() before stop()");
  EXPECT_EQ(to_string((*engine)->set_param("gain", "gain", 1.0).error()),
            "the engine was created for a dry run (look_only)");
}

INSTANTIATE_TEST_SUITE_P(AsyncPipeline, HowManyGoIn,
                         testing::Values(std::pair("1", 1), std::pair("2", 2), std::pair("\"per_node\"", 3)),
                         [](const auto& test) { return "Domains" + std::to_string(test.param.second); });

// A graph's Receiver receives as those of channels do: in a select, with deadlines, and says why nothing came.
TEST(AsyncPipeline, ItsReceiverIsOneOfMany) {
  auto pipeline = AsyncPipeline::from_json(chain("\"per_node\"", 10));
  ASSERT_TRUE(pipeline);
  auto outputs = pipeline->subscribe("gain");
  ASSERT_TRUE(outputs);
  auto settings = mpsc<int>(4);
  ASSERT_TRUE(pipeline->start());
  EXPECT_EQ(outputs->try_receive().why(), Why::empty);
  EXPECT_EQ(outputs->receive_for(std::chrono::nanoseconds(1)).why(), Why::timed_out);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(outputs->receive(stop.get_token()).why(), Why::stopped);

  EXPECT_TRUE(settings.sender.send(7));
  int numbers = 0;
  std::vector<std::uint64_t> blocks;
  std::uint64_t sent = 0;
  std::jthread other;
  while (auto got = select(*outputs, settings.receiver)) {
    if (auto* block = got.from<0>()) { blocks.push_back((*block)->sequence_id()); }
    if (auto* number = got.from<1>()) { numbers += **number; }
    if (sent < 3) {
      ASSERT_TRUE(pipeline->trigger(DataFrame(0, sent++)));
    } else if (blocks.size() == 3 && !other.joinable()) {
      settings.sender.close();
      // Both ends are closed while the select sleeps.
      other = std::jthread([&] { pipeline->stop(); });
    }
  }
  EXPECT_EQ(numbers, 7);
  EXPECT_THAT(blocks, testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(outputs->receive().why(), Why::closed);
}

TEST(AsyncPipeline, ItsReceiverIsASourceOfStreams) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 4));
  ASSERT_TRUE(pipeline);
  auto outputs = pipeline->subscribe("gain");
  ASSERT_TRUE(outputs && pipeline->start());
  auto reading = std::async(std::launch::async, [receiver = std::move(*outputs)]() mutable {
    return from_receiver(std::move(receiver))
        .map([](const DataFrame& b) { return b.sequence_id(); })
        .collect();
  });
  for (std::uint64_t i = 0; i < 20; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop();
  const auto got = reading.get();
  EXPECT_TRUE(got);
  ASSERT_EQ(got->size(), 20U);
  EXPECT_EQ(got->back(), 19U);
}

TEST(AsyncPipeline, AClosedReceiverGivesWhatLiesThereAndEnds) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 4));
  ASSERT_TRUE(pipeline);
  auto outputs = pipeline->subscribe("gain");
  ASSERT_TRUE(outputs && pipeline->start() && pipeline->trigger(DataFrame(0, 0)));
  EXPECT_EQ(outputs->receive()->sequence_id(), 0U);
  outputs->close();
  EXPECT_EQ(outputs->receive().why(), Why::closed);  // though the pipeline goes on
  pipeline->stop();
}

TEST(AsyncPipeline, StopLetsEverythingThroughAndEndsTheReceiver) {
  auto pipeline = AsyncPipeline::from_json(chain("\"per_node\"", 10));
  ASSERT_TRUE(pipeline);
  auto receiver = pipeline->subscribe("gain", 100);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  for (std::uint64_t i = 0; i < 50; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop();
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto block = receiver->receive();
    ASSERT_TRUE(block);
    EXPECT_EQ(block->sequence_id(), i);
  }
  EXPECT_FALSE(receiver->receive());
  EXPECT_TRUE(receiver->ended());
}

TEST(AsyncPipeline, AnOutputWithoutSubscriberIsDiscarded) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 1));
  ASSERT_TRUE(pipeline);
  ASSERT_TRUE(pipeline->start());
  for (std::uint64_t i = 0; i < 1000; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop();
}

TEST(AsyncPipeline, ContinuesWhenAReceiverIsGone) {
  auto pipeline = AsyncPipeline::from_json(chain("2", 1));
  ASSERT_TRUE(pipeline);
  {
    auto receiver = pipeline->subscribe("back");
    ASSERT_TRUE(receiver);
    ASSERT_TRUE(pipeline->start());
  }
  for (std::uint64_t i = 0; i < 100; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop();
}

TEST(AsyncPipeline, StopNowEndsAPipelineWithoutAReader) {
  auto pipeline = AsyncPipeline::from_json(chain("\"per_node\"", 1));
  ASSERT_TRUE(pipeline);
  auto receiver = pipeline->subscribe("back");
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  for (int i = 0; i < 4; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, 0))); }
  pipeline->stop_now();
  EXPECT_FALSE(pipeline->trigger(DataFrame(0, 0)));
}

// Of all edges but the subscription.
std::uint64_t given_up(const EngineStatus& status) {
  std::uint64_t sum = 0;
  for (const EdgeReport& edge : status.edges) {
    const EdgeCounters& now = edge.counters;
    EXPECT_EQ(now.pushed, now.delivered + now.dropped + now.in_queue) << edge.name;
    EXPECT_EQ(edge.given_up, now.dropped) << edge.name;  // no policy but block
    sum += edge.given_up;
  }
  return sum;
}

// The wait for a reader that takes nothing is limited: each accepted block is received, or counted.
TEST_P(HowManyGoIn, AndWhatIsGivenUpAtTheEndIsCounted) {
  const auto [threads, domains] = GetParam();
  for (const int capacity : {1, 2, 10}) {
    for (const bool at_once : {false, true}) {
      auto pipeline = AsyncPipeline::from_json(chain(threads, capacity));
      ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
      auto receiver = pipeline->subscribe("back");
      ASSERT_TRUE(receiver);
      ASSERT_TRUE(pipeline->start());
      const auto taken = static_cast<std::uint64_t>((domains + 1) * capacity);
      for (std::uint64_t i = 0; i < taken; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
      if (at_once) {
        pipeline->stop_now();
      } else {
        pipeline->stop(std::chrono::nanoseconds(0));
      }
      std::uint64_t received = 0;
      while (const auto block = receiver->receive()) { EXPECT_EQ(block->sequence_id(), received++); }
      EXPECT_LE(received, static_cast<std::uint64_t>(capacity) + 1);
      EXPECT_EQ(given_up(pipeline->status()), taken - received);
      EXPECT_TRUE(pipeline->status().data_lost());
    }
  }
}

TEST(AsyncPipeline, StopIsOverWhenTheCallerGivesUp) {
  const auto graph = load_graph(chain("1", 2));
  ASSERT_TRUE(graph);
  EngineOptions options;
  options.triggered = true;
  auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine);
  auto receiver = (*engine)->subscribe("back");
  ASSERT_TRUE(receiver);
  ASSERT_TRUE((*engine)->start());
  for (std::uint64_t i = 0; i < 4; ++i) { ASSERT_TRUE((*engine)->trigger(DataFrame(0, i))); }
  int asked = 0;
  (*engine)->stop(std::chrono::hours(1), [&] { return ++asked == 3; });
  EXPECT_GE(asked, 3);
  EXPECT_EQ(given_up((*engine)->status()), 2U);
}

TEST(AsyncPipeline, BlocksThatWaitForRoomWhenItIsGivenUpAreCounted) {
  // Each block of 40 frames gives four levels, and the subscription holds two.
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "pipeline_config": {"channel_capacity": 2, "threads": 1},
      "nodes": [{"id": "sine", "type": "SineGenerator",
                 "config": {"frequency": 100, "sample_rate": 1000, "frame_size": 40}},
                {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.01}}],
      "connections": [{"from": "sine", "to": "level"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto receiver = pipeline->subscribe("level");
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  // The third goes in when the first has been taken out.
  for (std::uint64_t i = 0; i < 3; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop_now();
  EXPECT_TRUE(receiver->receive());
  EXPECT_TRUE(receiver->receive());
  EXPECT_FALSE(receiver->receive());
  EXPECT_EQ(receiver->counters().pushed, 4U);
  EXPECT_EQ(receiver->counters().delivered, 2U);
  EXPECT_EQ(receiver->counters().dropped, 2U);
  EXPECT_EQ(given_up(pipeline->status()), 2U + 2U);  // two levels, two triggers
}

TEST(AsyncPipeline, LosesNothingWhenEverythingCameThrough) {
  for (const bool at_once : {false, true}) {
    auto pipeline = AsyncPipeline::from_json(chain("\"per_node\"", 4));
    ASSERT_TRUE(pipeline);
    auto receiver = pipeline->subscribe("back");
    ASSERT_TRUE(receiver);
    ASSERT_TRUE(pipeline->start());
    for (std::uint64_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(pipeline->trigger(DataFrame(0, i)));
      ASSERT_TRUE(receiver->receive());
    }
    if (at_once) {
      pipeline->stop_now();
    } else {
      pipeline->stop();
    }
    EXPECT_EQ(given_up(pipeline->status()), 0U);
    EXPECT_FALSE(pipeline->status().data_lost());
  }
}

TEST(AsyncPipeline, DropPoliciesCountToTheBlock) {
  for (const auto policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
                            OverflowPolicy::drop_buffer, OverflowPolicy::latest}) {
    auto pipeline = AsyncPipeline::from_json(chain("1", 4));
    ASSERT_TRUE(pipeline);
    auto receiver = pipeline->subscribe("back", 3, policy);
    ASSERT_TRUE(receiver);
    ASSERT_TRUE(pipeline->start());
    for (std::uint64_t i = 0; i < 20; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
    pipeline->stop();
    std::vector<std::uint64_t> received;
    while (const auto block = receiver->receive()) { received.push_back(block->sequence_id()); }
    const EdgeCounters counters = receiver->counters();
    EXPECT_EQ(counters.pushed, 20U);
    EXPECT_EQ(counters.delivered, received.size());
    EXPECT_EQ(counters.dropped, 20U - received.size());
    switch (policy) {
      case OverflowPolicy::drop_oldest:
        EXPECT_THAT(received, testing::ElementsAre(17, 18, 19));
        break;
      case OverflowPolicy::drop_newest:
        EXPECT_THAT(received, testing::ElementsAre(0, 1, 2));
        break;
      case OverflowPolicy::drop_buffer:
        EXPECT_THAT(received, testing::ElementsAre(18, 19));  // 0 to 17 went three at a time
        break;
      default:
        EXPECT_THAT(received, testing::ElementsAre(19));
        break;
    }
  }
}

TEST(AsyncPipeline, PolicyFailEndsThePipelineAndSaysWhere) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 4));
  ASSERT_TRUE(pipeline);
  auto receiver = pipeline->subscribe("back", 1, OverflowPolicy::fail);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  Result<void> last;
  for (int i = 0; i < 100000 && last; ++i) { last = pipeline->trigger(DataFrame(0, 0)); }
  EXPECT_FALSE(last);
  pipeline->stop();
  const EngineStatus status = pipeline->status();
  ASSERT_EQ(status.failures.size(), 1U);
  EXPECT_EQ(to_string(status.failures[0]),
            "back -> subscriber: the edge overflowed, and its policy is \"fail\"; a larger capacity, or "
            "another policy");
}

TEST(AsyncPipeline, ParametersChangeBetweenBlocks) {
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "gain", "type": "Gain", "config": {"ramp_ms": 0}}],
      "connections": [{"from": "in", "to": "gain"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto receiver = pipeline->subscribe("gain");
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", {1.0}));
  ASSERT_TRUE(pipeline->trigger(frame));
  EXPECT_EQ(receiver->receive()->channel(0)[0], 1.0);
  ASSERT_TRUE(pipeline->set_param("gain", "gain", 4.0));
  ASSERT_TRUE(pipeline->trigger(frame));
  EXPECT_EQ(receiver->receive()->channel(0)[0], 4.0);
  EXPECT_EQ(to_string(pipeline->set_param("gian", "gain", 1.0).error()),
            "/gian: there is no node with this id; did you mean \"gain\"?");
  EXPECT_EQ(
      to_string(pipeline->set_param("gain", "ramp_ms", 1.0).error()),
      "/gain/ramp_ms: this parameter cannot be changed while the graph runs; expected \"gain\", \"gain_db\"");
  EXPECT_EQ(to_string(pipeline->set_param("gain", "gain", 1e7).error()),
            "/gain/gain: 10000000.0 is outside -1000000 .. 1000000");
  pipeline->stop();
}

TEST(AsyncPipeline, RefusesToSubscribeToWhatIsNotThere) {
  auto pipeline = AsyncPipeline::from_json(chain("1", 4));
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(to_string(pipeline->subscribe("gian").error()),
            "gian: there is no node with this id; did you mean \"gain\"?");
  EXPECT_EQ(to_string(pipeline->subscribe("gain.outt").error()),
            "gain.outt: this node has no output of that name; did you mean \"out\"?");
}

}  // namespace
}  // namespace streamlab
