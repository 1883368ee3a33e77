// hal/sim/read_ahead_source.hpp
//
// A sound file as the source of a card in real time: its own thread reads two seconds ahead, so that read()
// touches only memory, for files of any length.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hal/sim/sim_file.hpp"
#include "hal/sim/sim_source.hpp"

namespace streamlab {

// Control thread; reads the first two seconds at once. `channels`: those wanted, from 0. Endless with `loop`.
// read() is real-time safe and wait-free; it returns `late` if the disk has not kept up.
Result<std::unique_ptr<SimSource>> make_read_ahead_source(SimFileReader reader,
                                                          std::vector<std::uint32_t> channels, bool loop);

}  // namespace streamlab
