// tests/graph/any_text_test.cpp
//
// Whatever a configuration file holds, the answer is a graph (or a flow) or a list of errors that say
// something: no exception, no crash, no endless loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/flow/valid_flow.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab {
namespace {

constexpr std::string_view kJson = R"({"version": 1, "title": "T", "variables": {"f": 440},
  "pipeline_config": {"sample_rate": 48000, "block_size": 64, "threads": "auto", "duration_s": 1},
  "nodes": [{"id": "a", "type": "SineGenerator", "config": {"frequency": "${f}"}},
            {"id": "m", "type": "Mixer", "config": {"matrix": [[1], [0.5]], "names": ["x", 2]}},
            {"id": "q", "type": "Biquad", "config": {"sections": [{"type": "notch", "frequency": 50, "q": 2}]}},
            {"id": "p", "type": "Print", "config": {"label": "P", "every": 2}}],
  "connections": [{"from": "a.out", "to": "m.in1", "policy": "latest", "capacity": 4},
                  {"from": "m", "to": "q"}, {"from": "q", "to": "p"}]})";

constexpr std::string_view kYaml = R"(version: 1
variables: {f: 440}
pipeline_config: {sample_rate: 48000, threads: per_node}
nodes:
  - id: a
    type: SineGenerator
    config: {frequency: "${f}"}
  - {id: g, type: Gain, config: {gain: -2.5e-1}}
  - {id: p, type: Print}
connections:
  - {from: a, to: g, policy: block, capacity: 9}
  - {from: g, to: p}
)";

constexpr std::string_view kFlow = R"(version: 1
variables: {n: 3}
settings: {parallel: {max_steps: 4, streams: {enabled: true, count: lines}}, merge: last}
nodes:
  - {name: a, command: [seq, "${n}"], streams: {stdout: x, stderr: y}, env: {A: b}}
  - {name: b, run: "cat", shell: sh, streams: {stdin: {channel: x, policy: drop_oldest, unit_bytes: 2}}}
  - {name: c, run: "return {}", streams: {fifo_in: y}, timeout: 5}
  - {name: d, graph: g.json, set: {f: 1}, retry: {attempts: 2}, interrupt_after: true}
edges:
  - {from: __start__, to: a}
  - {from: a, to: [b, c], stream_mode: broadcast, fan_in: d, merge: list}
  - {from: d, to: __end__}
)";

// Pieces that mean something to one of the parsers, or to none.
constexpr std::string_view kPieces[] = {"{",      "}",
                                        "[",      "]",
                                        ",",      ":",
                                        "\"",     "\\",
                                        "${",     "}",
                                        "-",      "1e999",
                                        "-1",     "0",
                                        "&a",     "*a",
                                        "!!str ", "\n",
                                        "  ",     "\t",
                                        "# ",     "// ",
                                        "/*",     "null",
                                        "true",   "\xc3\xa9",
                                        "\xff",   "~",
                                        "1e18",   "? ",
                                        "| ",     "---\n",
                                        "\"a\":", "18446744073709551616",
                                        ".",      "/",
                                        "a",      "2"};

std::string changed(std::string text) {
  const auto edits = *rc::gen::inRange(1, 8);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    const auto length = *rc::gen::weightedOneOf<std::size_t>({{3, rc::gen::just<std::size_t>(0)},
                                                              {3, rc::gen::inRange<std::size_t>(1, 4)},
                                                              {1, rc::gen::inRange<std::size_t>(4, 60)}});
    const auto piece = *rc::gen::inRange<std::size_t>(0, std::size(kPieces));
    text.replace(at, std::min(length, text.size() - at), kPieces[piece]);
  }
  return text;
}

template <class Loaded>
void answers(const Loaded& loaded, const std::string& text, ConfigLanguage language) {
  if (loaded) { return; }
  RC_ASSERT(!loaded.error().empty());
  for (const Error& error : loaded.error()) {
    RC_ASSERT(error.code == ErrorCode::refused);
    RC_ASSERT(!error.what.empty());
    RC_ASSERT(error.what.find('\n') == std::string::npos || text.find("\\n") != std::string::npos ||
              language == ConfigLanguage::yaml);
  }
}

void answers(const std::string& text, ConfigLanguage language) {
  answers(load_graph(text, language), text, language);
  answers(load_flow(text, language), text, language);
}

RC_GTEST_PROP(AnyText, InJsonIsAnswered, ()) { answers(changed(std::string(kJson)), ConfigLanguage::json); }
RC_GTEST_PROP(AnyText, InYamlIsAnswered, ()) { answers(changed(std::string(kYaml)), ConfigLanguage::yaml); }
RC_GTEST_PROP(AnyText, OfAFlowIsAnswered, ()) { answers(changed(std::string(kFlow)), ConfigLanguage::yaml); }
RC_GTEST_PROP(AnyText, OfAnyBytesIsAnswered, (const std::string& text)) {
  answers(text, ConfigLanguage::json);
  answers(text, ConfigLanguage::yaml);
}

TEST(AnyText, EveryTextIsAcceptedAsItIs) {
  EXPECT_TRUE(load_graph(kJson));
  EXPECT_TRUE(load_graph(kYaml, ConfigLanguage::yaml));
  EXPECT_TRUE(load_flow(kFlow, ConfigLanguage::yaml));
}

}  // namespace
}  // namespace streamlab
