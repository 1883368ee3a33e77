// bench/process/start_bench.cpp
//
// What it takes to run /bin/true and to know how it ended:
//
//   PosixSpawn   posix_spawn and waitpid, bare: the limit
//   Supervised   ChildSupervisor: own group, parent-death signal, standard error read, captured descriptor
//   TwoChildren  two children joined by a channel, from nothing to nothing: open, start, end, close. Counts
//                what 1000 such cycles leave behind
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <benchmark/benchmark.h>

#include "engine/process/stream_registry.hpp"
#include "engine/process/supervisor.hpp"

namespace streamlab::bench {
namespace {

void check(bool is_well, const char* what) {
  if (!is_well) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
  }
}

ChildSpec of_program(const char* name, const char* program) {
  ChildSpec spec;
  spec.name = name;
  spec.program = program;
  spec.command = {program};
  return spec;
}

constexpr auto kEver = ChildSupervisor::Clock::time_point::max();

void BM_PosixSpawn(benchmark::State& state) {
  for (auto iteration : state) {
    char program[] = "/bin/true";
    char* argv[] = {program, nullptr};
    pid_t pid = -1;
    check(::posix_spawn(&pid, program, nullptr, nullptr, argv, environ) == 0, "posix_spawn failed");
    check(::waitpid(pid, nullptr, 0) == pid, "waitpid failed");
  }
}
BENCHMARK(BM_PosixSpawn)->UseRealTime()->Unit(benchmark::kMicrosecond);

void BM_Supervised(benchmark::State& state) {
  const auto children = ChildSupervisor::create();
  check(children.has_value(), "no supervisor");
  for (auto iteration : state) {
    const auto id = (*children)->start(of_program("true", "/bin/true"), {{}});
    check(id.has_value() && (*children)->wait(*id, kEver).has_value(), "the child failed");
  }
}
BENCHMARK(BM_Supervised)->UseRealTime()->Unit(benchmark::kMicrosecond);

void BM_TwoChildren(benchmark::State& state) {
  const auto cycle = [] {
    const auto directory = RunDirectory::create();
    const auto children = ChildSupervisor::create();
    StreamRegistry registry;
    const auto channel = registry.create("data");
    check(directory && children && channel, "nothing to work with");
    check((*channel)->connect_producer("a", StreamDirection::stdout_).has_value(), "connect");
    check((*channel)->connect_consumer("b", StreamDirection::stdin_).has_value(), "connect");
    check((*channel)->open(*directory).has_value(), "open");
    for (const char* name : {"a", "b"}) {
      ChildSpec spec = of_program(name, "/bin/cat");
      spec.descriptors = registry.handovers(name);
      check((*children)->start(std::move(spec), {{}}).has_value(), "start");
    }
    check((*channel)->start().has_value(), "stream");
    for (int n = 0; n < 2; ++n) {
      const auto end = (*children)->wait_any(kEver);
      check(end && end->is_success(), "a child failed");
      registry.end_step(end->name);
    }
    check(registry.close(kEver), "close");
  };
  for (int n = 0; n < 50; ++n) { cycle(); }  // what the allocator and libraries keep for good
  const std::size_t descriptors = descriptors_left();
  const std::size_t bytes = mallinfo2().uordblks;
  std::uint64_t cycles = 0;
  for (auto iteration : state) {
    cycle();
    ++cycles;
  }
  state.counters["descriptors_leaked"] =
      static_cast<double>(descriptors) - static_cast<double>(descriptors_left());
  state.counters["bytes_leaked"] = static_cast<double>(mallinfo2().uordblks) - static_cast<double>(bytes);
  state.counters["zombies"] = ::waitpid(-1, nullptr, WNOHANG) > 0 ? 1.0 : 0.0;
}
BENCHMARK(BM_TwoChildren)->Iterations(1000)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace streamlab::bench

BENCHMARK_MAIN();
