// tests/base/printable_test.cpp
#include "engine/base/printable.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(Printable, LeavesOrdinaryTextAsItIs) {
  for (const std::string text : {"", "a b\\c \"x\"", "Größe 1 µs → 2 日本 😀 \u00a0", "~\u00a1"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesEveryControlCharacter) {
  for (int c = 0; c < 0xa0; ++c) {
    if (c >= 0x20 && c < 0x7f) { continue; }
    std::string text =
        c < 0x80 ? std::string(1, static_cast<char>(c)) : std::string("\xc2") + static_cast<char>(c);
    char expected[8];
    std::snprintf(expected, sizeof expected, "\\u%04x", c);
    if (c == '\n') { std::snprintf(expected, sizeof expected, "\\n"); }
    if (c == '\r') { std::snprintf(expected, sizeof expected, "\\r"); }
    if (c == '\t') { std::snprintf(expected, sizeof expected, "\\t"); }
    EXPECT_EQ(printable("a" + text + "b"), "a" + std::string(expected) + "b");
  }
}

TEST(Printable, EscapesWhatTurnsTheDirectionOfWritingAndSeparatesLines) {
  EXPECT_EQ(printable("a\u202egnp.exe\u2066\u200f\u061c\u2028"),
            "a\\u202egnp.exe\\u2066\\u200f\\u061c\\u2028");
}

// Table 3-7 of Unicode 15: what is longer than it need be, surrogates, what is too large, what is cut off.
TEST(Printable, ShowsTheBytesOfWhatIsNotUtf8) {
  EXPECT_EQ(printable("\x9b[2J"), "\\x9b[2J");
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(printable("\xe2\x82x"), "\\xe2\\x82x");
  EXPECT_EQ(printable("\xff"), "\\xff");
}

TEST(Printable, KeepsLineEndsAndTabsIfAsked) {
  EXPECT_EQ(printable("a\n\tb\r\x1b", LineEnds::keep), "a\n\tb\\r\\u001b");
}

TEST(Printable, ChangesNothingTheSecondTime) {
  const std::string once = printable("\x1b\n\xff\u009b");
  EXPECT_EQ(printable(once), once);
}

}  // namespace
}  // namespace streamlab
