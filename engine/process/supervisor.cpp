// engine/process/supervisor.cpp
#include "engine/process/supervisor.hpp"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <list>
#include <map>
#include <mutex>
#include <sstream>

#include <fmt/format.h>

#include "engine/base/printable.hpp"
#include "engine/process/byte_tail.hpp"
#include "engine/process/orphan_guard.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {
namespace {

using TimePoint = ChildSupervisor::Clock::time_point;
constexpr TimePoint kNever = TimePoint::max();
constexpr auto kLookAgain = std::chrono::milliseconds(10);  // how often to check a group without its leader

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// Is a process of this group alive? (Zombies, which remain until their new parent reaps them, are not.)
bool group_lives(pid_t group) {
  if (::kill(-group, 0) != 0 && errno == ESRCH) { return false; }
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), ::closedir);
  if (!processes) { return true; }
  while (const dirent* entry = ::readdir(processes.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') { continue; }
    std::ifstream file(fmt::format("/proc/{}/stat", entry->d_name));  // "PID (NAME) STATE PARENT GROUP …"
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) { continue; }
    std::istringstream rest(text.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    pid_t its_group = 0;
    rest >> state >> parent >> its_group;
    if (its_group == group && state != 'Z' && state != 'X') { return true; }
  }
  return false;
}

// A pipe written by a child and read by us.
struct Source {
  Fd fd;
  int as = 2;
  std::size_t max_bytes = 0;
  Capture::Beyond beyond = Capture::Beyond::goes_on;
  std::string kept;  // of captures; standard error is kept in Child::errors
  std::uint64_t total = 0;
};

struct Child {
  ChildEnd end;
  StartedChild process;
  std::list<Source> sources;
  ByteTail errors{0};
  bool is_reaped = false;
  bool group_is_gone = false;
  EndedBy asked = EndedBy::itself;
  TimePoint started;
  TimePoint terminate_at = kNever;  // the processes it left behind
  TimePoint kill_at = kNever;
  EndedBy by_kill = EndedBy::killed;
};

}  // namespace

bool ChildEnd::is_broken_pipe() const {
  return signal == SIGPIPE || (signal == 0 && exit_status == 128 + SIGPIPE);
}

std::string signal_text(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{} ({})", name, number) : fmt::format("signal {}", number);
}

std::string describe(const ChildEnd& end) {
  const bool is_killed = end.signal == SIGKILL;
  if (is_killed && end.by == EndedBy::killed_at_once) { return "was killed by us at once (SIGKILL)"; }
  if (is_killed && end.by == EndedBy::killed) {
    return "was killed by us (SIGKILL), because it ignored SIGTERM";
  }
  if (end.by == EndedBy::terminated && end.signal == SIGTERM) { return "was terminated by us (SIGTERM)"; }
  if (end.is_unknown) { return "ended in an unknown way: SIGCHLD is ignored here"; }
  if (end.signal != 0) { return fmt::format("was killed by {}", signal_text(end.signal)); }
  return fmt::format("exited with status {}", end.exit_status);
}

std::string quote_end(std::string_view text, std::size_t max_lines) {
  constexpr std::size_t kLongestLine = 500;
  while (!text.empty() && text.back() == '\n') { text.remove_suffix(1); }
  if (text.empty()) { return {}; }
  std::size_t begin = text.size();
  for (std::size_t lines = 0; lines < max_lines && begin != 0; ++lines) {
    const std::size_t newline = text.rfind('\n', begin - 1);
    begin = newline == std::string_view::npos ? 0 : newline;
  }
  if (begin != 0) { text.remove_prefix(begin + 1); }
  std::string quoted;
  while (true) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    quoted += "  | " + printable(text.substr(0, std::min(end, kLongestLine)), LineEnds::keep);
    if (end > kLongestLine) { quoted += "…"; }
    if (end == text.size()) { return quoted; }
    quoted += "\n";
    text.remove_prefix(end + 1);
  }
}

