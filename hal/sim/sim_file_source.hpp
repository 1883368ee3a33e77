// hal/sim/sim_file_source.hpp
//
// Sound files as the source of a simulated card.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hal/sim/sim_file.hpp"
#include "hal/sim/sim_source.hpp"

namespace streamlab {

// Reads the file in read() itself: for the virtual clock. `channels`: those wanted, from 0; `max_frames`: the
// longest read. Endless with `loop`. A file that ends earlier than its header says fails, with both numbers.
std::unique_ptr<SimSource> make_file_source(SimFileReader reader, std::vector<std::uint32_t> channels,
                                            std::uint32_t max_frames, bool loop);

// The samples of `channels` of the whole file, [channels x frames].
Result<std::vector<std::vector<double>>> load_sound_file(SimFileReader& reader,
                                                         const std::vector<std::uint32_t>& channels);

// Why a read of `path` ended at `readable_frames`, before the end that its header promises.
Error truncated_sound_file(const std::string& path, std::int64_t readable_frames,
                           std::int64_t promised_frames);

}  // namespace streamlab
