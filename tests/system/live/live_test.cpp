// tests/system/live/live_test.cpp
//
// The program that users run, live: a recorded voice goes into a real JACK server (dummy driver) at one end,
// and comes out of `streamlab run` at the other as levels, spectra and a recording. Through JACK, and through
// ALSA's jack plug-in.
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sndfile.h>
#include <nlohmann/json.hpp>

#include "tests/support/private_jack.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

constexpr const char* kVoice = "/usr/share/sounds/alsa/Front_Center.wav";

std::vector<float> read_sound(const std::string& path, int channel = 0) {
  SF_INFO info{};
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
  if (file == nullptr) { return {}; }
  std::vector<float> interleaved(static_cast<std::size_t>(info.frames * info.channels));
  sf_readf_float(file, interleaved.data(), info.frames);
  sf_close(file);
  std::vector<float> samples;
  for (std::size_t n = static_cast<std::size_t>(channel); n < interleaved.size();
       n += static_cast<std::size_t>(info.channels)) {
    samples.push_back(interleaved[n]);
  }
  return samples;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

nlohmann::json summary_of(const std::string& out) {
  std::istringstream lines(out);
  nlohmann::json summary;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    EXPECT_FALSE(object.is_discarded()) << line;  // machine output is JSON, line by line
    if (object.is_object() && object.value("type", "") == "summary") { summary = object; }
  }
  EXPECT_FALSE(summary.is_null()) << out;
  return summary;
}

class Live : public testing::Test {
 protected:
  static void SetUpTestSuite() { enter_private_world(); }
  void SetUp() override { ASSERT_TRUE(server_.start({})) << server_.log(); }

  // A graph that plays the voice once, or again and again, into these ports, and prints its level each second: more than
  // can lie before the device, so that the first one says that the device plays.
  std::string player(const std::string& ports, int times) const {
    return dir_.write("player.json",
                      R"({"version": 1, "nodes": [
      {"id": "voice", "type": "FileSource", "config": {"path": ")" +
                          std::string(kVoice) + R"(", "loop": )" + std::to_string(times) + R"(}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 1}}, {"id": "show", "type": "Print"},
      {"id": "out", "type": "AudioOutput", "config": {"device": ")" +
                          server_.device() + R"(", "channels": [1], "ports": [")" + ports + R"("]}}],
      "connections": [{"from": "voice", "to": "out", "capacity": 8}, {"from": "voice", "to": "level"},
                      {"from": "level", "to": "show"}]})");
  }

  TempDir dir_;
  PrivateJack server_;
};

// Done when (2): levels and spectrum of a voice that plays into the server.
TEST_F(Live, PrintsLevelsAndSpectrumOfAVoiceThroughJack) {
  Program playing({SL_STREAMLAB, "run", player("", 0), "--json"});
  ASSERT_TRUE(playing.wait_for_output("\"device\""));
  const std::string config =
      dir_.write("capture.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": ")" +
                                     server_.device() +
                                     R"(", "channels": [1], "ports": ["streamlab:out_1"]}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 1}},
      {"id": "levels", "type": "Print", "config": {"label": "Level"}},
      {"id": "spectrum", "type": "Spectrum", "config": {"averaging": "linear", "averages": 20}},
      {"id": "spectra", "type": "Print", "config": {"label": "Spectrum"}}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "levels"},
                      {"from": "mic", "to": "spectrum"}, {"from": "spectrum", "to": "spectra"}]})");
  const ProgramResult result = run_program({SL_STREAMLAB, "run", config, "--seconds", "3"});
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 3) << result.err;
  EXPECT_NE(result.out.find("[Level] "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("[Spectrum] "), std::string::npos) << result.out;
  // The recording's own rms is -24 to -25 dB over its 1.4 s; silence would be null.
  EXPECT_NE(result.out.find("  rms  -"), std::string::npos) << result.out;
  playing.send(SIGINT);
  EXPECT_NE(playing.wait().exit_code, 1);
}

