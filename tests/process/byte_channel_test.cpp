// tests/process/byte_channel_test.cpp
#include <sys/resource.h>

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/stream_registry.hpp"
#include "tests/process/children.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

using test::shell;
using test::soon;
using test::value_of;

std::string said(const Result<void>& result) { return result ? std::string() : to_string(result.error()); }

ByteChannel channel(StreamMode mode = StreamMode::direct) {
  ChannelOptions options;
  options.mode = mode;
  return value_of(ByteChannel::create("voice", options));
}

constexpr auto kIn = StreamDirection::stdin_;
constexpr auto kOut = StreamDirection::stdout_;

TEST(ByteChannel, RefusesEndsThatCannotBe) {
  ByteChannel direct = channel();
  EXPECT_EQ(said(direct.connect_producer("eq", kIn)),
            "voice: \"eq\" cannot write to it from its stdin; expected stdout, stderr or fifo_out");
  EXPECT_EQ(said(direct.connect_consumer("eq", kOut)),
            "voice: \"eq\" cannot read it with its stdout; expected stdin or fifo_in");
  EXPECT_EQ(said(direct.connect_producer("eq", kOut)), "");
  EXPECT_EQ(said(direct.connect_producer("other", StreamDirection::stderr_)),
            "voice: both \"eq\" and \"other\" write to it; expected one producer");
  ConsumerOptions dropping;
  dropping.policy = OverflowPolicy::drop_oldest;
  EXPECT_EQ(
      said(direct.connect_consumer("levels", kIn, dropping)),
      "voice: \"levels\" asks for the policy drop_oldest, which a direct channel does not support; expected "
      "block, or "
      "the mode broadcast");
  EXPECT_EQ(said(direct.connect_consumer("levels", kIn)), "");
  EXPECT_EQ(said(direct.connect_consumer("log", kIn)),
            "voice: both \"levels\" and \"log\" read it, and its mode is direct; expected one consumer, or "
            "the mode "
            "broadcast");
  EXPECT_EQ(said(direct.connect_consumer("levels", kIn)), "voice: \"levels\" reads it twice; expected once");

  ByteChannel broadcast = channel(StreamMode::broadcast);
  dropping.policy = OverflowPolicy::latest;
  EXPECT_EQ(said(broadcast.connect_consumer("levels", kIn, dropping)),
            "voice: \"levels\" asks for the policy latest; expected block, drop_oldest or fail");
  dropping.policy = OverflowPolicy::drop_oldest;
  dropping.buffer_bytes = 10;
  dropping.unit_bytes = 12;
  EXPECT_EQ(said(broadcast.connect_consumer("levels", kIn, dropping)),
            "voice: \"levels\" has units of 12 bytes; expected 1 .. 10 bytes, its buffer");
  const auto nameless = ByteChannel::create("");
  ASSERT_FALSE(nameless);
  EXPECT_EQ(to_string(nameless.error()), "a channel without a name; expected a name");
}

TEST(ByteChannel, LivesInOneOrder) {
  const test::TempDir parent;
  const RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
  ByteChannel one = channel();
  EXPECT_EQ(one.phase(), ByteChannel::Phase::created);
  EXPECT_EQ(said(one.open(directory)), "voice: it has no writer; expected a producer and a consumer");
  EXPECT_EQ(
      said(one.start()),
      "voice: cannot stream on a channel that is created; expected the order create, connect, open, stream, "
      "close");
  ASSERT_EQ(said(one.connect_producer("a", kOut)), "");
  EXPECT_EQ(said(one.open(directory)), "voice: it has no reader; expected a producer and a consumer");
  ASSERT_EQ(said(one.connect_consumer("b", kIn)), "");
  EXPECT_EQ(one.phase(), ByteChannel::Phase::connected);
  ASSERT_EQ(said(one.open(directory)), "");
  EXPECT_EQ(one.phase(), ByteChannel::Phase::open);
  EXPECT_EQ(one.granted_bytes(), 65536U);
  EXPECT_EQ(
      said(one.connect_consumer("c", kIn)),
      "voice: cannot connect to a channel that is open; expected the order create, connect, open, stream, close");
  EXPECT_EQ(
      said(one.open(directory)),
      "voice: cannot open a channel that is open; expected the order create, connect, open, stream, close");
  ASSERT_EQ(one.handovers("a").size(), 1U);
  EXPECT_EQ(one.handovers("a")[0].as, 1);
  EXPECT_EQ(one.handovers("b")[0].as, 0);
  EXPECT_TRUE(one.handovers("c").empty());
  ASSERT_EQ(said(one.start()), "");
  EXPECT_TRUE(one.handovers("a").empty());  // the child has it; we do not
  EXPECT_TRUE(one.close(soon()));
  EXPECT_EQ(one.phase(), ByteChannel::Phase::closed);
}

