// tests/nodes/operators/window_test.cpp
#include <set>

#include <rapidcheck.h>
#include <nlohmann/json.hpp>

#include "engine/core/node_catalog.hpp"
#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool whole = true;
};

// The windows of a stream of `frames` frames: whole ones, then what is left and new.
std::vector<Span> windows_of(std::size_t frames, std::size_t size, std::size_t hop) {
  std::vector<Span> windows;
  std::size_t begin = 0;
  std::size_t given = 0;
  for (; begin + size <= frames; begin += hop) {
    windows.push_back({begin, begin + size, true});
    given = begin + size;
  }
  if (begin < frames && given < frames) { windows.push_back({begin, frames, false}); }
  return windows;
}

TEST(Window, SlidesOverAnyStreamInAnyBlocks) {
  EXPECT_TRUE(rc::check([] {
    const auto frames = *rc::gen::inRange<std::uint32_t>(1, 200);
    const auto size = *rc::gen::inRange<std::size_t>(1, 60);
    const auto hop = *rc::gen::inRange<std::size_t>(1, 90);
    const auto block = *rc::gen::inRange<std::uint32_t>(1, 100);
    const Signal x = noise(2, frames, frames);
    NodeHarness window("Window", fmt::format(R"({{"size": {}, "hop": {}, "allow_loss": true}})", size, hop),
                       {48000.0, 2, 100});
    const auto out = window.run_frames(x, block);
    const auto expected = windows_of(frames, size, hop);
    RC_ASSERT(out.size() == expected.size());
    for (std::size_t k = 0; k < out.size(); ++k) {
      const Span& span = expected[k];
      for (std::uint32_t c = 0; c < 2; ++c) {
        const auto part = std::span(x[c]).subspan(span.begin, span.end - span.begin);
        RC_ASSERT(channel_of(out[k], c) == std::vector<double>(part.begin(), part.end()));
      }
      const double position = static_cast<double>(span.begin);
      RC_ASSERT(out[k].position() == static_cast<std::int64_t>(span.begin));
      RC_ASSERT(out[k].timestamp_us() == std::llround(position * 1e6 / 48000.0));
      RC_ASSERT(out[k].header().has(FrameFlag::incomplete) == !span.whole);
      RC_ASSERT(meta(out[k], "frames") == static_cast<double>(span.end - span.begin));
    }
    window.reset();
    expect_same_blocks(window.run_frames(x, block), out);
  }));
}

// Windows of 44.1 frames begin where intervals of 44.1 frames do.
TEST(Window, HasTheGridOfIntervals) {
  const AudioShape cd{44100.0, 1, 1000};
  const Signal x = constant(0.5, 1, 44100);
  NodeHarness window("Window", R"({"size_s": 0.001})", cd);
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.001})", cd);
  NodeHarness sums("Reduce", R"({"interval_s": 0.001})", cd);
  const auto windows = window.run_frames(x, 1000);
  const auto levels = meter.run_frames(x, 1000);
  const auto means = sums.run_frames(x, 1000);
  ASSERT_EQ(windows.size(), 1000U);
  ASSERT_EQ(levels.size(), 1000U);
  ASSERT_EQ(means.size(), 1000U);
  for (std::size_t k = 0; k < 1000; ++k) {
    const auto begin = std::llround(static_cast<double>(k) * 44.1);
    const auto length = static_cast<std::uint64_t>(std::llround(static_cast<double>(k + 1) * 44.1) - begin);
    EXPECT_EQ(windows[k].position(), begin) << k;
    EXPECT_EQ(windows[k].frame_count(), length) << k;
    for (const DataFrame* result : {&levels[k], &means[k]}) {
      EXPECT_EQ(result->position(), begin) << k;
      EXPECT_EQ(result->header().length_frames, length) << k;
    }
    EXPECT_FALSE(windows[k].header().has(FrameFlag::incomplete)) << k;
  }
}

TEST(Window, HasTheGridOfIntervalsWhereWindowsOverlapToo) {
  NodeHarness window("Window", R"({"size_s": 0.002, "hop_s": 0.0005})", {44100.0, 1, 1000});
  const auto windows = window.run_frames(constant(0.5, 1, 4410), 333);  // 88.2 frames, every 22.05
  ASSERT_GT(windows.size(), 190U);
  for (std::size_t k = 0; k < 190; ++k) {
    const double hop = 0.0005 * 44100.0;
    const auto begin = std::llround(static_cast<double>(k) * hop);
    EXPECT_EQ(windows[k].position(), begin) << k;
    EXPECT_EQ(windows[k].frame_count(), std::llround(static_cast<double>(k) * hop + 88.2) - begin) << k;
  }
}