// In at one end, out at the other, to the bit: the recording holds the voice.
TEST_F(Live, RecordsAVoiceThroughJackToTheBit) {
  const std::string tape = dir_.file("tape.wav");
  const std::string config = dir_.write("tape.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": ")" +
                                                         server_.device() +
                                                         R"(", "channels": [1], "ports": [""]}},
      {"id": "tape", "type": "FileSink", "config": {"path": ")" +
                                                         tape + R"(", "subtype": "float"}}],
      "connections": [{"from": "mic", "to": "tape", "capacity": 1000}]})");
  const std::vector<float> voice = read_sound(kVoice);
  ASSERT_GT(voice.size(), 48000U);
  // A server without a card may skip a cycle when the machine stands still for a moment; then nothing can be
  // said of the bits, and the run says so itself with exit code 3.
  for (int attempt = 0; attempt < 5; ++attempt) {
    Program recording({SL_STREAMLAB, "run", config, "--json"});
    ASSERT_TRUE(recording.wait_for_output("\"device\""));
    const ProgramResult played = run_program({SL_STREAMLAB, "run", player("streamlab:in_1", 1)});
    recording.send(SIGINT);
    const ProgramResult recorded = recording.wait();
    const bool undisturbed = played.exit_code == 0 && recorded.exit_code == 0;
    if (!undisturbed) {
      EXPECT_EQ(std::max(played.exit_code, recorded.exit_code), 3)
          << played.err << recorded.err << recorded.out;
      std::remove(tape.c_str());
      continue;
    }
    const std::vector<float> heard = read_sound(tape);
    EXPECT_NE(std::search(heard.begin(), heard.end(), voice.begin(), voice.end()), heard.end());
    return;
  }
  FAIL() << "the server lost cycles in every attempt";
}

// Done when (3): kill -9 of the server and its restart.
TEST_F(Live, ContinuesWhenTheServerWasKilledAndExitsWithThree) {
  const std::string log = dir_.file("levels.jsonl");
  const std::string config = dir_.write("live.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": ")" +
                                                         server_.device() + R"("}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}},
      {"id": "log", "type": "JsonlSink", "config": {"path": ")" +
                                                         log + R"("}}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "log"}]})");
  Program running({SL_STREAMLAB, "run", config, "--json"});
  const auto lines = [&] {
    const std::string text = text_of(log);
    return std::count(text.begin(), text.end(), '\n');
  };
  ASSERT_TRUE(eventually([&] { return lines() >= 5; }, 20.0));
  server_.kill();
  ASSERT_TRUE(server_.start({})) << server_.log();
  const auto before = lines();
  EXPECT_TRUE(eventually([&] { return lines() >= before + 5; }, 20.0)) << "the run did not go on";
  running.send(SIGINT);
  const ProgramResult result = running.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(text_of(log).find("\"gap"), std::string::npos) << text_of(log);
  const nlohmann::json summary = summary_of(result.out);
  EXPECT_NE(summary.dump().find("\"gaps\":"), std::string::npos) << summary.dump(2);
}

// A cable pulled inside JACK: zeros that nobody played must not pass for a quiet room.
TEST_F(Live, TellsThatNothingIsConnectedAnyMoreAndExitsWithThree) {
  Program playing({SL_STREAMLAB, "run", player("", 0), "--json"});
  ASSERT_TRUE(playing.wait_for_output("rms_db"));
  const std::string config =
      dir_.write("capture.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": ")" +
                                     server_.device() +
                                     R"(", "channels": [1], "ports": ["streamlab:out_1"]}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.2}},
      {"id": "levels", "type": "Print", "config": {"label": "Level"}}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "levels"}]})");
  Program running({SL_STREAMLAB, "run", config, "--json"});
  ASSERT_TRUE(running.wait_for_output("rms_db"));
  playing.send(SIGINT);
  EXPECT_NE(playing.wait().exit_code, 1);
  EXPECT_TRUE(running.wait_for_output("\"event\":\"unconnected\""));
  Program again({SL_STREAMLAB, "run", player("", 0), "--json"});
  EXPECT_TRUE(running.wait_for_output("\"event\":\"connected\""));
  running.send(SIGINT);
  const ProgramResult result = running.wait();
  again.send(SIGINT);
  again.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.out.find(R"("port":"input main_channel","peer":"streamlab:out_1")"), std::string::npos)
      << result.out;
  const nlohmann::json summary = summary_of(result.out);
  const auto& port = summary["device"]["unconnected"][0];
  EXPECT_EQ(port["port"], "input main_channel");
  EXPECT_EQ(port["peer"], "streamlab:out_1");
  EXPECT_EQ(port["count"], 1);
  EXPECT_GE(port["frames"], 1024);
  EXPECT_TRUE(summary["data_lost"]);
}

