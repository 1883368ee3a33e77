// tests/base/nearest_name_test.cpp
#include "engine/base/nearest_name.hpp"

#include <array>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

constexpr std::array<std::string_view, 4> kNames{"SineGenerator", "Gain", "Print", "FileSource"};

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("gain", "gain"), 0U);
  EXPECT_EQ(edit_distance("gain", "gains"), 1U);      // insertion
  EXPECT_EQ(edit_distance("gain", "gin"), 1U);        // deletion
  EXPECT_EQ(edit_distance("gain", "gaim"), 1U);       // replacement
  EXPECT_EQ(edit_distance("gain", "gian"), 1U);       // swap of neighbours
  EXPECT_EQ(edit_distance("", "gain"), 4U);           // all inserted
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);  // the textbook pair
}

TEST(EditDistance, DoesNotSeeCase) { EXPECT_EQ(edit_distance("GAIN", "gain"), 0U); }

TEST(NearestName, FindsTheMistypedName) {
  EXPECT_EQ(nearest_name("Gian", kNames), "Gain");
  EXPECT_EQ(nearest_name("SinGenerator", kNames), "SineGenerator");
  EXPECT_EQ(nearest_name("filesource", kNames), "FileSource");
}

TEST(NearestName, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("Reverb", kNames), "");
  EXPECT_EQ(nearest_name("x", {}), "");
  EXPECT_EQ(did_you_mean("Reverb", kNames), "");
}

TEST(RelatedName, KnowsWhatOtherProgramsCallIt) {
  constexpr std::array<std::string_view, 4> kSink{"path", "format", "subtype", "overwrite"};
  EXPECT_EQ(related_name("encoding", kSink), "subtype");
  EXPECT_EQ(related_name("Bit-Depth", kSink), "subtype");
  EXPECT_EQ(related_name("file_name", kSink), "path");
  constexpr std::array<std::string_view, 4> kFilter{"type", "frequency", "q", "gain_db"};
  for (const std::string_view word : {"cutoff", "cut_off", "cutoff_hz", "freq", "frequency_hz", "fc"}) {
    EXPECT_EQ(related_name(word, kFilter), "frequency") << word;
  }
  EXPECT_EQ(related_name("level", kFilter), "gain_db");
  EXPECT_EQ(related_name("gain", kFilter), "gain_db");
  EXPECT_EQ(related_name("volume", kNames), "Gain");
  EXPECT_EQ(related_name("oscillator", kNames), "SineGenerator");
  EXPECT_EQ(related_name("cutoff", kSink), "");
  EXPECT_EQ(related_name("", kNames), "");
}

TEST(RelatedName, ComesBeforeTheNearestOne) {
  constexpr std::array<std::string_view, 2> kWindows{"hamming", "hann"};
  EXPECT_EQ(did_you_mean("hanning", kWindows), "did you mean \"hann\"?");
  EXPECT_EQ(did_you_mean("haming", kWindows), "did you mean \"hamming\"?");
}

TEST(NearestName, AsksTheQuestion) { EXPECT_EQ(did_you_mean("Pront", kNames), "did you mean \"Print\"?"); }

}  // namespace
}  // namespace streamlab
