// tests/support/fault_card/fault_card_client.hpp
//
// FaultCard: a test's hand on the fault card (fault_card.hpp). Making the first one points the ALSA library
// of this process at the tests' configuration, so it must be made before ALSA is used.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fault_card/fault_card.hpp"
#include "tests/support/fault_card/pattern.hpp"

namespace streamlab::fault_card {

class FaultCard {
 public:
  explicit FaultCard(std::string card = "0") : card_(std::move(card)) {
    setenv("ALSA_CONFIG_PATH", SL_FAULT_CARD_DIR "/fault_card.conf", 1);
    module_ = dlopen(SL_FAULT_CARD_DIR "/libasound_module_pcm_slfault.so", RTLD_NOW);
    call<decltype(sl_fault_card_reset)>("sl_fault_card_reset")();
  }
  // The module stays loaded: ALSA may hold it too.
  FaultCard(const FaultCard&) = delete;
  FaultCard& operator=(const FaultCard&) = delete;

  bool script(const std::string& text) {
    return call<decltype(sl_fault_card_script)>("sl_fault_card_script")(card_.c_str(), text.c_str());
  }
  std::int64_t now_ns() const {
    return call<decltype(sl_fault_card_now_ns)>("sl_fault_card_now_ns")(card_.c_str());
  }
  void pass_ns(std::int64_t ns) {
    call<decltype(sl_fault_card_pass_ns)>("sl_fault_card_pass_ns")(card_.c_str(), ns);
  }
  std::int64_t frames() const {
    return call<decltype(sl_fault_card_frames)>("sl_fault_card_frames")(card_.c_str());
  }
  int opened() const { return call<decltype(sl_fault_card_opened)>("sl_fault_card_opened")(card_.c_str()); }
  int open_streams() const {
    return call<decltype(sl_fault_card_open_streams)>("sl_fault_card_open_streams")(card_.c_str());
  }
  void record(bool on) { call<decltype(sl_fault_card_record)>("sl_fault_card_record")(card_.c_str(), on); }
  void release() { call<decltype(sl_fault_card_release)>("sl_fault_card_release")(); }
  bool blocked() const { return call<decltype(sl_fault_card_blocked)>("sl_fault_card_blocked")(); }

  struct Played {
    std::vector<double> samples;
    std::vector<std::int64_t> frames;  // card time of each
  };
  Played played(unsigned channel) const {
    const auto copy = call<decltype(sl_fault_card_played)>("sl_fault_card_played");
    Played all;
    all.samples.resize(copy(card_.c_str(), channel, 0, nullptr, nullptr));
    all.frames.resize(all.samples.size());
    copy(card_.c_str(), channel, all.samples.size(), all.samples.data(), all.frames.data());
    return all;
  }

 private:
  template <class Function>
  Function* call(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(module_, name));
  }

  std::string card_;
  void* module_ = nullptr;
};

}  // namespace streamlab::fault_card
