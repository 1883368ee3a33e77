// tests/hal/sim_script_test.cpp
#include "hal/sim/sim_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

// The messages, one a line; empty if the script is right.
std::string script_complaints(std::string_view text) {
  const auto script = parse_sim_script(text);
  return script ? "" : to_string(script.error(), "");
}

TEST(SimScript, IsEmptyWithoutText) {
  const auto script = parse_sim_script("");
  ASSERT_TRUE(script);
  EXPECT_FALSE(script->clock);
  EXPECT_FALSE(script->input);
  EXPECT_TRUE(script->faults.empty());
}

TEST(SimScript, ReadsEveryKey) {
  const auto script = parse_sim_script(R"({
    "clock": "virtual",  // comments may be there
    "input": {"sine": {"frequency_hz": 440.5, "amplitude": 0.25}}, "loop": false,
    "sample_rate_hz": 44100, "input_channels": 3, "output_channels": 4,
    "ppm": -12.5, "jitter_us": 20, "seed": 7, "epoch_us": 1700000000000000, "duration_s": 1.5,
    "input_latency_frames": 0, "output_latency_frames": 65, "buffer_frames": 4096,
    "playback_to": "out.wav", "overwrite": true,
    "faults": [
      {"at_frame": 10, "type": "xrun", "lost_frames": 5},
      {"at_frame": 15, "type": "stall", "duration_ms": 2.5},
      {"at_frame": 1e3, "type": "unplug", "frames": 100},
      {"at_frame": 1200, "type": "period_change", "period_frames": 32},
      {"at_frame": 2000, "type": "rate_change", "sample_rate_hz": 48000}]})");
  ASSERT_TRUE(script) << to_string(script.error(), "");
  EXPECT_EQ(script->clock, SimClock::virtual_time);
  EXPECT_EQ(script->input, (SimInput{SimInput::Kind::sine, "", 440.5, 0.25}));
  EXPECT_EQ(script->sample_rate_hz, 44100.0);
  EXPECT_EQ(script->input_channels, 3U);
  EXPECT_EQ(script->output_channels, 4U);
  EXPECT_EQ(script->ppm, -12.5);
  EXPECT_EQ(script->jitter_us, 20.0);
  EXPECT_EQ(script->seed, 7U);
  EXPECT_EQ(script->epoch_us, 1700000000000000);
  EXPECT_EQ(script->duration_s, 1.5);
  EXPECT_EQ(script->input_latency_frames, 0U);
  EXPECT_EQ(script->output_latency_frames, 65U);
  EXPECT_EQ(script->buffer_frames, 4096U);
  EXPECT_EQ(script->playback_to, "out.wav");
  EXPECT_TRUE(script->overwrite);
  using Kind = SimFault::Kind;
  EXPECT_THAT(script->faults, testing::ElementsAre(SimFault{Kind::xrun, 10, 5, 0.0, 0.0, 0},
                                                   SimFault{Kind::stall, 15, 0, 2.5, 0.0, 0},
                                                   SimFault{Kind::unplug, 1000, 100, 0.0, 0.0, 0},
                                                   SimFault{Kind::period_change, 1200, 0, 0.0, 0.0, 32},
                                                   SimFault{Kind::rate_change, 2000, 0, 0.0, 48000.0, 0}));
}

TEST(SimScript, ReadsEveryInput) {
  const auto input = [](std::string_view text) { return parse_sim_script(text).value().input.value(); };
  EXPECT_EQ(input(R"({"input": "voice"})"), (SimInput{SimInput::Kind::voice, ""}));
  EXPECT_EQ(input(R"({"input": "silence"})"), (SimInput{SimInput::Kind::silence, ""}));
  EXPECT_EQ(input(R"({"input": {"counting": true}})"), (SimInput{SimInput::Kind::counting, ""}));
  EXPECT_EQ(input(R"({"input": "a.wav", "loop": true})"), (SimInput{SimInput::Kind::file, "a.wav"}));
}

TEST(SimScript, NamesTheNearestKey) {
  EXPECT_EQ(
      script_complaints(R"({"lop": true})"),
      "/sim/lop: there is no key \"lop\"; expected one of clock, input, loop, loopback, sample_rate_hz, "
      "input_channels, output_channels, ppm, jitter_us, seed, epoch_us, frames, duration_s, "
      "input_latency_frames, output_latency_frames, buffer_frames, playback_to, overwrite, faults; "
      "did you mean \"loop\"?\n");
}

