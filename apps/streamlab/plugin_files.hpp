// apps/streamlab/plugin_files.hpp
//
// Plug-ins as the command line and the environment name them.
#pragma once

#include <string>
#include <vector>

#include "apps/streamlab/exit_code.hpp"
#include "engine/base/error.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab::app {

// StreamLab's nodes, those of `files` and those in the folders of STREAMLAB_PLUGIN_PATH. Where a plug-in cannot be used,
// that was reported.
tl::expected<NodeCatalog, ExitCode> catalog_with(const std::vector<std::string>& files);

// The options that give this program, run once more for a graph, the same nodes. It may have another working directory:
// paths are made absolute, those in STREAMLAB_PLUGIN_PATH too, in this process, so no thread may be running.
std::vector<std::string> pass_plugins_on(const std::vector<std::string>& files);

}  // namespace streamlab::app