// A card that goes at half a second and does not come back, in three ways: what is missing at the end is counted, to the
// frame where an end was asked for.
TEST(LostCard, IsCountedToTheEndOfTheRecording) {
  for (const char* script :
       {"24000:unplug=0", "24000:hang=100000000", "24000:eio=100000000", "24000:storm=0"}) {
    const TempDir dir;
    const std::string alsa = dir.write("asound.conf", R"(pcm_type.slfault { lib ")" SL_FAULT_CARD_DIR
                                                      R"(/libasound_module_pcm_slfault.so" }
pcm.lost { type slfault clock "real" channels "2" rates "48000" script ")" +
                                                          std::string(script) + R"(" }
)");
    const ProgramResult result =
        run_program({"/usr/bin/env", "ALSA_CONFIG_PATH=" + alsa, SL_STREAMLAB, "record", "--device",
                     "alsa:lost", "--rate", "48000", "--seconds", "1.5", "--json", dir.file("take.wav")});
    EXPECT_EQ(result.exit_code, 3) << script << "\n" << result.err;
    const nlohmann::json summary = summary_of(result.out);
    const auto& device = summary["device"];
    EXPECT_GT(device["missing_frames"], 40000) << script << summary.dump(2);
    EXPECT_EQ(
        summary["frames"].get<int>() + device["lost_frames"].get<int>() + device["missing_frames"].get<int>(),
        72000)
        << script << summary.dump(2);
    EXPECT_TRUE(summary["data_lost"]);
  }
}

// The frames that came, that were lost on the way and that are missing at the end.
std::uint64_t frames_in_all(const nlohmann::json& summary) {
  const auto& device = summary["device"];
  return summary["frames"].get<std::uint64_t>() + device["lost_frames"].get<std::uint64_t>() +
         device["missing_frames"].get<std::uint64_t>();
}

// kill -9 of the server, which nobody starts again.
TEST_F(Live, CountsWhatOfARecordingIsMissingWhenTheServerDoesNotComeBack) {
  Program recording({SL_STREAMLAB, "record", "--device", server_.device(), "--seconds", "1.5", "--json",
                     dir_.file("take.wav")});
  ASSERT_TRUE(eventually([&] { return text_of(dir_.file("take.wav")).size() > 10000; }));
  server_.kill();
  const ProgramResult result = recording.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  const nlohmann::json summary = summary_of(result.out);
  EXPECT_EQ(frames_in_all(summary), 72000U) << summary.dump(2);
  EXPECT_GT(summary["device"]["missing_frames"], 0) << summary.dump(2);
  EXPECT_TRUE(summary["data_lost"]);
  EXPECT_EQ(read_sound(dir_.file("take.wav")).size(),
            72000U - summary["device"]["missing_frames"].get<std::size_t>());
}

// Ctrl-C while the server is away: the time until then is missing, and no more than the run had.
TEST_F(Live, CountsWhatOfARunIsMissingAtCtrlCWhenTheServerIsAway) {
  using Clock = std::chrono::steady_clock;
  const auto frames_since = [](Clock::time_point then) {
    return 48000.0 * std::chrono::duration<double>(Clock::now() - then).count();
  };
  const std::string config = dir_.write("live.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": ")" +
                                                         server_.device() + R"("}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}}, {"id": "show", "type": "Print"}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "show"}]})");
  const auto started = Clock::now();
  Program running({SL_STREAMLAB, "run", config, "--json"});
  ASSERT_TRUE(running.wait_for_output("rms_db"));
  server_.kill();
  const auto killed = Clock::now();
  ASSERT_TRUE(running.wait_for_output("\"event\":\"device_lost\""));
  const double away = frames_since(killed);
  running.send(SIGINT);
  const ProgramResult result = running.wait();
  const double all = frames_since(started);
  EXPECT_EQ(result.exit_code, 3) << result.err;
  const nlohmann::json summary = summary_of(result.out);
  EXPECT_GE(summary["device"]["missing_frames"].get<double>(), away - 1024.0) << summary.dump(2);
  EXPECT_LE(static_cast<double>(frames_in_all(summary)), all) << summary.dump(2);
  EXPECT_TRUE(summary["data_lost"]);
}

