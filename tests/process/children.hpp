// tests/process/children.hpp
//
// Programs for the tests of children: shell scripts, and whether a process is still there.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/process/supervisor.hpp"

namespace streamlab::test {

// Nothing in these tests takes so long; what does is a defect.
inline ChildSupervisor::Clock::time_point soon() {
  return ChildSupervisor::Clock::now() + std::chrono::seconds(60);
}

inline ChildSpec shell(const std::string& script, std::vector<Handover> descriptors = {}) {
  ChildSpec spec;
  spec.name = "child";
  spec.program = "/bin/sh";
  spec.command = {"sh", "-c", script};
  spec.descriptors = std::move(descriptors);
  return spec;
}

template <class T>
T value_of(Result<T> result) {
  if (!result) { throw std::runtime_error(to_string(result.error())); }
  return std::move(*result);
}

inline std::string all_of(int fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t got = ::read(fd, buffer, sizeof buffer); got != 0; got = ::read(fd, buffer, sizeof buffer)) {
    if (got > 0) { text.append(buffer, static_cast<std::size_t>(got)); }
    if (got < 0 && errno != EINTR) { break; }
  }
  return text;
}

// Is that process there, and more than a zombie?
inline bool is_alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t behind = text.rfind(')');
  return behind != std::string::npos && text.size() > behind + 2 && text[behind + 2] != 'Z';
}

}  // namespace streamlab::test
