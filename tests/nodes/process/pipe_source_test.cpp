// tests/nodes/process/pipe_source_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/framed_stream.hpp"
#include "tests/nodes/process/pipe_ends.hpp"
#include "tests/support/node_harness.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string source_config(const std::string& from, const std::string& more = "") {
  return R"({"from": ")" + from + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

NodeHarness source_of(ChannelRegistry& registry, const std::string& json, std::uint32_t block_size = 4) {
  return {"PipeSource", json, std::vector<StreamFormat>{}, running(registry, block_size)};
}

std::string source_refusal(const std::string& json, double rate_hz = 0.0) {
  ChannelRegistry registry;
  PrepareContext context = running(registry);
  context.sample_rate_hz = rate_hz;
  const Errors errors = NodeHarness::refusals("PipeSource", json, std::vector<StreamFormat>{}, context);
  EXPECT_THAT(errors, SizeIs(1));
  return errors.empty() ? std::string() : to_string(errors[0]);
}

// Blocks until the source is done; it waits at most 20 ms a call, so it may take several for one.
std::vector<DataFrame> run_until_done(NodeHarness& source) {
  std::vector<DataFrame> all;
  for (int call = 0; call < 100'000 && source.last_status() == Status::ok; ++call) {
    for (DataFrame& frame : source.run_source(1)) { all.push_back(std::move(frame)); }
  }
  EXPECT_EQ(source.last_status(), Status::done);
  return all;
}

std::vector<int> frame_codes(const std::vector<DataFrame>& frames) {
  std::vector<int> list;
  for (const DataFrame& frame : frames) {
    for (const double x : frame.channel(0U)) { list.push_back(static_cast<int>(x * 32768.0)); }
  }
  return list;
}

std::vector<int> count_to(int count) {
  std::vector<int> list(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) { list[static_cast<std::size_t>(n)] = n; }
  return list;
}

TEST(PipeSource, ReadsAWavFromADescriptor) {
  Pipe pipe = new_pipe();
  ASSERT_TRUE(write_all(pipe.write_end.get(), wave_saying(0x7FFFF000, counting_samples(10))));
  pipe.write_end.reset();
  ChannelRegistry registry;
  NodeHarness source = source_of(registry, source_config(descriptor_name(pipe.read_end.get())));
  EXPECT_EQ(source.outputs()[0].format, audio_format(48000.0, {"left", "right"}, 4, 32767.0 / 32768.0));
  const auto frames = run_until_done(source);
  EXPECT_EQ(frame_codes(frames), count_to(10));
  ASSERT_THAT(frames, SizeIs(3));
  EXPECT_EQ(frames[2].position(), 8);
  EXPECT_EQ(frames[2].timestamp_us(), 167);  // 8 / 48000 s
  EXPECT_TRUE(frames[2].header().has(FrameFlag::end_of_stream));
  EXPECT_THAT(source.node().notes(), IsEmpty());
}

