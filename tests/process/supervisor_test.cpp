// tests/process/supervisor_test.cpp
#include "engine/process/supervisor.hpp"

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/find_program.hpp"
#include "tests/process/children.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using test::all_of;
using test::is_alive;
using test::shell;
using test::soon;
using test::value_of;

// Short times, so that the tests of what ignores signals take no seconds.
std::unique_ptr<ChildSupervisor> supervisor() {
  SupervisorOptions options;
  options.grace = std::chrono::milliseconds(50);
  options.linger = std::chrono::milliseconds(50);
  return value_of(ChildSupervisor::create(options));
}

ChildEnd end_of(ChildSupervisor& children, ChildId id) {
  auto end = children.wait(id, soon());
  if (!end) { throw std::runtime_error("the child did not end"); }
  return *end;
}

ChildEnd run(const std::string& script, std::vector<Capture> captures = {}) {
  const auto children = supervisor();
  return end_of(*children, value_of(children->start(shell(script), std::move(captures))));
}

// A line that a child of the test writes once it is so far.
std::string line_from(int fd) {
  std::string line;
  char c = 0;
  while (::read(fd, &c, 1) == 1 && c != '\n') { line += c; }
  return line;
}

TEST(Child, SaysItsExitStatus) {
  const ChildEnd end = run("exit 3");
  EXPECT_EQ(end.exit_status, 3);
  EXPECT_EQ(end.signal, 0);
  EXPECT_FALSE(end.is_success());
  EXPECT_EQ(describe(end), "exited with status 3");
  EXPECT_TRUE(run("exit 0").is_success());
}

TEST(Child, SaysTheSignalThatEndedIt) {
  const ChildEnd end = run("kill -SEGV $$");
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(describe(end), "was killed by SIGSEGV (11)");
  EXPECT_EQ(end.by, EndedBy::itself);
}

TEST(Child, TellsABrokenPipe) {
  EXPECT_TRUE(run("kill -PIPE $$").is_broken_pipe());
  EXPECT_TRUE(run("exit 141").is_broken_pipe());  // how a shell says that its last command had it
  EXPECT_FALSE(run("exit 1").is_broken_pipe());
}

TEST(Child, HasNoDescriptorsButThoseItIsGiven) {
  Pipe out = value_of(make_pipe());
  const Fd inherited(::open("/dev/null", O_RDONLY));  // not closed on exec: the child must not get it
  const Fd high(::fcntl(inherited.get(), F_DUPFD, 200));
  const auto children = supervisor();
  const ChildId id =
      value_of(children->start(shell("ls /proc/$$/fd; true", {{out.write_end.get(), 1}}), {{5}}));
  out.write_end.reset();
  const std::string listed = all_of(out.read_end.get());
  end_of(*children, id);
  EXPECT_EQ(listed, "0\n1\n2\n5\n");
}

TEST(Child, ReadsNothingWhereNoInputIsGiven) { EXPECT_TRUE(run("test -z \"$(cat)\"").is_success()); }