TEST(ByteChannel, RefusesMoreConsumersThanDescriptorsAllow) {
  const test::TempDir parent;
  const RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit ten_thousand{10000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &ten_thousand), 0);
  ByteChannel wide = channel(StreamMode::broadcast);
  ASSERT_EQ(said(wide.connect_producer("a", kOut)), "");
  for (int n = 0; n < 3000; ++n) { ASSERT_EQ(said(wide.connect_consumer("b" + std::to_string(n), kIn)), ""); }
  const std::size_t left = descriptors_left();
  const std::string refusal = said(wide.open(directory));
  const std::size_t left_after = descriptors_left();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(refusal, "voice: its 3000 consumers need 12004 open files, but only " + std::to_string(left) +
                         " are left; expected fewer consumers, or a higher limit (\"ulimit -n\")");
  EXPECT_EQ(left_after, left);
}

TEST(ByteChannel, NeedsNoMoreDescriptorsThanItSays) {
  const test::TempDir parent;
  const RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
  for (const StreamMode mode : {StreamMode::direct, StreamMode::broadcast}) {
    ByteChannel one = channel(mode);
    ASSERT_EQ(said(one.connect_producer("a", kOut)), "");
    ASSERT_EQ(said(one.connect_consumer("b", kIn)), "");
    if (mode == StreamMode::broadcast) { ASSERT_EQ(said(one.connect_consumer("c", kIn)), ""); }
    const std::size_t before = descriptors_left();
    ASSERT_EQ(said(one.open(directory)), "");
    EXPECT_LE(before - descriptors_left(), one.descriptors_needed());
    ASSERT_EQ(said(one.start()), "");
    EXPECT_LE(before - descriptors_left(), one.descriptors_needed());
    one.close(soon());
    EXPECT_EQ(descriptors_left(), before);
  }
}

TEST(StreamRegistry, KnowsItsChannelsByName) {
  StreamRegistry registry;
  ASSERT_TRUE(registry.create("voice"));
  ASSERT_TRUE(registry.create("levels"));
  const auto twice = registry.create("voice");
  ASSERT_FALSE(twice);
  EXPECT_EQ(to_string(twice.error()),
            "voice: a channel with this name already exists; expected another "
            "name");
  EXPECT_THAT(registry.names(), ElementsAre("voice", "levels"));
  const auto missing = registry.find("voise");
  ASSERT_FALSE(missing);
  EXPECT_EQ(to_string(missing.error()), "there is no channel \"voise\"; did you mean \"voice\"?");
  EXPECT_EQ(value_of(registry.find("levels"))->name(), "levels");
}

// A script, and the end by which it is tied to the channel.
struct Tied {
  std::string step;
  StreamDirection by;
  std::string script;
};

// Two programs of one channel, run to their ends.
struct Programs {
  test::TempDir parent;
  RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
  StreamRegistry registry;
  std::unique_ptr<ChildSupervisor> children;
  std::vector<std::pair<std::string, ChildId>> ids;
  ChannelReport report;

  Programs() {
    SupervisorOptions options;
    options.grace = options.linger = std::chrono::milliseconds(50);
    children = value_of(ChildSupervisor::create(options));
  }
  // By step: how each ended.
  std::map<std::string, ChildEnd> run(const Tied& producer, const Tied& consumer,
                                      ChannelOptions options = {}) {
    ByteChannel* data = value_of(registry.create("data", options));
    EXPECT_EQ(said(data->connect_producer(producer.step, producer.by)), "");
    EXPECT_EQ(said(data->connect_consumer(consumer.step, consumer.by)), "");
    EXPECT_EQ(said(data->open(directory)), "");
    start(consumer.step, consumer.script);
    start(producer.step, producer.script);
    EXPECT_EQ(said(data->start()), "");
    auto ends = wait();
    report = data->report();
    return ends;
  }
  void start(const std::string& step, const std::string& script) {
    ChildSpec spec = shell(script, registry.handovers(step));
    spec.name = step;
    spec.environment = {{"IN", registry.fifo_path(step, StreamDirection::fifo_in)},
                        {"OUT", registry.fifo_path(step, StreamDirection::fifo_out)}};
    ids.emplace_back(step, value_of(children->start(std::move(spec))));
  }
  // By step: how each ended.
  std::map<std::string, ChildEnd> wait() {
    std::map<std::string, ChildEnd> ends;
    while (ends.size() < ids.size()) {
      auto end = children->wait_any(soon());
      if (!end) { throw std::runtime_error("a child did not end"); }
      registry.end_step(end->name);
      ends[end->name] = *end;
    }
    if (!registry.close(soon())) { throw std::runtime_error("a channel did not end"); }
    return ends;
  }
};

