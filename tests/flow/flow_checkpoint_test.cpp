// tests/flow/flow_checkpoint_test.cpp
#include "engine/flow/flow_checkpoint.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flow/flow_texts.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

ValidFlow flow_with(const std::string& timeout) {
  return test::flow_of("{nodes: [{name: a, command: [x], timeout: " + timeout +
                       "}, {name: b, command: [x]}, {name: c, command: [x]}], edges: [{from: __start__, to: "
                       "[a, b], fan_in: c}]}");
}

// a and b have run; both set "same".
FlowProgress progress_of(const ValidFlow& flow, const std::string& text = "x") {
  FlowStates states(flow, Document{{"given", 1}});
  for (const std::size_t s : {0U, 1U}) {
    if (!states.begin(s) ||
        !states.finish(s, Document{{"same", {1.5, "ä"}}, {"by" + std::to_string(s), text}})) {
      throw std::runtime_error("the states do not fit");
    }
  }
  if (!states.begin(2) || !states.finish(2, Document::object())) { throw std::runtime_error("no merge"); }
  return states.progress();
}

std::string saved(const test::TempDir& folder, const ValidFlow& flow, const FlowProgress& progress) {
  const auto done = save_progress(folder.file("progress"), flow, progress);
  return done ? "" : to_string(done.error());
}
std::string loaded(const test::TempDir& folder, const ValidFlow& flow) {
  const auto progress = load_progress(folder.file("progress"), flow);
  std::string text = progress ? "" : to_string(progress.error());
  const std::string path = folder.file("");
  if (const auto at = text.find(path); at != std::string::npos) { text.erase(at, path.size()); }
  return text;
}

TEST(FlowCheckpoint, GivesBackWhatWasSaved) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  const FlowProgress before = progress_of(flow);
  ASSERT_EQ(saved(folder, flow, before), "");
  const auto after = load_progress(folder.file("progress"), flow);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->given, before.given);
  ASSERT_EQ(after->done.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(after->done[i].step, before.done[i].step);
    const auto& entries = after->done[i].state.entries();
    ASSERT_EQ(entries.size(), before.done[i].state.entries().size());
    for (std::size_t e = 0; e < entries.size(); ++e) {
      const FlowState::Entry& expected = before.done[i].state.entries()[e];
      EXPECT_EQ(entries[e].key, expected.key);
      EXPECT_EQ(entries[e].value, expected.value);
      EXPECT_EQ(entries[e].writer, expected.writer);
      EXPECT_EQ(entries[e].also, expected.also);
    }
  }
  const FlowState::Entry* same = after->done[2].state.find("same");
  EXPECT_EQ(same->writer, 0U);
  EXPECT_THAT(same->also, ElementsAre(1));  // both stand by it
}

TEST(FlowCheckpoint, LeavesNothingBesideTheFile) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  folder.write("progress", "an old one");
  ASSERT_EQ(saved(folder, flow, progress_of(flow)), "");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(loaded(folder, flow), "");
}

TEST(FlowCheckpoint, IsReadHoweverLargeItIs) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  ASSERT_EQ(saved(folder, flow, progress_of(flow, std::string(10'000'000, 'x'))), "");
  EXPECT_GT(std::filesystem::file_size(folder.file("progress")), kMaxConfigBytes);
  EXPECT_EQ(loaded(folder, flow), "");
}

TEST(FlowCheckpoint, KeepsTheOldOneWhereTheNewCannotBeWritten) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  ASSERT_EQ(saved(folder, flow, progress_of(flow)), "");
  for (int n = 1; n <= 100; ++n) {  // all names under which the new one could be written first
    folder.write("progress.new" + (n == 1 ? std::string() : std::to_string(n)), "");
  }
  EXPECT_EQ(saved(folder, flow, progress_of(flow, "other")),
            folder.file("progress") + ": cannot be replaced: 100 unfinished files are beside it, up to \"" +
                std::filesystem::canonical(folder.path()).string() +
                "/progress.new100\"; remove the ones you do not need");
  EXPECT_EQ(loaded(folder, flow), "");
}

TEST(FlowCheckpoint, IsRefusedWhenItIsNotOfThisFlow) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  EXPECT_EQ(loaded(folder, flow), "progress: there is no such file; expected what \"interrupt_after\" saved");
  ASSERT_EQ(saved(folder, flow, progress_of(flow)), "");
  EXPECT_EQ(loaded(folder, flow_with("2")),
            "progress: this is the progress of another flow, or of an earlier version of this one; run the "
            "flow from its start");
  const std::string whole = test::content_of(folder.file("progress"));
  std::string other = whole;
  other.replace(other.find("\"streamlab_flow_progress\": 1"), 28, "\"streamlab_flow_progress\": 2");
  folder.write("progress", other);
  EXPECT_EQ(loaded(folder, flow), "progress: this progress file has version 2; expected version 1");
}

TEST(FlowCheckpoint, IsRefusedWhenItIsDamaged) {
  const test::TempDir folder;
  const ValidFlow flow = flow_with("1");
  ASSERT_EQ(saved(folder, flow, progress_of(flow)), "");
  const std::string whole = test::content_of(folder.file("progress"));
  const std::string said =
      "progress: this file does not hold the progress of a flow; expected what \"interrupt_after\" saved";
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 3}) {
    folder.write("progress", whole.substr(0, length));
    EXPECT_EQ(loaded(folder, flow), said) << length;
  }
  std::string other = whole;
  other.replace(other.find("\"step\": \"b\""), 11, "\"step\": \"z\"");
  folder.write("progress", other);
  EXPECT_EQ(loaded(folder, flow), said);
}

}  // namespace
}  // namespace streamlab
