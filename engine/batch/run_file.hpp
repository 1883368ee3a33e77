// engine/batch/run_file.hpp
//
// One file of a batch: its graph runs to its end, and what came of it is one value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/data_frame.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/run_to_end.hpp"

namespace streamlab {

// What became of a file.
enum class FileEnd : std::uint8_t {
  complete,
  data_lost,  // finished, but something was lost on the way
  failed,     // while it ran; or it was cut short
  refused,    // before anything ran: the file or its graph cannot be used
};

struct FileResult {
  std::string path;
  FileEnd end = FileEnd::complete;
  Errors errors;                     // of a file that failed or was refused
  std::vector<std::string> written;  // output files; none of a file that failed
  // Of a run, also of one that failed:
  bool has_run = false;                                 // it was started
  std::string printed;                                  // what its nodes printed
  std::vector<std::vector<DataFrame>> blocks;           // of each of FileRun::outputs
  std::vector<std::pair<std::string, NodeNote>> notes;  // node id and its note
  bool data_lost = false;
  std::uint64_t gap_frames = 0;  // that were missing in the input from a device
  double sound_s = 0.0;          // that it gave

  bool is_failed() const { return end == FileEnd::failed || end == FileEnd::refused; }
};
// Of a file that is refused, or that failed, by the codes of `errors`.
FileResult failed_file(std::string path, Errors errors);

struct FileRun {
  // Each file has one thread; its output files have their names only when they are complete, and there are none of a file
  // that failed or was cut short; what its nodes print is in the result: `threads`, and `naming` and `console_file` of
  // `host` are set so.
  EngineOptions engine = {};
  RunWatch watch = {};
  std::vector<std::string> outputs = {};  // "node" or "node.port": all their blocks are kept for the result
  // Called when the run has been started: its output files are there as PATH.part, and none has its name yet.
  std::function<void()> started = {};
  bool removes_parts = false;  // PATH.part of output files, which a run that was killed has left
};
// Makes the folders of its output files. Any thread.
FileResult run_file(const std::string& path, const ValidGraph& graph, const FileRun& run);

}  // namespace streamlab
