// tests/apps/record_test.cpp
//
// streamlab record: what it writes, and what it says of it.
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

TEST(Record, RecordsFromADevice) {
  const TempDir dir;
  const std::string out = dir.file("take.wav");
  const std::string script = dir.write("card.json", R"({"clock": "virtual", "input": {"counting": true},
      "input_channels": 2, "sample_rate_hz": 48000})");
  const auto result = streamlab({"record", "--device", "sim:" + script, "--seconds", "0.5", out, "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json_lines(result.out).front()["type"], "device");
  const auto info = json_lines(streamlab({"info", out, "--json"}).out).front();
  EXPECT_EQ(info["frames"], 24000);
  EXPECT_EQ(info["channels"], 2);
  const auto again = streamlab({"record", "--device", "sim:" + script, "--seconds", "0.5", out});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(again.err,
            "record: \"" + out + "\" exists already; use --force to replace it, or name another\n");
}

// A sine of amplitude 0.5 and, from frame 24000 on, a gap of a quarter of a second, which is silence in the file.
constexpr std::string_view kRecordedCard =
    R"({"clock": "virtual", "sample_rate_hz": 48000, "input_channels": 2,
    "input": {"sine": {"frequency_hz": 1000, "amplitude": 0.5}}, "frames": 48000,
    "faults": [{"at_frame": 24000, "type": "unplug", "frames": 12000}]})";

TEST(Record, SaysWhatIsInTheFile) {
  const TempDir dir;
  const std::string device = "sim:" + dir.write("card.json", kRecordedCard);
  const std::string out = dir.file("take.wav");
  // Without --seconds until the device ends, or Ctrl-C.
  const auto text = streamlab({"record", "--device", device, out});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.err,
              HasSubstr("\n" + out + ": 1 s (48000 frames at 48000 Hz, 2 channels), peak -6.0 dBFS\n"));
  EXPECT_EQ(json_lines(streamlab({"info", out, "--json"}).out).front()["frames"], 48000);
  const auto lines = streamlab({"record", "--device", device, out, "--force", "--json"});
  const auto file = json_lines(lines.out).back()["file"];
  EXPECT_EQ(file["path"], out);
  EXPECT_EQ(file["frames"], 48000);
  EXPECT_NEAR(file["peak_db"], -6.0206, 0.001);  // 20 lg 0.5; the sine has a sample on its peak
  EXPECT_EQ(file["clipped_samples"], 0);
}

// As on a full disk. The device goes on; the file is what was written before.
TEST(Record, SaysOnceThatTheFileCannotBeWritten) {
  const TempDir dir;
  const std::string device = "sim:" + dir.write("card.json", kRecordedCard);
  const auto result = run_program({"/bin/sh", "-c", "ulimit -f 20; exec \"$@\"", "sh", SL_STREAMLAB, "record",
                                   "--device", device, "take.wav"},
                                  dir.path().string());
  EXPECT_EQ(result.exit_code, 1);
  const std::size_t first = result.err.find("cannot be written beyond frame");
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("cannot be written beyond frame", first + 1), std::string::npos) << result.err;
  const auto frames = json_lines(streamlab({"info", dir.file("take.wav"), "--json"}).out).front()["frames"];
  EXPECT_THAT(result.err, HasSubstr("\ntake.wav: "));
  EXPECT_THAT(result.err,
              HasSubstr("(" + std::to_string(frames.get<int>()) + " frames at 48000 Hz, 2 channels)\n"));
}

