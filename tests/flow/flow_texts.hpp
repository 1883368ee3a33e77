// tests/flow/flow_texts.hpp
//
// Flows for tests.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "engine/flow/valid_flow.hpp"

namespace streamlab::test {

// Settings that allow streams.
inline const std::string kStreams = "settings: { parallel: { streams: { enabled: true } } }\n";

inline Document json(const char* text) { return Document::parse(text); }

// A producer, two consumers of what it prints, and a step that gathers what they found.
inline constexpr std::string_view kProducerAndConsumers = R"(
settings: { parallel: { strategy: process, streams: { enabled: true, buffer_size: 131072, timeout: 300 } } }
nodes:
  - name: data_producer
    run: |
      import sys
      for i in range(1000):
        print(f"line {i}", file=sys.stdout, flush=True)
      return {"status": "complete", "lines_produced": 1000}
    streams: { stdout: data_stream }
  - name: data_processor
    run: |
      import sys
      count = 0
      for line in sys.stdin:
        count += 1
      return {"status": "processed", "lines_consumed": count}
    streams: { stdin: data_stream }
  - name: data_logger
    run: |
      import sys
      open("log.txt", "w").writelines(sys.stdin)
      return {"logged": True}
    streams: { stdin: data_stream }
  - name: merge_results
    run: |
      return {"total": state["lines_produced"]}
edges:
  - { from: __start__, to: data_producer }
  - { from: data_producer, to: [data_processor, data_logger], parallel: true, parallel_strategy: process, stream_mode: broadcast, fan_in: merge_results }
)";

inline ValidFlow flow_of(std::string_view yaml, const Variables& variables = {}) {
  auto flow = load_flow(yaml, ConfigLanguage::yaml, variables);
  if (!flow) { throw std::runtime_error(to_string(flow.error(), "")); }
  return *std::move(flow);
}

}  // namespace streamlab::test
