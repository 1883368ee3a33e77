// tests/nodes/process/pipe_ends.hpp
//
// Pipes, FIFOs and bytes for the tests of nodes that talk to other programs.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/channel/registry.hpp"
#include "engine/core/node.hpp"
#include "engine/process/descriptor.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A WAV header that says any length, and what follows.
inline std::string wave_saying(std::uint64_t data_bytes, std::string_view samples, int tag = 1, int bits = 16,
                               int channels = 2, std::uint32_t rate_hz = 48000) {
  return "RIFF" + little(data_bytes + 36, 4) + "WAVE" +
         chunk("fmt ", format_body(tag, channels, rate_hz, bits)) + "data" + little(data_bytes, 4) +
         std::string(samples);
}

// Frame n holds the codes n and -n, 16 bits each.
inline std::string counting_samples(int frames, int first = 0) {
  std::string samples;
  for (int n = first; n < first + frames; ++n) {
    samples += little(static_cast<std::uint64_t>(n), 2) + little(static_cast<std::uint16_t>(-n), 2);
  }
  return samples;
}

inline Pipe new_pipe(std::size_t bytes = kDefaultPipeBytes) {
  auto pipe = make_pipe(bytes);
  if (!pipe) { throw std::runtime_error(to_string(pipe.error())); }
  return std::move(*pipe);
}

// Writes everything, however long that takes; false when there is no reader.
inline bool write_all(int fd, std::string_view text) {
  const NoSigpipe guard;
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) { return false; }
    if (written > 0) { text.remove_prefix(static_cast<std::size_t>(written)); }
  }
  return true;
}

inline std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t got = ::read(fd, buffer, sizeof buffer); got > 0; got = ::read(fd, buffer, sizeof buffer)) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

inline std::string new_fifo(const TempDir& dir, std::string_view name = "fifo") {
  const std::string path = dir.file(name);
  if (::mkfifo(path.c_str(), 0600) != 0) { throw std::runtime_error("no FIFO"); }
  return path;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) { ++count; }
  return count;
}

inline std::string descriptor_name(int fd) { return "fd:" + std::to_string(fd); }

// What a graph that runs gives its nodes.
inline PrepareContext running(ChannelRegistry& registry, std::uint32_t block_size = 0) {
  PrepareContext context;
  context.block_size = block_size;
  context.channels = {std::shared_ptr<void>(), &registry};  // its owner outlives the node
  return context;
}

}  // namespace streamlab::test
