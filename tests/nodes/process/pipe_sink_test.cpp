// tests/nodes/process/pipe_sink_test.cpp
#include <array>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/framed_stream.hpp"
#include "tests/nodes/process/pipe_ends.hpp"
#include "tests/support/node_harness.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string sink_config(const std::string& to, const std::string& more = "") {
  return R"({"to": ")" + to + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

std::string sink_refusal(const std::string& json) {
  ChannelRegistry registry;
  const Errors errors = NodeHarness::refusals(
      "PipeSink", json, std::vector{audio_format(48000.0, {"left", "right"}, 64)}, running(registry));
  EXPECT_THAT(errors, SizeIs(1));
  return errors.empty() ? std::string() : to_string(errors[0]);
}

// Frame n holds n and -n times 2^-15.
Signal counting(int frames) {
  Signal signal(2);
  for (int n = 0; n < frames; ++n) {
    signal[0].push_back(n / 32768.0);
    signal[1].push_back(-n / 32768.0);
  }
  return signal;
}

// All that the sink writes, read at the same time.
std::string written(const std::string& more, const Signal& signal, std::uint32_t block) {
  Pipe pipe = new_pipe();
  std::string text;
  std::thread reader([&] { text = read_all(pipe.read_end.get()); });
  {
    NodeHarness sink("PipeSink", sink_config(descriptor_name(pipe.write_end.get()), more),
                     {48000.0, 2, 4096});
    pipe.write_end.reset();
    sink.run(signal, block);
    EXPECT_THAT(sink.node().notes(), IsEmpty());
  }
  reader.join();
  return text;
}

TEST(PipeSink, WritesAWavOfUnknownLength) {
  for (const std::uint32_t block : {1U, 7U, 64U, 4096U}) {
    EXPECT_EQ(written(R"("samples": "s16le")", counting(5000), block) ==
                  wave_saying(0x7FFFF000, counting_samples(5000)),
              true)
        << block;
  }
}

TEST(PipeSink, WritesSamplesWithoutAHeader) {
  EXPECT_EQ(written(R"("format": "s16le")", counting(300), 64), counting_samples(300));
  EXPECT_EQ(written(R"("format": "s16le", "samples": "s16le")", counting(1), 64), counting_samples(1));
  EXPECT_EQ(written(R"("format": "f64le")", Signal{{0.5}, {1.0}}, 64),
            little(0x3FE0000000000000, 8) + little(0x3FF0000000000000, 8));
}

TEST(PipeSink, BeginsBeforeItsFirstBlock) {
  // The reader may be waiting for the header to know what it will get.
  for (const auto& [format, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"wav", "RIFF"}, {"framed", "SLST"}}) {
    Pipe pipe = new_pipe();
    const NodeHarness sink(
        "PipeSink", sink_config(descriptor_name(pipe.write_end.get()), R"("format": ")" + format + "\""));
    char first[4];
    ASSERT_EQ(::read(pipe.read_end.get(), first, 4), 4);
    EXPECT_EQ(std::string(first, 4), bytes);
  }
}

TEST(PipeSink, WritesFramedBlocksWithTheirTimes) {
  Pipe pipe = new_pipe();
  {
    NodeHarness sink(
        "PipeSink",
        sink_config(descriptor_name(pipe.write_end.get()), R"("format": "framed", "header_every": 1)"),
        {8000.0, 1, 16});
    pipe.write_end.reset();
    for (std::uint64_t id = 0; id < 3; ++id) {
      DataFrame block = sink.input_frame();
      block.set_frame_count(2);
      block.channel(0U)[0] = static_cast<double>(id);
      block.header() = {static_cast<std::int64_t>(id), id, 100, id == 2 ? 50U : 0U, id == 2 ? 1U : 0U};
      sink.process(block);
    }
  }
  const std::string text = read_all(pipe.read_end.get());
  FramedReader reader;
  reader.feed(bytes_of(text));
  reader.end();
  std::vector<std::uint64_t> gaps;
  for (auto item = reader.next(); item && *item != FramedReader::Item::nothing; item = reader.next()) {
    if (*item != FramedReader::Item::block) { continue; }
    gaps.push_back(reader.block().gap_frames);
    EXPECT_EQ(reader.block().frame_count, 2U);
    EXPECT_EQ(reader.block().position, 100);
  }
  EXPECT_THAT(gaps, testing::ElementsAre(0, 0, 50));
  EXPECT_EQ(reader.counts().headers, 3U);
  EXPECT_EQ(reader.header()->max_frames, 16U);
}

