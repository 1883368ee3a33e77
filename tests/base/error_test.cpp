// tests/base/error_test.cpp
#include "engine/base/error.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(Error, SaysWhereWhatExpectedAndHintInThatOrder) {
  const Error error{ErrorCode::refused, "/nodes/1/type", "there is no node type \"Gian\"", "a node type",
                    "did you mean \"Gain\"?"};
  EXPECT_EQ(to_string(error),
            "/nodes/1/type: there is no node type \"Gian\"; expected a node type; did you mean \"Gain\"?");
}

TEST(Error, LeavesOutItsEmptyParts) {
  EXPECT_EQ(to_string(Error{ErrorCode::failed, "", "the disk is full", "", ""}), "the disk is full");
}

TEST(Error, ListsEveryErrorOnALineOfItsOwn) {
  const Errors errors{{ErrorCode::refused, "/a", "one", "", ""}, {ErrorCode::refused, "/b", "two", "", ""}};
  EXPECT_EQ(to_string(errors, "x.json: "), "x.json: /a: one\nx.json: /b: two\n");
}

}  // namespace
}  // namespace streamlab