TEST(SimScript, NamesTheNearestFaultType) {
  EXPECT_EQ(script_complaints(R"({"faults": [{"at_frame": 5, "type": "xrum", "lost_frames": 1}]})"),
            "/sim/faults/0/type: there is no fault type \"xrum\"; expected one of xrun, stall, unplug, "
            "rate_change, period_change; did you mean \"xrun\"?\n");
}

TEST(SimScript, SaysEveryErrorInOrder) {
  EXPECT_EQ(script_complaints(R"({"clock": "fast", "ppm": "x", "frames": 0, "faults": [
                {"at_frame": 9.5, "type": "unplug", "frames": 10},
                {"type": "xrun", "lost_frames": -1, "frames": 3}]})"),
            "/sim/clock: there is no clock \"fast\"; expected one of real_time, virtual\n"
            "/sim/ppm: \"x\" is not a number\n"
            "/sim/frames: 0 is outside 1 .. 9007199254740992 frames\n"
            "/sim/faults/0/at_frame: 9.5 is not a whole number\n"
            "/sim/faults/1/frames: there is no key \"frames\"; expected one of at_frame, type, lost_frames\n"
            "/sim/faults/1: the key \"at_frame\" is missing\n"
            "/sim/faults/1/lost_frames: -1 is outside 0 .. 1000000000 frames\n");
}

struct BadScript {
  const char* text;
  const char* message;
};
void PrintTo(const BadScript& bad, std::ostream* to) { *to << bad.text; }

class BadScripts : public testing::TestWithParam<BadScript> {};

TEST_P(BadScripts, AreRefusedWithPlaceAndReason) {
  EXPECT_EQ(script_complaints(GetParam().text), std::string(GetParam().message) + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    SimScript, BadScripts,
    testing::Values(
        BadScript{"[1]", "/sim: [1] is not an object"},
        BadScript{R"({"ppm": 1, "ppm": 2})", "/sim: the key \"ppm\" appears twice in one object"},
        BadScript{R"({"input": 5})",
                  "/sim/input: 5 is not an input; expected \"voice\", \"silence\", {\"counting\": true}, "
                  "{\"sine\": {…}} or the path of a sound file"},
        BadScript{R"({"input": {}})", "/sim/input: the input is empty; expected one of counting, sine"},
        BadScript{R"({"input": {"counting": true, "sine": {}}})",
                  "/sim/input: an input can be only one thing, but this gives several"},
        BadScript{R"({"input": {"counting": false}})",
                  "/sim/input/counting: false has no meaning here; expected true"},
        BadScript{R"({"input": {"sine": 440}})", "/sim/input/sine: 440 is not an object"},
        BadScript{R"({"loopback": true, "input": "voice"})",
                  "/sim/loopback: `loopback` and `input` exclude each other"},
        BadScript{R"({"frames": 5, "duration_s": 1})",
                  "/sim/duration_s: the length is given twice, here and in /sim/frames"},
        BadScript{R"({"playback_to": ""})", "/sim/playback_to: the text is empty"},
        BadScript{R"({"overwrite": true})", "/sim/overwrite: `overwrite` needs `playback_to`"},
        BadScript{R"({"loop": 1})", "/sim/loop: 1 is not true or false"},
        BadScript{R"({"faults": {}})", "/sim/faults: {} is not an array"},
        BadScript{R"({"faults": [3]})", "/sim/faults/0: 3 is not an object"},
        BadScript{R"({"faults": [{"at_frame": 3}]})", "/sim/faults/0: the key \"type\" is missing"},
        BadScript{R"({"faults": [{"at_frame": 3, "type": "stall"}]})",
                  "/sim/faults/0: the key \"duration_ms\" is missing"},
        BadScript{R"({"faults": [{"at_frame": 3, "type": "xrun", "lost_frames": 10},
                                 {"at_frame": 12, "type": "xrun", "lost_frames": 1}]})",
                  "/sim/faults/1/at_frame: 12 is before the end of the fault above, which is at frame 13; "
                  "expected faults in the order of their frames"}));

TEST(SimScript, SaysLineAndColumnOfASyntaxError) {
  EXPECT_EQ(
      script_complaints("{\n  \"ppm\": 1,,\n}"),
      "/sim: line 2, column 12: syntax error while parsing object key - unexpected ','; expected string "
      "literal\n");
}

}  // namespace
}  // namespace streamlab
