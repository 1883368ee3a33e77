// tests/stream/checkpoint_test.cpp
//
// A run that is broken off at any moment and begun again gives the same output as one that was not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <ranges>
#include <sstream>
#include <vector>

#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {
struct SumSoFar {
  double sum = 0.0;
  std::int64_t count = 0;
};
}  // namespace
template <>
struct Codec<SumSoFar> : PlainCodec<SumSoFar> {};
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const fs::path& path) { return test::content_of(path.string()); }

Generator<int> generate_numbers(int count) {
  for (int i = 0; i < count; ++i) { co_yield i; }
}

// Checkpoints wait for the disk: where they are not looked at, there are none.
constexpr std::uint64_t kNoMore = 100000;

// A chain with state in most of its stages. Breaks off when it has been asked for `fail_at` items.
StreamReport job(const fs::path& folder, int fail_at, std::uint64_t every = 10, const std::string& key = "") {
  StreamContext<int> seen;
  int asked = 0;
  return from_generator(generate_numbers(1000))
      .skip(3)
      .distinct_by([](int x) { return x / 2; })
      .flat_map([](int x) {
        return std::vector<int>{x, -x, x * 10};
      })
      .with(seen,
            [](int& sum, int x) {
              sum += x;
              return x + sum % 7;
            })
      .scan(0, [](int sum, int x) { return (sum * 31 + x) % 1000003; })
      .batch(2)
      .map([](const std::vector<int>& pair) { return pair[0] ^ (pair.size() > 1 ? pair[1] : 0); })
      .take(650)
      .checkpoint({folder / "state", every, key})
      .map([&](int x) -> Result<int> {
        if (asked++ == fail_at) { return failed("", "broken off"); }
        return x;
      })
      .write_lines(folder / "out.txt", [](int x) { return std::to_string(x); });
}

TEST(Checkpoint, EveryPlaceToBreakOffGivesTheSameOutput) {
  TempDir whole;
  ASSERT_TRUE(job(whole.path(), -1, kNoMore).ok());
  const std::string expected = text_of(whole.path() / "out.txt");
  ASSERT_EQ(std::count(expected.begin(), expected.end(), '\n'), 650);
  for (int at = 0; at < 650; at += 53) {
    TempDir folder;
    ASSERT_FALSE(job(folder.path(), at).ok());
    if (at < 10) { fs::remove(folder.path() / "out.txt"); }  // nothing was kept yet
    const StreamReport report = job(folder.path(), -1, kNoMore);
    ASSERT_TRUE(report.ok()) << to_string(report);
    EXPECT_EQ(text_of(folder.path() / "out.txt"), expected) << "broken off at item " << at;
    EXPECT_FALSE(fs::exists(folder.path() / "state"));
  }
}

TEST(Checkpoint, AProcessThatWasKilledGoesOn) {
  TempDir whole;
  ASSERT_TRUE(job(whole.path(), -1, kNoMore).ok());
  std::mt19937 random(7);
  for (int round = 0; round < 4; ++round) {
    TempDir folder;
    // The child tells when it has written some lines; it is killed at a moment that nobody chose. Then again.
    int killed = 0;
    while (true) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) { ::_exit(job(folder.path(), -1, 25).ok() ? 0 : 1); }
      const auto wait_for_bytes = random() % 3000;
      int status = 0;
      bool over = false;
      while (killed < 3) {
        std::error_code none;
        over = ::waitpid(child, &status, WNOHANG) == child;
        const auto size =
            fs::exists(folder.path() / "state", none) ? fs::file_size(folder.path() / "out.txt", none) : 0;
        if (over || (!none && size >= wait_for_bytes)) { break; }
      }
      if (!over && killed < 3) {
        ::kill(child, SIGKILL);
        ++killed;
      }
      if (!over) { ASSERT_EQ(::waitpid(child, &status, 0), child); }
      if (WIFEXITED(status)) {
        ASSERT_EQ(WEXITSTATUS(status), 0);
        break;
      }
    }
    EXPECT_EQ(text_of(folder.path() / "out.txt"), text_of(whole.path() / "out.txt"));
  }
}

