// apps/streamlab/commands.hpp
//
// The subcommands: what the command line asked of each, and the function that does it. Each returns the
// program's exit code. Only main.cpp knows how the command line is written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/streamlab/exit_code.hpp"
#include "engine/core/node_catalog.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/run/driver.hpp"

namespace streamlab::app {

// Which configuration, and what its variables are.
struct ConfigArguments {
  std::string path;  // "-": JSON on standard input
  Variables variables;
  NodeCatalog catalog = default_catalog();  // that it may use, those of plug-ins included
};

struct RunArguments {
  ConfigArguments config;
  double seconds = 0.0;     // of signal; 0: the configuration's, or until the sources end
  std::int64_t frames = 0;  // likewise
  bool json = false;
  bool quiet = false;
  bool force = false;      // replace files that exist
  bool watch = false;      // reload the graph when the file is saved
  bool allow_gap = false;  // also where what is played would jump
  // Of flows:
  std::vector<std::string> plugins = {};  // files of them, for graphs, which run in processes of their own
  std::string state;                      // JSON, or "@FILE"
  std::string save;                       // where progress is kept; empty: beside the flow
  bool resume = false;                    // go on from there
};
ExitCode run_command(const RunArguments& arguments);

struct CheckArguments {
  ConfigArguments config;
  bool json = false;
};
ExitCode check_command(const CheckArguments& arguments);
// The same of a text that has been read, and with devices of the caller's.
ExitCode check_text(const CheckArguments& arguments, const std::string& text, DeviceOpener open_device);

struct BatchArguments {
  ConfigArguments config;
  std::vector<std::string> files;  // or folders
  std::string files_from;          // a list of more; "-": on standard input; empty: none
  std::uint32_t jobs = 1;
  std::string out_dir;
  bool keep_folders = false;  // below out_dir
  std::string csv;            // one table of all results, "-" on standard output; empty: none
  std::string jsonl;          // likewise, as JSON Lines
  std::string failures;       // where the paths of files that are not done are written; empty: nowhere
  bool resume = false;        // leave alone what is complete
  bool json = false;
  bool quiet = false;
  bool force = false;
};
ExitCode batch_command(const BatchArguments& arguments);

struct RecordArguments {
  std::string device = "default";
  double sample_rate_hz = 0.0;      // 0: the device's
  std::uint32_t channels = 0;       // 0: the device's first two, or its only one
  std::uint32_t period_frames = 0;  // 0: the device's
  std::string subtype = "auto";     // of FileSink
  double seconds = 0.0;
  std::string out;
  bool json = false;
  bool quiet = false;
  bool force = false;
};
ExitCode record_command(const RecordArguments& arguments);

ExitCode info_command(const std::string& path, bool json);
ExitCode devices_command(bool json);

struct NodesArguments {
  std::string name;  // empty: all
  bool json = false;
  bool markdown = false;
  NodeCatalog catalog = default_catalog();
};
ExitCode nodes_command(const NodesArguments& arguments);

ExitCode schema_command(const NodeCatalog& catalog);
ExitCode graph_command(const ConfigArguments& config);
ExitCode doctor_command(bool json);

}  // namespace streamlab::app
