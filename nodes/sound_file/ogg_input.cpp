// nodes/sound_file/ogg_input.cpp
//
// Ogg: one stream, or several one behind the other ("chained", RFC 3533 section 4). Decoders are given one of them
// at a time; libsndfile by itself plays the first and is silent about the others.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "nodes/sound_file/sample_input.hpp"
#include "nodes/sound_file/vorbis_blocks.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kPageHeaderBytes = 27;  // and one byte for each of up to 255 segments
constexpr std::size_t kOggWindowBytes = 256 * 1024;
constexpr std::string_view kOggFlac =
    "\x7F"
    "FLAC";
constexpr std::string_view kOggVorbis = "\x01vorbis";
constexpr std::string_view kOggOpus = "OpusHead";
constexpr std::uint64_t kLargestVorbisBlock = 8192;  // frames
constexpr std::uint64_t kWithoutEnd = 1ULL << 62U;   // frames
// Bits of a page's flags.
constexpr unsigned kFirstPage = 2;  // of its stream
constexpr unsigned kLastPage = 4;

// The checksum of a page (RFC 3533, section 6, "CRC_checksum"): polynomial 0x04C11DB7, most significant bit first, no
// inversion. Its own four bytes count as zeros.
constexpr std::size_t kChecksumOffset = 22;

constexpr std::array<std::uint32_t, 256> make_checksum_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i << 24U;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value << 1U) ^ ((value & 0x80000000U) != 0 ? 0x04C11DB7U : 0U);
    }
    table[i] = value;
  }
  return table;
}

std::uint32_t checksum_of_page(std::string_view page) {
  static constexpr auto kTable = make_checksum_table();
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < page.size(); ++i) {
    const bool is_checksum = i >= kChecksumOffset && i < kChecksumOffset + 4;
    const std::uint32_t byte = is_checksum ? 0U : static_cast<unsigned char>(page[i]);
    sum = (sum << 8U) ^ kTable[(sum >> 24U) ^ byte];
  }
  return sum;
}

// A look at one place of the file after another, mostly forwards, without a system call for each.
class OggWindow {
 public:
  OggWindow(int fd, std::uint64_t file_bytes)
      : fd_(fd), file_bytes_(file_bytes), window_(kOggWindowBytes, '\0') {}

  // Up to `count` bytes, at most kOggWindowBytes.
  std::string_view at(std::uint64_t offset, std::size_t count) {
    if (offset < begin_ || offset + count > begin_ + size_) {
      begin_ = offset;
      size_ = offset < file_bytes_ ? read_bytes_at(fd_, window_.data(), window_.size(), offset) : 0;
    }
    return std::string_view(window_).substr(0, size_).substr(static_cast<std::size_t>(offset - begin_),
                                                             count);
  }

 private:
  int fd_;
  std::uint64_t file_bytes_;
  std::string window_;
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

struct OggStream {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool is_flac = false;
  // Of Vorbis: of which stream, and how many frames its last page ends with.
  std::optional<std::uint32_t> vorbis;
  std::uint64_t last_granule = 0;
  std::uint64_t last_page_frames = 0;
  // How many frames its first page with sound holds before frame 0: the stream was cut out of another one. Of Vorbis they
  // are not to be played (Vorbis I, A.2); libsndfile plays them, and leaves out as many of those behind.
  std::uint64_t frames_before = 0;
  std::optional<std::uint32_t> opus;  // likewise of Opus
  bool begins_inside = false;  // it begins inside another stream, as what is recorded from a station does