TEST(PipeSink, FillsAGapWithSilenceOrJoinsWhatIsThere) {
  for (const bool splice : {false, true}) {
    Pipe pipe = new_pipe();
    std::vector<NodeNote> notes;
    {
      NodeHarness sink(
          "PipeSink",
          sink_config(descriptor_name(pipe.write_end.get()), std::string(R"("format": "s16le", "gap": )") +
                                                                 (splice ? R"("splice")" : R"("silence")")),
          {8000.0, 1, 16});
      pipe.write_end.reset();
      DataFrame block = sink.input_frame();
      block.set_frame_count(1);
      block.channel(0U)[0] = 0.5;
      sink.process(block);
      block.header().set(FrameFlag::gap);
      block.header().gap_frames = 5000;
      sink.process(block);
      notes = sink.node().notes();
    }
    const std::string silence(splice ? 0 : 10'000, '\0');
    EXPECT_EQ(read_all(pipe.read_end.get()) == little(0x4000, 2) + silence + little(0x4000, 2), true);
    ASSERT_THAT(notes, SizeIs(1));
    EXPECT_THAT(notes[0].text, HasSubstr(splice ? "missing frames that were left out: 5000"
                                                : "missing frames that were written as silence: 5000"));
  }
}

TEST(PipeSink, IsDoneWhenItsReaderHasGone) {
  Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.write_end.get());
  NodeHarness sink("PipeSink", sink_config(name, R"("format": "s16le")"), {8000.0, 1, 16});
  DataFrame block = sink.input_frame();
  block.set_frame_count(10);
  sink.process(block);
  EXPECT_EQ(sink.last_status(), Status::ok);
  pipe.read_end.reset();
  for (int i = 0; i < 3; ++i) {
    sink.process(block);
    EXPECT_EQ(sink.last_status(), Status::done);
  }
  EXPECT_THAT(sink.node().notes()[0].text,
              testing::EndsWith("at least 40 frames were not taken"));  // others may come
  block.header().set(FrameFlag::end_of_stream);
  sink.process(block);
  const auto notes = sink.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "the reader of " + name + " left after 0 frames: 50 frames were not taken");
  EXPECT_EQ(notes[0].count, 50U);  // those that lay in the pipe, unread, too
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(PipeSink, CountsWhatAReaderThatWentLeftInThePipe) {
  Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.write_end.get());
  NodeHarness sink("PipeSink", sink_config(name, R"("format": "s16le")"), {8000.0, 1, 16});
  DataFrame block = sink.input_frame();
  block.set_frame_count(10);
  for (int i = 0; i < 5; ++i) { sink.process(block); }
  EXPECT_EQ(sink.last_status(), Status::ok);  // everything fits into the pipe
  std::array<char, 24> first_frames{};
  ASSERT_EQ(::read(pipe.read_end.get(), first_frames.data(), first_frames.size()), 24);
  pipe.read_end.reset();
  ASSERT_TRUE(sink.node().close());
  const auto notes = sink.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "the reader of " + name + " left after 12 frames: 38 frames were not taken");
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(PipeSink, WaitsForASlowReaderAndGivesUpOnlyWhenTheRunIsToEnd) {
  Pipe pipe = new_pipe(4096);
  const std::string name = descriptor_name(pipe.write_end.get());
  NodeHarness sink("PipeSink", sink_config(name, R"("format": "f64le")"), {8000.0, 1, 4096});
  DataFrame block = sink.input_frame();
  block.set_frame_count(4096);
  // It writes 32 KiB while there is room for 4: it waits, here for a reader that comes when it has begun.
  std::string text;
  std::thread reader([&] {
    pollfd full{pipe.read_end.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&full, 1, 60'000), 1);
    while (text.size() < 4096 * 8) {
      char bytes[1000];
      const ssize_t got = ::read(pipe.read_end.get(), bytes, std::min(sizeof bytes, 4096 * 8 - text.size()));
      if (got > 0) { text.append(bytes, static_cast<std::size_t>(got)); }
    }
  });
  sink.process(block);
  EXPECT_EQ(sink.last_status(), Status::ok);
  reader.join();
  sink.node().stop_waiting();  // no more reads: a second, in total
  for (int i = 0; i < 100; ++i) { sink.process(block); }
  EXPECT_EQ(sink.last_status(), Status::ok);  // it takes all that still comes, and counts it
  const auto notes = sink.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "the run no longer waited for the reader of " + name +
                               " after 4608 frames: 409088 frames were not taken");
  EXPECT_EQ(::read(pipe.read_end.get(), text.data(), text.size()),
            512 * 8);  // the pipe holds the first part of a block
}

