// hal/alsa/alsa_devices.cpp
#include "hal/alsa/alsa_devices.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <alsa/asoundlib.h>
#include <fmt/format.h>

#include "hal/bounded_call.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

// Names in the usual configuration that are not real devices: converters, null sinks, and bridges to sound
// systems that have a backend here or are reached as `default`.
constexpr std::array<std::string_view, 13> kNoDevices = {
    "null",  "empty", "lavrate", "samplerate", "speexrate", "upmix",   "vdownmix",
    "speex", "jack",  "oss",     "usbstream",  "a52",       "arcam_av"};

struct CtlClose {
  void operator()(snd_ctl_t* ctl) const noexcept { snd_ctl_close(ctl); }
};
using CtlHandle = std::unique_ptr<snd_ctl_t, CtlClose>;

struct CardPcm {
  std::string name;  // "hw:CARD,DEVICE"
  std::string card;
  std::string description;
  std::string driver;
  bool capture = false;
  bool playback = false;
};

bool has_direction(snd_ctl_t* ctl, int device, snd_pcm_stream_t direction, std::string& name) {
  snd_pcm_info_t* info = nullptr;
  snd_pcm_info_alloca(&info);
  snd_pcm_info_set_device(info, static_cast<unsigned>(device));
  snd_pcm_info_set_subdevice(info, 0);
  snd_pcm_info_set_stream(info, direction);
  if (snd_ctl_pcm_info(ctl, info) < 0) { return false; }
  name = snd_pcm_info_get_name(info);
  return true;
}

std::vector<CardPcm> card_pcms() {
  std::vector<CardPcm> all;
  for (int card = -1; snd_card_next(&card) >= 0 && card >= 0;) {
    snd_ctl_t* opened = nullptr;
    if (snd_ctl_open(&opened, fmt::format("hw:{}", card).c_str(), SND_CTL_NONBLOCK) < 0) { continue; }
    const CtlHandle ctl(opened);
    snd_ctl_card_info_t* info = nullptr;
    snd_ctl_card_info_alloca(&info);
    if (snd_ctl_card_info(ctl.get(), info) < 0) { continue; }
    for (int device = -1; snd_ctl_pcm_next_device(ctl.get(), &device) >= 0 && device >= 0;) {
      CardPcm pcm{.name = fmt::format("hw:{},{}", snd_ctl_card_info_get_id(info), device),
                  .card = snd_ctl_card_info_get_name(info),
                  .description = {},
                  .driver = snd_ctl_card_info_get_driver(info)};
      std::string name;
      pcm.capture = has_direction(ctl.get(), device, SND_PCM_STREAM_CAPTURE, name);
      pcm.playback = has_direction(ctl.get(), device, SND_PCM_STREAM_PLAYBACK, name);
      pcm.description = fmt::format("{}, {}", pcm.card, name);
      all.push_back(std::move(pcm));
    }
  }
  return all;
}

// PCMs that the configuration defines without parameters.
std::vector<std::string> configured_pcms() {
  std::vector<std::string> names;
  snd_config_t* pcms = nullptr;
  if (snd_config_update() < 0 || snd_config_search(snd_config, "pcm", &pcms) < 0) { return names; }
  snd_config_iterator_t entry{};
  snd_config_iterator_t next{};
  snd_config_for_each(entry, next, pcms) {
    snd_config_t* definition = snd_config_iterator_entry(entry);
    const char* id = nullptr;
    snd_config_t* ignored = nullptr;
    if (snd_config_get_id(definition, &id) < 0 || snd_config_search(definition, "@args", &ignored) >= 0) {
      continue;
    }
    if (std::find(kNoDevices.begin(), kNoDevices.end(), std::string_view(id)) == kNoDevices.end()) {
      names.emplace_back(id);
    }
  }
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a != "default", a) < std::pair(b != "default", b);
  });
  return names;
}

AlsaDirection look_at(const std::string& name, bool capture) {
  const auto look = call_within(1s, [name, capture] {
    AlsaDirection direction;
    auto opened = open_alsa(name, capture);
    if (opened) {
      direction.offer = offer_of(opened->get());
    } else {
      direction.busy = opened.error().what.find("busy") != std::string::npos;
      direction.trouble = opened.error().what;
      if (!opened.error().hint.empty()) { direction.trouble += "; " + opened.error().hint; }
    }
    return direction;
  });
  if (look) { return *look; }
  AlsaDirection hanging;
  hanging.trouble = "it does not answer within 1 s";
  return hanging;
}

}  // namespace

std::vector<AlsaDevice> list_alsa_devices() {
  std::vector<AlsaDevice> devices;
  for (const CardPcm& pcm : card_pcms()) {
    AlsaDevice device{pcm.name, pcm.description, true, {}, {}};
    if (pcm.capture) { device.capture = look_at(pcm.name, true); }
    if (pcm.playback) { device.playback = look_at(pcm.name, false); }
    devices.push_back(std::move(device));
  }
  for (const std::string& name : configured_pcms()) {
    AlsaDevice device{name, fmt::format("ALSA PCM \"{}\"", name), false, {}, {}};
    const auto there = [](const AlsaDirection& direction) {
      return direction.trouble.empty() || direction.busy;
    };
    if (const AlsaDirection capture = look_at(name, true); there(capture)) { device.capture = capture; }
    if (const AlsaDirection playback = look_at(name, false); there(playback)) { device.playback = playback; }
    if (device.capture || device.playback) { devices.push_back(std::move(device)); }
  }
  return devices;
}

Result<std::string> find_alsa_default() {
  const std::vector<CardPcm> pcms = card_pcms();
  const auto real = std::find_if(pcms.begin(), pcms.end(), [](const CardPcm& pcm) {
    return pcm.capture && pcm.driver != "Dummy" && pcm.driver != "Loopback";
  });
  if (real == pcms.end()) {
    return failed("alsa", pcms.empty() ? "there is no ALSA sound card" : "no ALSA sound card can record");
  }
  const AlsaDirection capture = look_at("default", true);
  if (!capture.trouble.empty() && !capture.busy) {
    return failed("alsa", fmt::format("ALSA's default cannot record, though \"{}\" can: {}", real->name,
                                      capture.trouble));
  }
  return fmt::format("the ALSA card \"{}\"", real->card);
}

}  // namespace streamlab