  // A page that ends with frame `granule` of the stream `number`; all bits: none ends in it.
  void note_page(std::uint32_t number, std::uint64_t granule) {
    if (vorbis != number || granule == ~std::uint64_t{0} || granule <= last_granule) { return; }
    last_page_frames = granule - last_granule;
    last_granule = granule;
  }
};

struct OggScan {
  std::vector<OggStream> streams;   // one behind the other
  std::uint64_t other_bytes = 0;    // that belong to no page
  std::uint64_t lost_pages = 0;     // by their numbers
  std::uint64_t damaged_pages = 0;  // by their checksums
  std::uint64_t cut_bytes = 0;      // that the last page lacks
  bool is_ended = true;             // every stream has a last page
};

// Frames of an Opus packet, at 48 kHz (RFC 6716, section 3.1 and 3.2).
std::uint64_t opus_frames(std::string_view packet) {
  if (packet.empty()) { return 0; }
  constexpr std::uint64_t kSilk[] = {480, 960, 1920, 2880};
  constexpr std::uint64_t kHybrid[] = {480, 960};
  constexpr std::uint64_t kCelt[] = {120, 240, 480, 960};
  const unsigned first = static_cast<unsigned char>(packet[0]);
  const unsigned config = first >> 3U;
  const std::uint64_t each = config < 12   ? kSilk[config % 4]
                             : config < 16 ? kHybrid[config % 2]
                                           : kCelt[config % 4];
  const unsigned code = first & 3U;
  if (code == 3) { return packet.size() > 1 ? each * (static_cast<unsigned char>(packet[1]) & 0x3FU) : 0; }
  return code == 0 ? each : 2 * each;
}

// Frames of all packets that begin and end on a page; `segments`: its table.
std::uint64_t opus_frames_of_page(std::string_view segments, std::string_view body) {
  std::uint64_t frames = 0;
  std::size_t begin = 0;
  std::size_t bytes = 0;
  for (const char segment : segments) {
    const std::size_t count = static_cast<unsigned char>(segment);
    bytes += count;
    if (count == 255) { continue; }
    frames += opus_frames(body.substr(std::min(begin, body.size()), bytes));
    begin += bytes;
    bytes = 0;
  }
  return frames;
}

// The packets of the first pages of a stream of Vorbis, up to the first page with sound.
class FirstPackets {
  // Pictures among the comments included.
  static constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20U;

 public:
  // The packets that end on a page; `segments`: its table.
  void add_page(std::string_view segments, std::string_view body) {
    bytes_ += body.size();
    if (bytes_ > kMostBytes) { return; }
    std::size_t at = 0;
    first_of_page_ = packets_.size();
    for (const char segment : segments) {
      const std::size_t count = static_cast<unsigned char>(segment);
      open_ += body.substr(std::min(at, body.size()), count);
      at += count;
      if (count < 255) { packets_.push_back(std::exchange(open_, std::string())); }
    }
  }
  // Frames of the sound on the last page; 0 where that is not known.
  std::uint64_t frames() const {
    constexpr std::size_t kHeaders = 3;
    if (bytes_ > kMostBytes || packets_.size() <= kHeaders || first_of_page_ > kHeaders) { return 0; }
    const auto blocks = VorbisBlocks::from_headers(packets_[0], packets_[2]);
    const std::vector<std::string_view> sound(packets_.begin() + kHeaders, packets_.end());
    return blocks ? blocks->frames_of_first(sound) : 0;
  }

