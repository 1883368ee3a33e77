// apps/examples/flow_of_programs.cpp
//
// A flow in a program: three steps on one stream of bytes, and the state that they return.
//
//   flow_of_programs FILE
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/flow/run_flow.hpp"

using namespace streamlab;

namespace {

constexpr const char* kFlow = R"(
settings: { parallel: { streams: { enabled: true } } }
nodes:
  - name: producer
    command: [cat, "${file}"]
    streams: { stdout: content }
  - name: length
    run: |
      import sys
      return {"bytes": len(sys.stdin.buffer.read())}
    streams: { stdin: content }
  - name: digest
    run: |
      import hashlib, sys
      return {"sha256": hashlib.sha256(sys.stdin.buffer.read()).hexdigest()}
    streams: { stdin: content }
edges:
  - { from: __start__, to: producer }
  - { from: producer, to: [length, digest], stream_mode: broadcast }
)";

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: flow_of_programs FILE\n");
    return 2;
  }
  const auto flow = load_flow(kFlow, ConfigLanguage::yaml, {{"file", argv[1]}});
  if (!flow) {
    fmt::print(stderr, "{}", to_string(flow.error(), "the flow: "));
    return 2;
  }
  FlowOptions options;
  options.on_event = [](const FlowEvent& event) {
    if (event.kind != FlowEvent::Kind::ended) { return; }
    fmt::print(stderr, "{}: {}\n", event.step->name, to_string(event.step->outcome));
  };
  const auto report = run_flow(*flow, std::move(options));
  if (!report) {  // nothing was started
    fmt::print(stderr, "{}", to_string(report.error(), "the flow: "));
    return 2;
  }
  if (!report->is_success()) {
    fmt::print(stderr, "{}", to_string(report->failures, "the flow: "));
    return 1;
  }
  fmt::print("{} bytes, SHA-256 {}\n", report->state.at("bytes").get<std::uint64_t>(),
             report->state.at("sha256").get<std::string>());
  return 0;
}
