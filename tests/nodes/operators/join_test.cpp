// tests/nodes/operators/join_test.cpp
//
// Join against a reference that sees all blocks at once: the same rows for every order of arrival.
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/validate.hpp"
#include "engine/run/engine.hpp"
#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab {
namespace {

using test::expect_same_blocks;
using test::kNaN;
using test::names_of;
using test::NodeHarness;
using test::samples_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One value of one channel.
StreamFormat value_named(const std::string& name) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = 1000.0;
  format.channels = {{name, "dB"}};
  format.max_frames = 1;
  return format;
}

struct Item {
  std::int64_t time_us = 0;
  std::uint64_t id = 0;
  double value = 0.0;
};
using Items = std::vector<Item>;

DataFrame block_of(const NodeHarness& node, std::uint32_t input, const Item& item) {
  DataFrame block = node.input_frame(input);
  block.header().timestamp_us = item.time_us;
  block.header().sequence_id = item.id;
  block.set_frame_count(1);
  block.channel(0U)[0] = item.value;
  return block;
}

// Rows as "in1|in2|…"; a missing partner is a dash.
std::string row_of(const DataFrame& frame) {
  std::string text;
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const double x = frame.channel(c)[0];
    text += (c == 0 ? "" : "|") + (std::isnan(x) ? "-" : fmt::format("{}", x));
  }
  return text;
}
std::vector<std::string> rows_of(const std::vector<DataFrame>& frames) {
  std::vector<std::string> rows;
  for (const DataFrame& frame : frames) { rows.push_back(row_of(frame)); }
  return rows;
}

// ---- The reference: looks at all blocks of all inputs. `within_us`: none for any age.
std::optional<double> partner(const std::string& by, const Item& a, const Items& others,
                              std::optional<std::int64_t> within_us) {
  const Item* best = nullptr;
  for (const Item& b : others) {
    if (by == "sequence") {
      if (b.id == a.id) { return b.value; }
      continue;
    }
    if (by == "latest" && b.time_us > a.time_us) { continue; }
    const std::int64_t distance = std::abs(b.time_us - a.time_us);
    if (within_us && distance > *within_us) { continue; }
    if (best == nullptr || distance < std::abs(best->time_us - a.time_us)) { best = &b; }
  }
  return best == nullptr ? std::nullopt : std::optional(best->value);
}

std::vector<std::string> expected_rows(const std::string& by, const std::vector<Items>& inputs,
                                       std::optional<std::int64_t> within_us, bool pass) {
  std::vector<std::string> rows;
  for (const Item& a : inputs[0]) {
    std::string row = fmt::format("{}", a.value);
    bool complete = true;
    for (std::size_t j = 1; j < inputs.size(); ++j) {
      const auto value = partner(by, a, inputs[j], within_us);
      complete = complete && value;
      row += value ? fmt::format("|{}", *value) : "|-";
    }
    if (complete || pass) { rows.push_back(row); }
  }
  return rows;
}

// Feeds the inputs in an order drawn from `random`, each in its own order, and ends each after its last.
std::vector<DataFrame> feed(NodeHarness& node, const std::vector<Items>& inputs, std::mt19937& random) {
  std::vector<DataFrame> given;
  std::vector<std::size_t> next(inputs.size(), 0);
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < inputs.size(); ++i) { open.push_back(i); }
  while (!open.empty()) {
    const std::size_t pick = random() % open.size();
    const std::uint32_t i = open[pick];
    if (next[i] == inputs[i].size()) {
      node.end_input(i);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(pick));
      continue;
    }
    for (DataFrame& frame : node.process_input(i, block_of(node, i, inputs[i][next[i]++]))) {
      given.push_back(std::move(frame));
    }
  }
  for (DataFrame& frame : node.finish()) { given.push_back(std::move(frame)); }
  return given;
}

std::vector<StreamFormat> formats(std::size_t count) {
  std::vector<StreamFormat> list;
  for (std::size_t i = 0; i < count; ++i) { list.push_back(value_named(fmt::format("x{}", i + 1))); }
  return list;
}

// Increasing times (all different) and sequence ids with holes.
std::vector<Items> random_inputs(std::mt19937& random, std::size_t count) {
  std::vector<Items> inputs(count);
  double value = 1.0;
  for (Items& input : inputs) {
    Item item;
    const std::size_t blocks = random() % 30;
    const auto most_step = static_cast<std::int64_t>(1 + random() % 40);
    for (std::size_t b = 0; b < blocks; ++b) {
      item.time_us += 1 + static_cast<std::int64_t>(random()) % most_step;
      item.id += 1 + random() % 3;
      item.value = value++;
      input.push_back(item);
    }
  }
  return inputs;
}

