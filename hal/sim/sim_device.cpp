// hal/sim/sim_device.cpp
#include "hal/sim/sim_device.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/base/read_file.hpp"
#include "hal/sim/sim_driver.hpp"
#include "hal/sim/sim_input.hpp"
#include "hal/sim/sim_script.hpp"
#include "hal/sim/voice.hpp"

namespace streamlab {
namespace {

constexpr double kDefaultRateHz = 48000.0;
constexpr std::uint32_t kDefaultPeriodFrames = 256;
constexpr std::uint32_t kLargestPeriodFrames = 1U << 20U;
constexpr double kDefaultBufferSeconds = 0.25;
constexpr std::uint32_t kDefaultBufferPeriods = 4;

// The combination of the device's name and the script.
Result<SimScript> script_of(const DeviceRequest& request) {
  const std::size_t colon = request.device.find(':');
  const std::string kind = request.device.substr(0, colon);
  const std::string path = colon == std::string::npos ? "" : request.device.substr(colon + 1);
  const bool names_script = kind == "sim" && path.ends_with(".json");
  if (colon != std::string::npos && path.empty()) {
    return refused(request.device, "the file name after the colon is missing");
  }
  if (kind == "file" && path.empty()) { return refused("file", "the file to play is missing", "file:PATH"); }
  std::string text = request.sim_script;
  if (names_script) {
    if (!text.empty()) {
      return refused("/sim",
                     fmt::format("the script is given twice, here and in device \"{}\"", request.device));
    }
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::exists(status) &&
        !std::filesystem::is_regular_file(status)) {  // opening a FIFO would wait
      return refused(request.device, fmt::format("the script \"{}\" is not a regular file", path));
    }
    auto content = read_file(path);
    if (!content) {
      return refused(request.device,
                     fmt::format("the script \"{}\" cannot be read: {}", path, std::strerror(errno)));
    }
    text = std::move(*content);
  }
  auto script = parse_sim_script(text);
  if (!script) {
    Error first = script.error().front();
    for (std::size_t i = 1; i < script.error().size(); ++i) {
      first.hint += fmt::format("{}also {}", first.hint.empty() ? "" : "; ", to_string(script.error()[i]));
    }
    return tl::unexpected(std::move(first));
  }
  if (!path.empty() && !names_script) {
    if (script->input || script->loopback) {
      return refused(script->input ? "/sim/input" : "/sim/loopback",
                     fmt::format("the input is given twice, here and in device \"{}\"", request.device));
    }
    script->input = SimInput{SimInput::Kind::file, path};
  }
  if (kind == "file") {
    if (script->clock == SimClock::real_time) {
      return refused("/sim/clock", fmt::format("\"{}\" always has a virtual clock", request.device), {},
                     fmt::format("\"sim:{}\" plays the file in real time", path));
    }
    script->clock = SimClock::virtual_time;
  }
  return *std::move(script);
}

// The card's channels named by `asked` (from 1; empty: all), from 0.
Result<std::vector<std::uint32_t>> channels_of(const std::vector<std::uint32_t>& asked, std::uint32_t there,
                                               const char* direction) {
  std::vector<std::uint32_t> channels;
  for (const std::uint32_t channel : asked) {
    if (channel < 1 || channel > there) {
      return refused("simulated card", fmt::format("it has no {} channel {}", direction, channel),
                     there == 1 ? "channel 1" : fmt::format("channels 1 .. {}", there));
    }
    channels.push_back(channel - 1);
  }
  if (asked.empty()) {
    for (std::uint32_t c = 0; c < there; ++c) { channels.push_back(c); }
  }
  return channels;
}

// The requested rates, which must all be equal.
Result<double> agree_on_rate(const DeviceRequest& request, const SimScript& script, double input_rate_hz,
                             const std::string& input_name) {
  double rate_hz = input_rate_hz;
  std::string whose = input_name;
  const auto take = [&](double asked_hz, const char* where) -> Result<void> {
    if (asked_hz == 0.0 || asked_hz == rate_hz) { return {}; }
    if (rate_hz != 0.0) {
      return refused(where, fmt::format("{} Hz was requested, but {} has {} Hz", asked_hz, whose, rate_hz),
                     {}, "the simulated card does not resample: leave the rate out");
    }
    rate_hz = asked_hz;
    whose = "the simulated card";
    return {};
  };
  if (auto taken = take(script.sample_rate_hz.value_or(0.0), "/sim/sample_rate_hz"); !taken) {
    return tl::unexpected(taken.error());
  }
  if (auto taken = take(request.sample_rate_hz, "sample_rate"); !taken) {
    return tl::unexpected(taken.error());
  }
  return rate_hz == 0.0 ? kDefaultRateHz : rate_hz;
}

// Faults that cannot happen as written: after the end, or within the gap of a long stall.
Result<void> check_faults(const std::vector<SimFault>& faults, const SimTimeline::Card& card) {
  std::int64_t free_from = 0;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const std::string where = fmt::format("/sim/faults/{}/at_frame", i);
    if (faults[i].at_frame >= card.end) {
      return refused(where, fmt::format("{} is beyond the end of the stream, which has {} frames",
                                        faults[i].at_frame, card.end));
    }
    if (faults[i].at_frame < free_from) {
      return refused(where, fmt::format("{} is within the stall above, which loses all frames before {}",
                                        faults[i].at_frame, free_from));
    }
    if (faults[i].kind == SimFault::Kind::stall) {
      const std::int64_t held = std::llround(faults[i].duration_ms * 1e-3 * card.sample_rate_hz);
      if (held > card.buffer_frames) { free_from = faults[i].at_frame + held; }
    }
  }
  return {};
}

