// hal/backends.cpp
#include "hal/backends.hpp"

#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"
#include "hal/alsa/alsa_devices.hpp"
#include "hal/alsa/alsa_driver.hpp"
#include "hal/jack/jack_driver.hpp"
#include "hal/jack/jack_servers.hpp"
#include "hal/jack/probe_jack.hpp"
#include "hal/sim/sim_device.hpp"

namespace streamlab {
namespace {

// A driver with a notice in its format.
class NotedDriver final : public Driver {
 public:
  NotedDriver(std::unique_ptr<Driver> driver, const std::string& notice)
      : driver_(std::move(driver)), format_(driver_->format()) {
    format_.notice = format_.notice.empty() ? notice : notice + "; " + format_.notice;
  }
  const DeviceFormat& format() const noexcept override { return format_; }
  Result<void> start(DeviceClient& client) override { return driver_->start(client); }
  void stop() noexcept override { driver_->stop(); }
  DriverStatus status() const override { return driver_->status(); }

 private:
  const std::unique_ptr<Driver> driver_;
  DeviceFormat format_;
};

constexpr std::string_view kSimulated = "the simulated card";

std::string default_is(std::string_view what) { return fmt::format("device \"default\" is {}", what); }

// "jack" finds no server, and only JACK has ports.
Error needs_jack(const DeviceRequest& request, const Error& missing) {
  const bool is_output = request.input_ports.empty() && request.capture;
  return {ErrorCode::refused,
          is_output ? "default" : "/ports",
          fmt::format("{}\"ports\" {} JACK, and {}", is_output ? "the output's " : "",
                      is_output ? "need" : "needs", missing.what),
          {},
          missing.hint};
}

Result<std::unique_ptr<Driver>> open_default(const DeviceRequest& request,
                                             std::span<const Backend> backends) {
  const bool names_ports = !request.input_ports.empty() || !request.output_ports.empty();
  std::vector<std::string> passed_over;
  std::string hint;
  for (const Backend& backend : backends) {
    if (!backend.find) { continue; }
    if (backend.scripted && !request.may_be_simulated) {
      hint = fmt::format("{}device \"{}\" is {}", hint.empty() ? "" : hint + "; ", backend.name, kSimulated);
      continue;
    }
    const auto found = backend.find();
    if (!found) {
      if (names_ports && backend.has_ports) { return tl::unexpected(needs_jack(request, found.error())); }
      if (backend.has_ports) { hint = found.error().hint; }
      passed_over.push_back(found.error().what);
      continue;
    }
    DeviceRequest chosen = request;
    chosen.device = backend.name;
    if (!backend.scripted) { chosen.sim_script.clear(); }
    auto driver = backend.open(chosen);
    if (!driver) { return tl::unexpected(driver.error()); }
    std::string notice = default_is(*found);
    if (!passed_over.empty()) { notice += fmt::format(": {}", fmt::join(passed_over, ", ")); }
    return std::make_unique<NotedDriver>(*std::move(driver), notice);
  }
  return failed("default", fmt::format("no device was found: {}", fmt::join(passed_over, ", ")), {}, hint);
}

DeviceEntry alsa_entry(const AlsaDevice& device) {
  DeviceEntry entry;
  entry.device = "alsa:" + device.pcm;
  entry.description = device.description;
  entry.available = false;
  for (const auto* direction : {&device.capture, &device.playback}) {
    if (!*direction) { continue; }
    const AlsaDirection& one = **direction;
    entry.available = entry.available || one.trouble.empty();
    if (!one.trouble.empty()) {
      entry.note += fmt::format("{}{}: {}", entry.note.empty() ? "" : "; ",
                                direction == &device.capture ? "capture" : "playback", one.trouble);
      continue;
    }
    (direction == &device.capture ? entry.inputs : entry.outputs) = one.offer.most_channels;
    if (entry.sample_formats.empty()) {
      entry.sample_formats = one.offer.formats;
      entry.sample_rates_hz.assign(one.offer.rates_hz.begin(), one.offer.rates_hz.end());
    }
  }
  return entry;
}

DeviceEntry jack_entry(const JackServer& server) {
  DeviceEntry entry{.device = server.name.empty() ? "jack" : "jack:" + server.name,
                    .description = "JACK server",
                    .note = server.real_time ? "real time" : "without real-time scheduling",
                    .inputs = static_cast<std::uint32_t>(server.capture_ports.size()),
                    .outputs = static_cast<std::uint32_t>(server.playback_ports.size()),
                    .sample_rates_hz = {server.sample_rate_hz},
                    .sample_formats = {"FLOAT_LE"},
                    .period_frames = server.period_frames,
                    .ports = {}};
  for (const auto* ports :
       {&server.capture_ports, &server.other_outputs, &server.playback_ports, &server.other_inputs}) {
    entry.ports.insert(entry.ports.end(), ports->begin(), ports->end());
  }
  return entry;
}

// The default server, and those that must be named.
Result<std::vector<DeviceEntry>> list_jack_servers() {
  std::vector<DeviceEntry> entries;
  const auto by_default = probe_jack("");
  if (by_default) { entries.push_back(jack_entry(*by_default)); }
  const char* const name_of_default = std::getenv("JACK_DEFAULT_SERVER");  // NOLINT(concurrency-mt-unsafe)
  for (const std::string& name : running_jack_servers()) {
    if (by_default && name == (name_of_default == nullptr ? "default" : name_of_default)) { continue; }
    const auto server = probe_jack(name);
    if (!server) { continue; }
    DeviceEntry& entry = entries.emplace_back(jack_entry(*server));
    entry.note += fmt::format("; not the default server: JACK_DEFAULT_SERVER={} makes it that", name);
  }
  if (entries.empty()) { return tl::unexpected(by_default.error()); }
  return entries;
}

std::vector<Backend> system_backends() {
  Backend jack{.name = "jack",
               .forms = {"jack", "jack:SERVER"},
               .find = []() -> Result<std::string> {
                 const auto server = probe_jack("");
                 if (!server) { return tl::unexpected(server.error()); }
                 return fmt::format("the running JACK server ({} Hz, periods of {})", server->sample_rate_hz,
                                    server->period_frames);
               },
               .open = open_jack_driver,
               .list = list_jack_servers,
               .has_ports = true};
  Backend alsa{.name = "alsa",
               .forms = {"alsa", "alsa:PCM"},
               .find = find_alsa_default,
               .open = [](const DeviceRequest& request) { return open_alsa_driver(request); },
               .list = []() -> Result<std::vector<DeviceEntry>> {
                 std::vector<DeviceEntry> entries;
                 for (const AlsaDevice& device : list_alsa_devices()) {
                   entries.push_back(alsa_entry(device));
                 }
                 if (entries.empty()) { return failed("alsa", "there is no ALSA sound card"); }
                 return entries;
               }};
  Backend sim{.name = "sim",
              .forms = {"sim", "sim:FILE"},
              .find = []() -> Result<std::string> { return std::string(kSimulated); },
              .open = open_sim_device,
              .list = []() -> Result<std::vector<DeviceEntry>> {
                return std::vector{DeviceEntry{.device = "sim",
                                               .description = "simulated card: a recorded voice, or what its "
                                                              "script says",
                                               .note = {},
                                               .inputs = 2,
                                               .outputs = 2,
                                               .sample_rates_hz = {},
                                               .sample_formats = {},
                                               .ports = {}}};
              },
              .scripted = true};
  Backend file{.name = "file",
               .forms = {"file:FILE"},
               .find = {},
               .open = open_sim_device,
               .list = {},
               .scripted = true};
  return {std::move(jack), std::move(alsa), std::move(sim), std::move(file)};
}

}  // namespace

Result<std::unique_ptr<Driver>> open_device_of(std::span<const Backend> backends,
                                               const DeviceRequest& request) {
  const std::string name = request.device.substr(0, request.device.find(':'));
  if (request.device == "default") { return open_default(request, backends); }
  std::vector<std::string_view> names{"default"};
  std::vector<std::string_view> forms{"default"};
  for (const Backend& backend : backends) {
    if (backend.name == name) {
      if (!backend.scripted && !request.sim_script.empty()) {
        return refused(
            "/sim", fmt::format("device \"{}\" is not simulated and cannot follow a script", request.device));
      }
      return backend.open(request);
    }
    names.push_back(backend.name);
    forms.insert(forms.end(), backend.forms.begin(), backend.forms.end());
  }
  return refused("/device", fmt::format("there is no device type \"{}\"", name),
                 fmt::format("one of {}", fmt::join(forms, ", ")), did_you_mean(name, names));
}

DeviceList list_devices_of(std::span<const Backend> backends) {
  DeviceList list;
  for (const Backend& backend : backends) {
    if (!backend.list) { continue; }
    auto entries = backend.list();
    if (!entries) {
      list.notes.push_back(to_string(entries.error()));
      continue;
    }
    for (DeviceEntry& entry : *entries) { list.devices.push_back(std::move(entry)); }
  }
  return list;
}

Result<std::unique_ptr<Driver>> open_device(const DeviceRequest& request) {
  return open_device_of(system_backends(), request);
}

DeviceList list_devices() { return list_devices_of(system_backends()); }

bool is_stand_in(const DeviceFormat& format) { return format.notice.starts_with(default_is(kSimulated)); }

}  // namespace streamlab
