// engine/flow/flow_checkpoint.hpp
//
// The progress of a flow as a file: `interrupt_after` saves it and `--resume` continues from it. It holds
// only the state; streams cannot be saved, so steps with streams cannot interrupt.
#pragma once

#include <cstdint>
#include <string>

#include "engine/flow/run_flow.hpp"

namespace streamlab {

// Writes the file completely or not at all: a new file replaces the old one; if `path` is a link, it replaces
// the link's target. Fails if the system refuses or `path` is not a regular file.
Result<void> save_progress(const std::string& path, const ValidFlow& flow, const FlowProgress& progress);

// A check before there is anything to save: refused if save_progress() could not write, or if a file exists
// that may not be replaced. Leaves nothing behind.
enum class ExistingProgress : std::uint8_t { refuse, replace };
Result<void> check_progress_path(const std::string& path, ExistingProgress existing);

// Refused: no such file, a file without progress, the progress of a different flow.
Result<FlowProgress> load_progress(const std::string& path, const ValidFlow& flow);

}  // namespace streamlab
