// tests/nodes/sound_file/read_samples.hpp
//
// All that a reader gives, with what is missing between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "nodes/sound_file/sound_file_reader.hpp"

namespace streamlab::test {

struct ReadSamples {
  std::vector<std::vector<double>> channels;                     // missing frames take no place
  std::vector<std::pair<std::uint64_t, std::uint64_t>> missing;  // frame where it begins, and how many
};

inline ReadSamples read_samples(SoundFileReader& reader, std::size_t block = 1000) {
  ReadSamples all;
  all.channels.resize(reader.info().channels);
  std::vector<std::vector<double>> part(reader.info().channels, std::vector<double>(block));
  std::vector<double*> planar;
  for (auto& channel : part) { planar.push_back(channel.data()); }
  while (true) {
    const std::uint64_t at = reader.position();
    const auto missing = reader.skip_missing();
    EXPECT_TRUE(missing.has_value());
    if (missing && *missing > 0) { all.missing.emplace_back(at, *missing); }
    const auto got = reader.read(planar.data(), block);
    EXPECT_TRUE(got.has_value());
    if (!got || got->frames == 0) { return all; }
    for (std::size_t c = 0; c < part.size(); ++c) {
      all.channels[c].insert(all.channels[c].end(), part[c].begin(),
                             part[c].begin() + static_cast<std::ptrdiff_t>(got->frames));
    }
  }
}

}  // namespace streamlab::test