class ChildSupervisor::Impl {
 public:
  explicit Impl(SupervisorOptions options) : options_(options) {}
  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      is_closing_ = true;
    }
    wake_.wake();
    thread_.join();
  }

  Result<void> run() {
    if (wake_.fd() < 0) { return failed("", "no file descriptor is left for waiting"); }
    auto guard = OrphanGuard::start();
    if (!guard) { return tl::unexpected(guard.error()); }
    guard_.emplace(std::move(*guard));
    auto thread = Thread::start("children", [this] { loop(); });
    if (!thread) { return tl::unexpected(thread.error()); }
    thread_ = std::move(*thread);
    return {};
  }

  Result<ChildId> start(ChildSpec spec, std::vector<Capture> captures) {
    Request request{std::move(spec), std::move(captures), {}};
    std::unique_lock lock(mutex_);
    requests_.push_back(&request);
    wake_.wake();
    answered_.wait(lock, [&] { return request.answer.has_value(); });
    return std::move(*request.answer);
  }

  void terminate(std::optional<ChildId> id) {
    {
      const std::lock_guard lock(mutex_);
      if (id) {
        to_end_.push_back(*id);
      } else {
        ends_all_ = true;
      }
    }
    wake_.wake();
  }

  void kill_all() {
    {
      const std::lock_guard lock(mutex_);
      kills_all_ = true;
    }
    wake_.wake();
  }

  std::optional<ChildEnd> wait_any(TimePoint deadline) {
    std::unique_lock lock(mutex_);
    wait_until(lock, deadline, [&] { return is_woken_ || !ended_.empty(); });
    is_woken_ = false;
    if (ended_.empty()) { return std::nullopt; }
    ChildEnd end = std::move(ended_.front());
    ended_.pop_front();
    return end;
  }

  std::optional<ChildEnd> wait(ChildId id, TimePoint deadline) {
    std::unique_lock lock(mutex_);
    const auto found = [&] {
      return std::find_if(ended_.begin(), ended_.end(), [&](const ChildEnd& end) { return end.id == id; });
    };
    wait_until(lock, deadline, [&] { return !children_.contains(id) || found() != ended_.end(); });
    const auto at = found();
    if (at == ended_.end()) { return std::nullopt; }
    ChildEnd end = std::move(*at);
    ended_.erase(at);
    return end;
  }

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      is_woken_ = true;
    }
    changed_.notify_all();
  }

  std::string stderr_so_far(ChildId id) const {
    const std::lock_guard lock(mutex_);
    const auto child = children_.find(id);
    return child == children_.end() ? std::string() : child->second.errors.text();
  }

  std::size_t running() const {
    const std::lock_guard lock(mutex_);
    return children_.size();
  }

 private:
  struct Request {
    ChildSpec spec;
    std::vector<Capture> captures;
    std::optional<Result<ChildId>> answer;
  };

  template <class Done>
  void wait_until(std::unique_lock<std::mutex>& lock, TimePoint deadline, Done done) {
    if (deadline == kNever) {
      changed_.wait(lock, done);
    } else {
      changed_.wait_until(lock, deadline, done);
    }
  }

  // --- the supervisor's thread; holds the mutex except while it polls and starts

  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      answer_requests(lock);
      if (is_closing_ || ends_all_) {
        for (auto& [id, child] : children_) { begin_end(child); }
        ends_all_ = false;
      }
      if (std::exchange(kills_all_, false)) {
        for (auto& [id, child] : children_) {
          child.kill_at = Clock::now();
          child.by_kill = EndedBy::killed_at_once;
        }
      }
      for (const ChildId id : std::exchange(to_end_, {})) {
        if (const auto child = children_.find(id); child != children_.end()) { begin_end(child->second); }
      }
      look_after_groups();
      tell_ends();
      if (is_closing_ && children_.empty() && requests_.empty()) { return; }
      poll_all(lock);
    }
  }

  void answer_requests(std::unique_lock<std::mutex>& lock) {
    while (!requests_.empty()) {
      Request& request = *requests_.front();
      requests_.pop_front();
      lock.unlock();
      Child child;
      auto started = start_one(request, child);
      lock.lock();
      if (started) {
        const ChildId id = ++last_id_;
        child.end.id = id;
        children_.emplace(id, std::move(child));
        request.answer = id;
      } else {
        request.answer = tl::unexpected(started.error());
      }
      answered_.notify_all();
    }
  }

  Result<void> start_one(Request& request, Child& child) {
    child.errors = ByteTail(options_.stderr_bytes);
    child.end.name = request.spec.name;
    std::vector<Fd> write_ends;
    const auto capture = [&](const Capture& wanted) -> Result<void> {
      auto pipe = make_pipe();
      if (!pipe) { return tl::unexpected(pipe.error()); }
      set_blocking(pipe->read_end.get(), false);
      request.spec.descriptors.push_back({pipe->write_end.get(), wanted.as});
      write_ends.push_back(std::move(pipe->write_end));
      child.sources.push_back({std::move(pipe->read_end), wanted.as, wanted.max_bytes, wanted.beyond, {}, 0});
      return {};
    };
    const auto& given = request.spec.descriptors;
    const bool has_stderr =
        std::any_of(given.begin(), given.end(), [](const Handover& handover) { return handover.as == 2; });
    if (!has_stderr) {
      if (auto done = capture({2, options_.stderr_bytes}); !done) { return done; }
    }
    for (const Capture& each : request.captures) {
      if (auto done = capture(each); !done) { return done; }
    }
    request.spec.guard = &*guard_;
    child.started = Clock::now();  // before: it may be over when start_child() returns
    auto process = start_child(request.spec);
    if (!process) { return tl::unexpected(process.error()); }
    child.process = std::move(*process);
    child.end.pid = child.process.pid;
    return {};
  }

  void send(Child& child, int number) const { ::kill(-child.process.pid, number); }

  void begin_end(Child& child) const {
    if (child.asked != EndedBy::itself || child.is_reaped) { return; }
    child.asked = EndedBy::terminated;
    child.kill_at = Clock::now() + options_.grace;
    send(child, SIGTERM);
    send(child, SIGCONT);  // a stopped child only then receives the signal
  }

  // Handles deadlines, and groups that have outlived their leader.
  void look_after_groups() {
    const TimePoint now = Clock::now();
    for (auto& [id, child] : children_) {
      if (child.group_is_gone) { continue; }
      // While a process is left in the group its number cannot be reused; once it is empty we do not ask
      // again.
      if (child.is_reaped && !group_lives(child.process.pid)) {
        child.group_is_gone = true;
        continue;
      }
      if (now >= child.terminate_at) {
        child.terminate_at = kNever;
        child.kill_at = now + options_.grace;
        send(child, SIGTERM);
        send(child, SIGCONT);
      }
      if (now >= child.kill_at) {
        child.kill_at = kNever;
        if (!child.is_reaped) { child.asked = child.by_kill; }
        send(child, SIGKILL);
      }
      if (child.is_reaped && child.asked == EndedBy::itself) { child.end.left_processes = true; }
    }
  }

  // A child has ended when it is reaped and its group is empty. A process that left the group may hold its
  // pipes open forever: read what is in them now and stop.
  void tell_ends() {
    for (auto it = children_.begin(); it != children_.end();) {
      Child& child = it->second;
      if (!child.group_is_gone) {
        ++it;
        continue;
      }
      guard_->remove(child.process.pid);
      for (Source& source : child.sources) { drain(child, source); }
      child.end.stderr_bytes = child.errors.total_bytes();
      child.end.stderr_lines = child.errors.lines();
      child.end.stderr_end = child.errors.text();
      std::sort(child.end.captured.begin(), child.end.captured.end(),
                [](const Captured& a, const Captured& b) { return a.as < b.as; });
      ended_.push_back(std::move(child.end));
      it = children_.erase(it);
      changed_.notify_all();
    }
  }

  void poll_all(std::unique_lock<std::mutex>& lock) {
    std::vector<pollfd> wait{{wake_.fd(), POLLIN, 0}};
    TimePoint next = kNever;
    for (auto& [id, child] : children_) {
      if (!child.is_reaped) { wait.push_back({child.process.pidfd.get(), POLLIN, 0}); }
      for (const Source& source : child.sources) { wait.push_back({source.fd.get(), POLLIN, 0}); }
      next = std::min({next, child.terminate_at, child.kill_at});
      if (child.is_reaped) { next = std::min(next, Clock::now() + kLookAgain); }
    }
    timespec timeout{};
    if (next != kNever) {
      const auto left = std::max<Clock::duration>(next - Clock::now(), Clock::duration::zero());
      timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    lock.unlock();
    ::ppoll(wait.data(), wait.size(), next == kNever ? nullptr : &timeout, nullptr);
    lock.lock();
    wake_.clear();
    for (auto& [id, child] : children_) {
      for (auto source = child.sources.begin(); source != child.sources.end();) {
        source = read_once(child, *source) ? std::next(source) : finish(child, source);
      }
      if (!child.is_reaped) { reap(child); }
    }
  }

  std::list<Source>::iterator finish(Child& child, std::list<Source>::iterator source) {
    if (source->as != 2) {
      child.end.captured.push_back({source->as, std::move(source->kept), source->total});
    }
    return child.sources.erase(source);
  }

  // Reads what is there now, then ends the source. Bounded, because a process that left the group may go on
  // writing.
  void drain(Child& child, Source& source) {
    const std::uint64_t begin = source.total;
    while (source.total - begin < (1U << 20U)) {
      const std::uint64_t before = source.total;
      if (!read_once(child, source) || source.total == before) { break; }
    }
    if (source.as != 2) { child.end.captured.push_back({source.as, std::move(source.kept), source.total}); }
  }

  // False at the end.
  bool read_once(Child& child, Source& source) {
    char buffer[65536];
    const ssize_t got = ::read(source.fd.get(), buffer, sizeof buffer);
    if (got < 0) { return errno == EAGAIN || errno == EINTR; }
    if (got == 0) { return false; }
    const auto count = static_cast<std::size_t>(got);
    source.total += count;
    if (source.as == 2) {
      child.errors.add({buffer, count});
    } else {
      source.kept.append(buffer, std::min(count, source.max_bytes - source.kept.size()));
      if (source.total > source.max_bytes && source.beyond == Capture::Beyond::ends_child) {
        begin_end(child);
      }
    }
    return true;
  }

  void reap(Child& child) const {
    int status = 0;
    rusage usage{};
    const pid_t reaped = ::wait4(child.process.pid, &status, WNOHANG, &usage);
    const bool is_lost = reaped < 0 && errno == ECHILD;
    if (reaped != child.process.pid && !is_lost) { return; }
    child.is_reaped = true;
    ChildEnd& end = child.end;
    end.is_unknown = is_lost;
    end.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end.by = child.asked;
    end.wall_s = std::chrono::duration<double>(Clock::now() - child.started).count();
    end.user_s = seconds(usage.ru_utime);
    end.system_s = seconds(usage.ru_stime);
    if (child.asked == EndedBy::itself) { child.terminate_at = Clock::now() + options_.linger; }
  }

  const SupervisorOptions options_;
  WakeFd wake_;
  std::optional<OrphanGuard> guard_;  // the supervisor's thread only, once it runs
  mutable std::mutex mutex_;          // guards what follows
  std::condition_variable answered_;
  std::condition_variable changed_;
  std::deque<Request*> requests_;
  std::map<ChildId, Child> children_;
  std::deque<ChildEnd> ended_;
  std::vector<ChildId> to_end_;
  ChildId last_id_ = 0;
  bool ends_all_ = false;
  bool kills_all_ = false;
  bool is_woken_ = false;
  bool is_closing_ = false;
  Thread thread_;
};

