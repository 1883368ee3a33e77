// tests/nodes/process/process_test.cpp
//
// The node Process with real programs.

#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/process/descriptor.hpp"
#include "tests/nodes/process/programs.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using test::failure_of;
using test::NodeHarness;
using test::notes_after;
using test::shell;
using test::Signal;

// What `program` makes of raw float64 samples, run by hand.
std::vector<double> by_hand(const std::string& program, const Signal& signal) {
  const test::TempDir folder;
  std::ofstream file(folder.file("in"), std::ios::binary);
  for (std::size_t n = 0; n < signal[0].size(); ++n) {
    for (const auto& channel : signal) {
      file.write(reinterpret_cast<const char*>(&channel[n]), sizeof(double));
    }
  }
  file.close();
  const auto result = test::run_program({"/bin/sh", "-c", program + " < in > out"}, folder.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string bytes = test::content_of(folder.file("out"));
  std::vector<double> samples(bytes.size() / sizeof(double));
  std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(double));
  return samples;
}

TEST(Process, GivesWhatTheProgramGivesByHand) {
  const std::string sox = "sox -t f64 -r 48000 -c 1 - -t f64 - equalizer 1000 2q -6";
  const Signal signal = test::noise(1, 50'000);
  const std::vector<double> expected = by_hand(sox, signal);
  ASSERT_EQ(expected.size(), 50'000U);
  for (const std::uint32_t block : {1U, 7U, 480U, 1024U}) {
    NodeHarness node("Process", shell("exec " + sox), {48000.0, 1, 1024});
    EXPECT_EQ(node.run(signal, block), expected) << "blocks of " << block;  // bit for bit
  }
}

TEST(Process, CarriesEveryFormat) {
  const Signal signal = test::noise(3, 5000);
  const auto rounded_to = [](double bits) {
    return [bits](double x) { return std::clamp(std::nearbyint(x * bits), -bits, bits - 1.0) / bits; };
  };
  const std::pair<const char*, std::function<double(double)>> formats[] = {
      {"f64le", [](double x) { return x; }},
      {"f32le", [](double x) { return static_cast<double>(static_cast<float>(x)); }},
      {"s16le", rounded_to(32768.0)},
      {"s24le", rounded_to(8388608.0)},
      {"s32le", rounded_to(2147483648.0)},
      {"wav", [](double x) { return x; }},
      {"framed", [](double x) { return x; }},
  };
  for (const auto& [format, expected] : formats) {
    NodeHarness node("Process", shell("exec cat", std::string(R"("format": ")") + format + "\","),
                     {48000.0, 3, 1024});
    const auto y = node.run(signal, 333);
    ASSERT_EQ(y.size(), 15'000U) << format;
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], expected(signal[i / 5000][i % 5000])) << format << " at " << i;
    }
  }
}

