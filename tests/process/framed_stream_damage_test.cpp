// tests/process/framed_stream_damage_test.cpp
//
// Framed streams, damaged in every way and read again: what is given was written, and every byte is
// accounted for.
#include <algorithm>
#include <cstring>

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "tests/process/framed_bytes.hpp"

namespace streamlab::test {
namespace {

TEST(DamagedFramedStream, ContinuesAfterGarbageAnywhere) {
  const Stream stream = stream_of(9);
  // With the marks themselves, whole and cut, among it.
  const std::string text = "xSLSSLFRSLSTREAM\x01yy SLSTRE\xFF\x00 SLF";
  Bytes garbage(text.size());
  std::memcpy(garbage.data(), text.data(), text.size());
  for (std::size_t gap = 0; gap <= stream.records.size(); ++gap) {
    std::vector<Bytes> parts = stream.records;
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(gap), garbage);
    for (const std::size_t piece : {0U, 1U, 7U}) {
      const Outcome outcome = read_all(joined(parts), piece);
      EXPECT_EQ(outcome.blocks, stream.blocks) << gap;
      EXPECT_EQ(outcome.counts, (FramedCounts{.bytes = stream.bytes.size() + garbage.size(),
                                              .headers = 3,
                                              .blocks = 9,
                                              .skipped_bytes = garbage.size()}))
          << gap;
    }
  }
}

TEST(DamagedFramedStream, EndsAnywhere) {
  const Stream stream = stream_of(6);
  for (std::size_t length = 0; length <= stream.bytes.size(); ++length) {
    // Whole records before the cut.
    std::size_t whole = 0;
    std::size_t blocks = 0;
    std::size_t headers = 0;
    bool cuts_samples = false;
    for (const Bytes& record : stream.records) {
      const bool is_header = record[2] == std::byte{'S'};
      if (whole + record.size() > length) {
        cuts_samples = !is_header && length - whole >= kFramedBlockFixed;
        break;
      }
      whole += record.size();
      (is_header ? headers : blocks) += 1;
    }
    const Outcome outcome =
        read_all(Bytes(stream.bytes.begin(), stream.bytes.begin() + static_cast<std::ptrdiff_t>(length)));
    EXPECT_EQ(outcome.blocks,
              std::vector<Block>(stream.blocks.begin(),
                                 stream.blocks.begin() + static_cast<std::ptrdiff_t>(blocks)));
    EXPECT_EQ(outcome.counts, (FramedCounts{.bytes = length,
                                            .headers = headers,
                                            .blocks = blocks,
                                            .skipped_bytes = length - whole,
                                            .damaged = cuts_samples ? 1U : 0U}))
        << length;
  }
}

TEST(DamagedFramedStream, BeginsAnywhere) {
  const Stream stream = stream_of(10);  // headers before 0, 4 and 8
  for (std::size_t begin = 1; begin <= stream.bytes.size(); ++begin) {
    std::size_t at = 0;
    std::uint64_t id = 0;
    FramedCounts expected{.bytes = stream.bytes.size() - begin};
    std::vector<Block> blocks;
    bool is_whole = true;
    for (const Bytes& record : stream.records) {
      const bool is_header = record[2] == std::byte{'S'};
      if (at >= begin) {
        if (is_whole) { expected.skipped_bytes = at - begin; }
        is_whole = false;
        if (is_header) { ++expected.headers; }
        if (!is_header && expected.headers == 0) { ++expected.unclaimed; }
        if (!is_header && expected.headers > 0) { blocks.push_back(stream.blocks[id]); }
      }
      id += is_header ? 0 : 1;
      at += record.size();
    }
    if (is_whole) { expected.skipped_bytes = stream.bytes.size() - begin; }
    expected.blocks = blocks.size();
    const Outcome outcome =
        read_all(Bytes(stream.bytes.begin() + static_cast<std::ptrdiff_t>(begin), stream.bytes.end()));
    EXPECT_EQ(outcome.blocks, blocks) << begin;
    EXPECT_EQ(outcome.counts, expected) << begin;
  }
}

TEST(DamagedFramedStream, LosesOneBlockToOneBitThatFlipped) {
  const Stream stream = stream_of(9);
  for (std::size_t bit = 0; bit < 8 * stream.bytes.size(); ++bit) {
    Bytes bytes = stream.bytes;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    // The record it lies in.
    std::size_t at = 0;
    std::size_t hit = 0;
    while (at + stream.records[hit].size() <= bit / 8) { at += stream.records[hit++].size(); }
    const Bytes& record = stream.records[hit];
    const bool is_header = record[2] == std::byte{'S'};
    std::vector<Block> blocks = stream.blocks;
    FramedCounts expected{.bytes = bytes.size(), .headers = 3, .skipped_bytes = record.size()};
    if (is_header) {
      --expected.headers;
      if (hit == 0) {  // until the next header the format of the blocks is unknown
        expected.unclaimed = 4;
        blocks.erase(blocks.begin(), blocks.begin() + 4);
      }
    } else {
      std::uint64_t id = 0;
      for (std::size_t r = 0; r < hit; ++r) { id += stream.records[r][2] == std::byte{'S'} ? 0 : 1; }
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(id));
      expected.missed = id > 0 && id < 8 ? 1 : 0;  // neither the first nor the last can be missed
      expected.damaged = bit / 8 - at >= kFramedBlockFixed ? 1 : 0;
    }
    expected.blocks = blocks.size();
    const Outcome outcome = read_all(bytes, bit % 3 == 0 ? 0 : 11);
    EXPECT_EQ(outcome.blocks, blocks) << bit;
    EXPECT_EQ(outcome.counts, expected) << bit;
  }
}

