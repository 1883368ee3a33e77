// tests/nodes/sinks/jsonl_sink_test.cpp
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/nodes/sinks/sink_config.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) { lines.push_back(line); }
  return lines;
}

StreamFormat values_format() {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left.rms_db", "dB"}, {"a \"quoted\" name", ""}};
  format.max_frames = 1;
  return format;
}

StreamFormat spectrum_format() {
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left", "dB"}};
  format.axis = {"frequency", "Hz", 0.0, 11.71875};
  format.max_frames = 3;
  format.notes = {{"window", "hann"}};
  return format;
}

TEST(JsonlSink, WritesALineForEveryBlockOfValues) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  {
    NodeHarness sink("JsonlSink", config(path), {values_format()});
    DataFrame block = sink.input_frame();
    block.set_frame_count(1);
    block.header() = {1500000, 3, 72000, 0, 0};
    block.channel(0U)[0] = -20.5;
    block.channel(1U)[0] = 0.1;
    sink.process(block);
    block.header() = {2500000, 4, 120000, 256, 0, 4800};
    block.header().set(FrameFlag::gap);
    block.header().set(FrameFlag::incomplete);
    block.metadata().set("frames", 4800.0);
    block.channel(0U)[0] = kNaN;
    block.channel(1U)[0] = -kInfinity;
    sink.process(block);
  }
  EXPECT_EQ(
      content_of(path),
      R"({"position":72000,"seconds":1.5,"timestamp_us":1500000,"sequence_id":3,"flags":[],)"
      R"("channels":{"left.rms_db":{"unit":"dB","value":-20.5},"a \"quoted\" name":{"unit":"","value":0.1}}})"
      "\n"
      R"({"position":120000,"seconds":2.5,"timestamp_us":2500000,"sequence_id":4,"flags":["gap","incomplete"],)"
      R"("gap_frames":256,"length_frames":4800,"channels":{"left.rms_db":{"unit":"dB","value":null},)"
      R"("a \"quoted\" name":{"unit":"","value":null}},"metadata":{"frames":4800}})"
      "\n");
}

TEST(JsonlSink, WritesALabelIntoEachLine) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  {
    NodeHarness sink("JsonlSink", R"({"label": "a \"b\"", "path": ")" + path + "\"}", {values_format()});
    DataFrame block = sink.input_frame();
    block.set_frame_count(1);
    sink.process(block);
  }
  ASSERT_THAT(lines_of(path), SizeIs(1));
  EXPECT_EQ(nlohmann::json::parse(lines_of(path)[0])["label"], "a \"b\"");
}

TEST(JsonlSink, WritesSpectraWithTheirAxis) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  {
    NodeHarness sink("JsonlSink", config(path, R"("header": true)"), {spectrum_format()});
    DataFrame block = sink.input_frame();
    block.set_frame_count(3);
    block.channel(0U)[0] = -120.25;
    block.channel(0U)[1] = kNaN;
    sink.process(block);
  }
  const auto lines = lines_of(path);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(
      lines[0],
      R"({"kind":"spectrum","sample_rate_hz":48000,"channels":[{"name":"left","unit":"dB"}],)"
      R"("axis":{"quantity":"frequency","unit":"Hz","start":0,"step":11.71875},"notes":{"window":"hann"}})");
  const auto line = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(line["axis"]["step"], 11.71875);
  EXPECT_EQ(line["channels"]["left"]["bins"], nlohmann::json::parse("[-120.25, null, 0]"));
}

TEST(JsonlSink, WritesNumbersThatReadBackAsTheSameFloat64) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  const Signal signal = {{0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -0.0, 1e21, 123456789.0, 1e-7}};
  { NodeHarness("JsonlSink", config(path)).run(signal, 8); }
  const auto line = nlohmann::json::parse(content_of(path));
  EXPECT_EQ(line["channels"]["main_channel"]["samples"].get<std::vector<double>>(), signal[0]);
  EXPECT_EQ(line["channels"]["main_channel"]["unit"], "FS");
}

TEST(JsonlSink, WritesTheSameSamplesForEveryBlockSize) {
  const TempDir dir;
  const Signal signal = noise(2, 1000);
  for (const std::uint32_t block : {1U, 7U, 64U, 480U, 1000U}) {
    const std::string path = dir.file("a" + std::to_string(block));
    { NodeHarness("JsonlSink", config(path), {48000.0, 2, 1000}).run(signal, block); }
    std::vector<double> right;
    for (const std::string& text : lines_of(path)) {
      const auto line = nlohmann::json::parse(text);
      EXPECT_EQ(line["position"], right.size());
      const auto part = line["channels"]["right"]["samples"].get<std::vector<double>>();
      right.insert(right.end(), part.begin(), part.end());
    }
    EXPECT_EQ(right, signal[1]) << "block of " << block;
  }
}

TEST(JsonlSink, HasEveryLineInTheFileAsSoonAsItIsWritten) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  NodeHarness sink("JsonlSink", config(path), {values_format()});
  DataFrame block = sink.input_frame();
  block.set_frame_count(1);
  sink.process(block);
  EXPECT_EQ(content_of(path).back(), '\n');  // nothing waits for close()
}

TEST(JsonlSink, WritesToStdoutOnRequest) {
  testing::internal::CaptureStdout();
  { NodeHarness("JsonlSink", config("-")).run({{0.5}}, 1); }
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr(R"("samples":[0.5])"));
}

TEST(JsonlSink, StartsTheFileAgainAfterReset) {
  const TempDir dir;
  const std::string path = dir.file("a.jsonl");
  {
    NodeHarness sink("JsonlSink", config(path, R"("header": true)"));
    sink.run({{0.5, 0.5}}, 1);
    sink.reset();
    sink.run({{0.25}}, 1);
  }
  const auto lines = lines_of(path);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("\"kind\":\"audio\""));
  EXPECT_THAT(lines[1], HasSubstr("[0.25]"));
}

TEST(JsonlSink, KeepsAFileThatExistsUnlessToldOtherwise) {
  const TempDir dir;
  const std::string path = dir.write("a.jsonl", "precious");
  try {
    NodeHarness sink("JsonlSink", config(path));
    ADD_FAILURE() << "was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()),
              "/config/path: \"" + path +
                  "\" already exists; use --force to replace it, or choose another "
                  "name");
  }
  EXPECT_EQ(content_of(path), "precious");
  { NodeHarness sink("JsonlSink", config(path, R"("overwrite": true)")); }
  EXPECT_EQ(content_of(path), "");
}

TEST(JsonlSink, RefusesAConfigurationWithoutAPath) {
  EXPECT_THAT(NodeHarness::refusals("JsonlSink", "{}"), SizeIs(1));
}

}  // namespace
}  // namespace streamlab
