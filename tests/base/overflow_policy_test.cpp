// tests/base/overflow_policy_test.cpp
#include "engine/base/overflow_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using testing::ElementsAre;

TEST(OverflowPolicy, HasTheNamesOfTheConfiguration) {
  EXPECT_THAT(kOverflowPolicyNames,
              ElementsAre("block", "drop_oldest", "drop_newest", "drop_buffer", "latest", "fail"));
  EXPECT_EQ(to_string(OverflowPolicy::block), "block");
  EXPECT_EQ(to_string(OverflowPolicy::drop_oldest), "drop_oldest");
  EXPECT_EQ(to_string(OverflowPolicy::drop_newest), "drop_newest");
  EXPECT_EQ(to_string(OverflowPolicy::drop_buffer), "drop_buffer");
  EXPECT_EQ(to_string(OverflowPolicy::latest), "latest");
  EXPECT_EQ(to_string(OverflowPolicy::fail), "fail");
}

TEST(OverflowPolicy, IsReadFromItsName) {
  for (const auto name : kOverflowPolicyNames) {
    const auto policy = parse_overflow_policy(name);
    ASSERT_TRUE(policy.has_value()) << name;
    EXPECT_EQ(to_string(*policy), name);
  }
}

TEST(OverflowPolicy, RefusesOtherNames) {
  EXPECT_FALSE(parse_overflow_policy("").has_value());
  EXPECT_FALSE(parse_overflow_policy("Block").has_value());
  EXPECT_FALSE(parse_overflow_policy("drop").has_value());
}

}  // namespace
}  // namespace streamlab
