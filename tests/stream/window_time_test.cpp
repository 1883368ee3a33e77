// tests/stream/window_time_test.cpp
//
// window_by, window_by_session, window_for: windows by time, against definitions written down item by item.
#include "engine/stream/stages/window_time.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/channel/clock.hpp"
#include "engine/stream/sources.hpp"
#include "tests/stream/scripted.hpp"
#include "tests/stream/timeline.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_streams;
using std::chrono::milliseconds;

struct Reading {
  std::int64_t time;
  int number;  // in the order they come
};
const auto time_of = [](const Reading& r) { return r.time; };

std::vector<int> numbers_of(const std::vector<Reading>& readings) {
  std::vector<int> numbers;
  for (const Reading& r : readings) { numbers.push_back(r.number); }
  return numbers;
}

std::vector<Reading> readings(const std::vector<std::int64_t>& times) {
  std::vector<Reading> all;
  for (const std::int64_t time : times) { all.push_back({time, static_cast<int>(all.size())}); }
  return all;
}

std::vector<std::int64_t> random_times() {
  const auto count = *rc::gen::inRange<std::size_t>(0, 30);
  std::vector<std::int64_t> times(count);
  std::int64_t at = *rc::gen::inRange(-50, 50);
  for (auto& time : times) {
    at += *rc::gen::inRange(0, 6);
    time = at + *rc::gen::inRange(-8, 9);
  }
  return times;
}

TEST(TimeWindow, HoldsWhatIsNotLateByItsTime) {
  EXPECT_TRUE(rc::check([] {
    const auto size = *rc::gen::inRange<std::int64_t>(1, 20);
    const auto hop = *rc::gen::inRange<std::int64_t>(1, 25);
    const auto lateness = *rc::gen::inRange<std::int64_t>(0, 12);
    const auto all = readings(random_times());
    const auto result =
        scripted(with_pauses(all)).window_by(time_of, size, hop, lateness, Loss::allow).collect();
    RC_ASSERT(static_cast<bool>(result));

    // Late: more than `lateness` behind the newest that came before.
    std::vector<Reading> kept;
    std::uint64_t dropped = 0;
    std::optional<std::int64_t> newest;
    for (const Reading& r : all) {
      const std::int64_t into_hop = ((r.time % hop) + hop) % hop;
      const bool late = newest && r.time < *newest - lateness;
      newest = std::max(newest.value_or(r.time), r.time);
      if (late || into_hop >= size) {
        ++dropped;
      } else {
        kept.push_back(r);
      }
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [](const Reading& a, const Reading& b) { return a.time < b.time; });
    RC_ASSERT(result.report.stage("window_by")->dropped == dropped);

    std::size_t at = 0;
    for (std::int64_t begin = -200 * hop; begin < 400; begin += hop) {
      std::vector<Reading> inside;
      for (const Reading& r : kept) {
        if (begin <= r.time && r.time < begin + size) { inside.push_back(r); }
      }
      if (inside.empty()) { continue; }
      RC_ASSERT(at < result.value.size());
      const Window<Reading>& window = result.value[at];
      RC_ASSERT(window.begin == begin);
      RC_ASSERT(window.end == begin + size);
      RC_ASSERT(window.index == at);
      RC_ASSERT(numbers_of(window.items) == numbers_of(inside));
      RC_ASSERT(window.complete == (kept.front().time <= begin && begin + size <= *newest + 1));
      ++at;
    }
    RC_ASSERT(at == result.value.size());
  }));
}

TEST(TimeWindow, IsGivenAsSoonAsTheWatermarkHasReachedItsEnd) {
  Script<Reading> script;
  for (const Reading& r : readings({0, 3, 9, 12, 14, 40})) { script.steps.emplace_back(r); }
  int given = 0;
  const auto first = scripted(script, &given).window_by(time_of, 10, 10, 4).first();
  EXPECT_THAT(numbers_of(first.value->items), ElementsAre(0, 1, 2));
  EXPECT_EQ(given, 5);  // 14 - 4 reaches 10; 12 - 4 does not
}

TEST(TimeWindow, RefusesWhatCannotBe) {
  const auto refusal = [](std::int64_t size, std::int64_t hop, std::int64_t lateness) {
    return to_string(
        from_range(readings({1})).window_by(time_of, size, hop, lateness).collect().report.error->error);
  };
  EXPECT_EQ(refusal(0, 1, 0), "a window of size 0; expected 1 or more");
  EXPECT_EQ(refusal(-5, 1, 0), "a window of size -5; expected 1 or more");
  EXPECT_THAT(refusal(5, 8, 0), HasSubstr("windows of 5 with a hop of 8 lose 3 of every 8"));
  EXPECT_THAT(refusal(5, 5, -1), HasSubstr("lateness -1"));
  const auto far = from_range(readings({std::int64_t{1} << 62})).window_by(time_of, 5, 5).collect();
  EXPECT_THAT(to_string(far.report.error->error), HasSubstr("the time 4611686018427387904 is out of range"));
}

