// nodes/sound_file/sound_file_info.cpp
#include "nodes/sound_file/sound_file_info.hpp"

#include <fmt/format.h>

#include "engine/base/printable.hpp"

namespace streamlab {

double duration_s(const SoundFileInfo& info) {
  if (!info.length_known || info.sample_rate_hz == 0) { return 0.0; }
  return static_cast<double>(info.frames) / info.sample_rate_hz;
}

std::string describe(const SoundFileInfo& info, const std::vector<std::string>& losses) {
  std::string text = fmt::format("{}, {}, {} Hz, {} channel{}, ", info.container, info.subtype,
                                 info.sample_rate_hz, info.channels, info.channels == 1 ? "" : "s");
  text += info.length_known ? fmt::format("{} frames, {:.3f} s\n", info.frames, duration_s(info))
                            : std::string("length not stated\n");
  for (const std::string& warning : info.warnings) { text += "warning: " + printable(warning) + "\n"; }
  for (const std::string& loss : losses) { text += "warning: " + printable(loss) + "\n"; }
  return text;
}

}  // namespace streamlab