Result<void> check_request(const DeviceRequest& request, const SimScript& script) {
  const auto foreign = [](bool asked, const char* option, const char* whose) -> Result<void> {
    if (!asked) { return {}; }
    return refused(option, fmt::format("the simulated card does not use it: it is for {} devices", whose));
  };
  for (const auto& checked : {foreign(!request.input_ports.empty(), "/ports", "JACK"),
                              foreign(!request.output_ports.empty(), "/ports", "JACK"),
                              foreign(request.sample_format != "auto", "/sample_format", "ALSA"),
                              foreign(request.access != "auto", "/access", "ALSA"),
                              foreign(request.periods != 0, "/periods", "ALSA")}) {
    if (!checked) { return checked; }
  }
  if (!request.capture && !request.playback) {
    return refused(request.device, "neither capture nor playback is requested");
  }
  if (script.loopback && !(request.capture && request.playback)) {
    return refused("/sim/loopback", "loopback needs a graph that both captures and plays");
  }
  if (!script.playback_to.empty() && !request.playback) {
    return refused("/sim/playback_to", "`playback_to` needs a graph that plays something");
  }
  if (script.loop && !(request.capture && script.input && script.input->kind == SimInput::Kind::file)) {
    return refused("/sim/loop", "`loop` needs a sound file as input");
  }
  return {};
}

SimTimeline::Card line_of(const SimScript& script, double sample_rate_hz, std::uint32_t period_frames,
                          const SimSource* source) {
  SimTimeline::Card line;
  line.period_frames = line.max_block_frames = period_frames;
  line.sample_rate_hz = sample_rate_hz;
  line.buffer_frames = std::max<std::int64_t>(std::int64_t{kDefaultBufferPeriods} * period_frames,
                                              std::llround(kDefaultBufferSeconds * sample_rate_hz));
  if (script.buffer_frames) { line.buffer_frames = *script.buffer_frames; }
  if (script.frames) { line.end = *script.frames; }
  if (script.duration_s) { line.end = std::llround(*script.duration_s * sample_rate_hz); }
  if (source != nullptr && source->length()) { line.end = std::min(line.end, *source->length()); }
  return line;
}

DeviceFormat format_of(const SimCard& card, const SimScript& script, const SimTimeline::Card& line,
                       const std::string& input_name) {
  DeviceFormat format;
  format.description = fmt::format("simulated card ({}, {})", input_name,
                                   card.clock == SimClock::virtual_time ? "virtual clock" : "real time");
  format.sample_rate_hz = line.sample_rate_hz;
  format.period_frames = format.max_block_frames = line.period_frames;
  for (const std::uint32_t c : card.input_channels) {
    format.input_names.push_back(fmt::format("capture_{}", c + 1));
  }
  for (const std::uint32_t c : card.output_channels) {
    format.output_names.push_back(fmt::format("playback_{}", c + 1));
  }
  format.real_time = card.clock == SimClock::real_time;
  if (line.end != SimTimeline::kWithoutEnd) { format.length_frames = static_cast<std::uint64_t>(line.end); }
  if (!card.input_channels.empty()) {
    format.input_latency_frames = script.input_latency_frames.value_or(line.period_frames);
  }
  if (!card.output_channels.empty()) {
    format.output_latency_frames = script.output_latency_frames.value_or(line.period_frames);
  }
  return format;
}