ChildSupervisor::ChildSupervisor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChildSupervisor::~ChildSupervisor() = default;

Result<std::unique_ptr<ChildSupervisor>> ChildSupervisor::create(SupervisorOptions options) {
  auto impl = std::make_unique<Impl>(options);
  if (auto running = impl->run(); !running) { return tl::unexpected(running.error()); }
  return std::unique_ptr<ChildSupervisor>(new ChildSupervisor(std::move(impl)));
}

Result<ChildId> ChildSupervisor::start(ChildSpec spec, std::vector<Capture> captures) {
  return impl_->start(std::move(spec), std::move(captures));
}
void ChildSupervisor::terminate(ChildId id) { impl_->terminate(id); }
void ChildSupervisor::terminate_all() { impl_->terminate(std::nullopt); }
void ChildSupervisor::kill_all() { impl_->kill_all(); }
std::optional<ChildEnd> ChildSupervisor::wait_any(Clock::time_point deadline) {
  return impl_->wait_any(deadline);
}
std::optional<ChildEnd> ChildSupervisor::wait(ChildId id, Clock::time_point deadline) {
  return impl_->wait(id, deadline);
}
void ChildSupervisor::wake() { impl_->wake(); }
std::string ChildSupervisor::stderr_so_far(ChildId id) const { return impl_->stderr_so_far(id); }
std::size_t ChildSupervisor::running() const { return impl_->running(); }

}  // namespace streamlab