TEST(DamagedFramedStream, ContinuesAfterBytesThatWereLost) {
  const Stream stream = stream_of(9);
  for (std::size_t begin = 0; begin < stream.bytes.size(); begin += 3) {
    for (const std::size_t lost : {1U, 17U, 150U}) {
      Bytes bytes = stream.bytes;
      const std::size_t end = std::min(bytes.size(), begin + lost);
      bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                  bytes.begin() + static_cast<std::ptrdiff_t>(end));
      // Records that are whole.
      std::size_t at = 0;
      std::uint64_t id = 0;
      bool has_header = false;
      std::vector<Block> blocks;
      std::size_t whole = 0;
      for (const Bytes& record : stream.records) {
        const bool is_there = at + record.size() <= begin || at >= end;
        const bool is_header = record[2] == std::byte{'S'};
        whole += is_there ? record.size() : 0;
        has_header = has_header || (is_header && is_there);
        if (!is_header && is_there && has_header) { blocks.push_back(stream.blocks[id]); }
        id += is_header ? 0 : 1;
        at += record.size();
      }
      const Outcome outcome = read_all(bytes, begin % 2 == 0 ? 0 : 5);
      EXPECT_EQ(outcome.blocks, blocks) << begin << " " << lost;
      EXPECT_EQ(outcome.counts.skipped_bytes, bytes.size() - whole) << begin << " " << lost;
      EXPECT_EQ(outcome.counts.bytes, bytes.size());
    }
  }
}

// A sum of two of the largest numbers fits into 64 bits; what is larger is taken for damage.
TEST(DamagedFramedStream, HasNoPlaceBeyondTwoToThe62) {
  constexpr std::int64_t kMost = std::int64_t{1} << 62U;
  const auto damaged = [](std::int64_t position, std::int64_t time_us, std::uint64_t gap) {
    FramedWriter writer = writer_of(header_of());
    Block block = block_of(0, 3, 16);
    FramedBlock fields = fields_of(block);
    fields.position = position;
    fields.timestamp_us = time_us;
    fields.gap_frames = gap;
    Bytes bytes;
    EXPECT_TRUE(writer.append(fields, bytes));
    FramedReader reader;
    reader.feed(bytes);
    reader.end();
    for (auto item = reader.next(); item && *item != FramedReader::Item::nothing; item = reader.next()) {}
    return reader.counts().damaged;
  };
  EXPECT_EQ(damaged(kMost, kMost, std::uint64_t{kMost}), 0U);
  EXPECT_EQ(damaged(-kMost, -kMost, 0), 0U);
  EXPECT_EQ(damaged(kMost + 1, 0, 0), 1U);
  EXPECT_EQ(damaged(-kMost - 1, 0, 0), 1U);
  EXPECT_EQ(damaged(0, kMost + 1, 0), 1U);
  EXPECT_EQ(damaged(0, -kMost - 1, 0), 1U);
  EXPECT_EQ(damaged(0, 0, std::uint64_t{kMost} + 1), 1U);
  EXPECT_EQ(damaged(INT64_MAX, INT64_MIN, UINT64_MAX), 1U);
}

// Ids 0, 1, 1, 2: one was there before; 5, 4, 6: as well.
TEST(DamagedFramedStream, CountsBlocksWhoseIdWasThereBefore) {
  const auto repeated = [](const std::vector<std::uint64_t>& ids) {
    FramedWriter writer = writer_of(header_of());
    Bytes bytes;
    for (const std::uint64_t id : ids) {
      const Block block = block_of(id, 3, 16);
      EXPECT_TRUE(writer.append(fields_of(block), bytes));
    }
    const Outcome outcome = read_all(bytes);
    EXPECT_EQ(outcome.blocks.size(), ids.size());  // all are given
    return outcome.counts.repeated;
  };
  EXPECT_EQ(repeated({0, 1, 2, 3}), 0U);
  EXPECT_EQ(repeated({0, 1, 1, 2}), 1U);
  EXPECT_EQ(repeated({5, 4, 5, 6}), 1U);
  EXPECT_EQ(repeated({0, 1, 2, 0}), 1U);
}