TEST(TimeWindow, SaysWhereTheUsersFunctionThrew) {
  const auto result = from_range(readings({1, 2, 3}))
                          .window_by(
                              [](const Reading& r) -> std::int64_t {
                                if (r.number == 2) { throw std::runtime_error("no clock"); }
                                return r.time;
                              },
                              1, 1)
                          .collect();
  EXPECT_EQ(result.value.size(), 1U);
  EXPECT_EQ(to_string(*result.report.error), "stage \"window_by\", item 2: the function threw: no clock");
}

TEST(SessionWindow, EndsWithAGap) {
  // 21 is a gap of 10 behind 11, which is no more than 10; 80 is of a session that is over.
  const auto result =
      from_range(readings({10, 10, 11, 21, 100, 101, 80})).window_by_session(time_of, 10).collect();
  ASSERT_EQ(result.value.size(), 2U);
  EXPECT_THAT(numbers_of(result.value[0].items), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(result.value[0].begin, 10);
  EXPECT_EQ(result.value[0].end, 22);
  EXPECT_TRUE(result.value[0].complete);
  EXPECT_THAT(numbers_of(result.value[1].items), ElementsAre(4, 5));
  EXPECT_FALSE(result.value[1].complete);
  EXPECT_EQ(result.report.stage("window_by_session")->dropped, 1U);
}

// What is not late, in the order of its times, is cut where more than the gap lies between two.
TEST(SessionWindow, SplitsTimesWhereTheyAreFarApart) {
  EXPECT_TRUE(rc::check([] {
    const auto gap = *rc::gen::inRange<std::int64_t>(0, 8);
    const auto lateness = *rc::gen::inRange<std::int64_t>(0, 20);
    const auto all = readings(random_times());
    std::vector<Reading> kept;
    std::optional<std::int64_t> newest;
    for (const Reading& r : all) {
      if (!newest || r.time >= *newest - lateness) { kept.push_back(r); }
      newest = std::max(newest.value_or(r.time), r.time);
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [](const Reading& a, const Reading& b) { return a.time < b.time; });
    std::vector<std::vector<int>> expected;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (i == 0 || kept[i].time - kept[i - 1].time > gap) { expected.emplace_back(); }
      expected.back().push_back(kept[i].number);
    }
    const auto result = scripted(with_pauses(all)).window_by_session(time_of, gap, lateness).collect();
    RC_ASSERT(result.value.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& window = result.value[i];
      RC_ASSERT(window.index == i);
      RC_ASSERT(numbers_of(window.items) == expected[i]);
      RC_ASSERT(window.begin == window.items.front().time);
      RC_ASSERT(window.end == window.items.back().time + 1);
      RC_ASSERT(window.complete == (i + 1 < expected.size()));
    }
    RC_ASSERT(result.report.stage("window_by_session")->dropped == all.size() - kept.size());
  }));
}

TEST(SessionWindow, AnItemBetweenTwoMakesOneOfThem) {
  const auto of = [](std::int64_t lateness) {
    return *from_range(readings({0, 20, 10, 60})).window_by_session(time_of, 10, lateness).collect();
  };
  ASSERT_EQ(of(0).size(), 3U);  // 10 is late
  ASSERT_EQ(of(10).size(), 2U);
  EXPECT_THAT(numbers_of(of(10)[0].items), ElementsAre(0, 2, 1));
}

