// tests/process/relay_test.cpp
#include "engine/process/relay.hpp"

#include <sys/stat.h>

#include <cstring>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/byte_backlog.hpp"
#include "tests/process/children.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::all_of;
using test::soon;
using test::value_of;

std::string numbered(std::size_t bytes, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) { c = static_cast<char>(random()); }
  return text;
}

void write_all(int fd, std::string_view text) {
  const NoSigpipe guard;
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) { continue; }
    if (written < 0) { return; }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string read_exactly(int fd, std::size_t count) {
  std::string text(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::read(fd, text.data() + done, count - done);
    if (got == 0 || (got < 0 && errno != EINTR)) { break; }
    if (got > 0) { done += static_cast<std::size_t>(got); }
  }
  text.resize(done);
  return text;
}

// A relay whose ends the test holds.
struct World {
  Pipe in;
  std::vector<Pipe> out;
  std::unique_ptr<Relay> relay;

  World(std::vector<RelayConsumer> consumers, RelayOptions options = {},
        std::size_t pipe_bytes = kDefaultPipeBytes)
      : in(value_of(make_pipe(pipe_bytes))) {
    for (std::size_t i = 0; i < consumers.size(); ++i) {
      if (!consumers[i].fifo.empty()) {
        out.emplace_back();
        continue;
      }
      out.push_back(value_of(make_pipe(pipe_bytes)));
      consumers[i].name = "consumer " + std::to_string(i + 1);
      consumers[i].to = std::move(out.back().write_end);
    }
    relay = value_of(Relay::start("stream", std::move(in.read_end), std::move(consumers), options));
  }
  void end() { in.write_end.reset(); }
  RelayReport finished() {
    if (!relay->wait_until(soon())) { throw std::runtime_error("the relay did not end"); }
    return relay->report();
  }
};

std::vector<RelayConsumer> consumers(std::size_t count, OverflowPolicy policy = OverflowPolicy::block,
                                     std::size_t buffer_bytes = kDefaultPipeBytes,
                                     std::size_t unit_bytes = 1) {
  std::vector<RelayConsumer> all(count);
  for (RelayConsumer& consumer : all) {
    consumer.policy = policy;
    consumer.buffer_bytes = buffer_bytes;
    consumer.unit_bytes = unit_bytes;
  }
  return all;
}

struct Way {
  bool zero_copy;
  std::size_t count;
};

class EveryWay : public testing::TestWithParam<Way> {};

TEST_P(EveryWay, GivesEveryConsumerEveryByteInOrder) {
  const auto [zero_copy, count] = GetParam();
  const std::string sent = numbered(3'000'017);
  World world(consumers(count), {.zero_copy = zero_copy});
  std::vector<std::string> got(count);
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < count; ++i) {
      readers.emplace_back([&, i] {
        // Each in pieces of its own size, so that they never are at one place.
        const std::size_t piece = 13 + 4099 * i;
        while (true) {
          const std::string part = read_exactly(world.out[i].read_end.get(), piece);
          got[i] += part;
          if (part.size() < piece) { return; }
        }
      });
    }
    std::mt19937 random(7);
    for (std::string_view rest = sent; !rest.empty();) {  // one byte, many bytes: pages full and nearly empty
      const std::size_t size =
          std::min<std::size_t>(rest.size(), 1 + random() % (random() % 4 == 0 ? 100000 : 50));
      write_all(world.in.write_end.get(), rest.substr(0, size));
      rest.remove_prefix(size);
    }
    world.end();
  }
  for (std::size_t i = 0; i < count; ++i) { EXPECT_EQ(got[i], sent) << "consumer " << i + 1; }
  const RelayReport report = world.finished();
  EXPECT_EQ(report.bytes, sent.size());
  EXPECT_EQ(report.copied_bytes, zero_copy ? 0U : sent.size());
  for (const auto& consumer : report.consumers) {
    EXPECT_EQ(consumer.bytes, sent.size());
    EXPECT_EQ(consumer.dropped_bytes + consumer.lost_bytes, 0U);
    EXPECT_FALSE(consumer.left_early);
  }
}

INSTANTIATE_TEST_SUITE_P(Relay, EveryWay,
                         testing::Values(Way{true, 1}, Way{true, 2}, Way{true, 4}, Way{true, 7},
                                         Way{false, 1}, Way{false, 4}),
                         [](const auto& way) {
                           return std::string(way.param.zero_copy ? "ByReferenceTo" : "CopyingTo") +
                                  std::to_string(way.param.count);
                         });

