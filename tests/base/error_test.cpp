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

TEST(Error, NamesTheNodeBesideThePlace) {
  Error error{ErrorCode::refused, "/nodes/1/config/gain", "3 is outside 0 .. 2", "", "", "mic"};
  EXPECT_EQ(to_string(error), "/nodes/1/config/gain (\"mic\"): 3 is outside 0 .. 2");
  error.what = "the input \"in\" of \"mic\" is not connected";  // that says it already
  EXPECT_EQ(to_string(error), "/nodes/1/config/gain: the input \"in\" of \"mic\" is not connected");
}

TEST(Error, LeavesOutItsEmptyParts) {
  EXPECT_EQ(to_string(Error{ErrorCode::failed, "", "the disk is full", "", ""}), "the disk is full");
}

TEST(Error, ListsEveryErrorOnALineOfItsOwn) {
  const Errors errors{{ErrorCode::refused, "/a", "one", "", ""}, {ErrorCode::refused, "/b", "two", "", ""}};
  EXPECT_EQ(to_string(errors, "x.json: "), "x.json: /a: one\nx.json: /b: two\n");
}

TEST(Error, IsOneLineThatNoTerminalObeys) {
  const Error error{ErrorCode::refused, "/a\x1b[2J", "the key \"b\nx.json: /c\" is here", "\a", "\xff"};
  EXPECT_EQ(to_string(error), "/a\\u001b[2J: the key \"b\\nx.json: /c\" is here; expected \\u0007; \\xff");
  EXPECT_EQ(to_string(Errors{error}, "\x9b: "), "\\x9b: " + to_string(error) + "\n");
}

TEST(Error, ShortensWhatHasMegabytes) {
  const std::string shown = to_string(Error{ErrorCode::refused, "", std::string(1U << 20U, 'x'), "", ""});
  EXPECT_EQ(shown, std::string(8192, 'x') + "… (1048576 bytes)");
}

TEST(Error, KeepsTheLinesThatItQuotes) {
  const Error error{ErrorCode::failed, "", "it failed:\n  | one\n  | two", "", "\nthree"};
  EXPECT_EQ(to_string(error), "it failed:\n  | one\n  | two; \\nthree");
}

}  // namespace
}  // namespace streamlab