// It looks at more than a second of its input before it gives anything.
TEST(Process, WorksWithFfmpegAsItIs) {
  const auto config = [](const std::string& format, const std::string& input, const std::string& output) {
    nlohmann::json command{"ffmpeg", "-v", "error"};
    for (const std::string& words : {input, std::string("-i -"), output, std::string("-")}) {
      std::istringstream all(words);
      for (std::string word; all >> word;) { command.push_back(word); }
    }
    return nlohmann::json{{"command", command}, {"format", format}}.dump();
  };
  const Signal signal = test::noise(1, 400'000);
  const auto expect_scaled = [&](const std::string& json, double rate_hz, double factor, double steps) {
    NodeHarness node("Process", json, {rate_hz, 1, 1000});
    const auto y = node.run(signal, 1000);
    EXPECT_EQ(node.last_status(), Status::done);
    ASSERT_EQ(y.size(), signal[0].size()) << json;
    for (std::size_t n = 0; n < y.size(); ++n) {
      const double x = signal[0][n];
      const double sent =
          steps > 0.0 ? std::clamp(std::nearbyint(x * steps), -steps, steps - 1.0) / steps : x;
      ASSERT_EQ(y[n], factor * sent) << json << " at " << n;  // a power of two: exact
    }
  };
  const std::string half = "-af volume=0.5:precision=double -c:a pcm_f64le";
  for (const double rate_hz : {8000.0, 48000.0, 192000.0}) {
    const std::string raw = fmt::format("-f f64le -ar {} -ac 1", rate_hz);
    expect_scaled(config("f64le", raw, half + " -f f64le"), rate_hz, 0.5, 0.0);
  }
  expect_scaled(config("s16le", "-f s16le -ar 48000 -ac 1", "-f s16le"), 48000.0, 1.0, 32768.0);
  expect_scaled(config("wav", "", half + " -f wav"), 48000.0, 0.5, 0.0);
}

TEST(Process, MayGiveOtherChannelsRatesAndFormats) {
  // sox mixes two channels to one: half of each. And halves the rate.
  const Signal signal = test::noise(2, 10'000);
  NodeHarness mix(
      "Process",
      R"({"command": ["sox", "-t", "f64", "-r", "48000", "-c", "2", "-", "-t", "wav", "-e", "floating-point",
                                 "-b", "64", "-", "remix", "-"], "out_format": "wav", "out_channels": 1})",
      {48000.0, 2, 1024});
  EXPECT_EQ(mix.outputs()[0].format.channel_count(), 1U);
  EXPECT_EQ(mix.outputs()[0].format.channels[0].name, "main_channel");
  EXPECT_EQ(mix.run(signal, 1000), by_hand("sox -t f64 -r 48000 -c 2 - -t f64 - remix -", signal));

  const std::string halve = "sox -t f64 -r 48000 -c 2 - -t f64 -r 24000 -";
  NodeHarness half("Process", shell("exec " + halve, R"("out_sample_rate": 24000,)"), {48000.0, 2, 1024});
  EXPECT_EQ(half.outputs()[0].format.sample_rate_hz, 24000.0);
  const auto interleaved = by_hand(halve, signal);
  const auto frames = half.run_frames(signal, 1000);
  const auto y = test::samples_of(frames);
  ASSERT_EQ(y.size(), interleaved.size());
  for (std::size_t n = 0; n < y.size() / 2; ++n) {
    ASSERT_EQ(y[n], interleaved[2 * n]);
    ASSERT_EQ(y[y.size() / 2 + n], interleaved[2 * n + 1]);
  }
  EXPECT_EQ(frames.back().position() + frames.back().frame_count(), 5000);
}

TEST(Process, RunsAScript) {
  NodeHarness node(
      "Process",
      R"({"run": "import array, sys\nx = array.array('d', sys.stdin.buffer.read())\n)"
      R"x(array.array('d', [-v for v in x]).tofile(sys.stdout.buffer)", "max_held_frames": 10000})x",
      {48000.0, 1, 100});
  const Signal signal = test::noise(1, 1000);
  std::vector<double> expected = signal[0];
  for (double& x : expected) { x = -x; }
  EXPECT_EQ(node.run(signal, 100), expected);
}

TEST(Process, TalksFramedWithTheExampleInPython) {
  NodeHarness node(
      "Process",
      R"({"command": ["python3", ")" SL_SOURCE_DIR
      R"(/apps/examples/framed_stream.py", "gain", "0.5"], "format": "framed", "max_held_frames": 100000})",
      {48000.0, 2, 256});
  const Signal signal = test::noise(2, 3000);
  std::vector<double> expected;
  for (const auto& channel : signal) {
    for (const double x : channel) { expected.push_back(0.5 * x); }  // exact
  }
  EXPECT_EQ(node.run(signal, 256), expected);
  EXPECT_THAT(node.node().notes(), SizeIs(1));  // of the latency, and nothing lost
}

TEST(Process, KeepsGapsTimesAndPositions) {
  NodeHarness node("Process", shell("exec cat"), {48000.0, 1, 100});
  std::vector<DataFrame> out;
  // As a source stamps its blocks: each time is rounded once.
  const auto time_us = [](std::int64_t position) {
    return 4'000'000 + std::llround(static_cast<double>(position) * 1e6 / 48000.0);
  };
  const auto feed = [&](std::int64_t position, std::uint64_t gap, std::uint32_t frames) {
    DataFrame x = node.input_frame();
    x.set_frame_count(frames);
    for (std::uint32_t n = 0; n < frames; ++n) { x.channel_data(0)[n] = static_cast<double>(position + n); }
    x.header().position = position;
    x.header().timestamp_us = time_us(position);
    if (gap > 0) {
      x.header().set(FrameFlag::gap);
      x.header().gap_frames = gap;
    }
    for (auto& y : node.process(x)) { out.push_back(y); }
  };
  feed(1000, 0, 100);
  feed(1100, 0, 30);
  feed(1630, 500, 100);  // 500 frames are missing
  feed(1730, 0, 100);
  while (true) {
    auto more = node.finish();
    for (auto& y : more) { out.push_back(y); }
    if (node.last_status() != Status::ok) { break; }
  }
  ASSERT_EQ(node.last_status(), Status::done);
  std::int64_t expected_position = 1000;
  std::size_t gaps = 0;
  std::uint64_t sequence_id = 0;
  for (const DataFrame& y : out) {
    if (y.header().has(FrameFlag::gap)) {
      ++gaps;
      EXPECT_EQ(y.header().gap_frames, 500U);
      EXPECT_EQ(expected_position, 1130);
      expected_position += 500;
    }
    EXPECT_EQ(y.position(), expected_position);
    EXPECT_EQ(y.sequence_id(), sequence_id++);
    EXPECT_EQ(y.timestamp_us(), time_us(y.position()));
    for (std::uint32_t n = 0; n < y.frame_count(); ++n) {
      EXPECT_EQ(y.channel(0)[n], static_cast<double>(y.position() + n));  // each frame is at its place
    }
    expected_position += y.frame_count();
  }
  EXPECT_EQ(gaps, 1U);
  EXPECT_EQ(expected_position, 1830);
}

