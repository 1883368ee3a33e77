// tests/install/consumer/main.cpp
//
// Three blocks of a tone at half amplitude; prints how many there were and the largest sample.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include <streamlab.hpp>

int main() {
  auto pipeline = streamlab::Pipeline::from_json(R"({"version": 1,
      "nodes": [{"id": "sine", "type": "SineGenerator",
                 "config": {"frequency": 1000, "sample_rate": 48000, "frame_size": 48}},
                {"id": "gain", "type": "Gain", "config": {"gain": 0.5}}],
      "connections": [{"from": "sine", "to": "gain"}]})");
  if (!pipeline) {
    std::fputs(to_string(pipeline.error(), "").c_str(), stderr);
    return 1;
  }
  int blocks = 0;
  double peak = 0.0;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto result = pipeline->process(streamlab::DataFrame(0, i));
    if (!result) { return 1; }
    for (const auto& block : *result) {
      ++blocks;
      for (const double x : block.channel("main_channel")) { peak = std::max(peak, std::abs(x)); }
    }
  }
  std::printf("%d blocks, peak %.3f\n", blocks, peak);
  return 0;
}