TEST(PipeSink, CountsTheSilenceThatItWroteUntilTheRunEnded) {
  Pipe pipe = new_pipe(4096);
  NodeHarness sink("PipeSink", sink_config(descriptor_name(pipe.write_end.get()), R"("format": "s16le")"),
                   {8000.0, 1, 16});
  DataFrame block = sink.input_frame();
  block.set_frame_count(1);
  block.header().set(FrameFlag::gap);
  block.header().gap_frames = 5000;
  sink.node().stop_waiting();
  sink.process(block);
  const auto notes = sink.node().notes();
  ASSERT_THAT(notes, SizeIs(2));
  EXPECT_THAT(notes[0].text, HasSubstr("after 0 frames: 1 frames were not taken"));
  EXPECT_THAT(notes[1].text, HasSubstr("missing frames that were written as silence: 2048"));
}

TEST(PipeSink, WaitsForTheReaderOfAFifo) {
  const TempDir dir;
  const std::string path = new_fifo(dir);
  std::string text;
  std::thread reader([&] {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));  // waits for the writer
    text = read_all(fd.get());
  });
  {
    NodeHarness sink("PipeSink", sink_config("fifo:" + path, R"("format": "s16le", "timeout_s": 60)"),
                     {8000.0, 2, 64});
    sink.run(counting(100), 64);
  }
  reader.join();
  EXPECT_EQ(text, counting_samples(100));
  try {
    const NodeHarness alone("PipeSink", sink_config("fifo:" + path, R"("timeout_s": 0.02)"));
    FAIL() << "was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()),
              "/config/to: there is no reader of fifo:" + path +
                  "; expected a reader; start it first, or give it a longer timeout_s");
  }
}

TEST(PipeSink, CountsWhatDoesNotFit) {
  const Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.write_end.get());
  NodeHarness sink("PipeSink", sink_config(name, R"("format": "s16le")"), {8000.0, 1, 64});
  sink.run(Signal{{2.0, std::numeric_limits<double>::quiet_NaN(), 0.0}}, 64);
  const auto notes = sink.node().notes();
  ASSERT_THAT(notes, SizeIs(2));
  EXPECT_EQ(notes[0].text, name + ": samples that clipped: 1");
  EXPECT_EQ(notes[1].text, name + ": samples that are NaN or infinite: 1");
}

// As FileSink says it of a file of 32-bit floats.
TEST(PipeSink, LosesFloatsThatAreTooLargeFor32Bits) {
  const Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.write_end.get());
  NodeHarness sink("PipeSink", sink_config(name, R"("format": "f32le")"), {8000.0, 1, 4});
  sink.run(Signal{{0.5, 1e300, -1e39, 2.0}}, 4);
  const auto notes = sink.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text,
            name + ": samples too large for 32-bit floats, sent as the largest possible one: 2");
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(PipeSink, RefusesWhatItCannotWriteTo) {
  const TempDir dir;
  EXPECT_EQ(sink_refusal(sink_config("stdin")),
            "/config/to: \"stdin\" is not a valid end of a pipe; expected \"stdout\", \"fifo:/path\" or "
            "\"fd:5\"");
  const std::string file = dir.write("file", "x");
  EXPECT_EQ(
      sink_refusal(sink_config("fifo:" + file)),
      "/config/to: \"" + file + "\" is not a FIFO; expected a FIFO; files are for FileSource and FileSink");
  const Pipe pipe = new_pipe();
  const std::string name = descriptor_name(pipe.read_end.get());
  EXPECT_EQ(sink_refusal(sink_config(name)),
            "/config/to: " + name + " is not open for writing; expected the other end of the pipe");
  const Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(static_cast<bool>(terminal));
  const std::string tty = descriptor_name(terminal.get());
  EXPECT_EQ(sink_refusal(sink_config(tty)),
            "/config/to: " + tty +
                " is a terminal; expected a pipe or a file; streamlab run … | sox -t wav - "
                "out.wav");
  EXPECT_EQ(sink_refusal(sink_config(descriptor_name(pipe.write_end.get()),
                                     R"("format": "f32le", "samples": "s16le")")),
            "/config/samples: contradicts the format \"f32le\", which already defines the samples; expected "
            "no \"samples\"");
}

TEST(PipeSink, LeavesNoDescriptorBehindAndTheGivenOneAsItWas) {
  const std::size_t before = open_descriptors();
  {
    const Pipe pipe = new_pipe();
    const int flags = ::fcntl(pipe.write_end.get(), F_GETFL);
    for (int i = 0; i < 20; ++i) {
      NodeHarness sink("PipeSink", sink_config(descriptor_name(pipe.write_end.get())), {8000.0, 2, 64});
      sink.run(counting(10), 64);
    }
    EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFL), flags);
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace streamlab