 private:
  std::vector<std::string> packets_;
  std::uint64_t bytes_ = 0;
  std::string open_;  // of a packet that goes on on the next page
  std::size_t first_of_page_ = 0;
};

// Goes from page to page. Streams that lie side by side (sound and pictures) begin with all of their first pages,
// and are one here.
OggScan scan_ogg(int fd, std::uint64_t file_bytes) {
  OggScan scan;
  OggWindow window(fd, file_bytes);
  std::map<std::uint32_t, std::uint32_t> next_numbers;  // by the number of the stream
  std::set<std::uint32_t> without_end;                  // streams, by their numbers
  bool was_first_page = false;
  FirstPackets first_packets;
  std::uint64_t offset = 0;
  while (offset < file_bytes) {
    const std::string_view header = window.at(offset, kPageHeaderBytes + 255 + 8);
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(header[index]); };
    const auto word = [&](std::size_t index) {
      std::uint32_t value = 0;
      for (std::size_t i = 4; i > 0; --i) { value = value << 8U | byte(index + i - 1); }
      return value;
    };
    const bool is_page = header.starts_with("OggS") && header.size() >= kPageHeaderBytes &&
                         header.size() >= kPageHeaderBytes + byte(26);
    if (!is_page) {  // damage, or something else between two pages
      const std::size_t found = window.at(offset, kOggWindowBytes).find("OggS", 1);
      const std::uint64_t skipped = found == std::string_view::npos
                                        ? std::min<std::uint64_t>(kOggWindowBytes - 3, file_bytes - offset)
                                        : found;
      scan.other_bytes += skipped;
      offset += skipped;
      continue;
    }
    const std::size_t segments = byte(26);
    std::size_t body = 0;
    for (std::size_t s = 0; s < segments; ++s) { body += byte(kPageHeaderBytes + s); }
    const bool is_first_page = (byte(5) & kFirstPage) != 0;
    if (scan.streams.empty() || (is_first_page && !was_first_page)) {
      next_numbers.clear();
      first_packets = {};
      const std::string_view packet = header.substr(kPageHeaderBytes + segments);
      OggStream begun;
      begun.begin = offset;
      begun.is_flac = packet.starts_with(kOggFlac);
      if (packet.starts_with(kOggVorbis)) { begun.vorbis = word(14); }
      if (packet.starts_with(kOggOpus)) { begun.opus = word(14); }
      scan.streams.push_back(begun);
    }
    was_first_page = is_first_page;
    const std::uint32_t stream = word(14);
    const std::uint32_t number = word(18);
    if (const auto next = next_numbers.find(stream); next != next_numbers.end() && number > next->second) {
      scan.lost_pages += number - next->second;
    }
    next_numbers[stream] = number + 1;
    const std::uint32_t checksum = word(kChecksumOffset);
    const bool is_last_page = (byte(5) & kLastPage) != 0;
    if (is_last_page) {
      without_end.erase(stream);
    } else if (is_first_page) {
      without_end.insert(stream);
    }
    const std::size_t page_bytes = kPageHeaderBytes + segments + body;
    const std::uint64_t granule = std::uint64_t{word(10)} << 32U | word(6);
    const std::string_view page = window.at(offset, page_bytes);  // `header` is gone
    OggStream& current = scan.streams.back();
    const bool is_before_sound = current.last_granule == 0;
    if (current.vorbis == stream && is_before_sound && page.size() == page_bytes) {
      first_packets.add_page(page.substr(kPageHeaderBytes, segments),
                             page.substr(kPageHeaderBytes + segments));
    }
    current.note_page(stream, granule);
    if (current.vorbis == stream && is_before_sound && current.last_granule > 0 && !is_last_page) {
      const std::uint64_t frames = first_packets.frames();
      current.frames_before = frames - std::min(frames, current.last_granule);
      current.begins_inside = current.frames_before > 0;
    }
    if (current.opus == stream && current.last_granule == 0 && granule != 0 && granule != ~std::uint64_t{0} &&
        page.size() == page_bytes) {
      const std::string_view table = page.substr(kPageHeaderBytes, segments);
      const std::uint64_t frames = opus_frames_of_page(table, page.substr(kPageHeaderBytes + segments));
      current.begins_inside = granule > frames;
      if (!is_last_page) { current.frames_before = frames - std::min(frames, granule); }
      current.last_granule = granule;
    }
    if (page.size() == page_bytes && checksum_of_page(page) != checksum) { ++scan.damaged_pages; }
    offset += page_bytes;
    scan.streams.back().end = std::min(offset, file_bytes);  // what follows may be no page: not for a decoder
  }
  scan.cut_bytes = offset - file_bytes;
  scan.is_ended = without_end.empty();
  return scan;
}

