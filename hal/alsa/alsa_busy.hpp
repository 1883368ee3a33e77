// hal/alsa/alsa_busy.hpp
//
// Who holds a busy sound card: the process and its program, from /proc.
#pragma once

#include <filesystem>
#include <string>

namespace streamlab {

// For people: `"pipewire" (process 812)`, several joined by ", "; empty if unknown (other users' processes
// are visible to root only). `name` is a PCM name: for "hw:1,0", "plughw:…" and the like, only that card and
// device are examined, for other names every card. `proc` is the root directory. Reads files: not for
// real-time threads.
std::string alsa_holder(const std::string& name, bool capture, const std::filesystem::path& proc = "/proc");

}  // namespace streamlab
