// hal/jack/probe_jack.cpp
#include "hal/jack/probe_jack.hpp"

#include <algorithm>

#include "hal/jack/jack_client.hpp"

namespace streamlab {
namespace {

std::vector<std::string> without(std::vector<std::string> names, const std::vector<std::string>& known) {
  std::erase_if(names, [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  });
  return names;
}

}  // namespace

Result<JackServer> probe_jack(const std::string& server) {
  const Result<JackClient> client = open_jack_client(server, "streamlab-probe");
  if (!client) { return tl::unexpected(client.error()); }
  jack_client_t* jack = client->get();
  JackServer found;
  found.name = server;
  found.sample_rate_hz = jack_get_sample_rate(jack);
  found.period_frames = jack_get_buffer_size(jack);
  found.real_time = jack_is_realtime(jack) != 0;
  found.capture_ports = jack_audio_ports(jack, JackPortIsOutput | JackPortIsPhysical);
  found.playback_ports = jack_audio_ports(jack, JackPortIsInput | JackPortIsPhysical);
  found.other_outputs = without(jack_audio_ports(jack, JackPortIsOutput), found.capture_ports);
  found.other_inputs = without(jack_audio_ports(jack, JackPortIsInput), found.playback_ports);
  return found;
}

}  // namespace streamlab