TEST(Relay, GoesOnWhenAPipeOfItsOwnIsSmallerThanTheSource) {
  // The source holds 1 MiB; what the consumers' pipes are granted is the source's, so shrink by asking for
  // copies: drop_oldest takes the way through memory while block goes by reference.
  std::vector<RelayConsumer> mixed = consumers(3);
  mixed[1].policy = OverflowPolicy::drop_oldest;
  mixed[1].buffer_bytes = 8U << 20U;
  const std::string sent = numbered(2'000'003);
  World world(std::move(mixed), {}, 1U << 20U);
  std::vector<std::string> got(3);
  {
    std::vector<std::jthread> readers;
    for (std::size_t i = 0; i < 3; ++i) {
      readers.emplace_back([&, i] { got[i] = all_of(world.out[i].read_end.get()); });
    }
    write_all(world.in.write_end.get(), sent);
    world.end();
  }
  for (const std::string& each : got) { EXPECT_EQ(each, sent); }
  EXPECT_EQ(world.finished().copied_bytes, sent.size());
}

TEST(Relay, TheSlowestSetsThePaceOfThoseThatBlock) {
  World world(consumers(2));
  const std::string sent = numbered(1'000'000);
  std::jthread writer([&] {
    write_all(world.in.write_end.get(), sent);
    world.end();
  });
  // The first takes what it can get while the second takes nothing: what lies in pipes, and no more.
  const std::size_t in_pipes =
      2 * kDefaultPipeBytes + 256 * 1024;  // its own holds as much (process-streams.md)
  const std::string early = read_exactly(world.out[0].read_end.get(), kDefaultPipeBytes);
  EXPECT_EQ(early, sent.substr(0, kDefaultPipeBytes));
  EXPECT_LE(world.relay->report().bytes, in_pipes);
  std::string second;
  std::jthread reader([&] { second = all_of(world.out[1].read_end.get()); });
  const std::string first = early + all_of(world.out[0].read_end.get());
  reader.join();
  EXPECT_EQ(first, sent);
  EXPECT_EQ(second, sent);
}

TEST(Relay, AConsumerThatGoesDoesNotHoldUpTheOthers) {
  for (const bool zero_copy : {true, false}) {
    World world(consumers(3), {.zero_copy = zero_copy});
    const std::string sent = numbered(1'000'000);
    std::string first;
    std::string third;
    {
      std::jthread a([&] { first = all_of(world.out[0].read_end.get()); });
      std::jthread b([&] { third = all_of(world.out[2].read_end.get()); });
      std::jthread c([&] {
        read_exactly(world.out[1].read_end.get(), 1000);
        world.out[1].read_end.reset();
      });
      write_all(world.in.write_end.get(), sent);
      world.end();
    }
    EXPECT_EQ(first, sent);
    EXPECT_EQ(third, sent);
    const RelayReport report = world.finished();
    EXPECT_TRUE(report.consumers[1].left_early);
    EXPECT_LT(report.consumers[1].bytes, sent.size());
    EXPECT_FALSE(report.consumers[0].left_early);
  }
}

TEST(Relay, ClosesTheSourceWhenNobodyIsLeft) {
  World world(consumers(2));
  world.out[0].read_end.reset();
  world.out[1].read_end.reset();
  // Returns, for it gets EPIPE: whatever it writes, nobody will take it.
  write_all(world.in.write_end.get(), numbered(10'000'000));
  const RelayReport report = world.finished();
  EXPECT_TRUE(report.consumers[0].left_early);
  EXPECT_TRUE(report.consumers[1].left_early);
}

TEST(Relay, SeesThatConsumersHaveGoneWhileNothingComes) {
  World world(consumers(1));
  world.out[0].read_end.reset();
  EXPECT_TRUE(world.finished().consumers[0].left_early);
}

