// tests/apps/calibration_test.cpp
//
// docs/calibration.md, step by step, on the simulated card that its command names.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

const std::string kShipped = SL_CONFIGS;
const std::string kCard = "device=sim:" + kShipped + "/cards/calibrator.json";

// A sine of amplitude 0.1 is 94 dB SPL: 20 µPa · 10^(94/20) / (0.1 / √2).
TEST(Calibration, FindsTheSoundPressureOfFullScale) {
  const TempDir dir;
  const auto result = streamlab({"run", kShipped + "/calibrate.json", "--set", kCard}, dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("[Level] 0:00.000  mic  peak  -20.00 dBFS  rms  -23.01 dB re 1 FS  crest    3.01 dB\n"));
  EXPECT_THAT(result.out, HasSubstr("mic   -20.00 dBFS at 1000.00 Hz\n"));
  const std::string name = "  pa_per_full_scale: ";
  const std::size_t at = result.out.find(name);
  ASSERT_NE(at, std::string::npos) << result.out;
  // The samples are those of the formula; the mean of ten seconds is exact to some ulp.
  EXPECT_NEAR(std::strtod(result.out.c_str() + at + name.size(), nullptr),
              20e-6 * std::pow(10.0, 4.7) / (0.1 / std::sqrt(2.0)), 1e-11);
  const auto louder = streamlab({"run", kShipped + "/calibrate.json", "--set", kCard, "--set", "db_spl=114"});
  EXPECT_THAT(louder.out, HasSubstr("  pa_per_full_scale: 141.757"));
}

// With that factor the calibrator reads 94 dB on the meter, in the spectrum and in the table.
TEST(Calibration, MeasuresWithIt) {
  const TempDir dir;
  const auto result = streamlab({"run", kShipped + "/calibrated_levels.json", "--set", kCard, "--set",
                                 "pa_per_full_scale=14.175715661678833", "--set", "now=then"},
                                dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("[Level] 0:00.000  mic  peak   97.01 dB SPL  rms   94.00 dB SPL  crest    3.01 dB\n"));
  EXPECT_THAT(result.out, HasSubstr("mic    94.00 dB SPL at 1000.00 Hz\n"));
  const std::string table = content_of(dir.file("levels-then.csv"));
  EXPECT_THAT(table, testing::StartsWith(
                         "position,seconds,timestamp_us,date_time,sequence_id,flags,gap_frames,length_frames,"
                         "mic.rms_db_spl [dB SPL],mic.peak_db_spl [dB SPL],mic.clipped [samples]\r\n"
                         "0,0,0,,0,,0,48000,"));
}

}  // namespace
}  // namespace streamlab::test