TEST(Checkpoint, SaysWhereItGoesOn) {
  TempDir folder;
  ASSERT_FALSE(job(folder.path(), 57).ok());
  const StreamReport report = job(folder.path(), -1, kNoMore);
  EXPECT_THAT(report.notes,
              ElementsAre("resumed at item 50 from the checkpoint " + (folder.path() / "state").string()));
}

TEST(Checkpoint, UsesTheOneBeforeWhenTheFileIsCutShortOrDamaged) {
  TempDir whole;
  ASSERT_TRUE(job(whole.path(), -1, kNoMore).ok());
  TempDir start;
  ASSERT_FALSE(job(start.path(), 57).ok());
  const std::string state = text_of(start.path() / "state");
  for (std::size_t length = 0; length < state.size(); ++length) {
    TempDir folder;
    fs::copy(start.path(), folder.path());
    std::string bytes = state.substr(0, length);
    std::ofstream(folder.path() / "state", std::ios::binary) << bytes;
    const StreamReport report = job(folder.path(), -1, kNoMore);
    ASSERT_TRUE(report.ok()) << "cut to " << length << ": " << to_string(report);
    ASSERT_EQ(report.notes.size(), 2U);
    EXPECT_THAT(report.notes[0], HasSubstr("the one before it is used"));
    EXPECT_THAT(report.notes[1], HasSubstr("resumed at item 40"));
    EXPECT_EQ(text_of(folder.path() / "out.txt"), text_of(whole.path() / "out.txt"));
  }
  for (std::size_t at = 8; at < state.size(); at += 7) {  // behind magic and version
    TempDir folder;
    fs::copy(start.path(), folder.path());
    std::string bytes = state;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    std::ofstream(folder.path() / "state", std::ios::binary) << bytes;
    const StreamReport report = job(folder.path(), -1, kNoMore);
    ASSERT_TRUE(report.ok()) << "damaged at " << at << ": " << to_string(report);
    EXPECT_THAT(report.notes.at(0), HasSubstr("the one before it is used"));
  }
}

TEST(Checkpoint, RefusesAnotherVersionAndAnotherChain) {
  TempDir folder;
  ASSERT_FALSE(job(folder.path(), 57).ok());
  const StreamReport other = job(folder.path(), -1, 10, "another input");
  ASSERT_TRUE(other.error);
  EXPECT_THAT(other.error->error.what,
              HasSubstr("the checkpoint is of another stream: from_generator | skip(3) | "));
  EXPECT_THAT(other.error->error.expected, HasSubstr("take(650) [another input]"));

  std::string bytes = text_of(folder.path() / "state");
  bytes[4] = 2;  // that of channels without ChannelInfo::mean
  std::ofstream(folder.path() / "state", std::ios::binary) << bytes;
  const StreamReport version = job(folder.path(), -1);
  ASSERT_TRUE(version.error);
  EXPECT_EQ(to_string(version.error->error),
            (folder.path() / "state").string() +
                ": the checkpoint is of version 2; expected version 3; remove it to "
                "start over");
}

TEST(Checkpoint, RefusesAtOnceWhatItCannotKeep) {
  TempDir folder;
  int asked = 0;
  const auto report = from_function([&]() -> std::optional<int> { return asked++; })
                          .checkpoint({folder.path() / "state", 10})
                          .execute();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->error.what, "a checkpoint cannot hold the stage \"from_function\"");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(from_range(std::vector{1}).checkpoint({folder.path() / "state", 0}).execute().error->error.what,
            "a checkpoint every 0 items");
}

TEST(Checkpoint, SaysWhenItIsTheTypeThatCannotBeKept) {
  struct Level {
    double db = 0.0;
  };
  TempDir folder;
  const auto report = from_range(std::vector{1.0, 2.0})
                          .scan(Level{}, [](const Level& level, double db) { return Level{level.db + db}; })
                          .checkpoint({folder.path() / "state", 10})
                          .execute();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(
      to_string(report.error->error),
      "a checkpoint cannot hold the state of the stage \"scan\", whose type is not Storable; expected numbers, "
      "texts, enumerations, or vectors, pairs, optionals and maps of them; specialise Codec for it "
      "(engine/base/byte_codec.hpp; for a struct of plain numbers: PlainCodec), or put the checkpoint before that "
      "stage");
}

