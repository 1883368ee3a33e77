// engine/process/child.cpp
#include "engine/process/child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fmt/format.h>

#include "engine/process/orphan_guard.hpp"

namespace streamlab {
namespace {

constexpr int kChildsDescriptors = 10;  // 0 … 9

// Everything that the child needs between vfork and exec, prepared before: the child shares our memory, so it
// may only make system calls.
struct Launch {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* folder = nullptr;
  int from[kChildsDescriptors] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  int report = -1;
  pid_t parent = -1;
  bool dies_with_us = true;
  OrphanGuard* guard = nullptr;
};

enum class Stage : int { group, parent_death, folder, descriptors, exec };

struct Failure {
  Stage stage;
  int error_number;
};

[[noreturn]] void give_up(const Launch& launch, Stage stage) noexcept {
  const Failure failure{stage, errno};
  if (launch.guard != nullptr && stage != Stage::group) { launch.guard->remove(::getpid()); }
  [[maybe_unused]] const auto written = ::write(launch.report, &failure, sizeof failure);
  ::_exit(127);
}

constexpr bool is_never_ignored(int number) {
  return number == SIGPIPE || number == SIGXFSZ || number == SIGTERM || number == SIGCHLD;
}

[[noreturn]] void become(const Launch& launch) noexcept {
  if (::setpgid(0, 0) != 0) { give_up(launch, Stage::group); }
  if (launch.guard != nullptr) { launch.guard->add(::getpid()); }
  if (launch.dies_with_us) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) { give_up(launch, Stage::parent_death); }
    if (::getppid() != launch.parent) { ::_exit(127); }  // the parent died before the signal was set up
  }
  if (launch.folder != nullptr && ::chdir(launch.folder) != 0) { give_up(launch, Stage::folder); }
  for (int as = 0; as < kChildsDescriptors; ++as) {
    const int from = launch.from[as];
    if (from >= 0 && ::dup2(from, as) < 0) { give_up(launch, Stage::descriptors); }
    if (from < 0 && as > 2) { ::fcntl(as, F_SETFD, FD_CLOEXEC); }
  }
  ::syscall(SYS_close_range, static_cast<unsigned>(kChildsDescriptors), ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  struct sigaction fresh {};
  fresh.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction ours {};
    const bool is_ignored = ::sigaction(number, nullptr, &ours) == 0 && ours.sa_handler == SIG_IGN;
    if (!is_ignored || is_never_ignored(number)) { ::sigaction(number, &fresh, nullptr); }
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(launch.program, launch.argv, launch.envp);
  give_up(launch, Stage::exec);
}

// Our environment with `changes`; "NAME=value" each.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_changed =
        std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.first == name; });
    if (!is_changed) { entries.emplace_back(text); }
  }
  for (const auto& [name, value] : changes) { entries.push_back(fmt::format("{}={}", name, value)); }
  return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) { pointers.push_back(text.data()); }
  pointers.push_back(nullptr);
  return pointers;
}

tl::unexpected<Error> cannot_start(const ChildSpec& spec, const Failure& failure) {
  const std::string reason = std::strerror(failure.error_number);
  switch (failure.stage) {
    case Stage::folder:
      return failed(spec.name,
                    fmt::format("cannot enter its working directory \"{}\": {}", spec.folder, reason));
    case Stage::exec:
      if (failure.error_number == ENOEXEC) {
        return failed(spec.name,
                      fmt::format("\"{}\" has no format that the system can execute", spec.program),
                      "a program, or a script that begins with \"#!\"");
      }
      return failed(spec.name, fmt::format("cannot start \"{}\": {}", spec.program, reason));
    default:
      return failed(spec.name, fmt::format("cannot prepare a child process: {}", reason));
  }
}

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// vfork: the child borrows our memory, and this thread is suspended until exec.
pid_t bear(const Launch& launch) noexcept {
  const AllSignalsBlocked guard;  // otherwise one of our handlers could run in the child
  const pid_t pid = ::vfork();
  if (pid == 0) { become(launch); }
  return pid;
}

}  // namespace

Result<StartedChild> start_child(const ChildSpec& spec) {
  auto report = make_pipe();
  if (!report) { return tl::unexpected(report.error()); }
  Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto own_nothing = duplicate(nothing.get());
  if (!own_nothing) { return tl::unexpected(own_nothing.error()); }

  std::vector<std::string> command = spec.command;
  std::vector<std::string> environment = environment_with(spec.environment);
  const std::vector<char*> argv = pointers_to(command);
  const std::vector<char*> envp = pointers_to(environment);
  Launch launch;
  launch.program = spec.program.c_str();
  launch.argv = argv.data();
  launch.envp = envp.data();
  launch.folder = spec.folder.empty() ? nullptr : spec.folder.c_str();
  launch.from[0] = own_nothing->get();
  for (const Handover& handover : spec.descriptors) { launch.from[handover.as] = handover.fd; }
  launch.report = report->write_end.get();
  launch.parent = ::getpid();
  launch.dies_with_us = spec.dies_with_us;
  launch.guard = spec.guard;

  const pid_t pid = bear(launch);
  if (pid < 0) {
    return failed(spec.name, fmt::format("cannot create a child process: {}", std::strerror(errno)));
  }
  report->write_end.reset();
  Failure failure{};
  ssize_t got = 0;
  do { got = ::read(report->read_end.get(), &failure, sizeof failure); } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    return cannot_start(spec, failure);
  }
  StartedChild child;
  child.pid = pid;
  Fd low(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // If SIGCHLD is ignored, an ended child leaves nothing to watch: return a descriptor that reads as "ended".
  if (!low && errno == ESRCH) { low = Fd(::eventfd(1, EFD_CLOEXEC)); }
  Result<Fd> pidfd = low ? duplicate(low.get())
                         : failed(spec.name, fmt::format("cannot watch it: {}", std::strerror(errno)), "",
                                  "Linux 5.3 or later is needed; \"ulimit -n\" is the limit of open "
                                  "files");
  if (!pidfd) {
    ::kill(-pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    if (spec.guard != nullptr) { spec.guard->remove(pid); }
    return tl::unexpected(pidfd.error());
  }
  child.pidfd = std::move(*pidfd);
  return child;
}

}  // namespace streamlab
