// engine/flow/flow_checkpoint.hpp
//
// The progress of a flow as a file: what `interrupt_after` saves and `--resume` goes on from. Only the state
// is in it; a stream cannot be saved, which is why steps with streams do not interrupt.
#pragma once

#include <cstdint>
#include <string>

#include "engine/flow/run_flow.hpp"

namespace streamlab {

// Writes the file whole or not at all: a new one, put in the place of the old; where `path` is a link, in that
// of the file that it leads to. Fails for the system's reasons, and where `path` is no regular file.
Result<void> save_progress(const std::string& path, const ValidFlow& flow, const FlowProgress& progress);

// Before there is anything to save: refused where save_progress() could not write, and where a file exists
// that may not be replaced. Leaves nothing behind.
enum class ExistingProgress : std::uint8_t { refuse, replace };
Result<void> check_progress_path(const std::string& path, ExistingProgress existing);

// Refused: no such file, a file that is no such progress, one of a flow that was written differently.
Result<FlowProgress> load_progress(const std::string& path, const ValidFlow& flow);

}  // namespace streamlab
