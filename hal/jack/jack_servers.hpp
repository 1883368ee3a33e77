// hal/jack/jack_servers.hpp
//
// Which JACK servers run, by name. libjack has no question for it: a client must name its server.
#pragma once

#include <string>
#include <vector>

namespace streamlab {

// Names of this user's servers that listen, sorted. Read from what jackd (jackd2) leaves in /dev/shm and from the
// kernel's list of sockets, without connecting to any. Other implementations of JACK are not seen. Any thread.
std::vector<std::string> running_jack_servers();

}  // namespace streamlab