TEST(Process, IsAsNewAfterReset) {
  const std::string sox = "exec sox -t f64 -r 48000 -c 1 - -t f64 - lowpass 1000";
  NodeHarness node("Process", shell(sox), {48000.0, 1, 512});
  const Signal signal = test::noise(1, 20'000);
  const auto first = node.run(signal, 512);
  node.reset();
  EXPECT_EQ(node.run(signal, 512), first);
  // In mid stream, too.
  node.reset();
  DataFrame x = node.input_frame();
  x.set_frame_count(512);
  node.process(x);
  node.reset();
  EXPECT_EQ(node.run(signal, 512), first);
}

TEST(Process, SaysHowLongABlockWasUnderWay) {
  NodeHarness node("Process", shell("exec cat"), {48000.0, 1, 1000});
  const auto notes = notes_after(node, test::noise(1, 10'000));
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text,
              testing::MatchesRegex("\"sh\" held back up to [0-9]+ frames; a block came back [0-9.]+ ms "
                                    "after it was written, [0-9.]+ ms at most"));
  EXPECT_FALSE(notes[0].data_lost);
}

// --- programs that are not as they should be

TEST(Process, SaysTheStatusAndTheLastWordsOfAProgramThatFails) {
  EXPECT_EQ(failure_of(shell("cat; echo 'no such effect' >&2; exit 2"), test::noise(1, 5000)),
            "\"sh\" exited with status 2:\n  | no such effect");
  EXPECT_EQ(failure_of(shell("kill -SEGV $$"), test::noise(1, 500'000)), "\"sh\" was killed by SIGSEGV (11)");
}

TEST(Process, RefusesAnOutputThatIsNotAudio) {
  const std::string script =
      "import json, sys; sys.path.insert(0, '" SL_SOURCE_DIR
      "/apps/examples'); import framed_stream; "
      "sys.stdout.buffer.write(framed_stream.header_bytes(json.dumps({'kind': 'values', 'format': 'f64le', "
      "'sample_rate_hz': 48000.0, 'max_frames': 1, 'channels': [{'name': 'main_channel', 'unit': "
      "'dB'}]}).encode()))";
  const auto config = nlohmann::json{{"run", script}, {"out_format", "framed"}}.dump();
  EXPECT_THAT(failure_of(config, test::noise(1, 1000)), HasSubstr("\"python3\" outputs values; audio"));
}

TEST(Process, CountsHalfAFrameAtTheEnd) {
  NodeHarness node("Process", shell("cat >/dev/null; printf 123456789012"), {48000.0, 1, 1000});
  EXPECT_THAT(node.run(test::noise(1, 1000), 1000), SizeIs(1));
  const auto notes = node.node().notes();
  ASSERT_FALSE(notes.empty());
  EXPECT_EQ(notes[0].text, "\"sh\" ended with 4 bytes of an incomplete frame, which are skipped");
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(Process, SaysThatAProgramGaveNothingForWhatItTook) {
  NodeHarness node("Process", shell("exec cat >/dev/null"), {48000.0, 1, 1000});
  const auto notes = notes_after(node, test::noise(1, 3000));
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "\"sh\" was given 3000 frames and returned 0 instead of 3000");
}

TEST(Process, TakesItsTimeWithAProgramThatGoesByteByByte) {
  NodeHarness node("Process", shell("exec dd bs=1 status=none"), {48000.0, 1, 1000});
  const Signal signal = test::noise(1, 2000);
  EXPECT_EQ(node.run(signal, 1000), signal[0]);
}

TEST(Process, ReadsAFloodOfMessages) {
  NodeHarness node("Process", shell("yes message | head -c 3000000 >&2; exec cat"), {48000.0, 1, 1000});
  const Signal signal = test::noise(1, 2000);
  EXPECT_EQ(node.run(signal, 1000), signal[0]);
}

TEST(Process, RefusesAnOutputThatIsNotWhatWasSaid) {
  EXPECT_THAT(
      failure_of(
          R"({"command": ["sox", "-t", "f64", "-r", "48000", "-c", "1", "-", "-t", "wav", "-r", "44100", "-"],
                             "out_format": "wav"})",
          test::noise(1, 50'000)),
      HasSubstr("44100"));
}

TEST(Process, LeaksNoDescriptor) {
  const std::string config = shell("exec cat");
  const auto once = [&] {
    NodeHarness node("Process", config, {48000.0, 1, 1000});
    node.run(test::noise(1, 1000), 1000);
  };
  once();
  const std::size_t before = descriptors_left();
  for (int n = 0; n < 10; ++n) { once(); }
  EXPECT_EQ(descriptors_left(), before);
}

TEST(Process, RefusesWhatCannotBeStarted) {
  const test::TempDir folder;
  const std::string plain = folder.write("plain", "#!/bin/sh\n");
  const auto refusal = [](const std::string& config) {
    const Errors errors = NodeHarness::refusals("Process", config);
    return errors.empty() ? std::string() : to_string(errors[0]);
  };
  EXPECT_EQ(refusal("{}"), "/config: neither command nor run is given; expected one of them");
  EXPECT_EQ(refusal(R"({"command": ["cat"], "run": "x"})"),
            "/config/run: command is given too; expected only one of command and run");
  EXPECT_EQ(
      refusal(R"({"command": "cat"})"),
      "/config/command: this is not a command; expected a list of strings: the program and its arguments");
  EXPECT_EQ(
      refusal(R"({"command": ["cat", 1]})"),
      "/config/command/1: this is not a command; expected a list of strings: the program and its arguments");
  EXPECT_THAT(refusal(R"({"command": ["soxx"]})"),
              HasSubstr("/config/command/0: there is no program \"soxx\" on the PATH"));
  EXPECT_EQ(refusal(R"({"command": [")" + plain + R"("]})"),
            "/config/command/0: \"" + plain + "\" is not executable; expected a program; \"chmod +x " +
                plain + "\" makes it executable");
  EXPECT_EQ(refusal(R"({"run": "x", "shell": "fish"})"),
            "/config/shell: there is no shell \"fish\"; expected \"python\", \"sh\", \"bash\", or an "
            "absolute path");
  EXPECT_EQ(refusal(R"({"command": ["cat"], "shell": "sh"})"), "/config/shell: means nothing without run");
  EXPECT_EQ(refusal(R"({"command": ["cat"], "cwd": "/nowhere"})"),
            "/config/cwd: there is no directory \"/nowhere\"");
  EXPECT_EQ(
      refusal(R"({"command": ["cat"], "env": {"KEY": 1}})"),
      "/config/env/KEY: this is not a valid environment variable; expected a name without \"=\", and a string "
      "without NUL");
  EXPECT_THAT(refusal(R"({"command": ["cat", "a\u0000b"]})"),
              HasSubstr("/config/command/1: this is not a command"));
  EXPECT_THAT(refusal(R"({"command": ["cat"], "env": {"KEY": "a\u0000b"}})"),
              HasSubstr("/config/env/KEY: this is not a valid environment variable"));
  EXPECT_EQ(refusal(R"({"run": "a\u0000b"})"),
            "/run: \"a\\u0000b\" holds a NUL character; expected a text without");
}

// What only the header of its output tells, 16 bits, comes after the graph was told of 64-bit floats.
TEST(Process, TellsOfFullScaleThatOnlyAHeaderTellsOf) {
  Signal signal{std::vector<double>(1000)};
  signal[0][100] = 1.0;  // 32767
  signal[0][200] = 32766.0 / 32768.0;
  const std::string sox = R"("sox", "-D", "-t", "f64", "-r", "48000", "-c", "1", "-", "-b", "16", "-t")";
  NodeHarness wav("Process", R"({"command": [)" + sox + R"(, "wav", "-"], "out_format": "wav"})",
                  {48000.0, 1, 1000});
  const auto frames = wav.run_frames(signal, 1000);
  EXPECT_TRUE(std::any_of(frames.begin(), frames.end(),
                          [](const DataFrame& frame) { return frame.header().has(FrameFlag::clipped); }));
  EXPECT_THAT(wav.node().notes(), testing::Contains(testing::Field(
                                      &NodeNote::text, HasSubstr("samples of \"sox\" that are full scale"))));
}

}  // namespace
}  // namespace streamlab