TEST(PipeSource, GivesTheSameSamplesForEveryBlockSize) {
  for (const std::uint32_t block : {1U, 7U, 64U, 1000U, 4096U}) {
    Pipe pipe = new_pipe();
    ChannelRegistry registry;
    std::thread writer([&pipe] {  // in odd pieces, while it is read
      const std::string bytes = wave_saying(0, counting_samples(20'000));
      for (std::size_t at = 0; at < bytes.size(); at += 1237) {
        EXPECT_TRUE(write_all(pipe.write_end.get(), std::string_view(bytes).substr(at, 1237)));
      }
      pipe.write_end.reset();
    });
    {
      NodeHarness source = source_of(registry, source_config(descriptor_name(pipe.read_end.get())), block);
      const auto frames = run_until_done(source);
      EXPECT_EQ(frame_codes(frames), count_to(20'000)) << block;
      for (std::size_t b = 0; b + 1 < frames.size(); ++b) { EXPECT_EQ(frames[b].frame_count(), block); }
    }
    writer.join();
  }
}

TEST(PipeSource, ReadsSamplesWithoutAHeaderFromAFifo) {
  const TempDir dir;
  const std::string path = new_fifo(dir);
  ChannelRegistry registry;
  NodeHarness source = source_of(
      registry, source_config("fifo:" + path,
                              R"("format": "s16le", "channels": 2, "sample_rate": 8000, "frame_size": 3)"));
  EXPECT_THAT(source.run_source(1), IsEmpty());  // no writer yet: that is not the end
  EXPECT_EQ(source.last_status(), Status::ok);
  Fd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(write_all(writer.get(), counting_samples(4) + "ab"));
  writer.reset();
  const auto frames = run_until_done(source);
  EXPECT_EQ(frame_codes(frames), count_to(4));
  EXPECT_EQ(source.outputs()[0].format, audio_format(8000.0, {"left", "right"}, 3, 32767.0 / 32768.0));
  const auto notes = source.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "fifo:" + path + " ended with 2 bytes of an incomplete frame, which are skipped");
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(PipeSource, GivesFramedBlocksAsTheyWereWritten) {
  FramedHeader header{.sample_rate_hz = 96000.0, .max_frames = 8, .channels = {{"mic", "Pa"}}};
  auto writer = FramedWriter::create(header);
  ASSERT_TRUE(writer.has_value());
  std::vector<std::byte> bytes(5, std::byte{'?'});
  std::int64_t position = 1000;
  for (const std::uint64_t id : {4U, 5U, 7U}) {  // 6 was lost, with 3 frames
    const std::vector<double> samples(3, static_cast<double>(id));
    const FramedBlock block{.sequence_id = id,
                            .position = position + static_cast<std::int64_t>(id - 4) * 3,
                            .timestamp_us = static_cast<std::int64_t>(id) * 100,
                            .flags = 4,
                            .frame_count = 3,
                            .samples = std::as_bytes(std::span(samples))};
    ASSERT_TRUE(writer->append(block, bytes));
  }
  Pipe pipe = new_pipe();
  ASSERT_TRUE(write_all(pipe.write_end.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  pipe.write_end.reset();
  ChannelRegistry registry;
  NodeHarness source =
      source_of(registry, source_config(descriptor_name(pipe.read_end.get()), R"("format": "framed")"));
  StreamFormat expected = audio_format(96000.0, {"mic"}, 8);
  expected.channels[0].unit = "Pa";
  EXPECT_EQ(source.outputs()[0].format, expected);
  const auto frames = run_until_done(source);
  ASSERT_THAT(frames, SizeIs(3));
  EXPECT_EQ(frames[0].header().position, 1000);
  EXPECT_EQ(frames[0].sequence_id(), 4U);
  EXPECT_EQ(frames[0].timestamp_us(), 400);
  EXPECT_TRUE(frames[0].header().has(FrameFlag::clipped));
  EXPECT_FALSE(frames[1].header().has(FrameFlag::gap));
  EXPECT_TRUE(frames[2].header().has(FrameFlag::gap));
  EXPECT_EQ(frames[2].header().gap_frames, 3U);
  EXPECT_THAT(frames[2].channel(0U), ElementsAre(7.0, 7.0, 7.0));
  std::vector<std::string> notes;
  for (const NodeNote& note : source.node().notes()) {
    notes.push_back(note.text);
    EXPECT_TRUE(note.data_lost);
  }
  const std::string name = descriptor_name(pipe.read_end.get());
  EXPECT_THAT(notes,
              ElementsAre("bytes that were skipped of " + name + ": 5", "missing blocks of " + name + ": 1"));
}

// Its writer lacked them: they are missing here, too.
TEST(PipeSource, CountsTheGapsThatAFramedStreamTellsOf) {
  auto writer =
      FramedWriter::create({.sample_rate_hz = 8000.0, .max_frames = 8, .channels = {{"mic", "FS"}}});
  ASSERT_TRUE(writer.has_value());
  std::vector<std::byte> bytes;
  const std::vector<double> samples(4, 0.5);
  for (const auto& [id, position, missing] :
       {std::tuple(1U, 0, 0), {2U, 104, 100}, {3U, 108, 0}, {4U, 112 + 7, 0}}) {
    const FramedBlock block{.sequence_id = id,
                            .position = position,
                            .gap_frames = static_cast<std::uint64_t>(missing),
                            .flags = missing > 0 ? flag_bit(FrameFlag::gap) : 0U,
                            .frame_count = 4,
                            .samples = std::as_bytes(std::span(samples))};
    ASSERT_TRUE(writer->append(block, bytes));
  }
  Pipe pipe = new_pipe();
  ASSERT_TRUE(write_all(pipe.write_end.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  pipe.write_end.reset();
  ChannelRegistry registry;
  const std::string name = descriptor_name(pipe.read_end.get());
  NodeHarness source = source_of(registry, source_config(name, R"("format": "framed")"));
  EXPECT_THAT(run_until_done(source), SizeIs(4));
  const auto notes = source.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "gaps that " + name + " tells of: 2 (107 frames)");
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(PipeSource, FailsWhenTheStreamBecomesAnother) {
  std::vector<std::byte> bytes;
  for (const double rate : {8000.0, 16000.0}) {
    auto writer =
        FramedWriter::create({.sample_rate_hz = rate, .max_frames = 8, .channels = {{"mic", "FS"}}});
    ASSERT_TRUE(writer.has_value());
    writer->append_header(bytes);
  }
  Pipe pipe = new_pipe();
  ASSERT_TRUE(write_all(pipe.write_end.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  ChannelRegistry registry;
  const std::string name = descriptor_name(pipe.read_end.get());
  NodeHarness source = source_of(registry, source_config(name));
  source.run_source(1);
  EXPECT_EQ(source.last_status(), Status::fault);
  EXPECT_EQ(to_string(source.node().failure()),
            name + " changed its format after 0 blocks; expected one format from beginning to end");
}

TEST(PipeSource, FlagsAndCountsWhatIsNotANumber) {
  Pipe pipe = new_pipe();
  ASSERT_TRUE(
      write_all(pipe.write_end.get(), little(0x7FC00000, 4) + little(0x7F800000, 4) + little(0x3F800000, 4)));
  pipe.write_end.reset();
  ChannelRegistry registry;
  const std::string name = descriptor_name(pipe.read_end.get());
  NodeHarness source =
      source_of(registry, source_config(name, R"("format": "f32le", "channels": 1, "sample_rate": 8000)"));
  const auto frames = run_until_done(source);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_TRUE(frames[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(frames[0].header().has(FrameFlag::clipped));
  ASSERT_THAT(source.node().notes(), SizeIs(1));
  EXPECT_EQ(source.node().notes()[0].text, "samples of " + name + " that are NaN or infinite: 2");
}

TEST(PipeSource, EndsItsWaitWhenTheRunIsToEnd) {
  const Pipe pipe = new_pipe();
  ChannelRegistry registry;
  NodeHarness source =
      source_of(registry, source_config(descriptor_name(pipe.read_end.get()),
                                        R"("format": "s16le", "channels": 1, "sample_rate": 8000)"));
  source.node().stop_waiting();
  for (int call = 0; call < 1000; ++call) {  // 20 s, if they waited
    EXPECT_THAT(source.run_source(1), IsEmpty());
    EXPECT_EQ(source.last_status(), Status::ok);
  }
}

TEST(PipeSource, WaitsForAHeaderNoLongerThanItsTimeout) {
  const TempDir dir;
  const std::string path = new_fifo(dir);
  EXPECT_EQ(source_refusal(source_config("fifo:" + path, R"("timeout_s": 0.02)")),
            "/config/from: no header came from fifo:" + path +
                " within 0.02 s; expected a writer; start it, or set a longer timeout_s");
}

TEST(PipeSource, NeedsChannelsAndRateWhereNothingMayBeRead) {
  const auto look = [](const std::string& json, double rate_hz) {
    PrepareContext context;
    context.sample_rate_hz = rate_hz;
    return to_string(NodeHarness::refusals("PipeSource", json, std::vector<StreamFormat>{}, context), "");
  };
  EXPECT_EQ(
      look(source_config("stdin"), 48000.0),
      "/config: what stdin carries is known only when it comes; expected \"channels\" and \"sample_rate\", which its header is then held against\n");
  EXPECT_EQ(look(source_config("stdin", R"("channels": 2)"), 48000.0), "");
  EXPECT_EQ(look(source_config("stdin", R"("channels": 2, "sample_rate": 48000)"), 0.0), "");
}

TEST(PipeSource, HoldsWhatComesAgainstWhatItWasPreparedFor) {
  // Prepared without reading, as a pipeline without channels is; start() reads the header.
  Pipe pipe = new_pipe();
  ASSERT_TRUE(write_all(pipe.write_end.get(), wave_saying(0, counting_samples(3))));
  pipe.write_end.reset();
  const std::string name = descriptor_name(pipe.read_end.get());
  NodeHarness fitting("PipeSource", source_config(name, R"("channels": 2, "sample_rate": 48000)"));
  EXPECT_EQ(frame_codes(run_until_done(fitting)), count_to(3));
  Pipe other = new_pipe();
  ASSERT_TRUE(write_all(other.write_end.get(), wave_saying(0, counting_samples(3))));
  try {
    const NodeHarness wrong("PipeSource", source_config(descriptor_name(other.read_end.get()),
                                                        R"("channels": 1, "sample_rate": 48000)"));
    FAIL() << "was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("says 2, which contradicts 1"));
  }
}

TEST(PipeSource, RefusesWhatItCannotRead) {
  const TempDir dir;
  EXPECT_EQ(
      source_refusal(source_config("stdout")),
      "/config/from: \"stdout\" is not a valid end of a pipe; expected \"stdin\", \"fifo:/path\" or \"fd:5\"");
  for (const char* name : {"fd:", "fd:x", "fd:-1", "fd:5x", "fifo:", "fifo:/", "fifo:/tmp/", ""}) {
    EXPECT_THAT(source_refusal(source_config(name)), HasSubstr("is not a valid end of a pipe")) << name;
  }
  EXPECT_EQ(source_refusal(source_config("fd:999999")),
            "/config/from: fd:999999 is not open; expected a descriptor that was open when the program "
            "started");
  const std::string path = dir.file("none");
  EXPECT_EQ(source_refusal(source_config("fifo:" + path)), "/config/from: there is no FIFO \"" + path +
                                                               "\"; expected an existing FIFO; mkfifo '" +
                                                               path + "' creates it");
  const std::string file = dir.write("file", "x");
  EXPECT_EQ(
      source_refusal(source_config("fifo:" + file)),
      "/config/from: \"" + file + "\" is not a FIFO; expected a FIFO; files are for FileSource and FileSink");
  const Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.write_end.get());
  EXPECT_EQ(source_refusal(source_config(name)),
            "/config/from: " + name + " is not open for reading; expected the other end of the pipe");
  Pipe wav = new_pipe();
  ASSERT_TRUE(write_all(wav.write_end.get(), wave_saying(0, "")));
  const std::string in = descriptor_name(wav.read_end.get());
  EXPECT_EQ(source_refusal(source_config(in), 44100.0),
            "/config/from: " + in +
                " has 48000 Hz, which contradicts /pipeline_config/sample_rate of 44100 Hz; "
                "expected the same rate");
  const Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(static_cast<bool>(terminal));
  const std::string tty = descriptor_name(terminal.get());
  EXPECT_EQ(source_refusal(source_config(tty)),
            "/config/from: " + tty +
                " is a terminal; expected a pipe or a file; sox in.wav -t wav - | streamlab "
                "run …");
}

TEST(PipeSource, LeavesNoDescriptorBehindAndTheGivenOneAsItWas) {
  const std::size_t before = open_descriptors();
  {
    Pipe pipe = new_pipe();
    const int flags = ::fcntl(pipe.read_end.get(), F_GETFL);
    ChannelRegistry registry;
    for (int i = 0; i < 20; ++i) {
      NodeHarness source =
          source_of(registry, source_config(descriptor_name(pipe.read_end.get()),
                                            R"("format": "s16le", "channels": 1, "sample_rate": 8000)"));
      source.run_source(1);
    }
    EXPECT_EQ(::fcntl(pipe.read_end.get(), F_GETFL), flags);
    EXPECT_TRUE(write_all(pipe.write_end.get(), "x"));  // it is still read
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace streamlab
