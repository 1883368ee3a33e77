// tests/support/private_jack.cpp
#include "tests/support/private_jack.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jack/jack.h>

namespace streamlab::test {
namespace {

bool write_file(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// A user without privileges may still make namespaces inside a user namespace where it is root.
bool unshare_as_user() {
  const std::string uid = std::to_string(getuid());
  const std::string gid = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0) { return false; }
  write_file("/proc/self/setgroups", "deny");
  return write_file("/proc/self/uid_map", "0 " + uid + " 1") &&
         write_file("/proc/self/gid_map", "0 " + gid + " 1");
}

bool loopback_up() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) { return false; }
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
  request.ifr_flags = IFF_UP;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return up;
}

bool may_run_in_real_time() {
  const sched_param fifo{.sched_priority = 10};
  const sched_param other{.sched_priority = 0};
  const bool allowed = sched_setscheduler(0, SCHED_FIFO, &fifo) == 0;
  if (allowed) { sched_setscheduler(0, SCHED_OTHER, &other); }
  return allowed;
}

// Asked by a client of another process: libjack would delete those that this process has yet to close when the server
// before this one was killed.
bool accepts_clients(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "/dev/shm/jack_%s_%u_0", name.c_str(), getuid());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) { return false; }
  const bool listens = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  if (!listens) { return false; }
  const pid_t asking = fork();
  if (asking == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execlp("jack_lsp", "jack_lsp", "-s", name.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  return asking > 0 && waitpid(asking, &status, 0) == asking && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool enter_private_world() {
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 && !unshare_as_user()) { return false; }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr) == 0 && loopback_up();
}

bool eventually(const std::function<bool()>& condition, double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) { return false; }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

PrivateJack::PrivateJack() {
  static int count = 0;
  name_ = "sl" + std::to_string(getpid()) + "_" + std::to_string(count++);
  log_path_ = "/tmp/streamlab_jackd_" + name_ + ".log";
}

PrivateJack::~PrivateJack() {
  send(SIGCONT);  // a stopped one would not hear it
  send(SIGTERM);
  const auto ended = [&] {
    siginfo_t info{};  // looks without reaping: the process id stays ours until kill() takes it
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  };
  if (pid_ > 0) { eventually(ended, 2.0); }
  kill();
}

bool PrivateJack::start(const Options& options) {
  const std::string rate = std::to_string(options.sample_rate_hz);
  const std::string period = std::to_string(options.period_frames);
  const char* scheduling = may_run_in_real_time() ? "-R" : "-r";
  const std::vector<const char*> arguments{"jackd", "-n",           name_.c_str(), scheduling,
                                           "-d",    "dummy",        "-r",          rate.c_str(),
                                           "-p",    period.c_str(), nullptr};
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) { _exit(1); }  // it died before we asked
    const int log = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp("jackd", const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  jack_set_error_function([](const char*) {});  // of the attempts before the server is ready
  jack_set_info_function([](const char*) {});
  return pid_ > 0 && eventually([&] { return accepts_clients(name_); });
}

void PrivateJack::kill() {
  if (pid_ <= 0) { return; }
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  unlink(log_path_.c_str());
}

void PrivateJack::send(int signal) const {
  if (pid_ > 0) { ::kill(pid_, signal); }
}

std::string PrivateJack::log() const {
  std::ostringstream text;
  text << std::ifstream(log_path_).rdbuf();
  return text.str();
}

}  // namespace streamlab::test