class Joins : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Joins, AsTheReferenceForEveryOrderOfArrival) {
  const auto [by, unmatched] = GetParam();
  const bool is_time = std::string_view(by) == "time";
  std::mt19937 random(17);
  for (int round = 0; round < 200; ++round) {
    const auto inputs = random_inputs(random, 2 + random() % 3);
    std::optional<std::int64_t> within_us;
    if (is_time || (std::string_view(by) == "latest" && round % 2 == 1)) {
      within_us = static_cast<std::int64_t>(random() % 30);
    }
    const std::string tolerance =
        within_us ? fmt::format(R"(, "tolerance_s": {})", static_cast<double>(*within_us) * 1e-6) : "";
    NodeHarness node("Join", fmt::format(R"({{"by": "{}", "unmatched": "{}"{}}})", by, unmatched, tolerance),
                     formats(inputs.size()));
    const auto given = feed(node, inputs, random);
    ASSERT_EQ(rows_of(given), expected_rows(by, inputs, within_us, std::string_view(unmatched) == "pass"))
        << "round " << round;
    if (round % 20 == 0) {  // as new after reset()
      node.reset();
      expect_same_blocks(feed(node, inputs, random), given);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Joins,
                         testing::Combine(testing::Values("sequence", "time", "latest"),
                                          testing::Values("drop", "pass")));

TEST(Join, GivesHeaderAndMetadataOfTheFirstInputAndFlagsOfAll) {
  NodeHarness node("Join", R"({"unmatched": "pass"})", formats(2));
  DataFrame first = block_of(node, 0, {.time_us = 1000, .id = 5, .value = 1.0});
  first.header().position = 77;
  first.header().set(FrameFlag::gap);
  first.header().gap_frames = 3;
  first.metadata().set("origin", 9.0);
  DataFrame second = block_of(node, 1, {.time_us = 1500, .id = 5, .value = 2.0});
  second.header().set(FrameFlag::clipped);
  second.header().set(FrameFlag::gap);
  EXPECT_THAT(node.process_input(1, second), IsEmpty());
  const auto given = node.process_input(0, first);
  ASSERT_EQ(given.size(), 1U);
  FrameHeader expected = first.header();
  expected.set(FrameFlag::clipped);
  EXPECT_EQ(given[0].header(), expected);
  EXPECT_EQ(given[0].metadata().get("origin"), 9.0);
}

TEST(Join, FlagsWhatLacksAPartner) {
  NodeHarness node("Join", R"({"unmatched": "pass"})", formats(2));
  node.process_input(0, block_of(node, 0, {.id = 1, .value = 1.0}));
  const auto given = node.process_input(1, block_of(node, 1, {.id = 2, .value = 2.0}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(row_of(given[0]), "1|-");
  EXPECT_TRUE(given[0].header().has(FrameFlag::incomplete));
}

TEST(Join, PutsAudioSideBySideAndFillsWithSilence) {
  const StreamFormat stereo = audio_format(48000.0, {"left", "right"}, 4);
  const StreamFormat mono = audio_format(48000.0, {"left"}, 4);
  NodeHarness node("Join", R"({"unmatched": "pass"})", {stereo, mono});
  EXPECT_THAT(names_of(node.outputs()[0].format), ElementsAre("in1.left", "right", "in2.left"));
  const auto block = [&](std::uint32_t input, std::uint64_t id, std::vector<double> samples) {
    DataFrame frame = node.input_frame(input);
    frame.header().sequence_id = id;
    frame.set_frame_count(static_cast<std::uint32_t>(samples.size()));
    for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
      std::copy(samples.begin(), samples.end(), frame.channel_data(c));
    }
    return frame;
  };
  node.process_input(0, block(0, 0, {1, 2, 3, 4}));
  auto given = node.process_input(1, block(1, 0, {5, 6, 7, 8}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(samples_of(given), (std::vector<double>{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(given[0].header().flags, 0U);
  // A partner of other length, one of none, no frame at all, and none.
  node.process_input(0, block(0, 1, {1, 2, 3}));
  given = node.process_input(1, block(1, 1, {9}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(samples_of(given), (std::vector<double>{1, 2, 3, 1, 2, 3, 9, 0, 0}));
  EXPECT_TRUE(given[0].header().has(FrameFlag::incomplete));
  node.process_input(0, block(0, 2, {}));
  given = node.process_input(1, block(1, 2, {}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].frame_count(), 0U);
  node.process_input(0, block(0, 3, {1}));
  given = node.process_input(1, block(1, 4, {9}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(samples_of(given), (std::vector<double>{1, 1, 0}));
  const auto notes = node.node().notes();
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0].text, "blocks of in1 without a partner: 1");
  EXPECT_EQ(notes[0].count, 1U);
  EXPECT_EQ(notes[1].text, "partners of different length, cut or padded: 1");
  EXPECT_TRUE(notes[1].data_lost);
}

TEST(Join, TakesPrefixesFromTheUser) {
  NodeHarness node("Join", R"({"prefixes": ["mic_", "ref_"]})",
                   {audio_format(8000.0, {"left"}, 4), audio_format(8000.0, {"left"}, 4)});
  EXPECT_THAT(names_of(node.outputs()[0].format), ElementsAre("mic_left", "ref_left"));
}

std::map<std::string, std::uint64_t> counted(NodeHarness& node, bool lost) {
  std::map<std::string, std::uint64_t> counts;
  for (const NodeNote& note : node.node().notes()) {
    if (note.data_lost == lost) { counts[note.text.substr(0, note.text.rfind(": "))] = note.count; }
  }
  return counts;
}

TEST(Join, CountsEveryBlockWithoutAPartnerOnce) {
  NodeHarness node("Join", "{}", formats(2));
  std::mt19937 random(1);
  const Items a{{.id = 1}, {.id = 2}, {.id = 5}, {.id = 6}};
  const Items b{{.id = 2}, {.id = 3}, {.id = 4}, {.id = 5}, {.id = 9}};
  EXPECT_EQ(feed(node, {a, b}, random).size(), 2U);
  EXPECT_EQ(counted(node, false),
            (std::map<std::string, std::uint64_t>{{"blocks of in1 without a partner", 2},
                                                  {"blocks of in2 without a partner", 3}}));
  EXPECT_THAT(counted(node, true), IsEmpty());
}

// When in1 has ended, another input may go on for long: its blocks are counted, and wait for no room.
TEST(Join, EndsWhenTheFirstInputEndsLongBeforeAnother) {
  for (const char* config : {R"({"by": "sequence"})", R"({"by": "time", "tolerance_s": 1})",
                             R"({"by": "latest"})", R"({"unmatched": "pass", "max_waiting": 2})"}) {
    const auto graph =
        load_graph(fmt::format(R"({{"pipeline_config": {{"sample_rate": 8000, "block_size": 64}}, "nodes": [
        {{"id": "short", "type": "SineGenerator", "config": {{"duration_s": 0.08}}}},
        {{"id": "long", "type": "SineGenerator", "config": {{"duration_s": 8}}}},
        {{"id": "join", "type": "Join", "config": {}}}, {{"id": "end", "type": "NullSink"}}],
        "connections": [{{"from": "short", "to": "join.in1"}}, {{"from": "long", "to": "join.in2"}},
          {{"from": "join", "to": "end"}}]}})",
                               config));
    ASSERT_TRUE(graph) << to_string(graph.error(), "");
    auto engine = Engine::create(*graph, {});
    ASSERT_TRUE(engine);
    auto blocks = (*engine)->subscribe("join");
    ASSERT_TRUE(blocks && (*engine)->start());
    std::int64_t frames = 0;
    while (const auto block = blocks->receive()) { frames += block->frame_count(); }
    EXPECT_TRUE((*engine)->wait_for(std::chrono::minutes(1))) << config;
    (*engine)->stop();
    EXPECT_EQ(frames, 640) << config;  // 0.08 s at 8 kHz
  }
}

TEST(Join, GivesUpTheOldestBeyondMaxWaiting) {
  for (const char* unmatched : {"drop", "pass"}) {
    NodeHarness node("Join", fmt::format(R"({{"max_waiting": 3, "unmatched": "{}"}})", unmatched),
                     formats(2));
    std::vector<DataFrame> given;
    for (std::uint64_t id = 0; id < 10; ++id) {
      for (DataFrame& frame : node.process_input(0, block_of(node, 0, {.id = id, .value = 1.0}))) {
        given.push_back(std::move(frame));
      }
    }
    EXPECT_EQ(given.size(), std::string_view(unmatched) == "pass" ? 7U : 0U);
    // The three that still wait find their partners; one that was given up does not.
    EXPECT_THAT(node.process_input(1, block_of(node, 1, {.id = 6})), IsEmpty());
    for (std::uint64_t id = 7; id < 10; ++id) {
      EXPECT_EQ(node.process_input(1, block_of(node, 1, {.id = id})).size(), 1U) << id;
    }
    EXPECT_EQ(counted(node, true),
              (std::map<std::string, std::uint64_t>{{"blocks of in1 dropped: more than max_waiting", 7}}));
  }
}

TEST(Join, WaitsNoLongerThanLateness) {
  NodeHarness node("Join", R"({"by": "latest", "lateness_s": 0.001, "unmatched": "pass"})", formats(2));
  EXPECT_THAT(node.process_input(1, block_of(node, 1, {.time_us = 0, .value = 50})), IsEmpty());
  EXPECT_THAT(node.process_input(0, block_of(node, 0, {.time_us = 100, .value = 1})), IsEmpty());
  EXPECT_THAT(node.process_input(0, block_of(node, 0, {.time_us = 1100, .value = 2})), IsEmpty());
  // 1001 µs past the first: it goes with the partner that is there.
  EXPECT_THAT(rows_of(node.process_input(0, block_of(node, 0, {.time_us = 1101, .value = 3}))),
              ElementsAre("1|50"));
  EXPECT_EQ(
      counted(node, true),
      (std::map<std::string, std::uint64_t>{{"blocks of in1 that stopped waiting after lateness_s", 1}}));
}

TEST(Join, LeavesOutWhatIsBehindTheBlockBeforeIt) {
  NodeHarness node("Join", R"({"by": "latest"})", formats(2));
  node.process_input(1, block_of(node, 1, {.time_us = 100, .value = 1}));
  node.process_input(1, block_of(node, 1, {.time_us = 50, .value = 2}));
  EXPECT_THAT(rows_of(node.process_input(0, block_of(node, 0, {.time_us = 100, .value = 7}))),
              ElementsAre("7|1"));
  EXPECT_EQ(counted(node, true),
            (std::map<std::string, std::uint64_t>{{"blocks of in2 earlier than the block before them", 1}}));
}

TEST(Join, FailsIfAskedTo) {
  NodeHarness node("Join", R"({"unmatched": "fail"})", formats(2));
  node.process_input(0, block_of(node, 0, {.time_us = 12, .id = 3}));
  node.process_input(1, block_of(node, 1, {.id = 4}));
  EXPECT_EQ(node.last_status(), Status::fault);
  EXPECT_EQ(to_string(node.node().failure()),
            "the block of in1 with sequence id 3 at 12 µs has no partner; \"unmatched\": \"drop\" or "
            "\"pass\" continues");
}

TEST(Join, KeepsNaNInfinityAndFullScale) {
  NodeHarness node("Join", "{}", formats(2));
  const double infinity = test::kInfinity;
  node.process_input(0, block_of(node, 0, {.id = 1, .value = kNaN}));
  const auto given = node.process_input(1, block_of(node, 1, {.id = 1, .value = -infinity}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_TRUE(std::isnan(given[0].channel(0U)[0]));
  EXPECT_EQ(given[0].channel(1U)[0], -infinity);
}

std::string join_refusal(std::string_view config, std::vector<StreamFormat> inputs) {
  std::string text = to_string(NodeHarness::refusals("Join", config, std::move(inputs)), "");
  if (!text.empty()) { text.pop_back(); }
  return text;
}

TEST(Join, RefusesWhatCannotMatch) {
  const StreamFormat audio = audio_format(48000.0, {"x"}, 480);
  EXPECT_EQ(join_refusal("{}", {audio}), "a join with one input; expected also a connection to in2");
  EXPECT_EQ(join_refusal("{}", {audio, value_named("y")}),
            "in1 is audio, in2 is values: their blocks cannot be combined; expected inputs of the same kind");
  EXPECT_EQ(join_refusal("{}", {audio, audio_format(44100.0, {"y"}, 480)}),
            "in1 runs at 48000 Hz, in2 at 44100 Hz; expected the same sample rate; resample one of them "
            "first");
  EXPECT_EQ(join_refusal("{}", {audio, audio_format(48000.0, {"y"}, 512)}),
            "blocks of in1 have up to 480 frames, those of in2 up to 512; expected blocks of the same size");
  EXPECT_EQ(join_refusal(R"({"tolerance_s": 1})", {audio, audio}),
            "/config/tolerance_s: means nothing with by \"sequence\"; expected by \"time\" or \"latest\"");
  EXPECT_EQ(
      join_refusal(R"({"by": "time"})", {audio, audio}),
      "/config: by \"time\" needs tolerance_s; expected By time: how far apart partners may be. By latest: "
      "how old a partner may be; left out, any age.");
  EXPECT_EQ(
      join_refusal(R"({"by": "time", "tolerance_s": 0.004})", {audio, audio}),
      "/config/tolerance_s: 0.004 s is less than half a block, 0.005 s: streams that do not start together "
      "would never match; expected at least 0.005 s; for streams that split from one source use \"by\": "
      "\"sequence\"");
  EXPECT_EQ(join_refusal(R"({"by": "time", "tolerance_s": 0.005})", {audio, audio}), "");
  EXPECT_EQ(
      join_refusal(R"({"by": "time", "tolerance_s": 1, "lateness_s": 0.5})", {audio, audio}),
      "/config/lateness_s: 0.5 s is less than tolerance_s: partners would not be waited for; expected at "
      "least 1 s");
  EXPECT_EQ(join_refusal(R"({"prefixes": ["a"]})", {audio, audio}),
            "/config/prefixes: 1 prefixes for 2 inputs; expected 2 prefixes");
  EXPECT_EQ(join_refusal(R"({"prefixes": ["a", "a"]})", {audio, audio}),
            "/config/prefixes: two channels would be named \"ax\"; expected prefixes that make every name "
            "different");
  EXPECT_THAT(join_refusal(R"({"max_waiting": 0})", {audio, audio}), HasSubstr("0 is outside 1 .. 65536"));
  EXPECT_THAT(join_refusal(R"({"by": "chance"})", {audio, audio}), HasSubstr("/by"));
}

// More blocks of in1 come between two of in2 than there is room for: nothing paces the run, so all of them wait.
TEST(Join, DropsNothingWhereNothingPacesTheRun) {
  NodeHarness node("Join", R"({"by": "latest"})", formats(2));
  node.allow_allocation();
  std::vector<std::string> given;
  const auto add = [&](const std::vector<DataFrame>& blocks) {
    for (const std::string& row : rows_of(blocks)) { given.push_back(row); }
  };
  add(node.process_input(1, block_of(node, 1, {.time_us = 0, .value = -1.0})));
  for (int n = 0; n < 1000; ++n) {
    add(node.process_input(0, block_of(node, 0, {.time_us = 1 + n, .value = static_cast<double>(n)})));
  }
  EXPECT_THAT(given, IsEmpty());
  add(node.process_input(1, block_of(node, 1, {.time_us = 501, .value = -2.0})));
  node.end_input(1);
  add(node.finish());
  ASSERT_EQ(given.size(), 1000U);
  for (int n = 0; n < 1000; ++n) {
    EXPECT_EQ(given[static_cast<std::size_t>(n)], fmt::format("{}|{}", n, n < 500 ? -1 : -2));
  }
  EXPECT_THAT(node.node().notes(), IsEmpty());
}

TEST(Join, MarksWhatItDropsOfTheFirstInput) {
  NodeHarness node("Join", "{}", formats(2));
  std::vector<DataFrame> given;
  for (std::uint64_t id = 1; id <= 6; ++id) {
    DataFrame first = block_of(node, 0, {.id = id});
    first.header().position = static_cast<std::int64_t>(100 * id);
    if (id < 3 || id == 6) { node.process_input(1, block_of(node, 1, {.id = id})); }
    for (DataFrame& block : node.process_input(0, first)) { given.push_back(std::move(block)); }
  }
  ASSERT_EQ(given.size(), 3U);
  EXPECT_FALSE(given[1].header().has(FrameFlag::gap));
  EXPECT_EQ(given[2].position(), 600);
  EXPECT_TRUE(given[2].header().has(FrameFlag::gap));
  EXPECT_EQ(given[2].header().gap_frames, 300U);  // 300, 400 and 500
}

}  // namespace
}  // namespace streamlab