// The main configuration on this server, as README shows it.
TEST_F(Live, TheMainConfigurationRunsOnAServer) {
  const ProgramResult result =
      run_program({SL_STREAMLAB, "run", std::string(SL_CONFIGS) + "/live_capture.json", "--set",
                   "device=" + server_.device(), "--set", "now=then", "--seconds", "2"},
                  dir_.path().string());
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 3) << result.err;
  EXPECT_NE(result.out.find("[Level] "), std::string::npos);
  EXPECT_NE(text_of(dir_.file("live_capture-then.jsonl")).find("rms_db"), std::string::npos);
}

#ifdef SL_RT_GUARD_LIBRARY
// The program that users run, under the real-time guard: every cycle on JACK's thread is a guarded section, and none of
// them calls what could wait.
TEST_F(Live, CallsNothingOnJacksThreadThatCouldWait) {
  const std::string report = dir_.file("guard.txt");
  const ProgramResult result = run_program(
      {"/usr/bin/env", "RTGUARD=count", "RTGUARD_OUT=" + report, "LD_PRELOAD=" SL_RT_GUARD_LIBRARY,
       SL_STREAMLAB, "run", std::string(SL_CONFIGS) + "/live_capture.json", "--set",
       "device=" + server_.device(), "--seconds", "1", "--json"},
      dir_.path().string());
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 3) << result.err;
  const nlohmann::json summary = summary_of(result.out);
  std::uint64_t violations = 1;
  std::uint64_t sections = 0;
  ASSERT_EQ(
      std::sscanf(text_of(report).c_str(), "rtguard: %" SCNu64 " violations in %" SCNu64 " guarded sections",
                  &violations, &sections),
      2)
      << text_of(report);
  EXPECT_EQ(violations, 0U);
  EXPECT_GE(sections, summary["device"]["ticks"].get<std::uint64_t>());
  EXPECT_GT(summary["device"]["ticks"].get<std::uint64_t>(), 0U);
}
#endif

// The same graph through ALSA: the `jack` PCM of libasound2-plugins in front of the same server.
TEST_F(Live, PrintsLevelsThroughAnAlsaPcm) {
  Program playing({SL_STREAMLAB, "run", player("", 0), "--json"});
  ASSERT_TRUE(playing.wait_for_output("rms_db"));  // earlier, nothing can connect to it
  const std::string alsa = dir_.write("asound.conf", R"(</usr/share/alsa/alsa.conf>
pcm.heard_end {
  type jack
  capture_ports { 0 "streamlab:out_1" }
}
pcm.heard { type plug slave.pcm "heard_end" }
)");
  ASSERT_EQ(setenv("ALSA_CONFIG_PATH", alsa.c_str(), 1), 0);
  ASSERT_EQ(setenv("JACK_DEFAULT_SERVER", server_.name().c_str(), 1), 0);
  const std::string config = dir_.write("alsa.json", R"({"version": 1, "nodes": [
      {"id": "mic", "type": "AudioInput", "config": {"device": "alsa:heard", "channels": [1]}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 1}},
      {"id": "levels", "type": "Print", "config": {"label": "Level"}},
      {"id": "spectrum", "type": "Spectrum", "config": {"averaging": "linear", "averages": 20}},
      {"id": "spectra", "type": "Print", "config": {"label": "Spectrum"}}],
      "connections": [{"from": "mic", "to": "level"}, {"from": "level", "to": "levels"},
                      {"from": "mic", "to": "spectrum"}, {"from": "spectrum", "to": "spectra"}]})");
  const ProgramResult result = run_program({SL_STREAMLAB, "run", config, "--seconds", "3"});
  unsetenv("ALSA_CONFIG_PATH");
  unsetenv("JACK_DEFAULT_SERVER");
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 3) << result.err;
  EXPECT_NE(result.out.find("[Level] "), std::string::npos) << result.out << result.err;
  EXPECT_NE(result.out.find("  rms  -"), std::string::npos) << result.out;
  playing.send(SIGINT);
  EXPECT_NE(playing.wait().exit_code, 1);
}

}  // namespace
}  // namespace streamlab::test
