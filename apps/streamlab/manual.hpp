// apps/streamlab/manual.hpp
//
// Manual pages and completion for shells, made from what the command line and the nodes say of themselves.
#pragma once

#include <string>
#include <vector>

#include "engine/core/node_catalog.hpp"

namespace streamlab::app {

// An option, or an argument that has a place instead of a name.
struct OptionInfo {
  std::vector<std::string> names;  // "-j", "--jobs"; of an argument none
  std::string value;               // "N", "FILE"; of a flag empty; of an argument its name
  std::string about;
  std::vector<std::string> excludes;
  bool is_required = false;
  bool may_repeat = false;

  bool is_argument() const { return names.empty(); }
};

// The program, or one of its commands.
struct CommandInfo {
  std::string name;
  std::string about;
  std::string footer;  // "Examples:", lines to type, and what else there is to know
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> commands;
};

struct ManPage {
  std::string file;  // "streamlab-run.1"
  std::string text;  // roff
};

// streamlab(1), one page for each command, and streamlab-config(5): the configuration and all nodes.
std::vector<ManPage> man_pages(const CommandInfo& program, const NodeCatalog& catalog);

// A script that bash, or zsh, reads to complete commands, options, their values and the names of nodes.
std::string bash_completion(const CommandInfo& program, const NodeCatalog& catalog);
std::string zsh_completion(const CommandInfo& program, const NodeCatalog& catalog);

}  // namespace streamlab::app