TEST(SessionWindow, IsGivenAsSoonAsNothingCanJoinIt) {
  int given = 0;
  const auto first =
      scripted(script_of(readings({0, 5, 15, 19, 20, 90})), &given).window_by_session(time_of, 10, 4).first();
  EXPECT_THAT(numbers_of(first.value->items), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(given, 6);
  given = 0;
  // 20 - 4 is more than 10 behind 5; 19 - 4 is not: 15 could still come, and would join it.
  (void)scripted(script_of(readings({0, 5, 19, 20, 90})), &given).window_by_session(time_of, 10, 4).first();
  EXPECT_EQ(given, 4);
}

TEST(SessionWindow, RefusesWhatCannotBe) {
  const auto refusal = [](std::int64_t gap, std::int64_t lateness) {
    return to_string(
        from_range(readings({1})).window_by_session(time_of, gap, lateness).collect().report.error->error);
  };
  EXPECT_THAT(refusal(-1, 0), HasSubstr("with a gap of -1 and lateness 0; expected both in 0 .. "));
  EXPECT_THAT(refusal(1, -2), HasSubstr("lateness -2"));
}

// A window is saved between any two of its neighbours and gone on with.
template <class Make>
void expect_resumes(Make make) {
  const auto count = make().collect().value.size();
  for (std::size_t stop = 0; stop <= count; ++stop) {
    std::vector<int> whole;
    for (const auto& window : make().collect().value) {
      for (const Reading& r : window.items) { whole.push_back(r.number); }
    }
    StreamRun run({});
    std::vector<int> got;
    Window<Reading>* window = nullptr;
    const auto take = [&](Stage<Window<Reading>>& stage) {
      if (stage.next(run, window) != Poll::item) { return false; }
      for (const Reading& r : window->items) { got.push_back(r.number); }
      return true;
    };
    auto first = make().take_stages();
    for (std::size_t i = 0; i < stop; ++i) { take(*first); }
    ByteWriter saved;
    visit_in_flow_order(*first, [&](StageBase& stage) { ASSERT_TRUE(stage.save(saved)); });
    auto second = make().take_stages();
    ByteReader reader(saved.bytes());
    visit_in_flow_order(*second, [&](StageBase& stage) { ASSERT_TRUE(stage.load(reader)); });
    EXPECT_EQ(reader.left(), 0U);
    while (take(*second)) {}
    EXPECT_EQ(got, whole) << "saved after " << stop;
  }
}

}  // namespace

template <>
struct Codec<Reading> {
  static void write(ByteWriter& to, const Reading& r) {
    to.put(r.time);
    to.put(r.number);
  }
  static Result<Reading> read(ByteReader& from) {
    Reading r{};
    if (auto ok = from.get_to(r.time); !ok) { return tl::unexpected(ok.error()); }
    if (auto ok = from.get_to(r.number); !ok) { return tl::unexpected(ok.error()); }
    return r;
  }
};

namespace {

TEST(TimeWindow, GoesOnFromWhatWasSaved) {
  const auto all = readings({3, 1, 7, 6, 12, 11, 30, 31, 29, 55});
  expect_resumes([&] { return from_range(all).window_by(time_of, 10, 5, 3); });
  expect_resumes([&] { return from_range(all).window_by_session(time_of, 5, 3); });
  expect_resumes([&] { return from_range(all).window_by_session(time_of, 1, 12); });
}

TEST(ClockWindow, HoldsWhatComesInItsTimeAndComesOutWhenThatIsOver) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto begin = clock.now();
  std::vector<milliseconds> came;
  std::vector<Window<int>> windows;
  auto slow = timeline<int>({{milliseconds(0), 1},
                             {milliseconds(40), 2},
                             {milliseconds(100), 3},
                             {milliseconds(450), 4},
                             {milliseconds(499), 5},
                             {milliseconds(510), 6}});
  const auto report = std::move(slow)
                          .window_for(milliseconds(100))
                          .for_each(
                              [&](Window<int>& window) {
                                came.push_back(std::chrono::duration_cast<milliseconds>(clock.now() - begin));
                                windows.push_back(window);
                              },
                              {.clock = &clock});
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(windows.size(), 4U);
  EXPECT_THAT(windows[0].items, ElementsAre(1, 2));
  EXPECT_THAT(windows[1].items, ElementsAre(3));
  EXPECT_THAT(windows[2].items, ElementsAre(4, 5));
  EXPECT_THAT(windows[3].items, ElementsAre(6));
  EXPECT_THAT(came, ElementsAre(milliseconds(100), milliseconds(200), milliseconds(500), milliseconds(510)));
  EXPECT_EQ(windows[2].begin, 400'000'000);
  EXPECT_EQ(windows[2].end, 500'000'000);
  EXPECT_TRUE(windows[2].complete);
  EXPECT_FALSE(windows[3].complete);  // the stream ended first
  EXPECT_EQ(windows[3].index, 3U);
}

TEST(ClockWindow, RefusesNoTime) {
  const auto result = from_range(std::vector{1}).window_for(milliseconds(0)).collect();
  EXPECT_THAT(to_string(*result.report.error), HasSubstr("window_for() of 0 ns"));
}

}  // namespace
}  // namespace streamlab
