// engine/core/node_entry.hpp
//
// NodeEntry: a node type as a catalogue holds it: what it is, and what makes one.
//
//   extern const NodeEntry kGainEntry{kInfo, make_node<Gain>};   a node of the program: constants and a function
//   NodeEntry::owned(info, [state](const ParamValues&) {…})      one that is described while the program runs
#pragma once

#include <functional>
#include <memory>

#include "engine/base/error.hpp"
#include "engine/core/node_info.hpp"

namespace streamlab {

class Node;

class NodeEntry {
 public:
  using Function = std::unique_ptr<Node> (*)(const ParamValues& params);
  using Factory = std::function<std::unique_ptr<Node>(const ParamValues& params)>;

  // All that `node_info` points at must outlive the entry. Such an entry is a constant: it is there before main(), and a
  // catalogue may be made at any time.
  constexpr NodeEntry(const NodeInfo& node_info, Function function) : info(node_info), function_(function) {}
  // Keeps a copy of every text and table of `node_info`, which copies of the entry share.
  static NodeEntry owned(const NodeInfo& node_info, Factory factory);

  // A node; `params` as read with info.params. The node may point into info, so it must not outlive the entry and all
  // copies of it.
  std::unique_ptr<Node> make(const ParamValues& params) const;

  NodeInfo info;

 private:
  struct Own;
  Function function_ = nullptr;
  std::shared_ptr<const Own> own_;
};

// Why a catalogue cannot take it: no name or one that cannot stand in a configuration, two parameters of one name, a
// default that is not among the choices, a rule about a parameter that is not there, a role of another type. What is
// written beside a node and tested with it need not be asked.
Result<void> check_entry(const NodeEntry& entry);

}  // namespace streamlab
