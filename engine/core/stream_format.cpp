// engine/core/stream_format.cpp
#include "engine/core/stream_format.hpp"

#include <fmt/format.h>

namespace streamlab {

std::string_view to_string(StreamKind kind) {
  switch (kind) {
    case StreamKind::audio:
      return "audio";
    case StreamKind::spectrum:
      return "spectrum";
    case StreamKind::values:
      return "values";
    case StreamKind::bytes:
      return "bytes";
  }
  return "unknown";
}

StreamFormat audio_format(double sample_rate_hz, const std::vector<std::string>& channel_names,
                          std::uint32_t max_frames, double clip_level) {
  StreamFormat format;
  format.kind = StreamKind::audio;
  format.sample_rate_hz = sample_rate_hz;
  for (const std::string& name : channel_names) { format.channels.push_back({name, "FS", clip_level}); }
  format.max_frames = max_frames;
  return format;
}

StreamFormat with_new_values(StreamFormat format) {
  for (ChannelInfo& channel : format.channels) { channel.clip_level = 1.0; }
  return format;
}

std::vector<std::string> default_channel_names(std::uint32_t count) {
  if (count == 1) { return {"main_channel"}; }
  if (count == 2) { return {"left", "right"}; }
  std::vector<std::string> names;
  for (std::uint32_t c = 1; c <= count; ++c) { names.push_back(fmt::format("ch{}", c)); }
  return names;
}

std::string describe(const StreamFormat& format) {
  const std::string channels =
      fmt::format("{} channel{}", format.channel_count(), format.channel_count() == 1 ? "" : "s");
  switch (format.kind) {
    case StreamKind::audio:
      return fmt::format("{} of audio at {} Hz, blocks of up to {} frames", channels, format.sample_rate_hz,
                         format.max_frames);
    case StreamKind::spectrum:
      return fmt::format("{} of spectra, {} bins {} {} apart", channels, format.max_frames, format.axis.step,
                         format.axis.unit);
    case StreamKind::values:
      return fmt::format("{} value{}", format.channel_count(), format.channel_count() == 1 ? "" : "s");
    case StreamKind::bytes:
      return "bytes";
  }
  return {};
}

}  // namespace streamlab
