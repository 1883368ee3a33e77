// bench/engine/change_bench.cpp
//
// What new values of live parameters cost the loop.
//
// p50_ns is the median.
//
//   applied/NODE   Node::apply() of a planned change, of a node at rest, two channels at 48 kHz; time per change
//   on_the_way/NODE/0, /1   a block of 64 frames, at rest and on the way to new values; time per block
//   tick/0, /1     a block of 64 frames through a Gain on a device's thread, without and with a change of the Gain that it
//                  finds waiting; the clock's own cost is in both
//
// Changes are planned, and nodes come to rest again, outside of the time that is measured.
#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "engine/core/node_catalog.hpp"
#include "engine/graph/change_params.hpp"
#include "engine/graph/read_params.hpp"
#include "engine/graph/validate.hpp"
#include "engine/run/engine.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kFrames = 64;
constexpr std::uint32_t kFramesToRest = 4800;  // 100 ms

// A node with its blocks, as the engine would have them.
class Running {
 public:
  Running(const char* type, const char* config) : entry_(*default_catalog().find(type)) {
    Errors errors;
    params_ = read_params(Json::parse(config), entry_.info.params, entry_.info.rules, "", errors);
    node_ = entry_.make(params_);
    in_format_ = std::make_shared<const StreamFormat>(audio_format(48000.0, {"left", "right"}, kFrames));
    const StreamFormat* const inputs[] = {in_format_.get()};
    PrepareContext context;
    if (!entry_.info.inputs.empty()) { context.inputs = inputs; }
    context.sample_rate_hz = 48000.0;
    context.block_size = kFrames;
    auto prepared = node_->prepare(context);
    if (!prepared || !errors.empty()) { throw std::runtime_error("the node is refused"); }
    in_ = std::make_unique<DataFrame>(in_format_);
    in_->set_frame_count(kFrames);
    const auto out_format = std::make_shared<const StreamFormat>((*prepared)[0].format);
    for (std::uint32_t b = 0; b < (*prepared)[0].max_blocks; ++b) {
      out_.push_back(std::make_unique<DataFrame>(out_format));
      pointers_.push_back(out_.back().get());
    }
  }
  void plan(const char* changes) {
    Errors errors;
    params_ = change_params(params_, entry_.info, Json::parse(changes), "", errors);
    auto planned = node_->plan_change(params_);
    if (!planned || !errors.empty()) { throw std::runtime_error(to_string(errors, "")); }
    change_ = std::move(*planned);
  }
  void apply() noexcept { node_->apply(*change_); }
  void come_to_rest() { process(kFramesToRest / kFrames); }
  void process(std::uint32_t blocks) {
    for (std::uint32_t b = 0; b < blocks; ++b) {
      in_->header().position = position_;
      position_ += kFrames;
      OutputPort port;
      port.bind(pointers_.data(), static_cast<std::uint32_t>(pointers_.size()));
      port.follow(in_.get());
      const DataFrame* const in[] = {in_.get()};
      const std::span<const DataFrame* const> none;
      node_->process(entry_.info.inputs.empty() ? none : in, {&port, 1});
    }
  }

 private:
  const NodeEntry& entry_;
  ParamValues params_;
  std::unique_ptr<Node> node_;
  std::shared_ptr<const StreamFormat> in_format_;
  std::unique_ptr<DataFrame> in_;
  std::vector<std::unique_ptr<DataFrame>> out_;
  std::vector<DataFrame*> pointers_;
  std::unique_ptr<NodeChange> change_;
  std::int64_t position_ = 0;
};

