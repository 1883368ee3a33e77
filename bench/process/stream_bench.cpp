// bench/process/stream_bench.cpp
//
// Bytes through pipes, GB/s to each consumer, beside the shell, coreutils' tee and the kernel's own limit:
//
//   EngineToChild    write() from our memory into a child that reads 1 MiB at a time
//   Limit/WriteRead  the same between two threads of one process
//   Direct           dd into dd by a direct channel; Shell/Direct: `dd | dd`
//   Broadcast/N      one producer to N consumers by a broadcast channel; Tee/N: by coreutils' tee.
//                    "discards": consumers read into memory (…/read) or splice into /dev/null (…/splice)
//   Limit/Tee/N      tee(2) and splice(2) in one thread, nobody else
//
// The producer is this program again, which gives the pages of one constant buffer to the pipe (vmsplice), so
// that it is never what limits; the consumers are this program, too.
#include <fcntl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "engine/process/stream_registry.hpp"
#include "engine/process/supervisor.hpp"

namespace streamlab::bench {
namespace {

constexpr std::size_t kBytes = 1U << 30U;
constexpr std::size_t kPiece = 1U << 20U;
constexpr std::size_t kPipe = 1U << 20U;
constexpr auto kEver = ChildSupervisor::Clock::time_point::max();

void check(bool is_well, const char* what) {
  if (!is_well) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::abort();
  }
}

// --- what this program is as a child

int produce() {
  static std::vector<char> buffer(kPiece, 'x');
  for (std::size_t sent = 0; sent < kBytes;) {
    iovec piece{buffer.data(), std::min(kPiece, kBytes - sent)};
    const ssize_t given = ::vmsplice(1, &piece, 1, 0);
    if (given <= 0) { return 1; }
    sent += static_cast<std::size_t>(given);
  }
  return 0;
}

int discard_by_reading() {
  static std::vector<char> buffer(kPiece);
  while (::read(0, buffer.data(), buffer.size()) > 0) {}
  return 0;
}

int discard_by_splicing() {
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  while (::splice(0, nullptr, nothing, nullptr, kPiece, 0) > 0) {}
  return 0;
}

// --- the measurements

std::string own_path() {
  char path[4096] = {};
  check(::readlink("/proc/self/exe", path, sizeof path - 1) > 0, "/proc/self/exe");
  return path;
}

ChildSpec self_as(const std::string& name, const std::string& job) {
  ChildSpec spec;
  spec.name = name;
  spec.program = own_path();
  spec.command = {spec.program, job};
  return spec;
}

ChildSpec shell(const std::string& script) {
  ChildSpec spec;
  spec.name = "shell";
  spec.program = "/bin/bash";
  spec.command = {"bash", "-c", script};
  return spec;
}

void wait_for_all(ChildSupervisor& children, StreamRegistry* registry = nullptr) {
  while (children.running() > 0) {
    const auto end = children.wait_any(kEver);
    check(end && end->is_success(), "a child failed");
    if (registry != nullptr) { registry->end_step(end->name); }
  }
  while (children.wait_any(ChildSupervisor::Clock::now())) {}
  if (registry != nullptr) { check(registry->close(kEver), "close"); }
}

std::unique_ptr<ChildSupervisor> supervisor() {
  auto children = ChildSupervisor::create();
  check(children.has_value(), "no supervisor");
  return std::move(*children);
}

// A producer and its consumers, by a channel.
void through_channel(benchmark::State& state, StreamMode mode, std::size_t pipe_bytes,
                     const ChildSpec& producer, const std::vector<ChildSpec>& consumers) {
  const auto children = supervisor();
  for (auto iteration : state) {
    const auto directory = RunDirectory::create();
    StreamRegistry registry;
    ChannelOptions options;
    options.mode = mode;
    options.buffer_bytes = pipe_bytes;
    const auto channel = registry.create("data", options);
    check(directory && channel, "nothing to work with");
    check((*channel)->connect_producer(producer.name, StreamDirection::stdout_).has_value(), "connect");
    for (const ChildSpec& consumer : consumers) {
      check((*channel)->connect_consumer(consumer.name, StreamDirection::stdin_).has_value(), "connect");
    }
    check((*channel)->open(*directory).has_value(), "open");
    std::vector<ChildSpec> all = consumers;
    all.push_back(producer);
    for (ChildSpec& spec : all) {
      spec.descriptors = registry.handovers(spec.name);
      check(children->start(std::move(spec)).has_value(), "start");
    }
    check((*channel)->start().has_value(), "stream");
    wait_for_all(*children, &registry);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBytes));
}

void through_shell(benchmark::State& state, const std::string& script) {
  const auto children = supervisor();
  for (auto iteration : state) {
    check(children->start(shell(script)).has_value(), "start");
    wait_for_all(*children);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBytes));
}