// A struct of plain numbers as a state, which goes on where it was.
TEST(Checkpoint, KeepsAStructByOneLine) {
  TempDir folder;
  const auto run = [&](std::int64_t items) {
    return from_range(std::vector{1.0, 2.0, 3.0, 4.0})
        .scan(SumSoFar{},
              [](const SumSoFar& so_far, double x) {
                return SumSoFar{so_far.sum + x, so_far.count + 1};
              })
        .checkpoint({folder.path() / "state", 1})
        .for_each([&](const SumSoFar& state) -> Result<void> {
          if (state.count > items) { return failed("", "broken off"); }
          EXPECT_EQ(static_cast<std::int64_t>(state.sum), state.count * (state.count + 1) / 2);
          return {};
        });
  };
  EXPECT_FALSE(run(2).ok());
  const StreamReport again = run(4);
  EXPECT_TRUE(again.ok()) << to_string(again);
  EXPECT_EQ(again.items, 2U);
}

// What is said of a checkpoint at `path` before anything is asked for.
std::string told_at_once(const fs::path& path) {
  int asked = 0;
  const auto report = from_generator(generate_numbers(20))
                          .map([&](int x) {
                            ++asked;
                            return x;
                          })
                          .checkpoint({path, 10})
                          .execute();
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(report.ended, StreamEnd::failed);
  return report.error ? to_string(report.error->error) : "";
}

TEST(Checkpoint, RefusesAtOnceAPathThatIsNoPlaceForAFile) {
  TempDir folder;
  const fs::path state = folder.path() / "state";
  const auto not_regular = [](const fs::path& path) {
    return path.string() + ": this is not a regular file; expected a name for the checkpoint's file";
  };
  EXPECT_EQ(told_at_once(folder.path()),
            folder.path().string() + ": this is a directory; expected a name for the checkpoint's file");
  EXPECT_EQ(told_at_once("/dev/null"), not_regular("/dev/null"));
  const std::string pipe = folder.file("pipe");  // which nobody writes to: to open it would take for ever
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(told_at_once(pipe), not_regular(pipe));
  for (const char* beside : {".previous", ".new"}) {
    const fs::path taken = state.string() + beside;
    fs::create_directory(taken);
    EXPECT_EQ(told_at_once(state),
              taken.string() + ": this is a directory; expected a name for the checkpoint's file");
    fs::remove(taken);
  }
}

TEST(Checkpoint, TellsAtOnceThatItCannotBeWritten) {
  TempDir folder;
  const std::string nowhere = folder.file("nowhere/state");
  EXPECT_EQ(told_at_once(nowhere), nowhere + ": cannot write the checkpoint: No such file or directory");
  const std::string below_a_file = folder.write("file", "") + "/state";
  EXPECT_EQ(told_at_once(below_a_file), below_a_file + ": cannot look for the checkpoint: Not a directory");
  // (Nothing was left behind.)
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Checkpoint, FitsOnlyTheSameElements) {
  TempDir folder;
  const auto run = [&](auto numbers, int fail_at) {
    return from_range(std::move(numbers))
        .checkpoint({folder.path() / "state", 2})
        .map([=](auto x) -> Result<std::string> {
          if (fmt::format("{}", x) == std::to_string(fail_at)) { return failed("", "broken off"); }
          return fmt::format("{}", x);
        })
        .execute();
  };
  ASSERT_FALSE(run(std::vector{1, 2, 3, 4, 5}, 5).ok());
  for (const std::vector<int>& other : {std::vector{1, 2, 7, 4, 5}, std::vector{1, 2, 3, 4, 5, 6}}) {
    const StreamReport report = run(other, 0);
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->error.what, HasSubstr("of another stream: from_range(5 elements, content "));
  }
  EXPECT_TRUE(run(std::vector{1, 2, 3, 4, 5}, 0).ok());
  // What is computed is not read twice; its length is known all the same.
  const auto computed = [](int count) {
    return std::views::iota(1, count + 1) | std::views::transform([](int x) { return 2 * x; });
  };
  ASSERT_FALSE(run(computed(5), 10).ok());
  EXPECT_THAT(run(computed(6), 0).error->error.what, HasSubstr("from_range(5 elements)"));
  EXPECT_TRUE(run(computed(5), 0).ok());
}