// What each node of the catalogue makes of windows that overlap, and of sessions with gaps inside.
TEST(Window, IsFollowedOnlyByWhatLooksAtEachWindowByItself) {
  bool sessions = false;
  const auto refusal = [&sessions](std::string_view type, const std::string& config, StreamKind kind) {
    StreamFormat in = audio_format(48000.0, {"left", "right"}, kind == StreamKind::audio ? 1024 : 1);
    in.kind = kind;
    (sessions ? in.gaps_inside : in.overlapping) = true;
    DeviceStream device;
    device.sample_rate_hz = 48000.0;
    device.output_names = {"a", "b"};
    PrepareContext context;
    context.device = &device;
    const bool two = type == "Join" || type == "Merge";
    return to_string(NodeHarness::refusals(type, config, std::vector(two ? 2 : 1, in), context), "");
  };
  const std::set<std::string_view> refused{"AudioOutput", "Batch",      "Biquad",   "Conflate", "Delay",
                                           "FileSink",    "LevelMeter", "Merge",    "NpySink",  "Process",
                                           "Reduce",      "Skip",       "Spectrum", "Take",     "Window"};
  for (const NodeEntry* entry : default_catalog().entries()) {
    const NodeInfo& info = entry->info;
    if (info.inputs.empty() || info.name == "PipeSink") { continue; }
    const bool audio = (info.inputs[0].kinds & mask(StreamKind::audio)) != 0;
    const auto example = nlohmann::json::parse(info.example);
    const std::string config = example.value("config", nlohmann::json::object()).dump();
    const StreamKind kind = audio ? StreamKind::audio : StreamKind::values;
    const std::string said = refusal(info.name, config, kind);
    EXPECT_EQ(said.find("overlapping windows") != std::string::npos, refused.contains(info.name))
        << info.name << ": " << said;
    sessions = true;
    const std::string of_sessions = refusal(info.name, config, kind);
    sessions = false;
    EXPECT_EQ(of_sessions.find("which may have gaps inside") != std::string::npos,
              refused.contains(info.name))
        << info.name << ": " << of_sessions;
  }
  EXPECT_EQ(
      refusal("LevelMeter", "{}", StreamKind::audio),
      "its input is overlapping windows, which repeat frames, but an interval would count them more than "
      "once; expected windows with \"hop\" equal to \"size\", or the stream itself; Map, Filter, and "
      "Reduce with per_block treat each window separately\n");
  EXPECT_EQ(refusal("Reduce", R"({"per_block": true})", StreamKind::audio), "");
  EXPECT_EQ(refusal("Take", R"({"blocks": 3})", StreamKind::audio), "");
  EXPECT_EQ(refusal("PipeSink", R"({"to": "stdout", "format": "framed"})", StreamKind::audio), "");
  EXPECT_NE(refusal("PipeSink", R"({"to": "stdout", "format": "wav"})", StreamKind::audio), "");
  NodeHarness overlapping("Window", R"({"size": 4, "hop": 2})");
  EXPECT_TRUE(overlapping.outputs()[0].format.overlapping);
  NodeHarness over_gaps("Window", R"({"session_gap_s": 0.001, "size": 4})");
  EXPECT_TRUE(over_gaps.outputs()[0].format.gaps_inside);
  NodeHarness between_gaps("Window", R"({"session_gap_s": 0, "size": 4})");
  EXPECT_FALSE(between_gaps.outputs()[0].format.gaps_inside);
  NodeHarness side_by_side("Window", R"({"size": 4})");
  EXPECT_FALSE(side_by_side.outputs()[0].format.overlapping);
  StreamFormat in = audio_format(48000.0, {"a"}, 4);
  in.overlapping = true;
  NodeHarness reduced("Reduce", R"({"per_block": true})", {in});
  EXPECT_FALSE(reduced.outputs()[0].format.overlapping);
}

TEST(Window, IsTheSameForEveryBlockSize) {
  const Signal x = constant(0.25, 1, 5000);  // no flags, which belong to blocks
  std::vector<DataFrame> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness window("Window", R"({"size_s": 0.02, "hop_s": 0.005})");
    const auto out = window.run_frames(x, block);
    if (whole.empty()) { whole = out; }
    expect_same_blocks(out, whole);
  }
  ASSERT_EQ(whole.size(), 18U);  // 960 frames every 240: 17 whole ones to 4800, and 200 more
  EXPECT_EQ(whole[17].frame_count(), 920U);
}

