// engine/plugin/load_plugins.hpp
//
// with_plugins(): a catalogue with the nodes of shared libraries, which docs/plugins.md describes.
#pragma once

#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {

// The environment variable with folders of plug-ins.
inline constexpr char kPluginPathVariable[] = "STREAMLAB_PLUGIN_PATH";

struct PluginPlaces {
  std::vector<std::string> files =
      {};  // in this order; a path without a folder is one of the working directory
  // Folders with colons between them, as in a PATH: every *.so in them, in the order of their names, before `files`. A
  // library that is found twice here, or named in `files` too, is loaded once.
  std::string folders = {};
};

// The folders in PluginPlaces::folders; empty ones are left out.
std::vector<std::string> folders_in(const std::string& folders);

// `catalog` with the nodes of all plug-ins. They stay loaded until the program ends. Every reason why one cannot be used:
// it is not there, not a library or not a plug-in; it was built for another version; a function is missing; it has a node
// whose name is taken, or that describes itself wrongly; `files` has it twice. Control thread.
Checked<NodeCatalog> with_plugins(const NodeCatalog& catalog, const PluginPlaces& places);

}  // namespace streamlab
