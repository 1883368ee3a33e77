// tests/nodes/sinks/file_output_node_test.cpp
#include "nodes/sinks/file_output_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab::test {
namespace {

using testing::ElementsAre;

constexpr ParamInfo kParams[] = {param::text("path", Need::required, "The file."), kOverwriteParam};

// Writes down what it is asked for, in place of a file.
class NotedFile final : public FileOutputNode {
 public:
  explicit NotedFile(const ParamValues& params) : FileOutputNode(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    take_options(context);
    return std::vector<OutputFormat>{};
  }
  Result<void> close() override {
    calls.emplace_back("close");
    return {};
  }

  std::vector<std::string> calls;
  bool is_full = false;  // the disk

 private:
  Result<void> open(Existing existing) override {
    if (is_full) { return failed("", "cannot be created: the disk is full"); }
    calls.emplace_back(existing == Existing::replace ? "replace" : "create");
    blocks_ = 0;
    return {};
  }
  Result<void> write(const DataFrame& x) override {
    if (is_full) { return failed("take", "cannot be written: the disk is full"); }
    calls.push_back("write " + std::to_string(x.sequence_id()));
    ++blocks_;
    return {};
  }
  bool is_begun() const noexcept override { return blocks_ > 0; }
  void forget(bool failed) noexcept override { calls.emplace_back(failed ? "forget failed" : "forget"); }

  int blocks_ = 0;
};

ParamValues given(bool overwrite = false) {
  ParamValues values(kParams);
  values.set(0, std::string("take"));
  if (overwrite) { values.set(1, 1.0); }
  return values;
}

Status feed(Node& node, std::uint64_t sequence_id) {
  const DataFrame block(0, sequence_id);
  const DataFrame* const in[] = {&block};
  return node.process(in, {});
}

TEST(FileOutputNode, OpensItsFileAtTheStartAndNotBefore) {
  NotedFile node(given());
  ASSERT_TRUE(node.prepare({}));
  node.reset();
  EXPECT_THAT(node.calls, ElementsAre("forget"));
  ASSERT_TRUE(node.start());
  EXPECT_EQ(feed(node, 1), Status::ok);
  EXPECT_EQ(feed(node, 2), Status::ok);
  EXPECT_THAT(node.calls, ElementsAre("forget", "create", "write 1", "write 2"));
}

TEST(FileOutputNode, ReplacesAFileWhenItsParameterOrTheProgramSaysSo) {
  for (const bool by_parameter : {false, true}) {
    NotedFile node(given(by_parameter));
    PrepareContext context;
    context.overwrite = !by_parameter;
    ASSERT_TRUE(node.prepare(context));
    ASSERT_TRUE(node.start());
    EXPECT_THAT(node.calls, ElementsAre("replace"));
  }
}

TEST(FileOutputNode, NamesTheFileThatCannotBeOpened) {
  NotedFile node(given());
  node.is_full = true;
  const auto started = node.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(to_string(started.error()), "/config/path: \"take\" cannot be created: the disk is full");
}

TEST(FileOutputNode, StartsTheFileAgainAtTheFirstBlockAfterAReset) {
  NotedFile node(given());
  ASSERT_TRUE(node.start());
  node.reset();  // there is nothing in the file yet: it goes on with it
  feed(node, 1);
  node.reset();
  node.reset();
  feed(node, 2);
  feed(node, 3);
  EXPECT_THAT(node.calls, ElementsAre("create", "forget", "write 1", "forget", "forget", "close", "replace",
                                      "write 2", "write 3"));
}

TEST(FileOutputNode, SaysWhyItFailedAndBeginsAgainAfterReset) {
  NotedFile node(given());
  ASSERT_TRUE(node.start());
  node.is_full = true;
  EXPECT_EQ(feed(node, 1), Status::fault);
  EXPECT_EQ(to_string(node.failure()), "take: cannot be written: the disk is full");
  node.is_full = false;
  node.calls.clear();
  node.reset();
  EXPECT_EQ(feed(node, 2), Status::ok);
  EXPECT_THAT(node.calls, ElementsAre("forget failed", "close", "replace", "write 2"));
}

}  // namespace
}  // namespace streamlab::test