// Tells how long each of `count` took since `begin`, in ns too.
double took(benchmark::State& state, Clock::time_point begin, int count) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count() / count;
  state.SetIterationTime(seconds);
  return seconds * 1e9;
}
// On a machine with other work the mean is that of the other work.
double median(std::vector<double>& times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

void applied(benchmark::State& state, const char* type, const char* config, const char* there,
             const char* back) {
  constexpr int kNodes = 16;
  std::vector<std::unique_ptr<Running>> nodes;
  for (int i = 0; i < kNodes; ++i) { nodes.push_back(std::make_unique<Running>(type, config)); }
  bool away = false;
  std::vector<double> times_ns;
  for (auto _ : state) {
    away = !away;
    for (auto& node : nodes) {
      node->plan(away ? there : back);
      node->come_to_rest();
    }
    const auto begin = Clock::now();
    for (auto& node : nodes) { node->apply(); }
    times_ns.push_back(took(state, begin, kNodes));
    for (auto& node : nodes) { node->come_to_rest(); }
  }
  state.counters["p50_ns"] = median(times_ns);
}
#define SL_APPLIED(name, type, config, there, back) \
  BENCHMARK_CAPTURE(applied, name, type, config, there, back)->UseManualTime()->Iterations(300)
SL_APPLIED(gain, "Gain", "{}", R"({"gain": 2})", R"({"gain": 1})");
SL_APPLIED(sine, "SineGenerator", "{}", R"({"frequency": 440, "amplitude": 0.5, "phase_deg": 90})",
           R"({"frequency": 1000, "amplitude": 1, "phase_deg": 0})");
SL_APPLIED(biquad, "Biquad", R"({"type": "peaking", "frequency": 1000, "q": 1, "gain_db": 6})",
           R"({"frequency": 2000})", R"({"frequency": 1000})");
SL_APPLIED(biquad_of_ten, "Biquad", R"({"type": "butterworth_lowpass", "frequency": 1000, "order": 20})",
           R"({"frequency": 2000})", R"({"frequency": 1000})");
SL_APPLIED(delay, "Delay", R"({"ms": 20})", R"({"ms": 30})", R"({"ms": 20})");
SL_APPLIED(mixer, "Mixer", R"({"matrix": [[1, 0], [0, 1]]})", R"({"matrix": [[0.5, 0.5], [0.5, -0.5]]})",
           R"({"matrix": [[1, 0], [0, 1]]})");
SL_APPLIED(filter, "Filter", R"({"above_db": -40})", R"({"above_db": -20})", R"({"above_db": -40})");
SL_APPLIED(map, "Map", R"({"channels": {"a": "ch1 + ch2"}})", R"({"channels": {"a": "ch1 - ch2"}})",
           R"({"channels": {"a": "ch1 + ch2"}})");
SL_APPLIED(level_meter, "LevelMeter", R"({"interval_s": 0.01})", R"({"interval_s": 0.02})",
           R"({"interval_s": 0.01})");
SL_APPLIED(spectrum, "Spectrum", R"({"averaging": "linear", "averages": 2})", R"({"averages": 3})",
           R"({"averages": 2})");
SL_APPLIED(rate_limit, "RateLimit", R"({"rate": 10})", R"({"rate": 20})", R"({"rate": 10})");

void on_the_way(benchmark::State& state, const char* type, const char* config, const char* there,
                const char* back) {
  constexpr int kBlocks = 7;  // of the 7.5 that a change takes
  Running node(type, config);
  bool away = false;
  std::vector<double> times_ns;
  for (auto _ : state) {
    away = !away;
    node.plan(away ? there : back);
    if (state.range(0) == 1) { node.apply(); }
    const auto begin = Clock::now();
    node.process(kBlocks);
    times_ns.push_back(took(state, begin, kBlocks));
    node.come_to_rest();
  }
  state.counters["p50_ns"] = median(times_ns);
}
#define SL_ON_THE_WAY(name, type, config, there, back)           \
  BENCHMARK_CAPTURE(on_the_way, name, type, config, there, back) \
      ->Arg(0)                                                   \
      ->Arg(1)                                                   \
      ->UseManualTime()                                          \
      ->Iterations(1000)
SL_ON_THE_WAY(gain, "Gain", "{}", R"({"gain": 2})", R"({"gain": 1})");
SL_ON_THE_WAY(sine, "SineGenerator", "{}", R"({"amplitude": 0.5, "phase_deg": 90})",
              R"({"amplitude": 1, "phase_deg": 0})");
SL_ON_THE_WAY(biquad, "Biquad", R"({"type": "peaking", "frequency": 1000, "q": 1, "gain_db": 6})",
              R"({"frequency": 2000})", R"({"frequency": 1000})");
SL_ON_THE_WAY(biquad_of_ten, "Biquad", R"({"type": "butterworth_lowpass", "frequency": 1000, "order": 20})",
              R"({"frequency": 2000})", R"({"frequency": 1000})");
SL_ON_THE_WAY(delay, "Delay", R"({"frames": 0})", R"({"frames": 1})", R"({"frames": 0})");
SL_ON_THE_WAY(mixer, "Mixer", R"({"matrix": [[1, 0], [0, 1]]})", R"({"matrix": [[0.5, 0.5], [0.5, -0.5]]})",
              R"({"matrix": [[1, 0], [0, 1]]})");
SL_ON_THE_WAY(map, "Map", R"({"channels": {"a": "ch1 + ch2"}})", R"({"channels": {"a": "ch1 - ch2"}})",
              R"({"channels": {"a": "ch1 + ch2"}})");

void tick(benchmark::State& state) {
  VirtualDriver card({.period_frames = kFrames, .inputs = 2, .outputs = 2, .real_time = true});
  auto graph = load_graph(
      R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "gain", "type": "Gain"},
      {"id": "end", "type": "AudioOutput"}], "connections": [{"from": "mic", "to": "gain"}, {"from": "gain", "to": "end"}]})");
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = Engine::create(*graph, std::move(options));
  if (!engine || !(*engine)->start()) { throw std::runtime_error("the engine does not start"); }
  double gain = 1.0;
  std::vector<double> times_ns;
  for (auto _ : state) {
    if (state.range(0) == 1) {
      gain = gain == 1.0 ? 2.0 : 1.0;
      if (!(*engine)->set_param("gain", "gain", gain)) { throw std::runtime_error("the change is refused"); }
    }
    const auto begin = Clock::now();
    card.tick(kFrames);
    times_ns.push_back(took(state, begin, 1));
    if (state.range(0) == 1) {  // the ramp comes to its end, as without a change
      for (int i = 0; i < 8; ++i) { card.tick(kFrames); }
    }
  }
  state.counters["p50_ns"] = median(times_ns);
  (*engine)->stop();
}
BENCHMARK(tick)->Arg(0)->Arg(1)->UseManualTime()->Iterations(20000);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