// The card gives 12000 frames and then stands still for ever: what is missing in the file of a recording that was killed
// is less than 0.1 s, and every program reads the rest.
TEST(Record, LeavesAllButATenthOfASecondWhenItIsKilled) {
  const TempDir dir;
  const std::string device =
      "sim:" + dir.write("card.json", R"({"clock": "real_time", "sample_rate_hz": 48000, "input_channels": 1,
          "input": {"counting": true}, "buffer_frames": 2880000,
          "faults": [{"at_frame": 12000, "type": "stall", "duration_ms": 100000}]})");
  for (const char* name : {"take.wav", "take.rf64", "take.w64"}) {
    const std::string out = dir.file(name);
    Program recording(streamlab_command({"record", "--device", device, out}));
    const auto bytes = [&] { return std::filesystem::exists(out) ? std::filesystem::file_size(out) : 0; };
    ASSERT_TRUE(comes([&] { return bytes() >= 4 * (12000 - 4800) + 100; })) << name;
    recording.send(SIGKILL);
    recording.wait();
    const int frames = json_lines(streamlab({"info", out, "--json"}).out).front()["frames"].get<int>();
    EXPECT_GE(frames, 12000 - 4800) << name;
    EXPECT_LE(frames, 12000) << name;
    const std::string all = std::to_string(frames);
    EXPECT_EQ(run_program({"/usr/bin/ffprobe", "-v", "warning", "-show_entries",
                           "stream=codec_name,duration_ts", "-of", "csv=p=0", out})
                  .out,
              "pcm_f32le," + all + "\n")
        << name;
    EXPECT_EQ(run_program({"/usr/bin/sox", "--i", "-s", out}).out, all + "\n") << name;
    ASSERT_EQ(
        run_program({"/usr/bin/ffmpeg", "-v", "error", "-i", out, "-f", "f32le", out + ".raw"}).exit_code, 0);
    const std::string raw = content_of(out + ".raw");
    std::vector<float> samples(raw.size() / sizeof(float));
    std::memcpy(samples.data(), raw.data(), samples.size() * sizeof(float));
    ASSERT_EQ(samples.size(), static_cast<std::size_t>(frames)) << name;
    for (std::size_t n = 0; n < samples.size(); ++n) {
      ASSERT_EQ(samples[n], static_cast<float>(n) * 0x1p-23F) << name << " frame " << n;
    }
  }
}

TEST(Record, CountsClippedSamples) {
  const TempDir dir;
  const std::string device =
      "sim:" + dir.write("card.json", R"({"clock": "virtual", "sample_rate_hz": 48000, "input_channels": 1,
          "input": {"sine": {"frequency_hz": 12000, "amplitude": 1}}, "frames": 480})");
  const auto result = streamlab({"record", "--device", device, dir.file("take.wav"), "--json"});
  const auto file = json_lines(result.out).back()["file"];
  EXPECT_EQ(file["frames"], 480);
  EXPECT_EQ(file["clipped_samples"], 240);  // 0, 1, 0, -1, …
}

TEST(Record, RefusesAnEndingWithoutAdviceThatDoesNotFit) {
  const TempDir dir;
  for (const std::string name : {"x.mp3", "x", "-"}) {
    const auto result = streamlab({"record", name}, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err,
              "record: " + name +
                  ": no kind of file that can be written has this ending; expected .wav, .rf64, .w64 or "
                  ".flac\n");
  }
}

TEST(Record, CountsAndSaysLostFrames) {
  const TempDir dir;
  const std::string script = dir.write("card.json", R"({"clock": "virtual", "input": {"counting": true},
      "faults": [{"at_frame": 4800, "type": "unplug", "frames": 4800}]})");
  const auto result =
      streamlab({"record", "--device", "sim:" + script, "--seconds", "0.5", dir.file("take.wav")});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("4800 lost frames"));
}

TEST(Record, WritesTheSamplesThatAreAskedFor) {
  const TempDir dir;
  const std::string device = "sim:" + dir.write("card.json", kRecordedCard);
  const std::string out = dir.file("take.wav");
  EXPECT_EQ(streamlab({"record", "--device", device, "--subtype", "pcm_24", out}).exit_code,
            3);  // it has a gap
  EXPECT_EQ(run_program({"/usr/bin/env", "sox", "--i", "-b", out}).out, "24\n");
  const auto refused = streamlab({"record", "--device", device, "--subtype", "float", dir.file("take.flac")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, testing::StartsWith("record: --subtype: "));
}

TEST(Record, SaysMistakesInTheWordsOfTheCommandLine) {
  const TempDir dir;
  const auto result = streamlab({"record", "--device", "jak", "--seconds", "1", dir.file("take.wav")});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, testing::StartsWith("record: "));
  EXPECT_THAT(result.err, HasSubstr("did you mean \"jack\"?"));
}