TEST(Window, TumblesWithoutAHopAndLeavesOutShortOnesWhenTold) {
  NodeHarness window("Window", R"({"size": 40, "short_windows": "leave_out"})");
  const auto out = window.run_frames(noise(1, 100), 30);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1].position(), 40);
  ASSERT_EQ(window.node().notes().size(), 1U);
  EXPECT_EQ(window.node().notes()[0].text, "20 frames left out with short windows, as asked");
  EXPECT_FALSE(window.node().notes()[0].data_lost);
}

TEST(Window, CountsWhatItsHopLeavesOut) {
  NodeHarness window("Window", R"({"size": 10, "hop": 25, "allow_loss": true})");
  const auto windows = window.run_frames(noise(1, 50), 7);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[0].frame_count(), 10U);
  EXPECT_EQ(windows[0].header().flags, 0U);
  EXPECT_EQ(windows[1].position(), 25);
  EXPECT_EQ(windows[1].frame_count(), 10U);
  EXPECT_TRUE(
      windows[1].header().has(FrameFlag::gap));  // a sink writes silence there, whatever thread it runs on
  EXPECT_EQ(windows[1].header().gap_frames, 15U);
  ASSERT_EQ(window.node().notes().size(), 1U);
  EXPECT_EQ(window.node().notes()[0].text, "30 frames left out between windows, as asked");
}

TEST(Window, BeginsAnewBehindAGap) {
  NodeHarness window("Window", R"({"size": 4, "hop": 2})");
  EXPECT_THAT(window.process(block_at(window, 0, {0.0, 1.0, 2.0, 3.0})).size(), 1U);
  EXPECT_THAT(window.process(block_at(window, 4, {4.0})), IsEmpty());
  const auto out = window.process(block_at(window, 10, {10.0, 11.0, 12.0, 13.0, 14.0}));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_THAT(channel_of(out[0]), ElementsAre(2.0, 3.0, 4.0));
  EXPECT_TRUE(out[0].header().has(FrameFlag::incomplete));
  EXPECT_FALSE(out[0].header().has(FrameFlag::gap));
  EXPECT_THAT(channel_of(out[1]), ElementsAre(10.0, 11.0, 12.0, 13.0));
  EXPECT_EQ(out[1].header().gap_frames, 5U);
  EXPECT_FALSE(out[1].header().has(FrameFlag::incomplete));
  const auto next = window.process(block_at(window, 15, {15.0}));
  EXPECT_EQ(next[0].position(), 12);
  EXPECT_EQ(next[0].header().flags, 0U);
  const auto anew = window.process(block_at(window, 0, {0.0, 1.0, 2.0, 3.0}));  // nothing new is left behind
  ASSERT_EQ(anew.size(), 1U);
  EXPECT_EQ(anew[0].position(), 0);
  EXPECT_EQ(anew[0].header().flags, 0U);
}

TEST(Window, CarriesTheFlagsOfItsFrames) {
  NodeHarness window("Window", R"({"size": 2})");
  DataFrame block = block_at(window, 0, {1.0, kNaN, 0.0});
  block.header().set(FrameFlag::not_finite);
  EXPECT_TRUE(window.process(block)[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(window.process(block_at(window, 3, {0.0}))[0].header().has(FrameFlag::not_finite));
  EXPECT_EQ(window.process(block_at(window, 4, {0.0, 0.0}))[0].header().flags, 0U);
  EXPECT_THAT(window.process(block_at(window, 6, {})), IsEmpty());
}

TEST(Window, SlidesOverValuesByCount) {
  NodeHarness window("Window", R"({"size": 3, "hop": 1})", {values_format()});
  std::vector<double> given;
  for (int v = 0; v < 5; ++v) {
    for (const DataFrame& out : window.process(block_at(window, 100 * v, {static_cast<double>(v)}))) {
      EXPECT_EQ(out.position(), 100 * (v - 2));
      const auto values = channel_of(out);
      given.insert(given.end(), values.begin(), values.end());
    }
  }
  EXPECT_THAT(given, ElementsAre(0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0));
  EXPECT_THAT(window.finish(), IsEmpty());  // nothing that no window had
}

// Against every window of the grid, of which those without a new value are left out.
TEST(Window, SlidesOverAnyValuesByTime) {
  EXPECT_TRUE(rc::check([] {
    const auto size = *rc::gen::inRange<std::int64_t>(1, 50);
    const auto hop = *rc::gen::inRange<std::int64_t>(1, 70);
    const auto steps = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 40)));
    NodeHarness window("Window",
                       fmt::format(R"({{"size_s": {}, "hop_s": {}, "allow_loss": true}})",
                                   static_cast<double>(size) / 1000.0, static_cast<double>(hop) / 1000.0),
                       {values_format()});
    std::vector<std::int64_t> positions;
    std::vector<std::vector<double>> out;
    std::int64_t at = 7;
    for (const std::int64_t step : steps) {
      positions.push_back(at);
      for (const DataFrame& w : window.process(block_at(window, at, {static_cast<double>(at)}))) {
        out.push_back(channel_of(w));
      }
      at += step;
    }
    for (const DataFrame& w : window.finish()) { out.push_back(channel_of(w)); }
    std::vector<std::vector<double>> expected;
    double last = -1.0;
    for (std::int64_t begin = 7; begin <= positions.back(); begin += hop) {
      std::vector<double> values;
      for (const std::int64_t p : positions) {
        if (p >= begin && p < begin + size) { values.push_back(static_cast<double>(p)); }
      }
      if (!values.empty() && values.back() > last) {
        last = values.back();
        expected.push_back(values);
      }
    }
    RC_ASSERT(out == expected);
  }));
}

