// tests/support/run_program.cpp
#include "tests/support/run_program.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace streamlab::test {
namespace {

constexpr double kPatienceS = 60.0;  // a bound for a hanging program, not a measure of speed

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) { throw std::runtime_error("no pipe"); }
  return ends;
}

// Appends what is there; closes at the end.
void drain(int& fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(fd, buffer.data(), buffer.size());
  if (count > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    close(fd);
    fd = -1;
  }
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::string& folder, std::string_view input)
    : deadline_s_(now_s() + kPatienceS) {
  const auto in = make_pipe();
  const auto out = make_pipe();
  const auto err = make_pipe();
  std::vector<char*> argv;
  for (const std::string& argument : arguments) { argv.push_back(const_cast<char*>(argument.c_str())); }
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    // A shell starts programs in the background with some of them ignored, and the program would go on ignoring them.
    for (const int usual : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}) { std::signal(usual, SIG_DFL); }
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    if (!folder.empty() && chdir(folder.c_str()) != 0) { _exit(126); }
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
  // A configuration is far smaller than a pipe's buffer: this does not wait.
  if (!input.empty() && write(in[1], input.data(), input.size()) < 0) { result_.err = "no standard input"; }
  close(in[1]);
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) { close(out_); }
  if (err_ >= 0) { close(err_); }
}

bool Program::read_some() {
  std::array<pollfd, 2> ends{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  const double left_s = deadline_s_ - now_s();
  if ((out_ < 0 && err_ < 0) || left_s <= 0.0) { return false; }
  if (poll(ends.data(), ends.size(), static_cast<int>(left_s * 1000.0) + 1) <= 0) { return errno == EINTR; }
  if (ends[0].revents != 0) { drain(out_, result_.out); }
  if (ends[1].revents != 0) { drain(err_, result_.err); }
  return true;
}

bool Program::wait_for_output(std::string_view text) {
  while (result_.out.find(text) == std::string::npos) {
    if (!read_some()) { return false; }
  }
  return true;
}

bool Program::wait_for_error(std::string_view text) {
  while (result_.err.find(text) == std::string::npos) {
    if (!read_some()) { return false; }
  }
  return true;
}

void Program::send(int signal) const { kill(pid_, signal); }

ProgramResult Program::wait() {
  while (read_some()) {}
  if (out_ >= 0 || err_ >= 0) {
    kill(pid_, SIGKILL);
    result_.err += "\n(killed: it took too long)";
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status)) { result_.exit_code = WEXITSTATUS(status); }
  return result_;
}

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& folder,
                          std::string_view input) {
  return Program(arguments, folder, input).wait();
}

}  // namespace streamlab::test
