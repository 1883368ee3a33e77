// tests/hal/sim_timeline_test.cpp
#include "hal/sim/sim_timeline.hpp"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using FaultKind = SimFault::Kind;

// Everything until the end, as text: "position+frames@due", "x position+lost", …
std::string timeline_story(SimTimeline timeline) {
  std::string text;
  for (;;) {
    const SimEvent event = timeline.next();
    switch (event.kind) {
      case SimEvent::Kind::block:
        text += fmt::format("{}+{}@{} ", event.position, event.frames, event.due);
        break;
      case SimEvent::Kind::hold:
        text += fmt::format("hold {}+{} ", event.position, event.frames);
        break;
      case SimEvent::Kind::xrun:
        text += fmt::format("xrun {}+{} ", event.position, event.frames);
        break;
      case SimEvent::Kind::unplugged:
        text += fmt::format("away {}+{} ", event.position, event.frames);
        break;
      case SimEvent::Kind::rate_changed:
        text += fmt::format("{} Hz at {} ", event.sample_rate_hz, event.position);
        break;
      case SimEvent::Kind::ended:
        return text + fmt::format("end {}", event.position);
    }
  }
}

SimTimeline::Card card(std::int64_t end) {
  SimTimeline::Card line;
  line.period_frames = 10;
  line.max_block_frames = 10;
  line.buffer_frames = 40;
  line.sample_rate_hz = 1000.0;  // 1 ms is one frame
  line.end = end;
  return line;
}

TEST(SimTimeline, CutsTheStreamIntoPeriodsAndARest) {
  EXPECT_EQ(timeline_story(SimTimeline(card(25), {})), "0+10@10 10+10@20 20+5@25 end 25");
}

TEST(SimTimeline, BeginsAnXrunExactlyAtItsFrame) {
  EXPECT_EQ(timeline_story(SimTimeline(card(50), {{FaultKind::xrun, 13, 8, 0, 0, 0}})),
            "0+10@10 10+3@13 xrun 13+8 21+10@31 31+10@41 41+9@50 end 50");
}

TEST(SimTimeline, ReportsAnXrunThatLosesNothing) {
  EXPECT_EQ(timeline_story(SimTimeline(card(20), {{FaultKind::xrun, 0, 0, 0, 0, 0}})),
            "xrun 0+0 0+10@10 10+10@20 end 20");
}

TEST(SimTimeline, HoldsAStallThatFitsTheBuffer) {
  EXPECT_EQ(timeline_story(SimTimeline(card(20), {{FaultKind::stall, 10, 0, 40.0, 0, 0}})),
            "0+10@10 hold 10+40 10+10@20 end 20");
}

TEST(SimTimeline, LosesTheWholeOfALongerStall) {
  EXPECT_EQ(timeline_story(SimTimeline(card(60), {{FaultKind::stall, 10, 0, 41.0, 0, 0}})),
            "0+10@10 xrun 10+41 51+9@60 end 60");
}

TEST(SimTimeline, IsAwayForTheLengthOfAnUnplug) {
  EXPECT_EQ(timeline_story(SimTimeline(card(40), {{FaultKind::unplug, 5, 20, 0, 0, 0}})),
            "0+5@5 away 5+20 25+10@35 35+5@40 end 40");
}

TEST(SimTimeline, LosesNoMoreThanTheStreamHolds) {
  EXPECT_EQ(timeline_story(SimTimeline(card(20), {{FaultKind::xrun, 15, 1000, 0, 0, 0}})),
            "0+10@10 10+5@15 xrun 15+5 end 20");
}

TEST(SimTimeline, EndsWhereTheRateChanges) {
  EXPECT_EQ(timeline_story(SimTimeline(card(20), {{FaultKind::rate_change, 12, 0, 0, 44100.0, 0}})),
            "0+10@10 10+2@12 44100 Hz at 12 end 12");
}

TEST(SimTimeline, GivesLongerPeriodsInSeveralBlocks) {
  EXPECT_EQ(timeline_story(SimTimeline(card(40), {{FaultKind::period_change, 10, 0, 0, 0, 25}})),
            "0+10@10 10+10@35 20+10@35 30+5@35 35+5@40 end 40");
}

TEST(SimTimeline, TakesNeighbouringFaultsOneByOne) {
  EXPECT_EQ(timeline_story(SimTimeline(
                card(40), {{FaultKind::xrun, 10, 5, 0, 0, 0}, {FaultKind::unplug, 15, 5, 0, 0, 0}})),
            "0+10@10 xrun 10+5 away 15+5 20+10@30 30+10@40 end 40");
}

TEST(SimTimeline, SkipsNoFault) {
  SimTimeline timeline(card(100), {{FaultKind::xrun, 30, 5, 0, 0, 0}});
  EXPECT_EQ(timeline.next().position, 0);
  EXPECT_EQ(timeline.skip(15), 15);
  EXPECT_EQ(timeline.position(), 25);
  EXPECT_EQ(timeline.skip(1000), 5);
  EXPECT_EQ(timeline.next().kind, SimEvent::Kind::xrun);
  EXPECT_EQ(timeline.skip(1000), 65);
  EXPECT_EQ(timeline.next().kind, SimEvent::Kind::ended);
}

TEST(SimTimeline, ContinuesWithoutEnd) {
  SimTimeline timeline(card(SimTimeline::kWithoutEnd), {});
  for (int i = 0; i < 1000; ++i) { EXPECT_EQ(timeline.next().position, 10 * i); }
}

}  // namespace
}  // namespace streamlab