// The bytes and the sum that a reader of the whole stream sees, by a program of its own.
constexpr const char* kSum = "cksum >&2";

TEST(Channels, CarryAGigabyteFromOneProgramToAnother) {
  // 1 GB of counted lines; cksum is POSIX's CRC-32 over all of it.
  const std::string produce = "seq 1 200000000 | head -c 1000000000";
  const auto sum = [&](StreamMode mode) {
    ChannelOptions options;
    options.mode = mode;
    options.buffer_bytes = 1U << 20U;
    return Programs()
        .run({"producer", kOut, produce}, {"consumer", kIn, kSum}, options)["consumer"]
        .stderr_end;
  };
  Programs plain;
  plain.start("shell", produce + " | " + kSum);
  const std::string expected = plain.wait()["shell"].stderr_end;
  EXPECT_NE(expected.find(" 1000000000"), std::string::npos) << expected;
  EXPECT_EQ(sum(StreamMode::direct), expected);
  EXPECT_EQ(sum(StreamMode::broadcast), expected);
}

TEST(Channels, CarryStandardErrorAndKeepItsEnd) {
  Programs programs;
  auto ends = programs.run({"program", StreamDirection::stderr_, "echo one >&2; echo two >&2; exit 4"},
                           {"reader", kIn, "sed s/^/read:/ >&2"});
  EXPECT_EQ(ends["reader"].stderr_end, "read:one\nread:two\n");
  EXPECT_EQ(ends["program"].exit_status, 4);
  EXPECT_EQ(programs.report.relay.tail, "one\ntwo\n");
}

TEST(Channels, CarryByPath) {
  auto ends = Programs().run({"program", StreamDirection::fifo_out, "echo by path > \"$OUT\""},
                             {"reader", StreamDirection::fifo_in, "cat \"$IN\" >&2"});
  EXPECT_EQ(ends["reader"].stderr_end, "by path\n");
}

TEST(Channels, CarryWhatAProducerWritesIntoAFifoThatItOpensTwice) {
  // The second opening comes when the first text has arrived: not before the relay has seen the first
  // closing.
  const test::TempDir folder;
  const std::string seen = folder.file("seen");
  auto ends = Programs().run(
      {"program", StreamDirection::fifo_out,
       "echo one > \"$OUT\"; while ! test -e " + seen + "; do sleep 0.01; done; echo two > \"$OUT\""},
      {"reader", kIn, "read line; touch " + seen + "; echo \"$line\" >&2; cat >&2"});
  EXPECT_EQ(ends["reader"].stderr_end, "one\ntwo\n");
}

TEST(Channels, CarryTheRestToAConsumerThatOpensItsFifoTwice) {
  // dd takes three bytes and no more.
  auto ends =
      Programs().run({"program", kOut, "printf 0123456789"},
                     {"reader", StreamDirection::fifo_in,
                      "dd bs=3 count=1 status=none < \"$IN\" >&2; echo >&2; sleep 0.1; cat < \"$IN\" >&2"});
  EXPECT_EQ(ends["reader"].stderr_end, "012\n3456789");
}

TEST(Channels, EndWhereNoOneEverOpensTheFifo) {
  auto ends = Programs().run({"program", StreamDirection::fifo_out, "exit 0"},
                             {"reader", kIn, "cat >&2; echo end >&2"});
  EXPECT_EQ(ends["reader"].stderr_end, "end\n");
}

TEST(Channels, AProducerWhoseConsumerLeavesEndsByABrokenPipe) {
  for (const StreamMode mode : {StreamMode::direct, StreamMode::broadcast}) {
    ChannelOptions options;
    options.mode = mode;
    auto ends = Programs().run({"endless", kOut, "exec yes"}, {"two lines", kIn, "head -n 2 >&2"}, options);
    EXPECT_TRUE(ends["endless"].is_broken_pipe());
    EXPECT_EQ(ends["two lines"].stderr_end, "y\ny\n");
  }
}

TEST(Channels, CountLinesWhereAsked) {
  Programs programs;
  ChannelOptions options;
  options.count = StreamCount::lines;
  programs.run({"producer", kOut, "seq 1 1000"}, {"consumer", kIn, "cat >/dev/null"}, options);
  EXPECT_EQ(programs.report.relay.lines, 1000U);
  EXPECT_EQ(programs.report.relay.bytes, 3893U);  // 9·2 + 90·3 + 900·4 + 5
}

}  // namespace
}  // namespace streamlab
