// engine/process/orphan_guard.cpp
#include "engine/process/orphan_guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

// Reads "+ GROUP" and "- GROUP"; at the end of input kills the groups that are left.
constexpr const char* kScript = R"(groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done)";

}  // namespace

Result<OrphanGuard> OrphanGuard::start() {
  auto pipe = make_pipe();
  if (!pipe) { return tl::unexpected(pipe.error()); }
  auto nothing = duplicate(Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)).get());
  if (!nothing) { return tl::unexpected(nothing.error()); }
  ChildSpec spec;
  spec.name = "guard";
  spec.program = "/bin/sh";
  spec.command = {"streamlab-guard", "-c", kScript};
  spec.descriptors = {{pipe->read_end.get(), 0}, {nothing->get(), 1}, {nothing->get(), 2}};
  spec.dies_with_us = false;
  auto started = start_child(spec);
  if (!started) { return tl::unexpected(started.error()); }
  set_blocking(pipe->write_end.get(), false);
  OrphanGuard guard;
  guard.process_ = std::move(*started);
  guard.pipe_ = std::move(pipe->write_end);
  return guard;
}

OrphanGuard::~OrphanGuard() {
  if (!process_.pidfd) { return; }
  pipe_.reset();
  pollfd ends{process_.pidfd.get(), POLLIN, 0};
  constexpr int kPatienceMs = 1000;
  if (::poll(&ends, 1, kPatienceMs) != 1) { ::kill(process_.pid, SIGKILL); }  // the guard was stopped
  while (::waitpid(process_.pid, nullptr, 0) < 0 && errno == EINTR) {}
}

void OrphanGuard::tell(char change, pid_t group) noexcept {
  char line[32];
  const auto end = fmt::format_to_n(line, sizeof line, "{} {}\n", change, group);
  const NoSigpipe guard;  // if the guard was killed, nothing can be done about it
  [[maybe_unused]] const auto written = ::write(pipe_.get(), line, end.size);
}

}  // namespace streamlab
