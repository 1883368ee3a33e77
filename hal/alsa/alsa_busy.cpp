// hal/alsa/alsa_busy.cpp
#include "hal/alsa/alsa_busy.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <system_error>

#include <alsa/asoundlib.h>
#include <fmt/format.h>

namespace streamlab {
namespace {

namespace fs = std::filesystem;

// Card and device of a PCM name; -1: any.
struct CardDevice {
  int card = -1;
  int device = -1;
};

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

CardDevice card_of(const std::string& name) {
  static const std::regex kHardware(
      R"((?:plug|sys)?(?:hw|default|front|dsnoop|dmix):(?:CARD=)?([^,]+)(?:,(?:DEV=)?(\d+))?.*)");
  std::smatch match;
  if (!std::regex_match(name, match, kHardware)) { return {}; }
  const std::string card = match[1];
  return {is_number(card) ? std::stoi(card) : snd_card_get_index(card.c_str()),
          match[2].matched ? std::stoi(match[2].str()) : -1};
}

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// Entries of a folder that vanish or are not readable are ignored.
template <class Visit>
void visit_folder(const fs::path& folder, Visit&& visit) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && entry != end; entry.increment(error)) {
    visit(entry->path());
  }
}

// owner_pid of every open substream, from asound/cardC/pcmDc/subS/status.
void owners_by_status(const fs::path& proc, const CardDevice& wanted, bool capture,
                      std::set<std::string>& processes) {
  visit_folder(proc / "asound", [&](const fs::path& card) {
    const std::string card_name = card.filename();
    if (card_name.rfind("card", 0) != 0 || !is_number(card_name.substr(4))) { return; }
    if (wanted.card >= 0 && std::stoi(card_name.substr(4)) != wanted.card) { return; }
    visit_folder(card, [&](const fs::path& pcm) {
      const std::string pcm_name = pcm.filename();
      if (pcm_name.rfind("pcm", 0) != 0 || pcm_name.back() != (capture ? 'c' : 'p')) { return; }
      if (wanted.device >= 0 && pcm_name.substr(3, pcm_name.size() - 4) != std::to_string(wanted.device)) {
        return;
      }
      visit_folder(pcm, [&](const fs::path& substream) {
        std::ifstream status(substream / "status");
        for (std::string line; std::getline(status, line);) {
          static const std::regex kOwner(R"(owner_pid\s*:\s*(\d+))");
          std::smatch match;
          if (std::regex_search(line, match, kOwner)) { processes.insert(match[1].str()); }
        }
      });
    });
  });
}

// Every process that has the device's file open.
void owners_by_descriptor(const fs::path& proc, const CardDevice& wanted, bool capture,
                          std::set<std::string>& processes) {
  const std::string card = wanted.card >= 0 ? std::to_string(wanted.card) : R"(\d+)";
  const std::string device = wanted.device >= 0 ? std::to_string(wanted.device) : R"(\d+)";
  const std::regex file(fmt::format("/dev/snd/pcmC{}D{}{}", card, device, capture ? 'c' : 'p'));
  visit_folder(proc, [&](const fs::path& process) {
    if (!is_number(process.filename())) { return; }
    visit_folder(process / "fd", [&](const fs::path& descriptor) {
      std::error_code error;
      const std::string target = fs::read_symlink(descriptor, error);
      if (!error && std::regex_match(target, file)) { processes.insert(process.filename()); }
    });
  });
}

}  // namespace

std::string alsa_holder(const std::string& name, bool capture, const fs::path& proc) {
  const CardDevice wanted = card_of(name);
  std::set<std::string> processes;
  owners_by_status(proc, wanted, capture, processes);
  if (processes.empty()) { owners_by_descriptor(proc, wanted, capture, processes); }
  std::string text;
  for (const std::string& process : processes) {
    const std::string program = first_line(proc / process / "comm");
    text += fmt::format("{}\"{}\" (process {})", text.empty() ? "" : ", ", program.empty() ? "?" : program,
                        process);
  }
  return text;
}

}  // namespace streamlab