TEST(DamagedFramedStream, TellsTwoStreamsApartThatFollowEachOther) {
  // As many bytes a frame in both: only the tag tells whose the blocks are.
  FramedHeader other = header_of();
  other.sample_rate_hz = 44100.0;
  Bytes first;
  Bytes second;
  FramedWriter one = writer_of(header_of(), 0);
  FramedWriter two = writer_of(other, 2);
  for (std::uint64_t id = 0; id < 4; ++id) {
    const Block block = block_of(id, 3, 16);
    ASSERT_TRUE(one.append(fields_of(block), first));
    ASSERT_TRUE(two.append(fields_of(block), second));
  }
  const Outcome whole = read_all(joined({first, second}));
  EXPECT_THAT(whole.headers, testing::ElementsAre(header_of(), other));
  EXPECT_EQ(whole.blocks.size(), 8U);
  EXPECT_EQ(whole.counts.missed, 0U);  // the second counts from 0 again

  second[3] ^= std::byte{1};  // its first header is lost: two blocks are unclaimed
  const Outcome damaged = read_all(joined({first, second}));
  EXPECT_THAT(damaged.headers, testing::ElementsAre(header_of(), other));
  EXPECT_EQ(damaged.blocks.size(), 6U);
  EXPECT_EQ(damaged.counts.unclaimed, 2U);
}

TEST(DamagedFramedStream, GivesNothingButWhatWasWritten) {
  EXPECT_TRUE(rc::check("any damage", [] {
    const Stream stream = stream_of(12);
    Bytes bytes = stream.bytes;
    const auto place = [&] { return *rc::gen::inRange<std::size_t>(0, bytes.size()); };
    const int changes = *rc::gen::inRange(0, 12);
    for (int change = 0; change < changes && !bytes.empty(); ++change) {
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place());
      switch (*rc::gen::inRange(0, 5)) {
        case 0:
          *at = static_cast<std::byte>(*rc::gen::inRange(0, 256));
          break;
        case 1:
          bytes.erase(at, at + std::min<std::ptrdiff_t>(*rc::gen::inRange(1, 300), bytes.end() - at));
          break;
        case 2:
          bytes.insert(at, static_cast<std::size_t>(*rc::gen::inRange(1, 300)), std::byte{'S'});
          break;
        case 3: {  // a piece of the stream itself, once more
          const std::size_t begin = place();
          const Bytes copy(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                           bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), begin + 200)));
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(place()), copy.begin(), copy.end());
          break;
        }
        default:
          std::swap(*at, bytes.front());
      }
    }
    const auto piece = *rc::gen::inRange<std::size_t>(0, 500);
    const Outcome outcome = read_all(bytes, piece);
    std::size_t claimed = outcome.counts.skipped_bytes;
    for (const Block& block : outcome.blocks) {
      RC_ASSERT(std::count(stream.blocks.begin(), stream.blocks.end(), block) == 1);
      claimed += kFramedBlockFixed + block.samples.size() + kFramedChecksum;
    }
    claimed += outcome.counts.headers * stream.records[0].size();
    RC_ASSERT(outcome.counts.bytes == bytes.size());
    RC_ASSERT(outcome.counts.blocks == outcome.blocks.size());
    RC_ASSERT(outcome.counts.unclaimed > 0 || claimed == bytes.size());
    RC_ASSERT(outcome.refusals.empty());
    // However it is cut, the same comes out.
    const Outcome at_once = read_all(bytes);
    RC_ASSERT(at_once.blocks == outcome.blocks);
    RC_ASSERT(at_once.counts == outcome.counts);
  }));
}

TEST(DamagedFramedStream, IsReadFromAnyBytesAtAll) {
  EXPECT_TRUE(rc::check("any bytes", [](const std::vector<std::uint8_t>& any) {
    Bytes bytes(any.size());
    std::transform(any.begin(), any.end(), bytes.begin(),
                   [](std::uint8_t x) { return static_cast<std::byte>(x); });
    const Outcome outcome = read_all(bytes);
    RC_ASSERT(outcome.counts == (FramedCounts{.bytes = bytes.size(), .skipped_bytes = bytes.size()}));
  }));
}

}  // namespace
}  // namespace streamlab::test
