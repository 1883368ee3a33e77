// tests/nodes/dsp/cpu_path_test.cpp
#include "nodes/dsp/cpu_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab::dsp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CpuPath, BaselineRunsEverywhere) {
  EXPECT_TRUE(cpu_supports(CpuPath::baseline));
  EXPECT_EQ(supported_cpu_paths().front(), CpuPath::baseline);
}

TEST(CpuPath, WithoutAWishTheFastestIsChosen) {
  for (const char* nothing : {static_cast<const char*>(nullptr), ""}) {
    const CpuPathChoice choice = choose_cpu_path(nothing);
    EXPECT_EQ(choice.path, supported_cpu_paths().back());
    EXPECT_THAT(choice.error, IsEmpty());
  }
}

TEST(CpuPath, EverySupportedPathCanBeWishedForByName) {
  for (const CpuPath path : supported_cpu_paths()) {
    const CpuPathChoice choice = choose_cpu_path(std::string(name(path)).c_str());
    EXPECT_EQ(choice.path, path);
    EXPECT_THAT(choice.error, IsEmpty());
  }
}

TEST(CpuPath, APathThatThisCpuLacksIsAnErrorAndNotAQuietFallBack) {
  for (const CpuPath path : {CpuPath::avx2, CpuPath::avx512}) {
    if (cpu_supports(path)) { continue; }
    EXPECT_THAT(choose_cpu_path(std::string(name(path)).c_str()).error,
                HasSubstr("this processor does not support the CPU path"));
  }
}

TEST(CpuPath, AnUnknownNameIsAnErrorThatListsTheNames) {
  const CpuPathChoice choice = choose_cpu_path("avx3");
  EXPECT_EQ(choice.path, supported_cpu_paths().back());
  EXPECT_EQ(choice.error,
            "there is no CPU path \"avx3\"; expected \"baseline\", \"avx2\" or \"avx512\", or nothing");
}

}  // namespace
}  // namespace streamlab::dsp