TEST(Window, KnowsWhetherTheLastWindowOfValuesIsWhole) {
  const auto last_is_whole = [](int values) {
    NodeHarness window("Window", R"({"size_s": 0.3})", {values_format()});
    for (int v = 0; v < values; ++v) { window.process(block_at(window, 100 * v, {1.0})); }
    return !window.finish()[0].header().has(FrameFlag::incomplete);
  };
  EXPECT_TRUE(last_is_whole(3));
  EXPECT_FALSE(last_is_whole(2));
  EXPECT_TRUE(last_is_whole(6));
  EXPECT_FALSE(last_is_whole(1));
}

TEST(Window, CountsValuesBeyondItsBoundAsLost) {
  NodeHarness window("Window", R"({"size_s": 0.01, "max_values": 2})", {values_format()});
  for (int v = 0; v < 4; ++v) { window.process(block_at(window, v, {static_cast<double>(v)})); }
  const auto out = window.process(block_at(window, 10, {10.0}));
  EXPECT_THAT(channel_of(out[0]), ElementsAre(0.0, 1.0));
  EXPECT_TRUE(out[0].header().has(FrameFlag::incomplete));
  const auto notes = window.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "2 frames left out: a window had more than max_values");
  EXPECT_TRUE(notes[0].data_lost);
  EXPECT_FALSE(window.process(block_at(window, 20, {20.0}))[0].header().has(FrameFlag::incomplete));
}

TEST(Window, FollowsSessionsOfAudio) {
  NodeHarness window("Window", R"({"session_gap_s": 0.001, "size": 6})");  // 48 frames
  EXPECT_THAT(window.process(block_at(window, 0, {0.0, 1.0})), IsEmpty());
  EXPECT_THAT(window.process(block_at(window, 50, {50.0}, 48)), IsEmpty());  // 48 missing: goes on
  const auto first = window.process(block_at(window, 100, {100.0}, 49));     // 49: ends it
  ASSERT_EQ(first.size(), 1U);
  EXPECT_THAT(channel_of(first[0]), ElementsAre(0.0, 1.0, 50.0));
  EXPECT_TRUE(first[0].header().has(FrameFlag::incomplete));  // a part is missing inside
  EXPECT_EQ(first[0].header().gap_frames, 48U);
  EXPECT_EQ(meta(first[0], "missing_frames"), 48.0);
  EXPECT_EQ(meta(first[0], "session"), 0.0);
  const auto last = window.finish();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].position(), 100);
  EXPECT_EQ(last[0].header().gap_frames, 49U);
  EXPECT_FALSE(last[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(last[0], "session"), 1.0);
}