// The machine that tests has no card; where there is a server or a card, that is recorded.
TEST(Record, DoesNotTakeTheSimulatedCardForOne) {
  const TempDir dir;
  const std::string device = streamlab({"devices", "--json"}).out;
  if (device.find("\"device\":\"jack") != std::string::npos ||
      device.find("\"device\":\"alsa") != std::string::npos) {
    GTEST_SKIP() << "there is a real device";
  }
  const auto result = streamlab({"record", "--quiet", "--seconds", "0.1", "x.wav"}, dir.path().string());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("record: --device default: no device was found: no JACK server"));
  EXPECT_THAT(result.err, HasSubstr("device \"sim\" is the simulated card"));
  EXPECT_FALSE(std::filesystem::exists(dir.file("x.wav")));
  const auto by_name =
      streamlab({"record", "--quiet", "--device", "sim", "--seconds", "0.1", "x.wav"}, dir.path().string());
  EXPECT_EQ(by_name.exit_code, 0) << by_name.err;
  EXPECT_EQ(by_name.err, "");
  // `run` lets it stand in, and says so, --quiet or not.
  const std::string graph = dir.write("graph.json", R"({"version": 1, "pipeline_config": {"duration_s": 0.1},
      "nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "file", "type": "FileSink", "config": {"path": "y.wav"}}],
      "connections": [{"from": "mic", "to": "file"}]})");
  const auto run = streamlab({"run", graph, "--quiet"}, dir.path().string());
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("device \"default\" is the simulated card: no JACK server is running"));
}

TEST(Record, AsksWhetherAnythingIsConnectedWhereAllIsZero) {
  const TempDir dir;
  const std::string script =
      dir.write("card.json", R"({"clock": "virtual", "input": "silence", "frames": 4800})");
  const auto silent = streamlab({"record", "--device", "sim:" + script, dir.file("take.wav")});
  EXPECT_EQ(silent.exit_code, 0);
  EXPECT_THAT(silent.err, HasSubstr(", silence\n"));
  EXPECT_THAT(silent.err, HasSubstr("every sample is zero: is anything connected to the input?"));
  const std::string device = "sim:" + dir.write("sine.json", kRecordedCard);
  const auto loud = streamlab({"record", "--device", device, dir.file("loud.wav")});
  EXPECT_EQ(loud.err.find("every sample is zero"), std::string::npos) << loud.err;
}

// As FileSource says it: behind the recording's end stands another one.
TEST(Record, CountsWhatOfARecordingInPlaceOfACardIsNotPlayed) {
  const TempDir dir;
  std::ifstream file("/usr/share/sounds/alsa/Front_Center.wav", std::ios::binary);
  const std::string voice{std::istreambuf_iterator<char>(file), {}};
  const std::string path = dir.write("twice.wav", voice + voice);
  const std::string config =
      R"({"nodes": [{"id": "mic", "type": "AudioInput", "config": {"device": "file:)" + path +
      R"("}}, {"id": "end", "type": "NullSink"}], "connections": [{"from": "mic", "to": "end"}]})";
  const auto ran = streamlab({"run", "-", "--json"}, {}, config);
  EXPECT_EQ(ran.exit_code, 3) << ran.err;
  const auto notes = json_lines(ran.out).back()["notes"];
  ASSERT_EQ(notes.size(), 2U);  // and NullSink's
  EXPECT_EQ(notes[0]["node"], "device");
  EXPECT_THAT(notes[0]["text"], testing::StartsWith(path + ": "));
  EXPECT_EQ(notes[0]["data_lost"], true);
}

}  // namespace
}  // namespace streamlab::test