TEST(Relay, DropsTheOldestForAConsumerThatIsSlow) {
  std::vector<RelayConsumer> two = consumers(2);
  two[1].policy = OverflowPolicy::drop_oldest;
  two[1].buffer_bytes = 30000;
  two[1].unit_bytes = 12;  // a frame of three 32-bit samples
  // Every unit tells its number.
  std::string sent;
  for (std::uint32_t n = 0; n < 100000; ++n) {
    for (int part = 0; part < 3; ++part) { sent.append(reinterpret_cast<const char*>(&n), sizeof n); }
  }
  World world(std::move(two));
  std::jthread writer([&] {
    write_all(world.in.write_end.get(), sent);
    world.end();
  });
  EXPECT_EQ(all_of(world.out[0].read_end.get()), sent);  // is not held up, though the other reads nothing
  writer.join();
  const std::string got = all_of(world.out[1].read_end.get());
  const RelayReport report = world.finished();
  const auto& slow = report.consumers[1];
  EXPECT_EQ(slow.bytes, got.size());
  EXPECT_EQ(slow.bytes + slow.dropped_bytes, sent.size());
  EXPECT_GT(slow.dropped_bytes, 900000U);  // of 1.2 MB: a pipe and 30 kB were kept
  EXPECT_EQ(slow.dropped_bytes % 12, 0U);
  ASSERT_EQ(got.size() % 12, 0U);
  std::int64_t last = -1;
  std::size_t jumps = 0;
  for (std::size_t at = 0; at < got.size(); at += 12) {
    std::uint32_t numbers[3];
    std::memcpy(numbers, got.data() + at, 12);
    ASSERT_TRUE(numbers[0] == numbers[1] && numbers[1] == numbers[2]) << "a unit was torn at byte " << at;
    ASSERT_GT(numbers[0], last);
    jumps += numbers[0] == last + 1 ? 0 : 1;
    last = numbers[0];
  }
  EXPECT_EQ(last, 99999);  // the newest are kept
  EXPECT_GE(jumps, 1U);
}

TEST(Relay, FailsWhenAConsumerThatMustKeepUpDoesNot) {
  World world(consumers(1, OverflowPolicy::fail, 10000));
  write_all(world.in.write_end.get(), numbered(1'000'000));
  const RelayReport report = world.finished();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(
      to_string(*report.failure),
      "stream: \"consumer 1\" fell behind by more than 10000 bytes, and its policy is \"fail\"; a larger "
      "buffer_size, or the policy \"block\" or \"drop_oldest\"");
}

TEST(Relay, CountsLinesAndKeepsTheEndWhenAsked) {
  World world(consumers(1), {.count_lines = true, .tail_bytes = 10});
  write_all(world.in.write_end.get(), "one\ntwo\nthree\nfour");
  world.end();
  EXPECT_EQ(all_of(world.out[0].read_end.get()), "one\ntwo\nthree\nfour");
  const RelayReport report = world.finished();
  EXPECT_EQ(report.lines, 3U);
  EXPECT_EQ(report.tail, "three\nfour");
}

TEST(Relay, KeepsReadingForTheEndOfItWhenNobodyElseDoes) {
  World world(consumers(1), {.tail_bytes = 4});
  world.out[0].read_end.reset();
  write_all(world.in.write_end.get(),
            std::string(500000, 'x') + "last");  // a program's messages: never EPIPE
  world.end();
  const RelayReport report = world.finished();
  EXPECT_EQ(report.bytes, 500004U);
  EXPECT_EQ(report.tail, "last");
}

TEST(Relay, PassesOnWhatIsThereWhenTheSourceIsSaidToEnd) {
  World world(consumers(1));
  write_all(world.in.write_end.get(), "all there is");
  world.relay->end_source();  // although the test still could write
  EXPECT_EQ(all_of(world.out[0].read_end.get()), "all there is");
  world.finished();
}

TEST(Relay, StopsAtOnce) {
  World world(consumers(1));
  write_all(world.in.write_end.get(), numbered(60000));
  world.relay->stop();
  world.finished();
  world.relay.reset();
}

struct Fifo {
  test::TempDir folder;
  std::string path = folder.file("fifo");
  Fifo() {
    if (::mkfifo(path.c_str(), 0600) != 0) { throw std::runtime_error("no FIFO"); }
  }
};

