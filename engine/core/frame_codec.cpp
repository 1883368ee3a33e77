// engine/core/frame_codec.cpp
#include "engine/core/frame_codec.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

// Reads values in sequence; keeps the first failure.
class Fields {
 public:
  explicit Fields(ByteReader& from) : from_(from) {}
  template <class T>
  Fields& operator>>(T& value) {
    if (ok_) { ok_ = from_.get_to(value); }
    return *this;
  }
  const Result<void>& ok() const { return ok_; }

 private:
  ByteReader& from_;
  Result<void> ok_;
};

// Bits of the byte that says how blocks follow each other.
constexpr std::uint8_t kOverlapping = 1U << 0U;
constexpr std::uint8_t kGapsInside = 1U << 1U;

}  // namespace

void Codec<StreamFormat>::write(ByteWriter& to, const StreamFormat& format) {
  to.put(format.kind);
  to.put(format.sample_rate_hz);
  to.put<std::uint64_t>(format.channels.size());
  for (const ChannelInfo& channel : format.channels) {
    to.put(channel.name);
    to.put(channel.unit);
    to.put(channel.clip_level);
    to.put(channel.mean);
  }
  to.put(format.axis.quantity);
  to.put(format.axis.unit);
  to.put(format.axis.start);
  to.put(format.axis.step);
  to.put(format.max_frames);
  to.put(format.notes);
  to.put(static_cast<std::uint8_t>((format.overlapping ? kOverlapping : 0U) |
                                   (format.gaps_inside ? kGapsInside : 0U)));
}

Result<StreamFormat> Codec<StreamFormat>::read(ByteReader& from) {
  StreamFormat format;
  std::uint64_t channels = 0;
  std::uint8_t blocks = 0;
  Fields fields(from);
  fields >> format.kind >> format.sample_rate_hz >> channels;
  for (std::uint64_t c = 0; fields.ok() && c < channels; ++c) {
    ChannelInfo channel;
    fields >> channel.name >> channel.unit >> channel.clip_level >> channel.mean;
    format.channels.push_back(std::move(channel));
  }
  fields >> format.axis.quantity >> format.axis.unit >> format.axis.start >> format.axis.step >>
      format.max_frames >> format.notes >> blocks;
  if (!fields.ok()) { return tl::unexpected(fields.ok().error()); }
  if ((blocks & ~(kOverlapping | kGapsInside)) != 0) {
    return refused("", "the stored format has marks that are not known", "a format of this version");
  }
  format.overlapping = (blocks & kOverlapping) != 0;
  format.gaps_inside = (blocks & kGapsInside) != 0;
  return format;
}

void Codec<DataFrame>::write(ByteWriter& to, const DataFrame& frame) {
  StreamFormat format = frame.format();
  // Frames built by hand may have more room than their format says.
  format.max_frames = frame.max_frames();
  to.put(format);
  to.put(frame.frame_count());
  const FrameHeader& header = frame.header();
  to.put(header.timestamp_us);
  to.put(header.sequence_id);
  to.put(header.position);
  to.put(header.gap_frames);
  to.put(header.flags);
  to.put(header.length_frames);
  const auto entries = frame.metadata().entries();
  to.put<std::uint64_t>(entries.size());
  for (const Metadata::Entry& entry : entries) {
    to.put(std::string(entry.name()));
    to.put(entry.value);
  }
  to.put(frame.flagged());
  to.put_raw(frame.marks().data(), frame.marks().size());
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    to.put_raw(frame.channel_data(c), frame.frame_count() * sizeof(double));
  }
}

Result<DataFrame> Codec<DataFrame>::read(ByteReader& from) {
  auto format = from.get<StreamFormat>();
  if (!format) { return tl::unexpected(format.error()); }
  std::uint32_t frame_count = 0;
  FrameHeader header;
  std::uint64_t entries = 0;
  Fields fields(from);
  fields >> frame_count >> header.timestamp_us >> header.sequence_id >> header.position >>
      header.gap_frames >> header.flags >> header.length_frames >> entries;
  if (!fields.ok()) { return tl::unexpected(fields.ok().error()); }
  // Check before allocating: the bytes may be damaged.
  const std::uint64_t samples = std::uint64_t{frame_count} * format->channel_count();
  if (frame_count > format->max_frames || samples * sizeof(double) > from.left()) {
    return refused("", fmt::format("the stored block claims to have {} frames", frame_count),
                   fmt::format("at most {}", format->max_frames));
  }
  DataFrame frame(std::make_shared<const StreamFormat>(std::move(*format)));
  frame.header() = header;
  for (std::uint64_t e = 0; e < entries; ++e) {
    std::string key;
    double value = 0.0;
    fields >> key >> value;
    if (!fields.ok()) { return tl::unexpected(fields.ok().error()); }
    if (!frame.metadata().set(key, value)) {
      return refused("", "the stored block has more metadata than fit");
    }
  }
  frame.set_frame_count(frame_count);
  std::uint32_t flagged = 0;
  fields >> flagged;
  if (!fields.ok()) { return tl::unexpected(fields.ok().error()); }
  const auto marks = frame.set_flagged(flagged);
  if (auto read = from.get_raw(marks.data(), marks.size()); !read) { return tl::unexpected(read.error()); }
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    if (auto read = from.get_raw(frame.channel_data(c), frame_count * sizeof(double)); !read) {
      return tl::unexpected(read.error());
    }
  }
  return frame;
}

}  // namespace streamlab
