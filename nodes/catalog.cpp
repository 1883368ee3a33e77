// nodes/catalog.cpp
//
// The catalogue: those of the folders, together. A node's own line is in the catalogue of its folder.
#include "engine/core/node_catalog.hpp"
#include "nodes/folder_catalog.hpp"

namespace streamlab {

const NodeCatalog& default_catalog() {
  static const NodeCatalog kCatalog = NodeCatalog::of_folders(
      {analysis_nodes(), operator_nodes(), process_nodes(), processor_nodes(), sink_nodes(), source_nodes()});
  return kCatalog;
}

}  // namespace streamlab