TEST(Window, CutsSessionsAtTheLargestSize) {
  NodeHarness window("Window", R"({"session_gap_s": 0, "size": 3})");
  const auto out = window.process(block_at(window, 0, {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(meta(out[1], "part"), 1.0);
  EXPECT_EQ(out[1].position(), 3);
  const auto rest = window.process(block_at(window, 10, {10.0, 11.0, 12.0}));
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_THAT(channel_of(rest[0]), ElementsAre(6.0));
  EXPECT_EQ(meta(rest[0], "part"), 2.0);
  EXPECT_EQ(meta(rest[1], "session"), 1.0);
  EXPECT_EQ(meta(rest[1], "part"), 0.0);
  EXPECT_EQ(rest[1].header().gap_frames, 3U);
  EXPECT_THAT(window.finish(), IsEmpty());
}

// Sessions of any positions, from their definition.
TEST(Window, FollowsAnySessionsOfValues) {
  EXPECT_TRUE(rc::check([] {
    const auto gap = *rc::gen::inRange<std::int64_t>(0, 30);
    const auto steps = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 60)));
    NodeHarness window(
        "Window", fmt::format(R"({{"session_gap_s": {}, "size": 5}})", static_cast<double>(gap) / 1000.0),
        {values_format()});
    std::vector<std::vector<double>> out;
    std::vector<std::vector<double>> expected;
    std::int64_t at = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      at += steps[i];
      const bool begins = i == 0 || steps[i] > gap || expected.back().size() == 5;
      if (begins) { expected.emplace_back(); }
      expected.back().push_back(static_cast<double>(at));
      for (const DataFrame& w : window.process(block_at(window, at, {static_cast<double>(at)}))) {
        out.push_back(channel_of(w));
      }
    }
    for (const DataFrame& w : window.finish()) { out.push_back(channel_of(w)); }
    RC_ASSERT(out == expected);
  }));
}

TEST(Window, RefusesAHopThatLosesData) {
  EXPECT_EQ(refusal_of("Window", R"({"size": 256, "hop": 480})"),
            "/config/hop: a hop of 480 frames loses 224 between windows of 256; expected at most 256 frames; "
            "with \"allow_loss\": true they are left out");
  EXPECT_EQ(
      refusal_of("Window", R"({"size_s": 0.1, "hop_s": 0.25})"),
      "/config/hop_s: a hop of 12000 frames loses 7200 between windows of 4800; expected at most 0.1 s; "
      "with \"allow_loss\": true they are left out");
}

TEST(Window, RefusesSizesThatContradictOrAreMissing) {
  EXPECT_EQ(refusal_of("Window", "{}"), "/config: neither size nor size_s is given; expected one of them");
  EXPECT_EQ(refusal_of("Window", R"({"session_gap_s": 1})"),
            "/config: neither size nor size_s is given; expected one of them");
  EXPECT_EQ(refusal_of("Window", R"({"size": 2, "size_s": 1})"),
            "/config/size_s: size is given too; expected only one of size and size_s");
  EXPECT_EQ(refusal_of("Window", R"({"size": 2, "hop": 1, "hop_s": 1})"),
            "/config/hop_s: hop is given too; expected only one of hop and hop_s");
  EXPECT_EQ(
      refusal_of("Window", R"({"size": 2, "hop": 1, "session_gap_s": 1})"),
      "/config/hop: session_gap_s is given too; expected only one of session_gap_s and hop; sessions have no hop");
  EXPECT_EQ(refusal_of("Window", R"({"size_s": 0.00001})"),
            "/config/size_s: 1e-05 s is shorter than a frame at 48000 Hz; expected at least "
            "2.0833333333333333e-05 s");
  EXPECT_EQ(refusal_of("Window", R"({"size_s": 86400})"),
            "/config/size_s: 86400 s are 4147200000 frames; expected at most 268435456 frames");
  EXPECT_EQ(refusal_of("Window", R"({"size": 2, "max_values": 3})"),
            "/config/max_values: means nothing here; expected it beside size_s, for values");
  EXPECT_THAT(refusal_of("Window", R"({"size": 0})"), testing::HasSubstr("0 is outside"));
  EXPECT_THAT(refusal_of("Window", R"({"size": 4, "hop": -1})"), testing::HasSubstr("-1 is outside"));
}

TEST(Window, RefusesWhatValuesCannotDo) {
  EXPECT_EQ(refusal_of("Window", R"({"size_s": 1, "session_gap_s": 1})", values_format()),
            "/config/size_s: values have no rate; expected the largest session as size, in values");
  EXPECT_EQ(refusal_of("Window", R"({"size": 4, "hop_s": 1})", values_format()),
            "/config/hop_s: values have no rate; expected size and hop both in values or both in seconds");
}

TEST(Window, RefusesWindowsThatTakeTooMuchMemory) {
  EXPECT_EQ(
      refusal_of("Window", R"({"size": 1000000, "hop": 1})"),
      "/config/size: windows of 1000000 frames on 1 channels, up to 1026 for a block, would take 7.7 GiB "
      "of memory; expected at most 1 GiB; use a smaller size, a larger hop or smaller blocks");
}

}  // namespace
}  // namespace streamlab::test
