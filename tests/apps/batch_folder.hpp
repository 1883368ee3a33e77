// tests/apps/batch_folder.hpp
//
// BatchFolder: a folder with sound files, over which batches are run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {

class BatchFolder {
 public:
  using Words = std::vector<std::string>;

  const TempDir& dir() const { return dir_; }
  std::string content(const std::string& name) const { return content_of(dir_.file(name)); }
  bool has(const std::string& name) const { return std::filesystem::exists(dir_.file(name)); }

  // A WAV with 16-bit samples at 8 kHz: a ramp of `frames` frames up to `peak`; of which the file ends after `kept`.
  void make_wav(const std::string& name, int peak, int channels = 1, int frames = 800, int kept = -1) const {
    std::string data;
    for (int n = 0; n < frames; ++n) {
      for (int c = 0; c < channels; ++c) { put(data, static_cast<unsigned>(peak * (n + 1) / frames), 2); }
    }
    std::string wav = "RIFF";
    put(wav, static_cast<unsigned>(36 + data.size()), 4);
    wav += "WAVEfmt ";
    put(wav, 16, 4);
    put(wav, 1, 2);
    put(wav, static_cast<unsigned>(channels), 2);
    put(wav, 8000, 4);
    put(wav, static_cast<unsigned>(16000 * channels), 4);
    put(wav, static_cast<unsigned>(2 * channels), 2);
    put(wav, 16, 2);
    wav += "data";
    put(wav, static_cast<unsigned>(data.size()), 4);
    if (kept >= 0) { data.resize(static_cast<std::size_t>(2 * channels * kept)); }
    std::filesystem::create_directories(std::filesystem::path(dir_.file(name)).parent_path());
    dir_.write(name, wav + data);
  }

  // Levels of each `interval_s` to `sink`, a node without its "id"; between them nodes, if any: `"type": …`.
  std::string levels(const std::string& sink = R"("type": "Print")", const std::string& interval_s = "0.05",
                     const std::string& before = {}) const {
    const std::string first = before.empty() ? "file" : "before";
    return dir_.write("levels.json",
                      R"({"nodes": [
        {"id": "file", "type": "FileSource", "config": {"path": "${input}"}},)" +
                          (before.empty() ? "" : R"({"id": "before", )" + before + "},") +
                          R"({"id": "level", "type": "LevelMeter", "config": {"interval_s": )" + interval_s +
                          R"(}}, {"id": "out", )" + sink + R"(}],
      "connections": [)" + (before.empty() ? "" : R"({"from": "file", "to": "before"},)") +
                          R"({"from": ")" + first + R"(", "to": "level"}, {"from": "level", "to": "out"}]})");
  }

  ProgramResult batch(const std::string& config, const Words& files, const Words& options) const {
    return streamlab(command(config, files, options), dir_.path().string());
  }
  static Words command(const std::string& config, const Words& files, const Words& options) {
    Words words{"batch", config};
    words.insert(words.end(), files.begin(), files.end());
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }

 private:
  static void put(std::string& text, unsigned value, int bytes) {
    for (int i = 0; i < bytes; ++i) { text += static_cast<char>(value >> (8 * i) & 0xffU); }
  }

  TempDir dir_;
};

// The rows of a table without quotes, by lines and commas.
inline std::vector<std::vector<std::string>> plain_rows(const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) { line.pop_back(); }
    rows.emplace_back();
    std::istringstream fields(line + ",");
    for (std::string field; std::getline(fields, field, ',');) { rows.back().push_back(field); }
  }
  return rows;
}

// Its first column, each name once where it follows itself.
inline std::vector<std::string> names_of(const std::string& table) {
  std::vector<std::string> names;
  for (const auto& row : plain_rows(table)) {
    if (names.empty() || names.back() != row[0]) { names.push_back(row[0]); }
  }
  return names;
}

}  // namespace streamlab::test