TEST(Checkpoint, RefusesAnotherOutputThanItHadWritten) {
  TempDir folder;
  ASSERT_FALSE(job(folder.path(), 57).ok());
  const fs::path out = folder.path() / "out.txt";
  std::string lines = text_of(out);
  lines[4] = lines[4] == '1' ? '2' : '1';
  std::ofstream(out, std::ios::binary) << lines;
  const StreamReport report = job(folder.path(), -1, kNoMore);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->error.what,
              HasSubstr("bytes are not those that were written before the checkpoint"));
  EXPECT_EQ(text_of(out), lines);  // not touched
}

TEST(Checkpoint, RefusesAnOutputThatWasCutBehindItsBack) {
  TempDir folder;
  ASSERT_FALSE(job(folder.path(), 57).ok());
  fs::resize_file(folder.path() / "out.txt", 3);
  const StreamReport report = job(folder.path(), -1, kNoMore);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->error.what, "the file has 3 bytes");
}

TEST(WriteLines, TellsBeforeTheFirstItemThatItCannotWrite) {
  TempDir folder;
  const auto said = [](const fs::path& path, LinesOptions options) {
    int asked = 0;
    const auto report = from_function([&]() -> std::optional<int> { return asked++; })
                            .write_lines(
                                path, [](int x) { return std::to_string(x); }, options);
    EXPECT_EQ(asked, 0);
    return report.error ? to_string(report.error->error) : "";
  };
  EXPECT_EQ(said(folder.path(), {.overwrite = true}),
            folder.path().string() + ": this is a directory; expected a name for a file");
  const std::string mine = folder.write("mine.txt", "mine\n");
  EXPECT_THAT(said(mine, {}), HasSubstr("the file exists"));
  EXPECT_EQ(said(folder.file("nowhere/out.txt"), {}),
            folder.file("nowhere/out.txt") + ": cannot write: No such file or directory");
  EXPECT_EQ(said(mine + "/out.txt", {}), mine + "/out.txt: cannot write: Not a directory");
  EXPECT_EQ(text_of(mine), "mine\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteLines, DoesNotReplaceAFileUnasked) {
  TempDir folder;
  std::ofstream(folder.path() / "out.txt") << "mine\n";
  const auto line = [](int x) { return std::to_string(x); };
  const auto report = from_range(std::vector{1, 2}).write_lines(folder.path() / "out.txt", line);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->error.what, "the file exists");
  EXPECT_EQ(text_of(folder.path() / "out.txt"), "mine\n");
  ASSERT_TRUE(
      from_range(std::vector{1, 2}).write_lines(folder.path() / "out.txt", line, {.overwrite = true}).ok());
  EXPECT_EQ(text_of(folder.path() / "out.txt"), "1\n2\n");
}

TEST(WriteLines, NoticesThatItsFileWasTakenAwayAndThatAnotherIsWritingIt) {
  const TempDir folder;
  const std::filesystem::path path = folder.path() / "out.txt";
  const auto removing = [&](int x) {
    if (x == 2) { std::filesystem::remove(path); }
    return std::to_string(x);
  };
  const auto report = from_range(std::vector{1, 2}).write_lines(path, removing);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(to_string(report.error->error),
            path.string() + ": was removed while it was written: what was written is lost");
  std::string second;
  const auto writing_twice = [&](int x) {
    if (x == 2) {
      const auto other = from_range(std::vector{3})
                             .write_lines(path, [](int y) { return std::to_string(y); }, {.overwrite = true});
      second = to_string(other.error->error);
    }
    return std::to_string(x);
  };
  EXPECT_TRUE(from_range(std::vector{1, 2}).write_lines(path, writing_twice).ok());
  EXPECT_EQ(second, path.string() +
                        ": is being written by another run; expected another name, or to wait for its end");
  EXPECT_EQ(text_of(path), "1\n2\n");
}

}  // namespace
}  // namespace streamlab
