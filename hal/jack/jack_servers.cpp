// hal/jack/jack_servers.cpp
#include "hal/jack/jack_servers.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

namespace streamlab {
namespace {

constexpr const char* kFolder = "/dev/shm";

// Paths of the sockets on which somebody listens: `Num RefCount Protocol Flags Type St Inode Path`.
std::set<std::string> listening_sockets() {
  constexpr std::string_view kListens = " 00010000 ";  // __SO_ACCEPTCON
  std::set<std::string> paths;
  std::ifstream table("/proc/net/unix");
  for (std::string line; std::getline(table, line);) {
    const std::size_t path = line.find(" /");
    if (path == std::string::npos || line.find(kListens) >= path) { continue; }
    paths.insert(line.substr(path + 1));
  }
  return paths;
}

}  // namespace

// A server has a semaphore for each of its drivers, of which "freewheel" is always one; those of a server that was
// killed stay behind.
std::vector<std::string> running_jack_servers() {
  const std::string begin = fmt::format("jack_sem.{}_", getuid());
  constexpr std::string_view kEnd = "_freewheel";
  const std::set<std::string> listening = listening_sockets();
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, error)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with(begin) || !file.ends_with(kEnd) || file.size() <= begin.size() + kEnd.size()) {
      continue;
    }
    std::string name = file.substr(begin.size(), file.size() - begin.size() - kEnd.size());
    if (listening.contains(fmt::format("{}/jack_{}_{}_0", kFolder, name, getuid()))) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace streamlab