void BM_EngineToChild(benchmark::State& state) {
  const auto children = supervisor();
  const std::vector<char> block(kPiece, 'x');
  for (auto iteration : state) {
    auto pipe = make_pipe(kPipe);
    check(pipe.has_value(), "pipe");
    ChildSpec spec = self_as("reader", "--read");
    spec.descriptors = {{pipe->read_end.get(), 0}};
    check(children->start(std::move(spec)).has_value(), "start");
    pipe->read_end.reset();
    for (std::size_t sent = 0; sent < kBytes;) {
      const ssize_t written = ::write(pipe->write_end.get(), block.data(), std::min(kPiece, kBytes - sent));
      check(written > 0, "write");
      sent += static_cast<std::size_t>(written);
    }
    pipe->write_end.reset();
    wait_for_all(*children);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBytes));
}

void BM_WriteRead(benchmark::State& state) {
  const std::vector<char> block(kPiece, 'x');
  for (auto iteration : state) {
    auto pipe = make_pipe(kPipe);
    check(pipe.has_value(), "pipe");
    std::thread reader([&] {
      std::vector<char> buffer(kPiece);
      while (::read(pipe->read_end.get(), buffer.data(), buffer.size()) > 0) {}
    });
    for (std::size_t sent = 0; sent < kBytes;) {
      sent += static_cast<std::size_t>(
          ::write(pipe->write_end.get(), block.data(), std::min(kPiece, kBytes - sent)));
    }
    pipe->write_end.reset();
    reader.join();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBytes));
}

// The kernel alone: pages into a pipe, references to them to `count` others, and away, all on one thread.
void BM_TeeLimit(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Fd nothing(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  std::vector<char> buffer(kPiece, 'x');
  auto in = make_pipe(kPipe);
  std::vector<Pipe> out;
  for (std::size_t n = 1; n < count; ++n) { out.push_back(std::move(*make_pipe(kPipe))); }
  for (auto iteration : state) {
    for (std::size_t sent = 0; sent < kBytes;) {
      iovec piece{buffer.data(), kPiece};
      const ssize_t given = ::vmsplice(in->write_end.get(), &piece, 1, 0);
      check(given > 0, "vmsplice");
      for (const Pipe& each : out) {
        check(::tee(in->read_end.get(), each.write_end.get(), kPiece, 0) == given, "tee");
        check(::splice(each.read_end.get(), nullptr, nothing.get(), nullptr, kPiece, 0) == given, "splice");
      }
      check(::splice(in->read_end.get(), nullptr, nothing.get(), nullptr, kPiece, 0) == given, "splice");
      sent += static_cast<std::size_t>(given);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBytes));
}

ChildSpec dd(const std::string& name, const std::vector<std::string>& words) {
  ChildSpec spec;
  spec.name = name;
  spec.program = "/bin/dd";
  spec.command = {"dd", "bs=1M", "status=none"};
  spec.command.insert(spec.command.end(), words.begin(), words.end());
  return spec;
}

void register_all() {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(5);
  };
  add("EngineToChild", BM_EngineToChild);
  add("Limit/WriteRead", BM_WriteRead);
  const ChildSpec dd_in = dd("in", {"if=/dev/zero", "count=1024"});
  const ChildSpec dd_out = dd("out", {"of=/dev/null"});
  add("Direct/64KiB", [=](benchmark::State& state) {
    through_channel(state, StreamMode::direct, kDefaultPipeBytes, dd_in, {dd_out});
  });
  add("Direct/1MiB",
      [=](benchmark::State& state) { through_channel(state, StreamMode::direct, kPipe, dd_in, {dd_out}); });
  add("Shell/Direct", [](benchmark::State& state) {
    through_shell(state, "dd if=/dev/zero bs=1M count=1024 status=none | dd of=/dev/null bs=1M status=none");
  });
  const std::string self = own_path();
  for (const std::string way : {"read", "splice"}) {
    for (const int count : {2, 4}) {
      std::vector<ChildSpec> consumers;
      for (int n = 0; n < count; ++n) {
        consumers.push_back(self_as(fmt::format("consumer {}", n), "--" + way));
      }
      for (const std::size_t bytes : {kDefaultPipeBytes, kPipe}) {
        add(fmt::format("Broadcast/{}/{}/{}KiB", count, way, bytes / 1024), [=](benchmark::State& state) {
          through_channel(state, StreamMode::broadcast, bytes, self_as("producer", "--produce"), consumers);
        });
      }
      std::string script = fmt::format("{} --produce | tee", self);
      for (int n = 1; n < count; ++n) { script += fmt::format(" >({} --{})", self, way); }
      script += fmt::format(" | {} --{}", self, way);
      add(fmt::format("Tee/{}/{}", count, way),
          [=](benchmark::State& state) { through_shell(state, script); });
    }
  }
  benchmark::RegisterBenchmark("Limit/Tee", BM_TeeLimit)
      ->Arg(2)
      ->Arg(4)
      ->UseRealTime()
      ->Iterations(5)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace streamlab::bench

int main(int argc, char** argv) {
  using namespace streamlab::bench;
  const std::string job = argc == 2 ? argv[1] : "";
  if (job == "--produce") { return produce(); }
  if (job == "--read") { return discard_by_reading(); }
  if (job == "--splice") { return discard_by_splicing(); }
  register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