TEST(Child, IsTheLeaderOfItsGroup) {
  Pipe out = value_of(make_pipe());
  const auto children = supervisor();
  const ChildId id = value_of(children->start(
      shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat", {{out.write_end.get(), 1}})));
  out.write_end.reset();
  const std::string group = all_of(out.read_end.get());
  const ChildEnd end = end_of(*children, id);
  EXPECT_EQ(std::stoi(group), end.pid);
  EXPECT_NE(end.pid, ::getpgrp());
}

TEST(Child, HasFreshSignals) {
  // What programs ignore for their own sake, or what ends the child, is as in a fresh process (the shell could not
  // set a trap for SIGPIPE else). The others stay as they are for us, who may have been started by nohup.
  const std::array<int, 5> ours{SIGPIPE, SIGXFSZ, SIGTERM, SIGHUP, SIGUSR2};
  std::array<struct sigaction, ours.size()> before{};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (std::size_t i = 0; i < ours.size(); ++i) { ASSERT_EQ(::sigaction(ours[i], &ignore, &before[i]), 0); }
  std::uint64_t expected = 0;  // bit n - 1 is signal n
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction now {};
    const bool is_ignored = ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
    const bool is_fresh = number == SIGPIPE || number == SIGXFSZ || number == SIGTERM || number == SIGCHLD;
    if (is_ignored && !is_fresh) { expected |= std::uint64_t{1} << (number - 1); }
  }
  EXPECT_NE(expected, 0U);
  const ChildEnd end = run("exec grep -E '^(SigBlk|SigIgn)' /proc/self/status >&2");
  for (std::size_t i = 0; i < ours.size(); ++i) { ASSERT_EQ(::sigaction(ours[i], &before[i], nullptr), 0); }
  EXPECT_EQ(end.stderr_end, fmt::format("SigBlk:\t0000000000000000\nSigIgn:\t{:016x}\n", expected));
}

TEST(Child, HasItsFolderAndItsEnvironment) {
  const test::TempDir folder;
  const std::string path_of_folder = folder.path().string();
  ::setenv("STREAMLAB_TEST_OLD", "old", 1);
  ChildSpec spec = shell("pwd -P >&2; echo $STREAMLAB_TEST_OLD $STREAMLAB_TEST_NEW >&2");
  spec.folder = path_of_folder;
  spec.environment = {{"STREAMLAB_TEST_OLD", "changed"}, {"STREAMLAB_TEST_NEW", "a b=c"}};
  const auto children = supervisor();
  const ChildEnd end = end_of(*children, value_of(children->start(spec)));
  EXPECT_EQ(end.stderr_end, path_of_folder + "\nchanged a b=c\n");
  ::unsetenv("STREAMLAB_TEST_OLD");
}

TEST(Child, ThatCannotBeStartedIsAnErrorWithItsReason) {
  const test::TempDir folder;
  const std::string path_of_folder = folder.path().string();
  const std::string text_file = path_of_folder + "/text";
  std::ofstream(text_file) << "no program\n";
  ASSERT_EQ(::chmod(text_file.c_str(), 0755), 0);
  const auto children = supervisor();
  const auto error_of = [&](const std::string& program, const std::string& working_folder) {
    ChildSpec spec = shell("");
    spec.program = program;
    spec.folder = working_folder;
    const auto started = children->start(spec);
    return started ? std::string("started") : to_string(started.error());
  };
  EXPECT_EQ(error_of(text_file, ""),
            "child: \"" + text_file +
                "\" has no format that the system can execute; expected a program, or a script that begins "
                "with "
                "\"#!\"");
  EXPECT_EQ(error_of("/nowhere/at/all", ""),
            "child: cannot start \"/nowhere/at/all\": No such file or directory");
  EXPECT_EQ(error_of("/bin/sh", "/nowhere"),
            "child: cannot enter its working directory \"/nowhere\": No such file or directory");
  EXPECT_EQ(children->running(), 0U);
  EXPECT_LE(::waitpid(-1, nullptr, WNOHANG), 0) << "a zombie is left";
}

TEST(Supervisor, KeepsTheEndOfAFloodedStandardError) {
  // 10 MB, far beyond what a pipe holds: a child whose standard error is not read would hang.
  const ChildEnd end = run("yes 0123456789abcde 2>/dev/null | head -c 10000000 >&2; echo; echo last >&2");
  EXPECT_TRUE(end.is_success());
  EXPECT_EQ(end.stderr_bytes, 10000005U);
  EXPECT_EQ(end.stderr_lines, 625001U);  // 10000000 / 16, and "last"
  EXPECT_EQ(end.stderr_end.size(), 65536U);
  EXPECT_TRUE(end.stderr_end.ends_with("0123456789abcde\nlast\n")) << end.stderr_end.substr(65500);
}

TEST(Supervisor, QuotesTheLastLines) {
  EXPECT_EQ(quote_end("one\ntwo\nthree\n", 2), "  | two\n  | three");
  EXPECT_EQ(quote_end("one\ntwo", 5), "  | one\n  | two");
  EXPECT_EQ(quote_end("one\n", 1), "  | one");
  EXPECT_EQ(quote_end("\n\n"), "");
  EXPECT_EQ(quote_end(std::string("a\tb\x1b[1m\0", 8)), "  | a\tb\\u001b[1m\\u0000");
  EXPECT_EQ(quote_end(std::string(600, 'x') + "\ny"), "  | " + std::string(500, 'x') + "…\n  | y");
}

TEST(Supervisor, CapturesUpToABound) {
  const ChildEnd end = run("printf 0123456789 >&3; printf abc >&4", {{3, 4}, {4, 100}});
  ASSERT_EQ(end.captured.size(), 2U);
  EXPECT_EQ(end.captured[0].bytes, "0123");
  EXPECT_EQ(end.captured[0].total_bytes, 10U);
  EXPECT_EQ(end.captured[1].bytes, "abc");
  EXPECT_EQ(end.captured[1].total_bytes, 3U);
}

TEST(Supervisor, EndsAChildThatWritesMoreThanIsCaptured) {
  for (const char* script :
       {"exec yes >&3", "trap '' TERM; while :; do echo more; done >&3", "yes >&3 & wait"}) {
    const ChildEnd end = run(script, {{3, 100'000, Capture::Beyond::ends_child}});
    ASSERT_EQ(end.captured.size(), 1U) << script;
    EXPECT_EQ(end.captured[0].bytes.size(), 100'000U) << script;
    EXPECT_GT(end.captured[0].total_bytes, 100'000U) << script;
  }
}

TEST(Supervisor, KillsAtOnceWhenItIsToldTo) {
  SupervisorOptions options;
  options.grace = std::chrono::hours(1);  // never waited for
  const auto children = value_of(ChildSupervisor::create(options));
  Pipe told = value_of(make_pipe());
  const ChildId id = value_of(children->start(
      shell("trap '' TERM; echo ready; while :; do sleep 1; done", {{told.write_end.get(), 1}})));
  told.write_end.reset();
  EXPECT_EQ(line_from(told.read_end.get()), "ready");
  children->terminate_all();
  children->kill_all();
  EXPECT_EQ(end_of(*children, id).signal, SIGKILL);
}

// "trap '' CHLD" in a shell that starts us: the kernel then keeps no status of a child.
TEST(Supervisor, SaysThatItCannotKnowHowAChildEnded) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGCHLD, &ignore, &before), 0);
  const ChildEnd end = run("exit 0");
  ASSERT_EQ(::sigaction(SIGCHLD, &before, nullptr), 0);
  EXPECT_TRUE(end.is_unknown);
  EXPECT_FALSE(end.is_success());
  EXPECT_EQ(describe(end), "ended in an unknown way: SIGCHLD is ignored here");
}

TEST(Supervisor, TellsEndsInTheirOrder) {
  const auto children = supervisor();
  Pipe go = value_of(make_pipe());
  const ChildId late = value_of(children->start(shell("read line", {{go.read_end.get(), 0}})));
  const ChildId early = value_of(children->start(shell("exit 5")));
  const auto first = children->wait_any(soon());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, early);
  EXPECT_EQ(children->running(), 1U);
  ASSERT_EQ(::write(go.write_end.get(), "\n", 1), 1);
  const auto second = children->wait_any(soon());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, late);
}

TEST(Supervisor, CanBeWoken) {
  const auto children = supervisor();
  children->wake();
  EXPECT_FALSE(children->wait_any(ChildSupervisor::Clock::time_point::max()));
  EXPECT_FALSE(children->wait(77));  // unknown child: does not wait
}

TEST(Supervisor, EndsAChildBySigterm) {
  const auto children = supervisor();
  Pipe out = value_of(make_pipe());
  const ChildId id = value_of(children->start(
      shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done", {{out.write_end.get(), 1}})));
  ASSERT_EQ(line_from(out.read_end.get()), "ready");
  children->terminate(id);
  const ChildEnd end = end_of(*children, id);
  EXPECT_EQ(describe(end), "exited with status 9");
  EXPECT_EQ(end.by, EndedBy::terminated);
}

TEST(Supervisor, KillsTheWholeGroupOfAChildThatIgnoresSigterm) {
  const auto children = supervisor();
  Pipe out = value_of(make_pipe());
  const ChildId id =
      value_of(children->start(shell("trap '' TERM; sh -c 'echo $$; while :; do sleep 1; done' & echo $!; "
                                     "echo ready; while :; do sleep 1; done",
                                     {{out.write_end.get(), 1}})));
  out.write_end.reset();
  std::set<std::string> lines;
  for (int n = 0; n < 3; ++n) { lines.insert(line_from(out.read_end.get())); }
  ASSERT_TRUE(lines.contains("ready"));
  children->terminate(id);
  const ChildEnd end = end_of(*children, id);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.by, EndedBy::killed);
  EXPECT_EQ(describe(end), "was killed by us (SIGKILL), because it ignored SIGTERM");
  for (const std::string& line : lines) {
    if (line != "ready") { EXPECT_FALSE(is_alive(std::stoi(line))) << line; }
  }
}

TEST(Supervisor, EndsAChildThatWasStopped) {
  const auto children = supervisor();
  Pipe out = value_of(make_pipe());
  const ChildId id = value_of(children->start(
      shell("echo ready; kill -STOP $$; while :; do sleep 1; done", {{out.write_end.get(), 1}})));
  ASSERT_EQ(line_from(out.read_end.get()), "ready");
  children->terminate(id);
  EXPECT_EQ(end_of(*children, id).signal, SIGTERM);
}

TEST(Supervisor, EndsWhatAChildLeavesBehind) {
  const auto children = supervisor();
  Pipe out = value_of(make_pipe());
  // The grandchild holds standard output and standard error, and hears no SIGTERM.
  const ChildId id = value_of(
      children->start(shell("trap '' TERM; sleep 1000 & echo $!; exit 0", {{out.write_end.get(), 1}})));
  out.write_end.reset();
  const pid_t grandchild = std::stoi(line_from(out.read_end.get()));
  const ChildEnd end = end_of(*children, id);
  EXPECT_TRUE(end.is_success());
  EXPECT_TRUE(end.left_processes);
  EXPECT_EQ(all_of(out.read_end.get()), "");  // the pipe is at its end: no process holds it
  EXPECT_FALSE(is_alive(grandchild));
}

TEST(Supervisor, DoesNotWaitForProcessesThatLeftTheGroup) {
  const auto children = supervisor();
  Pipe out = value_of(make_pipe());
  const ChildId id = value_of(children->start(
      shell("setsid sleep 1000 & echo $!; echo kept >&2; exit 0", {{out.write_end.get(), 1}})));
  out.write_end.reset();
  const pid_t daemon = std::stoi(line_from(out.read_end.get()));
  const ChildEnd end = end_of(*children, id);  // although the daemon holds its standard error
  EXPECT_TRUE(end.is_success());
  EXPECT_EQ(end.stderr_end, "kept\n");
  ::kill(daemon, SIGKILL);
}

TEST(Supervisor, LeavesNoChildWhenItGoes) {
  Pipe out = value_of(make_pipe());
  pid_t pid = -1;
  {
    const auto children = supervisor();
    value_of(children->start(
        shell("trap '' TERM; echo $$; while :; do sleep 1; done", {{out.write_end.get(), 1}})));
    pid = std::stoi(line_from(out.read_end.get()));
    ASSERT_TRUE(is_alive(pid));
  }
  EXPECT_FALSE(is_alive(pid));
  EXPECT_LE(::waitpid(-1, nullptr, WNOHANG), 0) << "a zombie is left";
}

TEST(Supervisor, ItsChildrenDieWithTheProcess) {
  Pipe out = value_of(make_pipe());
  const pid_t ours = ::fork();
  if (ours == 0) {  // a program of ours that crashes
    const auto children = supervisor();
    const auto id = children->start(shell("echo $$; exec sleep 1000", {{out.write_end.get(), 1}}));
    if (!id) { ::_exit(1); }
    children->wait_any(soon());
    ::_exit(0);
  }
  out.write_end.reset();
  const pid_t child = std::stoi(line_from(out.read_end.get()));
  ASSERT_TRUE(is_alive(child));
  ASSERT_EQ(::kill(ours, SIGKILL), 0);
  ASSERT_EQ(::waitpid(ours, nullptr, 0), ours);
  EXPECT_EQ(all_of(out.read_end.get()), "");  // returns once no process holds the other end: it is dead
}

TEST(Supervisor, WhatItsChildrenStartedDiesWithTheProcess) {
  Pipe out = value_of(make_pipe());
  const pid_t ours = ::fork();
  if (ours == 0) {  // a program of ours that crashes
    const auto children = supervisor();
    // Neither a closed pipe nor a signal to its parent ends the grandchild.
    const auto gone = children->start(shell("exit 0"));
    const auto id = children->start(shell("sleep 1000 & echo $!; wait", {{out.write_end.get(), 1}}));
    if (!id || !gone) { ::_exit(1); }
    children->wait(*id, soon());
    ::_exit(0);
  }
  out.write_end.reset();
  const pid_t grandchild = std::stoi(line_from(out.read_end.get()));
  ASSERT_TRUE(is_alive(grandchild));
  ASSERT_EQ(::kill(ours, SIGKILL), 0);
  ASSERT_EQ(::waitpid(ours, nullptr, 0), ours);
  EXPECT_EQ(all_of(out.read_end.get()), "");  // returns once no process holds the other end: it is dead
}

TEST(Supervisor, LeaksNothing) {
  const auto children = supervisor();
  end_of(*children, value_of(children->start(shell("exit 0"))));  // what is made once
  const std::size_t before = descriptors_left();
  for (int n = 0; n < 100; ++n) {
    const ChildId id = value_of(children->start(shell("cat >/dev/null; echo x >&2; exit 0"), {{3}}));
    EXPECT_TRUE(end_of(*children, id).is_success());
  }
  EXPECT_EQ(descriptors_left(), before);
  EXPECT_EQ(children->running(), 0U);
  EXPECT_LE(::waitpid(-1, nullptr, WNOHANG), 0) << "a zombie is left";
}

TEST(FindProgram, SaysWhyThereIsNone) {
  const test::TempDir folder;
  const std::string path_of_folder = folder.path().string();
  std::ofstream(path_of_folder + "/spectrum") << "#!/bin/sh\n";
  std::ofstream(path_of_folder + "/plain") << "#!/bin/sh\n";
  ASSERT_EQ(::chmod((path_of_folder + "/spectrum").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((path_of_folder + "/folder").c_str(), 0755), 0);
  const std::string path = "/nowhere:" + path_of_folder;
  const auto said = [&](const std::string& word, const std::string& from = {}) {
    const auto found = find_program(word, from, path.c_str());
    return found ? *found : to_string(found.error());
  };
  EXPECT_EQ(said("spectrum"), path_of_folder + "/spectrum");
  EXPECT_EQ(said("spectrun"), "there is no program \"spectrun\" on the PATH; did you mean \"spectrum\"?");
  EXPECT_EQ(said("plain"), "\"" + path_of_folder +
                               "/plain\" is not executable; expected a program; \"chmod +x " +
                               path_of_folder + "/plain\" makes it executable");
  EXPECT_EQ(said("folder"), "there is no program \"folder\" on the PATH");
  EXPECT_EQ(said("./spectrum", path_of_folder), path_of_folder + "/./spectrum");
  EXPECT_EQ(said("./folder", path_of_folder),
            "\"" + path_of_folder + "/./folder\" is a directory; expected a program");
  EXPECT_EQ(said("/nowhere/x"), "there is no file \"/nowhere/x\"; expected a program");
  EXPECT_EQ(said(""), "the command is empty; expected the name of a program");
}

}  // namespace
}  // namespace streamlab
