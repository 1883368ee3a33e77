// tests/hal/sim_sound.hpp
//
// Sound files for the tests of the simulated card, written and read by libsndfile alone.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sndfile.h>

#include "tests/support/temp_dir.hpp"

namespace streamlab {

// A file in the running test's own folder, which goes when the program ends.
inline std::string scratch(const std::string& name) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string folder = std::string(test->test_suite_name()) + "_" + test->name();
  for (char& c : folder) { c = c == '/' ? '_' : c; }
  static const test::TempDir dir;
  folder = dir.file(folder);
  std::filesystem::create_directories(folder);
  return folder + "/" + name;
}

inline void write_sound(const std::string& path, int format, int rate, int channels,
                        const std::vector<double>& interleaved) {
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr) << sf_strerror(nullptr);
  const auto count = static_cast<sf_count_t>(interleaved.size());
  const int sub = format & SF_FORMAT_SUBMASK;
  if (sub == SF_FORMAT_FLOAT || sub == SF_FORMAT_DOUBLE) {
    EXPECT_EQ(sf_write_double(file, interleaved.data(), count), count);
  } else {  // as integers, left-justified in 32 bits: sf_write_double would scale by 2^(bits-1) - 1
    std::vector<int> pcm;
    for (const double x : interleaved) { pcm.push_back(static_cast<int>(x * 0x1p31)); }
    EXPECT_EQ(sf_write_int(file, pcm.data(), count), count);
  }
  sf_close(file);
}

// Interleaved; empty if the file cannot be read or does not hold 64-bit floats.
inline std::vector<double> read_sound(const std::string& path) {
  SF_INFO info{};
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
  if (file == nullptr) { return {}; }
  std::vector<double> samples;
  if ((info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_DOUBLE) {
    samples.resize(static_cast<std::size_t>(info.frames * info.channels));
    sf_read_double(file, samples.data(), static_cast<sf_count_t>(samples.size()));
  }
  sf_close(file);
  return samples;
}

}  // namespace streamlab