OpenedInput open_ogg_stream(const std::string& path, int fd, const OggStream& stream) {
  FileBytes bytes(fd, stream.begin, stream.end - stream.begin);
  return stream.is_flac ? open_flac_input(path, std::move(bytes), FlacWrapping::ogg)
                        : open_sndfile_input(path, std::move(bytes));
}

// Streams of one rate and one number of channels, one behind the other.
class OggChain final : public SampleInput {
 public:
  struct Link {
    OggStream stream;
    std::uint64_t first = 0;   // frame
    std::uint64_t frames = 0;  // in it
  };

  OggChain(std::string path, int fd, std::vector<Link> links, const SampleShape& shape,
           std::unique_ptr<SampleInput> first, std::vector<std::string> losses)
      : path_(std::move(path)),
        fd_(fd),
        links_(std::move(links)),
        current_(std::move(first)),
        losses_(std::move(losses)) {
    shape_ = shape;
    if (shape.frames) { shape_.frames = links_.back().first + links_.back().frames; }
  }

  Result<Part> read(double* interleaved, std::size_t frames) override {
    while (true) {
      const std::uint64_t end = links_[link_].first + links_[link_].frames;
      if (position_ < end) {
        auto got = current_->read(interleaved,
                                  static_cast<std::size_t>(std::min<std::uint64_t>(frames, end - position_)));
        if (!got) { return got; }
        if (got->frames > 0) {
          position_ += got->missing + got->frames;
          got->missing += std::exchange(missing_, 0);
          return got;
        }
      }
      if (link_ + 1 == links_.size()) { return Part{}; }
      missing_ += end - std::min(end, position_);  // what this stream promised and did not give
      position_ = end;
      if (auto opened = open(link_ + 1); !opened) { return tl::unexpected(opened.error()); }
    }
  }

  Result<void> seek(std::uint64_t frame) override {
    std::size_t link = 0;
    while (link + 1 < links_.size() && frame >= links_[link + 1].first) { ++link; }
    if (link != link_) {
      if (auto opened = open(link); !opened) { return opened; }
    }
    missing_ = 0;
    position_ = frame;
    return seek_within(links_[link], frame - links_[link].first);
  }

  std::vector<std::string> losses() const override { return losses_; }

 private:
  // libsndfile takes the last page of Vorbis for a full one and is off by what it lacks, and likewise in the last
  // milliseconds of Opus: we go there from before them. Where a stream begins inside another one its places are not those
  // of what it plays: all of it is read again.
  Result<void> seek_within(const Link& link, std::uint64_t frame) {
    if (link.stream.begins_inside) {
      if (auto opened = open(link_); !opened) { return opened; }
      return leave_out(0, frame);
    }
    const std::uint64_t at_the_end =
        link.stream.opus ? shape_.sample_rate_hz / 10 : link.stream.last_page_frames;
    const std::uint64_t end = link.frames - std::min(link.frames, at_the_end);
    if (frame + kLargestVorbisBlock <= end || at_the_end == 0) { return current_->seek(frame); }
    const std::uint64_t before = end - std::min(end, 2 * kLargestVorbisBlock);
    if (auto sought = current_->seek(before); !sought) { return sought; }
    return leave_out(before, frame);
  }
  // Reads on from frame `at` to `frame`.
  Result<void> leave_out(std::uint64_t at, std::uint64_t frame) {
    std::vector<double> left_out(kLargestVorbisBlock * shape_.channels);
    while (at < frame) {
      const auto count = static_cast<std::size_t>(std::min(frame - at, kLargestVorbisBlock));
      const auto got = current_->read(left_out.data(), count);
      if (!got) { return tl::unexpected(got.error()); }
      if (got->frames == 0) { break; }  // read() tells what is missing
      at += got->missing + got->frames;
    }
    return {};
  }
  Result<void> open(std::size_t link) {
    auto opened = open_ogg_stream(path_, fd_, links_[link].stream);
    if (!opened) {
      return failed(path_,
                    fmt::format("cannot be read from frame {}: {}", links_[link].first, opened.error()));
    }
    current_ = std::move(*opened);
    link_ = link;
    return {};
  }

