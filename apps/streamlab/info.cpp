// apps/streamlab/info.cpp
//
// streamlab info: what a sound file holds.
#include <nlohmann/json.hpp>
#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"

namespace streamlab::app {

ExitCode info_command(const std::string& path, bool json) {
  const auto reader = SoundFileReader::open(path);
  if (!reader) {
    Error error = reader.error();
    error.where = path;
    return report(error, "");
  }
  const SoundFileInfo& info = reader->info();
  if (!json) {
    to_stdout(describe(info, reader->losses()));
    return ExitCode::success;
  }
  Document document{{"type", "file"},
                    {"path", path},
                    {"container", info.container},
                    {"subtype", info.subtype},
                    {"sample_rate_hz", info.sample_rate_hz},
                    {"channels", info.channels}};
  document["frames"] = info.length_known ? Document(info.frames) : Document(nullptr);
  document["duration_s"] = info.length_known ? Document(duration_s(info)) : Document(nullptr);
  document["warnings"] = info.warnings;
  document["losses"] = reader->losses();
  print_json_line(document);
  return ExitCode::success;
}

}  // namespace streamlab::app
