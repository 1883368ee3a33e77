// engine/graph/validate.hpp
//
// ValidGraph: a graph whose names, types, parameters, ports, cycles, policies and real-time rules were
// checked against the node catalogue. Only validate() makes one, so that a holder need not check
// again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/overflow_policy.hpp"
#include "engine/core/node_catalog.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/graph/pipeline_config.hpp"

namespace streamlab {

struct GraphSpec;

struct ValidNode {
  std::string id;
  const NodeEntry* entry = nullptr;
  ParamValues params;
  std::uint32_t input_count = 0;  // connected input ports; a repeated port counts each
  std::string pointer;            // into the configuration: "/nodes/3"

  const NodeInfo& info() const { return entry->info; }
  // Its first parameter of that role.
  std::optional<std::size_t> find(ParamRole role) const { return params.find(role); }
  // The value of its text of that role; empty where it has none, or was given none.
  std::optional<std::string> text(ParamRole role) const;
  // JSON pointer of a parameter: "/nodes/3/config/path".
  std::string pointer_to(std::size_t param) const;
  // Does it write to the console, whose reader may pause?
  bool writes_to_console() const;
  // May it wait for somebody outside (NodeInfo::waits), if only for the reader of the console?
  bool waits() const { return info().waits == Waits::yes || writes_to_console(); }
  // An error of this node, whose `where` is a place within it ("/config/path") or something else, a file for
  // instance: "/nodes/3/config/path", "/nodes/3: take.wav".
  Error located(Error error) const;
};

struct ValidConnection {
  std::size_t from_node = 0;
  std::size_t from_port = 0;
  std::size_t to_node = 0;
  std::size_t to_port = 0;               // of a repeated port "in": in1 is 0, in2 is 1, …
  std::optional<OverflowPolicy> policy;  // its own, or else that of its channel
  std::optional<std::uint32_t> capacity;
  std::optional<std::size_t> channel;  // that it reads from: index into channels()
  std::string pointer;
};

// An output that has a name, by which readers in the graph and C++ find it.
struct ValidChannel {
  std::string name;
  std::size_t from_node = 0;
  std::size_t from_port = 0;
  std::optional<OverflowPolicy> policy;  // of readers that name none
  std::optional<std::uint32_t> capacity;
  std::string pointer;
};

class ValidGraph {
 public:
  const std::string& title() const { return title_; }
  const PipelineConfig& config() const { return config_; }
  const std::vector<ValidNode>& nodes() const { return nodes_; }
  // From output to input; those through a named channel too, one for each reader.
  const std::vector<ValidConnection>& connections() const { return connections_; }
  const std::vector<ValidChannel>& channels() const { return channels_; }
  // Indexes into connections(), of those that lead into node `n` and out of it; in the order of the file.
  const std::vector<std::size_t>& connections_into(std::size_t n) const { return into_[n]; }
  const std::vector<std::size_t>& connections_from(std::size_t n) const { return from_[n]; }
  // Node indexes, every node after all that feed it; among equals in the order of the file.
  const std::vector<std::size_t>& order() const { return order_; }
  // Index of the node of that id.
  std::optional<std::size_t> find(std::string_view id) const;
  // Index of the only node with that boundary.
  std::optional<std::size_t> find(Boundary boundary) const;
  // Indexes of nodes that work for nobody: they give something that no node reads and that has no name under which a
  // program could, and do nothing else. Not of nodes that wait for other programs, which may do something.
  std::vector<std::size_t> unread() const;
  // Puts the id of its node into each error that lies in one and has none.
  void name_nodes(Errors& errors) const;
  // Does a device tick it?
  bool has_device() const { return find(Boundary::device_input) || find(Boundary::device_output); }
  // Nodes on the domain that a device ticks: the boundary nodes, and all that lies between input and output.
  const std::vector<bool>& on_device_domain() const { return on_device_domain_; }

  // The same graph with another value for a text parameter of one node.
  ValidGraph with_text(std::size_t node, std::size_t param, const std::string& value) const;
  // The same in place.
  void set_text(std::size_t node, std::size_t param, std::string value);

 private:
  friend class Validator;
  friend class GraphTemplate;
  ValidGraph() = default;

  std::string title_;
  PipelineConfig config_;
  std::vector<ValidNode> nodes_;
  std::vector<ValidConnection> connections_;
  std::vector<ValidChannel> channels_;
  std::map<std::string, std::size_t, std::less<>> index_of_;  // by id
  std::vector<std::vector<std::size_t>> into_;
  std::vector<std::vector<std::size_t>> from_;
  std::vector<std::size_t> order_;
  std::vector<bool> on_device_domain_;
  NodeCatalog::Owned entries_;  // of nodes that were described while the program runs
};

// Every reason why the graph cannot run, or the graph.
Checked<ValidGraph> validate(const GraphSpec& spec, const NodeCatalog& catalog = default_catalog());
// The same, adding to `errors`; usable only if nothing was added.
ValidGraph validate(const GraphSpec& spec, const NodeCatalog& catalog, Errors& errors);

// What would be refused next, once all mistakes of `said` are mended: sources need no other node, so those in which
// nothing is wrong yet can be prepared (a file that does not exist, a tone above half the rate). Not of a device, which is
// not open, and of what waits for other programs. Opens input files; `graph` may be unusable.
Errors refusals_of_sources(const ValidGraph& graph, const Errors& said);

// Text to ValidGraph: reads and validates in one go, and gives all errors of both together, and if there are any, those of
// refusals_of_sources(), in the order of the file. `own`: see replace_variables().
Checked<ValidGraph> load_graph(std::string_view text, ConfigLanguage language = ConfigLanguage::json,
                               const Variables& variables = {},
                               const NodeCatalog& catalog = default_catalog(), const Variables& own = {});
// The same of a document that has been parsed. Where values of `own` only stand for others, nothing is asked of sources:
// a file of that name need not exist.
enum class AskSources : std::uint8_t { no, yes };
Checked<ValidGraph> validate_document(const Document& document, const Variables& variables,
                                      const NodeCatalog& catalog, const Variables& own = {},
                                      AskSources ask_sources = AskSources::yes);

}  // namespace streamlab
