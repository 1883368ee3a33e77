// hal/sim/sim_input.cpp
#include "hal/sim/sim_input.hpp"

#include <utility>

#include <fmt/format.h>

#include "hal/sim/read_ahead_source.hpp"
#include "hal/sim/sim_file_source.hpp"

namespace streamlab {
namespace {

// A file of at most this many samples is kept in memory; a longer one is read ahead while the card runs.
constexpr std::int64_t kPreloadedSamples = 8 << 20;

}  // namespace

Result<ConnectedInput> connect_input(const SimScript& script, std::uint32_t output_count) {
  ConnectedInput connected;
  connected.input = script.input.value_or(SimInput{});
  connected.channel_count = script.input_channels.value_or(kDefaultChannels);
  if (script.loopback) {
    connected.name = "loopback";
    if (script.input_channels && *script.input_channels != output_count) {
      return refused("/sim/input_channels", fmt::format("cannot loop {} inputs back from {} outputs",
                                                        *script.input_channels, output_count));
    }
    connected.channel_count = output_count;
    return connected;
  }
  switch (connected.input.kind) {
    case SimInput::Kind::silence:
      connected.name = "silence";
      return connected;
    case SimInput::Kind::counting:
      connected.name = "counting pattern";
      return connected;
    case SimInput::Kind::sine:
      connected.name = fmt::format("sine of {} Hz", connected.input.frequency_hz);
      return connected;
    case SimInput::Kind::voice: {
      auto voice = load_voice();
      if (!voice) { return tl::unexpected(voice.error()); }
      connected.name = "a recorded voice";
      connected.sample_rate_hz = voice->sample_rate_hz;
      connected.voice = *std::move(voice);
      return connected;
    }
    case SimInput::Kind::file: {
      auto reader = SimFileReader::open(connected.input.path, "simulated card");
      if (!reader) { return tl::unexpected(reader.error()); }
      connected.name = connected.input.path;
      for (const std::string& loss : reader->losses()) {
        connected.losses.push_back(fmt::format("{}: {}", connected.input.path, loss));
      }
      connected.sample_rate_hz = reader->sample_rate_hz();
      connected.channel_count = reader->channel_count();
      connected.file = std::make_unique<SimFileReader>(*std::move(reader));
      break;
    }
  }
  if (script.input_channels && *script.input_channels != connected.channel_count) {
    return refused("/sim/input_channels",
                   fmt::format("{} inputs were requested, but {} has {}", *script.input_channels,
                               connected.name, connected.channel_count));
  }
  return connected;
}

Result<std::unique_ptr<SimSource>> make_sim_source(ConnectedInput connected, const SimScript& script,
                                                   double sample_rate_hz, std::uint32_t max_block_frames,
                                                   const std::vector<std::uint32_t>& channels,
                                                   SimClock clock) {
  switch (connected.input.kind) {
    case SimInput::Kind::silence:
      return make_silent_source();
    case SimInput::Kind::counting:
      return make_counting_source(channels);
    case SimInput::Kind::sine:
      if (connected.input.frequency_hz > sample_rate_hz / 2) {
        return refused("/sim/input/sine/frequency_hz",
                       fmt::format("{} is above half the sample rate, {} Hz", connected.input.frequency_hz,
                                   sample_rate_hz / 2));
      }
      return make_sine_source(connected.input.frequency_hz, connected.input.amplitude, sample_rate_hz);
    case SimInput::Kind::voice: {
      std::vector<std::vector<double>> samples(channels.size(), connected.voice.samples);
      return make_memory_source(std::move(samples), true);
    }
    case SimInput::Kind::file:
      break;
  }
  const auto samples = connected.file->frame_count() * static_cast<std::int64_t>(channels.size());
  if (clock == SimClock::real_time && samples > kPreloadedSamples) {
    return make_read_ahead_source(std::move(*connected.file), channels, script.loop);
  }
  if (clock == SimClock::virtual_time) {
    return make_file_source(std::move(*connected.file), channels, max_block_frames, script.loop);
  }
  auto loaded = load_sound_file(*connected.file, channels);
  if (!loaded) { return tl::unexpected(loaded.error()); }
  return make_memory_source(*std::move(loaded), script.loop);
}

}  // namespace streamlab
