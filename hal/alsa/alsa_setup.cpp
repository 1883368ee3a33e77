// hal/alsa/alsa_setup.cpp
#include "hal/alsa/alsa_setup.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hal/alsa/alsa_busy.hpp"

namespace streamlab {
namespace {

constexpr int kStrictMode =
    SND_PCM_NONBLOCK | SND_PCM_NO_AUTO_FORMAT | SND_PCM_NO_AUTO_CHANNELS | SND_PCM_NO_AUTO_RESAMPLE;
constexpr int kConvertingMode = SND_PCM_NONBLOCK | SND_PCM_NO_AUTO_CHANNELS | SND_PCM_NO_AUTO_RESAMPLE;

constexpr std::uint32_t kUsualRates[] = {8000,  11025, 16000, 22050,  24000,  32000,  44100,  48000,
                                         64000, 88200, 96000, 176400, 192000, 352800, 384000, 768000};
constexpr double kUsualPeriodSeconds = 256.0 / 48000.0;
constexpr double kUsualBufferSeconds = 0.1;
constexpr std::uint32_t kMostChannelsTried = 1024;

struct FormatChoice {
  SampleFormat format;
  snd_pcm_format_t alsa;
};
// Best first: most significant bits, then exact conversion in both directions.
constexpr FormatChoice kFormats[] = {
    {SampleFormat::float64_le, SND_PCM_FORMAT_FLOAT64_LE}, {SampleFormat::s32_le, SND_PCM_FORMAT_S32_LE},
    {SampleFormat::float32_le, SND_PCM_FORMAT_FLOAT_LE},   {SampleFormat::s24_3le, SND_PCM_FORMAT_S24_3LE},
    {SampleFormat::s24_le_low, SND_PCM_FORMAT_S24_LE},     {SampleFormat::s16_le, SND_PCM_FORMAT_S16_LE},
};

struct HwParams {
  HwParams() { snd_pcm_hw_params_malloc(&params); }
  HwParams(const HwParams& other) : HwParams() { snd_pcm_hw_params_copy(params, other.params); }
  HwParams& operator=(const HwParams&) = delete;
  ~HwParams() { snd_pcm_hw_params_free(params); }
  operator snd_pcm_hw_params_t*() const { return params; }
  snd_pcm_hw_params_t* params = nullptr;
};

thread_local char last_message[256] = "";

void keep_message(const char*, int, const char*, int, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(last_message, sizeof last_message, format, arguments);
  va_end(arguments);
}

// ALSA prints its errors to stderr; we put them into Error. One handler for the process, set once.
void silence_alsa() {
  static std::once_flag once;
  std::call_once(once, [] { snd_lib_error_set_handler(keep_message); });
}

std::string where(const std::string& name) { return "alsa:" + name; }

std::vector<std::string> pcm_names() {
  std::vector<std::string> names;
  void** hints = nullptr;
  if (snd_device_name_hint(-1, "pcm", &hints) < 0) { return names; }
  for (void** hint = hints; *hint != nullptr; ++hint) {
    if (char* name = snd_device_name_get_hint(*hint, "NAME"); name != nullptr) {
      names.emplace_back(name);
      std::free(name);
    }
  }
  snd_device_name_free_hint(hints);
  return names;
}

// The full configuration space of the PCM, without resampling.
bool start_space(snd_pcm_t* pcm, HwParams& params) {
  return snd_pcm_hw_params_any(pcm, params) >= 0 && snd_pcm_hw_params_set_rate_resample(pcm, params, 0) >= 0;
}

std::optional<FormatChoice> choose_format(snd_pcm_t* pcm, const HwParams& params, const std::string& asked) {
  for (const FormatChoice& choice : kFormats) {
    const bool wanted =
        asked == "auto" || asked == to_string(choice.format) ||
        (asked == to_string(SampleFormat::s24_le_high) && choice.format == SampleFormat::s32_le);
    if (wanted && snd_pcm_hw_params_test_format(pcm, params, choice.alsa) == 0) { return choice; }
  }
  return std::nullopt;
}

std::vector<snd_pcm_access_t> accesses_for(const std::string& asked) {
  std::vector<snd_pcm_access_t> all;
  if (asked != "rw") { all = {SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_MMAP_NONINTERLEAVED}; }
  if (asked != "mmap") {
    all.insert(all.end(), {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_RW_NONINTERLEAVED});
  }
  return all;
}

std::string offered_access(snd_pcm_t* pcm, const HwParams& params) {
  for (const snd_pcm_access_t access : accesses_for("mmap")) {
    if (snd_pcm_hw_params_test_access(pcm, params, access) == 0) { return "mmap"; }
  }
  return "rw";
}

Result<void> choose_channels(snd_pcm_t* pcm, HwParams& params, const AlsaPcmRequest& request,
                             AlsaPcmSetup& setup) {
  unsigned least = 0;
  unsigned most = 0;
  snd_pcm_hw_params_get_channels_min(params, &least);
  snd_pcm_hw_params_get_channels_max(params, &most);
  std::uint32_t needed = 2;
  for (const std::uint32_t channel : request.channels) { needed = std::max(needed, channel); }
  if (request.channels.size() == 1 && request.channels[0] == 1) { needed = 1; }
  needed = std::max(needed, least);
  std::uint32_t count = needed;
  while (count <= std::min(most, kMostChannelsTried) &&
         snd_pcm_hw_params_test_channels(pcm, params, count) != 0) {
    ++count;
  }
  if (count > std::min(most, kMostChannelsTried)) {
    if (!request.channels.empty()) {
      return refused(where(request.name),
                     fmt::format("there is no {} channel {}", request.capture ? "input" : "output", needed),
                     fmt::format("1 to {}", most));
    }
    count = most;
  }
  if (snd_pcm_hw_params_set_channels(pcm, params, count) < 0) {
    return failed(where(request.name), fmt::format("cannot set {} channels", count));
  }
  setup.channel_count = count;
  if (request.channels.empty()) {
    for (std::uint32_t c = 0; c < count; ++c) { setup.channels.push_back(c); }
  }
  for (const std::uint32_t channel : request.channels) {
    if (channel == 0) { return refused(where(request.name), "channel 0", "a channel number from 1"); }
    setup.channels.push_back(channel - 1);
  }
  return {};
}

Result<void> choose_rate(snd_pcm_t* pcm, HwParams& params, const AlsaPcmRequest& request,
                         const AlsaOffer& offer, AlsaPcmSetup& setup) {
  const double asked = request.sample_rate_hz;
  if (asked > 0.0) {
    const auto rate = static_cast<unsigned>(std::lround(asked));
    if (static_cast<double>(rate) != asked || snd_pcm_hw_params_set_rate(pcm, params, rate, 0) < 0) {
      return refused(where(request.name), fmt::format("{} Hz is not possible", asked), rates_text(offer),
                     "the device is never resampled: use its rate, or resample in the graph");
    }
    setup.rate_hz = rate;
    return {};
  }
  unsigned rate = 48000;
  if (snd_pcm_hw_params_test_rate(pcm, params, rate, 0) != 0) {
    rate = snd_pcm_hw_params_test_rate(pcm, params, 44100, 0) == 0 ? 44100 : 48000;
  }
  if (const int error = snd_pcm_hw_params_set_rate_near(pcm, params, &rate, nullptr); error < 0) {
    return failed(where(request.name), fmt::format("cannot set a sample rate: {}", snd_strerror(error)));
  }
  setup.rate_hz = rate;
  return {};
}

Result<void> choose_period(snd_pcm_t* pcm, HwParams& params, const AlsaPcmRequest& request,
                           AlsaPcmSetup& setup) {
  snd_pcm_uframes_t least = 0;
  snd_pcm_uframes_t most = 0;
  snd_pcm_hw_params_get_period_size_min(params, &least, nullptr);
  snd_pcm_hw_params_get_period_size_max(params, &most, nullptr);
  snd_pcm_uframes_t period = request.period_frames;
  if (period != 0) {
    if (snd_pcm_hw_params_set_period_size(pcm, params, period, 0) < 0) {
      return refused(where(request.name), fmt::format("a period of {} frames is not possible", period),
                     least == most ? fmt::format("{}", least) : fmt::format("{} to {} frames", least, most),
                     "leave the period out to use the device's");
    }
  } else {
    period = std::bit_ceil(static_cast<unsigned>(setup.rate_hz * kUsualPeriodSeconds * 0.75));
    if (const int error = snd_pcm_hw_params_set_period_size_near(pcm, params, &period, nullptr); error < 0) {
      return failed(where(request.name), fmt::format("cannot set a period: {}", snd_strerror(error)));
    }
  }
  snd_pcm_uframes_t buffer = period * request.periods;
  if (request.periods != 0) {
    if (snd_pcm_hw_params_set_buffer_size(pcm, params, buffer) < 0) {
      unsigned fewest = 0;
      unsigned many = 0;
      snd_pcm_hw_params_get_periods_min(params, &fewest, nullptr);
      snd_pcm_hw_params_get_periods_max(params, &many, nullptr);
      return refused(where(request.name),
                     fmt::format("a buffer of {} periods is not possible", request.periods),
                     fmt::format("{} to {}", std::max(fewest, 2U), many));
    }
  } else {
    // A large buffer adds no latency: we read what is available and fill only as much as needed.
    const auto usual = static_cast<snd_pcm_uframes_t>(setup.rate_hz * kUsualBufferSeconds);
    buffer = period * std::max<snd_pcm_uframes_t>(4, (usual + period - 1) / period);
    if (const int error = snd_pcm_hw_params_set_buffer_size_near(pcm, params, &buffer); error < 0) {
      return failed(where(request.name), fmt::format("cannot set a buffer: {}", snd_strerror(error)));
    }
  }
  if (buffer < 2 * period) {
    return refused(where(request.name),
                   fmt::format("the buffer of {} frames is shorter than two periods of {}", buffer, period),
                   "a shorter period");
  }
  setup.period_frames = static_cast<std::uint32_t>(period);
  setup.buffer_frames = static_cast<std::uint32_t>(buffer);
  return {};
}

// The stream starts on request, stops on overrun, and wakes us every period.
int set_software(snd_pcm_t* pcm, const AlsaPcmSetup& setup) {
  snd_pcm_sw_params_t* params = nullptr;
  snd_pcm_sw_params_alloca(&params);
  snd_pcm_uframes_t boundary = 0;
  int error = snd_pcm_sw_params_current(pcm, params);
  if (error >= 0) { error = snd_pcm_sw_params_get_boundary(params, &boundary); }
  if (error >= 0) { error = snd_pcm_sw_params_set_start_threshold(pcm, params, boundary); }
  if (error >= 0) { error = snd_pcm_sw_params_set_stop_threshold(pcm, params, setup.buffer_frames); }
  if (error >= 0) { error = snd_pcm_sw_params_set_avail_min(pcm, params, setup.period_frames); }
  if (error >= 0) { error = snd_pcm_sw_params_set_tstamp_mode(pcm, params, SND_PCM_TSTAMP_ENABLE); }
  // Old drivers refuse this; their timestamps are then from another clock, which the caller notices.
  if (error >= 0) { snd_pcm_sw_params_set_tstamp_type(pcm, params, SND_PCM_TSTAMP_TYPE_MONOTONIC); }
  return error < 0 ? error : snd_pcm_sw_params(pcm, params);
}

Result<AlsaHandle> open_in_mode(const std::string& name, bool capture, int mode) {
  silence_alsa();
  take_alsa_message();
  snd_pcm_t* pcm = nullptr;
  const int error =
      snd_pcm_open(&pcm, name.c_str(), capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK, mode);
  if (error >= 0) { return AlsaHandle(pcm); }
  const std::string message = take_alsa_message();
  const char* direction = capture ? "capture" : "playback";
  if (error == -EBUSY) {
    const std::string holder = alsa_holder(name, capture);
    return failed(where(name), fmt::format("the device is busy ({})", direction), {},
                  holder.empty() ? "close the program that uses it" : "it is held by " + holder);
  }
  if (message.find("Unknown PCM") != std::string::npos) {
    const std::vector<std::string> names = pcm_names();
    return refused(where(name), fmt::format("there is no ALSA PCM \"{}\"", name),
                   names.empty() ? std::string() : fmt::format("one of: {}", fmt::join(names, ", ")));
  }
  return failed(where(name), fmt::format("cannot be opened for {}: {}{}", direction, snd_strerror(error),
                                         message.empty() ? "" : " (" + message + ")"));
}

}  // namespace

std::string take_alsa_message() {
  std::string message = last_message;
  last_message[0] = '\0';
  return message;
}

std::string rates_text(const AlsaOffer& offer) {
  const bool continuous = offer.least_rate_hz != offer.most_rate_hz && offer.rates_hz.size() > 6;
  if (continuous || offer.rates_hz.empty()) {
    return offer.least_rate_hz == offer.most_rate_hz
               ? fmt::format("{} Hz", offer.least_rate_hz)
               : fmt::format("{} to {} Hz", offer.least_rate_hz, offer.most_rate_hz);
  }
  std::string text;
  for (std::size_t n = 0; n < offer.rates_hz.size(); ++n) {
    const char* joint = n == 0 ? "" : n + 1 == offer.rates_hz.size() ? " or " : ", ";
    text += fmt::format("{}{}", joint, offer.rates_hz[n]);
  }
  return text + " Hz";
}

std::string channels_text(const AlsaOffer& offer) {
  if (offer.least_channels == offer.most_channels) {
    return fmt::format("{} channel{}", offer.most_channels, offer.most_channels == 1 ? "" : "s");
  }
  return fmt::format("{} to {} channels", offer.least_channels, offer.most_channels);
}

Result<AlsaHandle> open_alsa(const std::string& name, bool capture) {
  return open_in_mode(name, capture, kStrictMode);
}

AlsaOffer offer_of(snd_pcm_t* pcm) {
  AlsaOffer offer;
  HwParams params;
  if (!start_space(pcm, params)) { return offer; }
  snd_pcm_hw_params_get_rate_min(params, &offer.least_rate_hz, nullptr);
  snd_pcm_hw_params_get_rate_max(params, &offer.most_rate_hz, nullptr);
  snd_pcm_hw_params_get_channels_min(params, &offer.least_channels);
  snd_pcm_hw_params_get_channels_max(params, &offer.most_channels);
  snd_pcm_uframes_t least = 0;
  snd_pcm_uframes_t most = 0;
  snd_pcm_hw_params_get_period_size_min(params, &least, nullptr);
  snd_pcm_hw_params_get_period_size_max(params, &most, nullptr);
  offer.least_period_frames = static_cast<std::uint32_t>(least);
  offer.most_period_frames = static_cast<std::uint32_t>(most);
  for (const std::uint32_t rate : kUsualRates) {
    if (snd_pcm_hw_params_test_rate(pcm, params, rate, 0) == 0) { offer.rates_hz.push_back(rate); }
  }
  for (const FormatChoice& choice : kFormats) {
    if (snd_pcm_hw_params_test_format(pcm, params, choice.alsa) == 0) {
      offer.formats.emplace_back(to_string(choice.format));
    }
  }
  return offer;
}

Result<std::unique_ptr<AlsaPcm>> set_up_alsa(AlsaHandle handle, const AlsaPcmRequest& request) {
  const std::string& asked = request.sample_format;
  if (asked != "auto" && !parse_sample_format(asked)) {
    std::vector<std::string_view> names = {"auto"};
    for (const SampleFormat format : kSampleFormats) { names.push_back(to_string(format)); }
    return refused(where(request.name), fmt::format("there is no sample format \"{}\"", asked),
                   fmt::format("one of: {}", fmt::join(names, ", ")));
  }
  if (request.access != "auto" && request.access != "mmap" && request.access != "rw") {
    return refused(where(request.name), fmt::format("there is no access mode \"{}\"", request.access),
                   "auto, mmap or rw");
  }
  const AlsaOffer offer = offer_of(handle.get());
  HwParams params;
  std::optional<FormatChoice> choice;
  if (start_space(handle.get(), params)) { choice = choose_format(handle.get(), params, asked); }
  if (!choice && asked != "auto") {
    handle.reset();  // first close it: a card cannot be opened twice
    auto converting = open_in_mode(request.name, request.capture, kConvertingMode);
    if (!converting) { return tl::unexpected(converting.error()); }
    handle = std::move(*converting);
    if (start_space(handle.get(), params)) { choice = choose_format(handle.get(), params, asked); }
  }
  snd_pcm_t* pcm = handle.get();
  if (!choice) {
    if (offer.formats.empty()) {
      return failed(where(request.name), "the device offers no supported sample format");
    }
    return refused(where(request.name), fmt::format("the device does not support the format {}", asked),
                   fmt::format("{}", fmt::join(offer.formats, ", ")));
  }
  AlsaPcmSetup setup;
  setup.format = asked == to_string(SampleFormat::s24_le_high) ? SampleFormat::s24_le_high : choice->format;
  snd_pcm_hw_params_set_format(pcm, params, choice->alsa);
  const std::vector<snd_pcm_access_t> accesses = accesses_for(request.access);
  const auto access = std::find_if(accesses.begin(), accesses.end(), [&](snd_pcm_access_t one) {
    return snd_pcm_hw_params_test_access(pcm, params, one) == 0;
  });
  if (access == accesses.end()) {
    return refused(where(request.name), fmt::format("the device does not support {} access", request.access),
                   offered_access(pcm, params));
  }
  setup.access = *access;
  snd_pcm_hw_params_set_access(pcm, params, setup.access);
  if (auto chosen = choose_channels(pcm, params, request, setup); !chosen) {
    return tl::unexpected(chosen.error());
  }
  if (auto chosen = choose_rate(pcm, params, request, offer, setup); !chosen) {
    return tl::unexpected(chosen.error());
  }
  if (auto chosen = choose_period(pcm, params, request, setup); !chosen) {
    return tl::unexpected(chosen.error());
  }
  take_alsa_message();
  if (const int error = snd_pcm_hw_params(pcm, params); error < 0) {
    return failed(where(request.name),
                  fmt::format("the device rejected its parameters: {}", snd_strerror(error)));
  }
  // ALSA has no separate name for 24 bits at the left of a 32-bit word.
  if (asked == "auto" && setup.format == SampleFormat::s32_le && snd_pcm_hw_params_get_sbits(params) == 24) {
    setup.format = SampleFormat::s24_le_high;
  }
  if (const int error = set_software(pcm, setup); error < 0) {
    return failed(where(request.name),
                  fmt::format("the device rejected its thresholds: {}", snd_strerror(error)));
  }
  return std::make_unique<AlsaPcm>(std::move(handle), std::move(setup), request.capture);
}

}  // namespace streamlab