// The cable and the file for the output, as the script says.
Result<void> connect_outputs(SimCard& card, const SimScript& script, std::uint32_t output_count) {
  const std::uint32_t period = card.format.period_frames;
  if (script.loopback) {
    const std::uint32_t latency = card.format.input_latency_frames + card.format.output_latency_frames;
    if (latency < period) {
      return refused(
          "/sim/loopback",
          fmt::format("the loopback latency of {} frames is shorter than one period of {}", latency, period),
          fmt::format("input_latency_frames + output_latency_frames >= {}", period));
    }
    card.cable = std::make_unique<LoopbackCable>(output_count, latency, period);
  }
  if (!script.playback_to.empty()) {
    constexpr const char* kWhere = "/sim/playback_to";
    const auto existing =
        script.overwrite ? SimFileWriter::Existing::overwrite : SimFileWriter::Existing::refuse;
    const double rate_hz = card.format.sample_rate_hz;
    if (auto checked = SimFileWriter::check(script.playback_to, kWhere, rate_hz, existing); !checked) {
      return checked;
    }
    card.open_playback = [=, path = script.playback_to, clock = card.clock,
                          channels = static_cast<std::uint32_t>(
                              card.output_channels.size())]() -> Result<std::unique_ptr<PlaybackFile>> {
      auto writer = SimFileWriter::create(path, kWhere, rate_hz, channels, existing);
      if (!writer) { return tl::unexpected(writer.error()); }
      if (clock == SimClock::virtual_time) {
        return make_playback_file(*std::move(writer), channels, period);
      }
      return make_background_playback_file(*std::move(writer), channels, period, rate_hz);
    };
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Driver>> open_sim_device(const DeviceRequest& request) {
  const auto script = script_of(request);
  if (!script) { return tl::unexpected(script.error()); }
  if (auto checked = check_request(request, *script); !checked) { return tl::unexpected(checked.error()); }
  const std::uint32_t period = request.period_frames == 0 ? kDefaultPeriodFrames : request.period_frames;
  if (period > kLargestPeriodFrames) {
    return refused("period", fmt::format("{} is outside 1 .. {} frames", period, kLargestPeriodFrames));
  }

  SimCard card;
  card.clock = script->clock.value_or(SimClock::real_time);
  card.ppm = script->ppm;
  card.jitter_us = script->jitter_us;
  card.seed = script->seed;
  card.epoch_us = script->epoch_us;
  card.on_device_loss = request.on_device_loss;

  const std::uint32_t output_count = script->output_channels.value_or(kDefaultChannels);
  ConnectedInput connected;
  if (request.capture) {
    auto there = connect_input(*script, output_count);
    if (!there) { return tl::unexpected(there.error()); }
    auto channels = channels_of(request.input_channels, there->channel_count, "input");
    if (!channels) { return tl::unexpected(channels.error()); }
    connected = *std::move(there);
    card.input_channels = *std::move(channels);
  }
  if (request.playback) {
    auto channels = channels_of(request.output_channels, output_count, "output");
    if (!channels) { return tl::unexpected(channels.error()); }
    card.output_channels = *std::move(channels);
  }
  const std::string input_name = connected.name;
  std::vector<std::string> losses = std::move(connected.losses);
  const double clip_level = connected.file ? connected.file->clip_level() : 1.0;
  const auto rate_hz = agree_on_rate(request, *script, connected.sample_rate_hz, input_name);
  if (!rate_hz) { return tl::unexpected(rate_hz.error()); }
  if (script->jitter_us >= 1e6 * period / *rate_hz) {
    return refused("/sim/jitter_us", fmt::format("{} us is not shorter than a period, {:.1f} us",
                                                 script->jitter_us, 1e6 * period / *rate_hz));
  }
  if (request.capture && !script->loopback) {
    auto source =
        make_sim_source(std::move(connected), *script, *rate_hz, period, card.input_channels, card.clock);
    if (!source) { return tl::unexpected(source.error()); }
    card.source = *std::move(source);
  }

  const SimTimeline::Card line = line_of(*script, *rate_hz, period, card.source.get());
  if (auto checked = check_faults(script->faults, line); !checked) { return tl::unexpected(checked.error()); }
  card.timeline = SimTimeline(line, script->faults);
  card.buffer_frames = line.buffer_frames;
  card.format = format_of(card, *script, line, input_name);
  card.format.input_clip_level = clip_level;
  card.format.losses = std::move(losses);
  if (auto opened = connect_outputs(card, *script, output_count); !opened) {
    return tl::unexpected(opened.error());
  }
  return std::make_unique<SimDriver>(std::move(card));
}

SimFiles sim_files(const DeviceRequest& request) {
  SimFiles files;
  const std::size_t colon = request.device.find(':');
  const std::string kind = request.device.substr(0, colon);
  if (kind != "sim" && kind != "file" && kind != "default") { return files; }
  if (colon != std::string::npos) { files.reads.push_back(request.device.substr(colon + 1)); }
  const auto script = script_of(request);
  if (!script) { return files; }
  const SimInput input = script->input.value_or(SimInput{});
  if (input.kind == SimInput::Kind::file) { files.reads.push_back(input.path); }
  if (input.kind == SimInput::Kind::voice && request.capture && !script->loopback) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(kVoiceDirectory, error)) {
      files.reads.push_back(entry.path().string());
    }
  }
  if (!script->playback_to.empty()) { files.writes.push_back(script->playback_to); }
  return files;
}

}  // namespace streamlab
