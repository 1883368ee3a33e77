// tests/nodes/sinks/foreign_text_test.cpp
//
// Names, units and labels come from files: on a console they are text, neither commands nor lines of their own.
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

DataFrame foreign_values(const std::string& name, const std::string& unit) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{name, unit}};
  format.max_frames = 1;
  DataFrame frame(std::make_shared<const StreamFormat>(format));
  frame.header() = {.timestamp_us = 21333, .sequence_id = 7, .position = 1024, .gap_frames = 0, .flags = 0};
  frame.set_frame_count(1);
  frame.channel(0)[0] = 0.5;
  return frame;
}

void give_to(std::FILE* console, std::string_view type, std::string_view config, const DataFrame& frame) {
  PrepareContext context;
  context.console_file = console;
  NodeHarness node(type, config, std::vector<StreamFormat>{frame.format()}, context);
  node.process(frame);
  node.finish();
  std::fflush(console);
}

std::string in_memory(std::string_view type, std::string_view config, const DataFrame& frame) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const file = open_memstream(&text, &size);
  give_to(file, type, config, frame);
  std::fclose(file);
  const std::string given(text, size);
  std::free(text);
  return given;
}

// Less than a terminal holds unread.
std::string on_terminal(std::string_view type, std::string_view config, const DataFrame& frame) {
  const int fd = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ::grantpt(fd);
  ::unlockpt(fd);
  std::FILE* const file = std::fopen(::ptsname(fd), "w");
  give_to(file, type, config, frame);
  std::string shown(4096, '\0');
  shown.resize(static_cast<std::size_t>(::read(fd, shown.data(), shown.size())));
  std::fclose(file);
  ::close(fd);
  return shown;
}

TEST(ForeignText, MakesNoLineOfItsOwnInPrint) {
  const std::string label = R"({"label": "a\n[forged] 0:00.000\u001b\t")";
  const DataFrame frame = foreign_values("le\nft.x\r", "V\n");
  EXPECT_EQ(in_memory("Print", label + "}", frame),
            "[a\\n[forged] 0:00.000\\u001b\\t] 0:00.021  le\\nft  x\\r  0.500 V\\n\n");
  EXPECT_EQ(in_memory("Print", label + R"(, "format": "full"})", frame),
            "[a\\n[forged] 0:00.000\\u001b\\t] Frame #7 @ 21333 µs\n  le\\nft.x\\r: 0.5 V\\n\n");
  DataFrame audio(std::make_shared<const StreamFormat>(audio_format(48000.0, {"l\ne"}, 1)));
  audio.set_frame_count(1);
  audio.channel(0)[0] = 0.0;
  EXPECT_THAT(in_memory("Print", "{}", audio), HasSubstr("] 0:00.000  l\\ne  rms "));
  EXPECT_THAT(in_memory("Print", R"({"format": "full"})", audio), HasSubstr("\n  l\\ne: len=1"));
}

// A program that reads gets every byte, a person what would command the terminal as text.
TEST(ForeignText, OfTablesAndJsonLinesCommandsNoTerminal) {
  const DataFrame frame = foreign_values("a\x1b[2J\n\u009b", "");
  constexpr const char* kConfig = R"({"path": "-"})";
  EXPECT_THAT(in_memory("CsvSink", kConfig, frame), HasSubstr(",\"a\x1b[2J\n\u009b\"\r\n"));
  EXPECT_THAT(in_memory("JsonlSink", kConfig, frame), HasSubstr("a\\u001b[2J\\n\u009b"));
  const std::string table = on_terminal("CsvSink", kConfig, frame);
  EXPECT_THAT(table, HasSubstr("\"a\\u001b[2J"));
  EXPECT_THAT(table, HasSubstr("\\u009b\"\r"));
  const std::string lines = on_terminal("JsonlSink", kConfig, frame);
  EXPECT_THAT(lines, HasSubstr("a\\u001b[2J\\n\\u009b"));
  for (const std::string& shown : {table, lines}) {
    EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown, Not(HasSubstr("\u009b")));
    EXPECT_THAT(shown, testing::EndsWith("\n"));
  }
}

}  // namespace
}  // namespace streamlab::test
