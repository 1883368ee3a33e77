// hal/sim/sim_input.hpp
//
// What the inputs of a simulated card are connected to, in two steps: connect_input() examines the input
// given by the script and returns its rate and number of channels; make_sim_source() then makes the source of
// the channels wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "hal/sim/sim_file.hpp"
#include "hal/sim/sim_script.hpp"
#include "hal/sim/sim_source.hpp"
#include "hal/sim/voice.hpp"

namespace streamlab {

struct ConnectedInput {
  std::string name = "nothing";     // for people
  std::vector<std::string> losses;  // what of a file is not played
  double sample_rate_hz = 0.0;      // 0: any
  std::uint32_t channel_count = 0;
  SimInput input;
  std::unique_ptr<SimFileReader> file;  // of kind file
  SimVoice voice;                       // of kind voice
};

// `output_count`: outputs of the card, which a loopback connects to its inputs.
Result<ConnectedInput> connect_input(const SimScript& script, std::uint32_t output_count);

// The source of `channels` (from 0). In real time a short file is loaded into memory.
Result<std::unique_ptr<SimSource>> make_sim_source(ConnectedInput connected, const SimScript& script,
                                                   double sample_rate_hz, std::uint32_t max_block_frames,
                                                   const std::vector<std::uint32_t>& channels,
                                                   SimClock clock);

}  // namespace streamlab