  const std::string path_;
  const int fd_;
  const std::vector<Link> links_;
  std::size_t link_ = 0;
  std::unique_ptr<SampleInput> current_;
  std::uint64_t position_ = 0;
  std::uint64_t missing_ = 0;  // before the next frame
  const std::vector<std::string> losses_;
};

}  // namespace

OpenedInput open_ogg_input(const std::string& path, int fd, std::uint64_t file_bytes) {
  const OggScan scan = scan_ogg(fd, file_bytes);
  const std::vector<OggStream>& streams = scan.streams;
  if (streams.empty()) { return tl::unexpected(std::string(kUnknownKind)); }
  auto first = open_ogg_stream(path, fd, streams[0]);
  if (!first && streams[0].opus && streams[0].frames_before > 0) {  // RFC 7845, section 4.4: to be rejected
    return tl::unexpected(
        fmt::format("it was cut out of another stream: its first page has {} frames more than its place says",
                    streams[0].frames_before));
  }
  if (!first) { return first; }
  const SampleShape shape = (*first)->shape();
  std::vector<OggChain::Link> links{{streams[0], 0, shape.frames.value_or(kWithoutEnd)}};
  std::vector<std::string> losses;
  if (!shape.frames && streams.size() > 1) {
    losses.push_back(
        fmt::format("the length of the first of {} streams cannot be determined: the others are not played",
                    streams.size()));
  }
  for (std::size_t s = 1; s < streams.size() && losses.empty(); ++s) {
    const auto next = open_ogg_stream(path, fd, streams[s]);
    const std::uint64_t begin = links.back().first + links.back().frames;
    std::string why;
    if (!next) {
      why = next.error();
    } else if ((*next)->shape().sample_rate_hz != shape.sample_rate_hz ||
               (*next)->shape().channels != shape.channels) {
      why = fmt::format("it has {} Hz and {} channels", (*next)->shape().sample_rate_hz,
                        (*next)->shape().channels);
    } else if (!(*next)->shape().frames) {
      why = "its length cannot be determined";
    }
    if (!why.empty()) {
      losses.push_back(
          fmt::format("stream {} of {}, after frame {}, cannot be played with the first ({}): it and "
                      "everything after it is not played",
                      s + 1, streams.size(), begin, why));
      break;
    }
    links.push_back({streams[s], begin, *(*next)->shape().frames});
  }
  for (const OggStream& stream : streams) {
    if (!stream.vorbis || stream.frames_before == 0) { continue; }
    losses.push_back(fmt::format(
        "a stream was cut out of another one: its first page has {0} frames more than its place says, "
        "and so many frames are not played",
        stream.frames_before));
  }
  if (scan.other_bytes > 0) {
    losses.push_back(fmt::format("{} bytes do not belong to any Ogg page: damaged", scan.other_bytes));
  }
  if (scan.cut_bytes > 0) {
    losses.push_back(fmt::format("the file ends within a page: {} bytes of it are missing", scan.cut_bytes));
  } else if (!scan.is_ended) {
    losses.emplace_back("the last page of a stream is missing: the file was cut short");
  }
  if (scan.damaged_pages > 0) {
    losses.push_back(fmt::format("damaged pages, with wrong checksums: {}", scan.damaged_pages));
  }
  if (scan.lost_pages > 0) { losses.push_back(fmt::format("{} pages are missing", scan.lost_pages)); }
  const bool may_seek = !streams[0].vorbis && !streams[0].opus;
  if (streams.size() == 1 && losses.empty() && may_seek) { return first; }
  return std::make_unique<OggChain>(path, fd, std::move(links), shape, std::move(*first), std::move(losses));
}

}  // namespace streamlab