TEST(Relay, OpensAFifoWhenItsReaderDoes) {
  const Fifo fifo;
  const std::string& path = fifo.path;
  std::vector<RelayConsumer> two(2);
  two[0].name = "by path";
  two[0].fifo = path;
  const std::string sent = numbered(700'001);
  World world(std::move(two));
  std::string by_path;
  std::string other;
  {
    std::jthread a([&] {
      const Fd fd(::open(path.c_str(), O_RDONLY));
      by_path = all_of(fd.get());
    });
    std::jthread b([&] { other = all_of(world.out[1].read_end.get()); });
    write_all(world.in.write_end.get(), sent);
    world.end();
  }
  EXPECT_EQ(by_path, sent);
  EXPECT_EQ(other, sent);
}

TEST(Relay, AFifoThatIsOpenedAfterTheEndOfTheStreamIsAtItsEnd) {
  const Fifo fifo;
  const std::string& path = fifo.path;
  std::vector<RelayConsumer> one(1);
  one[0].fifo = path;
  World world(std::move(one));
  world.end();
  const Fd fd(::open(path.c_str(), O_RDONLY));  // would wait for ever if nobody came to write
  EXPECT_EQ(all_of(fd.get()), "");
  world.finished();
}

TEST(Relay, DoesNotWaitForAFifoWhoseReaderHasEnded) {
  const Fifo fifo;
  const std::string& path = fifo.path;
  std::vector<RelayConsumer> one(1);
  one[0].fifo = path;
  World world(std::move(one));
  world.relay->end_consumer(0);
  EXPECT_TRUE(world.finished().consumers[0].left_early);
}

TEST(Relay, ReadsAFifoThatIsOpenedLater) {
  const Fifo fifo;
  const std::string& path = fifo.path;
  Pipe out = value_of(make_pipe());
  std::vector<RelayConsumer> one(1);
  one[0].to = std::move(out.write_end);
  const auto relay =
      value_of(Relay::start("stream", Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK)), std::move(one)));
  std::jthread writer([&] {
    const Fd fd(::open(path.c_str(), O_WRONLY));
    write_all(fd.get(), "through the FIFO");
  });
  EXPECT_EQ(all_of(out.read_end.get()), "through the FIFO");
}

TEST(Relay, ReadsAFileByCopying) {
  const test::TempDir folder;
  const std::string sent = numbered(300'000);
  const std::string path = folder.write("file", sent);
  Pipe out = value_of(make_pipe());
  std::vector<RelayConsumer> one(1);
  one[0].to = std::move(out.write_end);
  const auto relay = value_of(Relay::start("stream", Fd(::open(path.c_str(), O_RDONLY)), std::move(one)));
  EXPECT_EQ(all_of(out.read_end.get()), sent);
}

TEST(Relay, LeaksNoDescriptor) {
  const std::size_t before = descriptors_left();
  for (int n = 0; n < 20; ++n) {
    World world(consumers(3));
    write_all(world.in.write_end.get(), "x");
    if (n % 2 == 0) { world.end(); }
  }
  EXPECT_EQ(descriptors_left(), before);
}

// ByteBacklog against a plain text of units: no unit is ever torn, and nothing is lost uncounted.
TEST(ByteBacklog, DropsWholeUnitsOnly) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::size_t unit = 1 + random() % 9;
    const std::size_t capacity = unit + random() % 40;
    ByteBacklog backlog(unit);
    std::size_t pushed = 0;
    std::size_t dropped = 0;
    std::vector<std::size_t> taken;  // places in the stream, in the order they were taken
    std::vector<std::size_t> kept;   // the reference: places that are in the backlog
    for (int step = 0; step < 100; ++step) {
      std::vector<std::byte> bytes(random() % 30);
      for (auto& byte : bytes) {
        kept.push_back(pushed);
        byte = static_cast<std::byte>(pushed++ % 251);
      }
      backlog.push(bytes);
      const std::size_t count = backlog.drop_oldest(capacity);
      dropped += count;
      EXPECT_EQ(count % unit, 0U);
      // What was dropped lies behind the unit that was begun.
      const std::size_t begun = taken.empty() ? 0 : (taken.back() + 1) % unit;
      const std::size_t keep = begun == 0 ? 0 : unit - begun;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(keep),
                 kept.begin() + static_cast<std::ptrdiff_t>(count > 0 ? keep + count : keep));
      EXPECT_LE(backlog.size(), capacity + unit - 1);
      const std::size_t take = std::min<std::size_t>(random() % 25, backlog.size());
      for (std::size_t i = 0; i < take; ++i) {
        ASSERT_EQ(backlog.bytes()[i], static_cast<std::byte>(kept[i] % 251));
        if (i > 0 && kept[i] != kept[i - 1] + 1) { ASSERT_EQ(kept[i] % unit, 0U); }
        taken.push_back(kept[i]);
      }
      kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(take));
      backlog.pop(take);
    }
    EXPECT_EQ(taken.size() + backlog.size() + dropped, pushed);
  }
}

}  // namespace
}  // namespace streamlab
