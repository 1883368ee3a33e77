// nodes/sound_file/flac_output.hpp
//
// A FLAC file being written, by libsndfile: 16 or 24-bit PCM. Blocks of about 4096 frames are complete in the
// file as soon as they are encoded; only close() writes the length into the header.
#pragma once

#include <memory>

#include "nodes/sound_file/sample_output.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {

Result<std::unique_ptr<SampleOutput>> create_flac_output(OutputFile file, const std::string& path,
                                                         const WaveShape& shape);

}  // namespace streamlab
