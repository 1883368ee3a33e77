// tests/nodes/sound_file/written_sound.hpp
//
// What the tests of SoundFileWriter write, and what is read back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"

namespace streamlab::test {

using Planar = std::vector<std::vector<double>>;

// `code` x 2^-15 in channel c, frame n: exact in every format.
inline double sample_at(std::size_t c, std::size_t n) {
  return static_cast<double>(static_cast<std::int16_t>(n * 31 + c * 1000)) / 32768.0;
}

inline Planar test_signal(std::size_t channels, std::size_t frames, std::size_t first = 0) {
  Planar signal(channels, std::vector<double>(frames));
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t n = 0; n < frames; ++n) { signal[c][n] = sample_at(c, first + n); }
  }
  return signal;
}

inline Result<void> write(SoundFileWriter& writer, const Planar& signal) {
  std::vector<const double*> planar;
  for (const auto& channel : signal) { planar.push_back(channel.data()); }
  return writer.write(planar.data(), signal[0].size());
}

struct FileContent {
  SoundFileInfo info;
  Planar samples;
};

inline FileContent read_back(const std::string& path) {
  auto reader = SoundFileReader::open(path);
  if (!reader) {
    ADD_FAILURE() << to_string(reader.error());
    return {};
  }
  FileContent content{reader->info(), Planar(reader->info().channels)};
  Planar part(reader->info().channels, std::vector<double>(4096));
  std::vector<double*> planar;
  for (auto& channel : part) { planar.push_back(channel.data()); }
  for (;;) {
    const auto got = reader->read(planar.data(), 4096);
    if (!got || got->frames == 0) { break; }
    for (std::size_t c = 0; c < part.size(); ++c) {
      content.samples[c].insert(content.samples[c].end(), part[c].begin(),
                                part[c].begin() + static_cast<std::ptrdiff_t>(got->frames));
    }
  }
  content.info = reader->info();
  return content;
}

}  // namespace streamlab::test
