// tests/graph/hints_test.cpp
//
// Names that the field uses, where this program has others: what is suggested for each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/graph/validate.hpp"

namespace streamlab {
namespace {

// The hint about the type or the first parameter of a graph's one node.
std::string hint_for_node(const char* type, const char* config) {
  const Document graph{{"nodes", {{{"id", "n"}, {"type", type}, {"config", Document::parse(config)}}}}};
  const auto loaded = load_graph(graph.dump());
  if (loaded) { return "accepted"; }
  for (const Error& error : loaded.error()) {
    if (error.where == "/nodes/0/type" || error.where.starts_with("/nodes/0/config/")) { return error.hint; }
  }
  return to_string(loaded.error(), "");
}

struct Case {
  const char* word;
  const char* meant;
};

TEST(Hints, KnowWhatOthersCallANode) {
  constexpr Case kCases[] = {
      {"tone", "SineGenerator"},
      {"Oscillator", "SineGenerator"},
      {"Volume", "Gain"},
      {"Amplifier", "Gain"},
      {"FFT", "Spectrum"},
      {"Welch", "Spectrum"},
      {"rms", "LevelMeter"},
      {"Level", "LevelMeter"},
      {"LUFS", "LevelMeter"},
      {"Leq", "LevelMeter"},
      {"eq", "Biquad\" with \"type\": \"peaking"},
      {"mic", "AudioInput"},
      {"Speaker", "AudioOutput"},
      {"WavReader", "FileSource"},
      {"recorder", "FileSink"},
      {"csv", "CsvSink"},
      {"jsonl", "JsonlSink"},
      {"Downmix", "Mixer"},
      {"Formula", "Map"},
      {"gate", "Filter"},
      {"sox", "Process"},
      {"average", "Reduce"},
      {"Frames", "Window"},
      {"discard", "NullSink"},
      {"SinGenerator", "SineGenerator"},
      {"Lowpass", "Biquad\" with \"type\": \"lowpass"},
      {"HPF", "Biquad\" with \"type\": \"highpass"},
      {"Low_Shelf", "Biquad\" with \"type\": \"lowshelf"},
      {"Crossover", "Biquad\" with \"type\": \"linkwitz_riley_lowpass"},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(hint_for_node(one.word, "{}"), std::string("did you mean \"") + one.meant + "\"?") << one.word;
  }
  EXPECT_EQ(hint_for_node("Resampler", "{}"), "\"streamlab nodes\" lists them");  // there is none: no guess
}

TEST(Hints, KnowWhatOthersCallAParameter) {
  struct Param {
    const char* node;
    const char* word;
    const char* meant;
  };
  constexpr Param kCases[] = {
      {"Gain", "volume", "\"gain\", a factor"},
      {"Gain", "level_db", "\"gain_db\", in dB"},
      {"Gain", "db", "\"gain_db\", in dB"},
      {"Gain", "attack", "\"ramp_ms\", in ms"},
      {"SineGenerator", "freq", "\"frequency\", in Hz"},
      {"SineGenerator", "level", "\"amplitude\", in FS"},
      {"SineGenerator", "phase", "\"phase_deg\", in deg"},
      {"Biquad", "cutoff", "\"frequency\", in Hz"},
      {"Biquad", "fc", "\"frequency\", in Hz"},
      {"Biquad", "gain", "\"gain_db\", in dB"},
      {"Biquad", "resonance", "\"q\", a factor"},
      {"Spectrum", "nfft", "\"fft_size\", in frames"},
      {"Spectrum", "hop_size", "\"overlap\", a factor"},
      {"Spectrum", "tau", "\"time_constant_s\", in s"},
      {"LevelMeter", "period", "\"interval_s\", in s"},
      {"LevelMeter", "sensitivity", "\"pa_per_full_scale\", in Pa"},
      {"FileSource", "file", "\"path\""},
      {"FileSink", "bit_depth", "\"subtype\""},
      {"Delay", "time", "\"ms\", in ms"},
      {"Take", "duration", "\"seconds\", in s"},
      {"Reduce", "function", "\"operation\""},
      {"Filter", "threshold", "\"above_db\", in dB"},
  };
  for (const Param& one : kCases) {
    const std::string config = std::string("{\"") + one.word + "\": 1}";
    EXPECT_EQ(hint_for_node(one.node, config.c_str()), std::string("did you mean ") + one.meant + "?")
        << one.node << " " << one.word;
  }
}

}  // namespace
}  // namespace streamlab
