// tests/core/param_test.cpp
#include "engine/core/param.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

constexpr std::string_view kWindows[] = {"hann", "flattop"};
constexpr ParamInfo kInfos[] = {
    param::number("gain", "ratio", {-2.0, 2.0}, 1.5, Live::yes, "A factor."),
    param::choice("window", kWindows, "flattop", "A window."),
    param::number("start_s", "s", {0.0, 10.0}, Need::optional, "Where to begin."),
    param::list("channels", ParamType::labels, "", {}, Need::optional, "Channels."),
    param::as(ParamRole::input_file, param::text("path", "in.wav", "A file.")),
};

TEST(ParamValues, BeginAtTheirDefaults) {
  const ParamValues values(kInfos);
  EXPECT_EQ(values[0], 1.5);
  EXPECT_EQ(values.text(1), "flattop");
  EXPECT_EQ(values.choice(1), 1U);
  EXPECT_FALSE(values.has_value(2));
  EXPECT_TRUE(values.labels(3).empty());
  EXPECT_FALSE(values.given(0));
}

TEST(ParamValues, RememberWhatWasGiven) {
  ParamValues values(kInfos);
  values.set(2, 2.5);
  EXPECT_TRUE(values.given(2));
  EXPECT_EQ(values.number(2), 2.5);
  EXPECT_EQ(values.find("window"), 1U);
  EXPECT_EQ(values.find("windows"), std::nullopt);
}

TEST(ParamValues, AreFoundByTheirRole) {
  const ParamValues values(kInfos);
  EXPECT_EQ(values.find(ParamRole::input_file), 4U);
  EXPECT_EQ(values.find(ParamRole::output_file), std::nullopt);
  EXPECT_EQ(type_of(ParamRole::input_file), ParamType::text);
  EXPECT_EQ(type_of(ParamRole::overwrite), ParamType::boolean);
  EXPECT_EQ(type_of(ParamRole::none), std::nullopt);
}

// Of an unknown name the compiler says that the call is not a constant expression.
TEST(ParamAt, IsTheIndexOfAName) {
  static_assert(param::at(kInfos, "gain") == 0);
  static_assert(param::at(kInfos, "channels") == 3);
  constexpr auto kStart = param::at(kInfos, "start_s");
  EXPECT_EQ(kInfos[kStart].name, "start_s");
}

}  // namespace
}  // namespace streamlab
