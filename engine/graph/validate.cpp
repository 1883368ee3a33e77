// engine/graph/validate.cpp
#include "engine/graph/validate.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "engine/base/nearest_name.hpp"
#include "engine/base/topological.hpp"
#include "engine/graph/change_params.hpp"
#include "engine/graph/graph_spec.hpp"
#include "engine/graph/read_params.hpp"

namespace streamlab {
namespace {

std::string quoted(std::span<const std::string_view> names) {
  std::vector<std::string> list;
  for (const std::string_view name : names) { list.push_back(fmt::format("\"{}\"", name)); }
  return fmt::format("{}", fmt::join(list, ", "));
}

// "in", or "in1", "in2", … for a repeated port.
std::vector<std::string> port_names(std::span<const PortInfo> ports) {
  std::vector<std::string> names;
  for (const PortInfo& port : ports) {
    if (port.max_repeat == 1) {
      names.emplace_back(port.name);
    } else {
      for (std::uint32_t i = 1; i <= port.max_repeat; ++i) {
        names.push_back(fmt::format("{}{}", port.name, i));
      }
    }
  }
  return names;
}

const PortInfo& input_port(const NodeInfo& info, std::size_t index) {
  return info.inputs[std::min(index, info.inputs.size() - 1)];  // a repeated port is the last
}

}  // namespace

class Validator {
 public:
  Validator(const GraphSpec& spec, const NodeCatalog& catalog, Errors& errors)
      : spec_(spec), catalog_(catalog), errors_(errors), reader_spoke_(!errors.empty()) {}

  // Usable only if nothing was added to the errors.
  ValidGraph run() {
    graph_.title_ = spec_.title;
    graph_.entries_ = catalog_.owned();
    graph_.config_ = spec_.config;
    check_nodes();
    check_channels();
    check_connections();
    const bool all_found =
        all_ends_found_ && std::all_of(graph_.nodes_.begin(), graph_.nodes_.end(),
                                       [](const ValidNode& n) { return n.entry != nullptr; });
    if (!all_found) { return std::move(graph_); }  // inputs and cycles would be reported wrongly
    index_connections();
    check_inputs();
    order_nodes();
    if (!errors_.empty()) { return std::move(graph_); }
    check_device_rules();
    return std::move(graph_);
  }

 private:
  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }

  void check_nodes() {
    if (spec_.nodes.empty()) { add("/nodes", "the graph has no nodes", "at least one source"); }
    for (const NodeSpec& node : spec_.nodes) {
      check_id(node);
      ValidNode valid;
      valid.id = node.id;
      valid.pointer = node.pointer;
      valid.entry = catalog_.find(node.type);
      if (valid.entry == nullptr) {
        if (!is_told(node.type)) {
          add(node.pointer + "/type", fmt::format("there is no node type \"{}\"", node.type), "",
              type_hint(node.type));
        }
      } else {
        const NodeInfo& info = valid.info();
        valid.params = read_params(node.config, info.params, info.rules, node.pointer + "/config", errors_);
      }
      graph_.index_of_.emplace(valid.id, graph_.nodes_.size());
      graph_.nodes_.push_back(std::move(valid));
    }
  }
  // Of many mistakes only some are shown, and to look for the nearest of many names takes long.
  std::string nearest_of(const std::string& name, const auto& known, const auto& name_of) {
    constexpr std::size_t kMost = 100;
    if (++suggestions_ > kMost) { return {}; }
    std::vector<std::string_view> names;
    for (const auto& one : known) { names.push_back(name_of(one)); }
    return did_you_mean(name, names);
  }
  // What could not be read is empty, and that has been said; but only a reader says so, not a GraphSpec made
  // in C++.
  bool is_told(const std::string& name) const { return name.empty() && reader_spoke_; }
  std::string type_hint(const std::string& type) const {
    const auto names = catalog_.names();
    const std::string_view related = related_name(type, names);
    const NodeEntry* const entry = related.empty() ? nullptr : catalog_.find(related);
    if (entry != nullptr) {  // "Lowpass" is a kind of Biquad
      for (const ParamInfo& param : entry->info.params) {
        if (param.role != ParamRole::kind) { continue; }
        const std::string_view kind = related_name(type, param.choices);
        if (kind.empty()) { continue; }
        return fmt::format("did you mean \"{}\" with \"{}\": \"{}\"?", related, param.name, kind);
      }
    }
    const std::string hint = did_you_mean(type, names);
    return hint.empty() ? "\"streamlab nodes\" lists them" : hint;
  }
  static bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '-';
    });
  }
  void check_id(const NodeSpec& node) {
    const std::string where = node.pointer + "/id";
    if (is_told(node.id)) { return; }
    if (!is_name(node.id)) {
      add(where, fmt::format("\"{}\" cannot be an id", node.id), "letters, digits, \"_\" and \"-\" (no dot)");
    }
    const auto [first, is_new] = first_use_.emplace(node.id, node.pointer);
    if (!is_new) {
      add(where, fmt::format("the id \"{}\" is taken by {}", node.id, first->second), "another id");
    }
  }

  struct End {
    std::size_t node = 0;
    std::size_t port = 0;
  };
  std::optional<End> find_end(const std::string& text, const std::string& where, bool is_source) {
    if (is_told(text)) { return std::nullopt; }
    const std::size_t dot = text.find('.');
    const std::string id = text.substr(0, dot);
    const auto node = graph_.find(id);
    if (!node) {
      add(where, fmt::format("there is no node \"{}\"", id), "",
          nearest_of(id, graph_.nodes_, [](const ValidNode& known) { return std::string_view(known.id); }));
      return std::nullopt;
    }
    const ValidNode& valid = graph_.nodes_[*node];
    if (valid.entry == nullptr) { return std::nullopt; }  // already said
    const auto infos = is_source ? valid.info().outputs : valid.info().inputs;
    const std::string_view side = is_source ? "output" : "input";
    if (infos.empty()) {
      add(where, fmt::format("\"{}\" is a {}, which has no {}", id, valid.info().name, side));
      return std::nullopt;
    }
    if (dot == std::string::npos) { return End{*node, 0}; }
    const std::string port = text.substr(dot + 1);
    const auto ports = port_names(infos);
    const auto found = std::find(ports.begin(), ports.end(), port);
    if (found == ports.end()) {
      std::vector<std::string_view> names(ports.begin(), ports.end());
      // What is beyond the last of many is no slip of the pen.
      const std::string_view repeated = infos.back().name;
      const bool is_number = infos.back().max_repeat > 1 && port.starts_with(repeated) &&
                             port.find_first_not_of("0123456789", repeated.size()) == std::string::npos;
      const std::string hint = is_number ? "" : did_you_mean(port, names);
      std::string end;
      if (names.size() > 4) {
        end = fmt::format(" … \"{}\"", names.back());
        names.resize(2);
      }
      add(where, fmt::format("\"{}\" has no {} \"{}\"", id, side, port), quoted(names) + end, hint);
      return std::nullopt;
    }
    return End{*node, static_cast<std::size_t>(found - ports.begin())};
  }

  std::optional<OverflowPolicy> find_policy(const ConnectionSpec& spec) {
    if (!spec.policy) { return std::nullopt; }
    const auto policy = parse_overflow_policy(*spec.policy);
    if (!policy) {
      const auto names = kOverflowPolicyNames;
      add(spec.pointer + "/policy", fmt::format("there is no policy \"{}\"", *spec.policy), quoted(names),
          did_you_mean(*spec.policy, names));
    }
    return policy;
  }

  // The writers of named channels.
  void check_channels() {
    for (const ConnectionSpec& spec : spec_.connections) {
      if (spec.channel.empty() || spec.from.empty()) { continue; }
      if (!is_name(spec.channel)) {
        add(spec.pointer + "/channel", fmt::format("\"{}\" cannot be the name of a channel", spec.channel),
            "letters, digits, \"_\" and \"-\"");
      }
      if (const auto other = find_channel(spec.channel)) {
        add(spec.pointer + "/channel",
            fmt::format("the channel \"{}\" is already written to by {}", spec.channel,
                        graph_.channels_[*other].pointer),
            "one writer", "a \"Merge\" makes one stream of several");
        all_ends_found_ = false;
        continue;
      }
      ValidChannel channel;
      channel.name = spec.channel;
      channel.policy = find_policy(spec);
      channel.capacity = spec.capacity;
      channel.pointer = spec.pointer;
      if (const auto from = find_end(spec.from, spec.pointer + "/from", true)) {
        std::tie(channel.from_node, channel.from_port) = std::pair(from->node, from->port);
      } else {
        all_ends_found_ = false;
        without_writer_.insert(spec.channel);
      }
      channel_of_.emplace(channel.name, graph_.channels_.size());
      graph_.channels_.push_back(std::move(channel));
    }
  }
  std::optional<std::size_t> find_channel(const std::string& name) const {
    const auto found = channel_of_.find(name);
    return found == channel_of_.end() ? std::nullopt : std::optional(found->second);
  }
  // Where a reader's blocks come from; policy and capacity of the channel unless it has its own.
  std::optional<End> find_channel_end(const ConnectionSpec& spec, ValidConnection& valid) {
    const auto index = find_channel(spec.channel);
    if (!index) {
      add(spec.pointer + "/channel", fmt::format("nobody writes to a channel \"{}\"", spec.channel),
          fmt::format("a connection {{\"from\": …, \"channel\": \"{}\"}}", spec.channel),
          nearest_of(spec.channel, graph_.channels_,
                     [](const ValidChannel& channel) { return std::string_view(channel.name); }));
      return std::nullopt;
    }
    if (without_writer_.contains(spec.channel)) { return std::nullopt; }  // already said
    const ValidChannel& channel = graph_.channels_[*index];
    valid.channel = index;
    if (!valid.policy) { valid.policy = channel.policy; }
    if (!valid.capacity) { valid.capacity = channel.capacity; }
    return End{channel.from_node, channel.from_port};
  }

  void check_connections() {
    std::map<std::pair<std::size_t, std::size_t>, std::string> taken;
    for (const ConnectionSpec& spec : spec_.connections) {
      const bool is_named = !spec.channel.empty();
      if (is_named && spec.to.empty()) {  // a writer; or neither
        if (spec.from.empty() && !reader_spoke_) { add(spec.pointer, "neither end is given", "one or both"); }
        all_ends_found_ = all_ends_found_ && !spec.from.empty();
        continue;
      }
      ValidConnection valid;
      valid.pointer = spec.pointer;
      valid.capacity = spec.capacity;
      if (!is_named || spec.from.empty()) { valid.policy = find_policy(spec); }
      const auto from =
          is_named ? find_channel_end(spec, valid) : find_end(spec.from, spec.pointer + "/from", true);
      const auto to = find_end(spec.to, spec.pointer + "/to", false);
      if (!from || !to) {
        all_ends_found_ = false;
        continue;
      }
      std::tie(valid.from_node, valid.from_port) = std::pair(from->node, from->port);
      std::tie(valid.to_node, valid.to_port) = std::pair(to->node, to->port);
      check_kinds(valid);
      const auto [first, is_new] = taken.emplace(std::pair(to->node, to->port), spec.pointer);
      if (!is_new) {
        add(spec.pointer + "/to",
            fmt::format("the input \"{}\" is already fed by {}", spec.to, first->second), "one connection",
            mixing_hint());
        all_ends_found_ = false;
        continue;
      }
      graph_.connections_.push_back(std::move(valid));
    }
  }
  std::string mixing_hint() const {
    for (const NodeEntry* entry : catalog_.entries()) {
      const auto inputs = entry->info.inputs;
      if (!inputs.empty() && inputs.back().max_repeat > 1 && entry->info.input_mode == InputMode::joined) {
        return fmt::format("a \"{}\" adds several streams: connect them to its {}1, {}2, …", entry->info.name,
                           inputs.back().name, inputs.back().name);
      }
    }
    return {};
  }
  void check_kinds(const ValidConnection& connection) {
    const ValidNode& from = graph_.nodes_[connection.from_node];
    const ValidNode& to = graph_.nodes_[connection.to_node];
    const KindMask given = from.info().outputs[connection.from_port].kinds;
    const KindMask taken = input_port(to.info(), connection.to_port).kinds;
    if ((given & taken) == 0) {
      add(connection.pointer,
          fmt::format("\"{}\" gives {}, and \"{}\" takes {}", from.id, kinds(given), to.id, kinds(taken)));
    }
  }
  static std::string kinds(KindMask kind_mask) {
    std::vector<std::string_view> names;
    for (const StreamKind kind : {StreamKind::audio, StreamKind::spectrum, StreamKind::values}) {
      if ((kind_mask & mask(kind)) != 0) { names.push_back(to_string(kind)); }
    }
    return fmt::format("{}", fmt::join(names, " or "));
  }

  void index_connections() {
    graph_.into_.resize(graph_.nodes_.size());
    graph_.from_.resize(graph_.nodes_.size());
    for (std::size_t c = 0; c < graph_.connections_.size(); ++c) {
      graph_.into_[graph_.connections_[c].to_node].push_back(c);
      graph_.from_[graph_.connections_[c].from_node].push_back(c);
    }
  }

  // Every input is connected, and repeated ones without holes.
  void check_inputs() {
    for (std::size_t n = 0; n < graph_.nodes_.size(); ++n) {
      ValidNode& node = graph_.nodes_[n];
      std::set<std::size_t> fed;
      for (const std::size_t c : graph_.into_[n]) { fed.insert(graph_.connections_[c].to_port); }
      const std::size_t needed = fed.empty() ? node.info().inputs.size() : *fed.rbegin() + 1;
      for (std::size_t port = 0; port < std::max(needed, node.info().inputs.size()); ++port) {
        if (!fed.contains(port)) {
          const auto names = port_names(node.info().inputs);
          add(node.pointer, fmt::format("the input \"{}\" of \"{}\" is not connected", names[port], node.id),
              fmt::format("a connection to \"{}.{}\"", node.id, names[port]));
        }
      }
      node.input_count = static_cast<std::uint32_t>(fed.size());
    }
  }

  void order_nodes() {
    std::vector<std::vector<std::size_t>> next(graph_.nodes_.size());
    for (std::size_t n = 0; n < next.size(); ++n) {
      for (const std::size_t c : graph_.from_[n]) { next[n].push_back(graph_.connections_[c].to_node); }
    }
    TopologicalOrder sorted = topological_order(next);
    if (!sorted.cycle.empty()) {
      const auto id = [&](std::size_t n) { return std::string_view(graph_.nodes_[n].id); };
      add("/connections", fmt::format("the connections form a cycle: {}", cycle_text(sorted.cycle, id)),
          "a graph without cycles");
    }
    graph_.order_ = std::move(sorted.order);
  }

  void check_device_rules() {
    graph_.on_device_domain_.assign(graph_.nodes_.size(), false);
    check_only_one(Boundary::device_input);
    check_only_one(Boundary::device_output);
    const auto input = graph_.find(Boundary::device_input);
    const auto output = graph_.find(Boundary::device_output);
    if (input && output) { check_same_device(graph_.nodes_[*input], graph_.nodes_[*output]); }
    mark_device_domain(input, output);
    for (std::size_t n = 0; n < graph_.nodes_.size(); ++n) {
      const ValidNode& node = graph_.nodes_[n];
      if (graph_.on_device_domain_[n] && node.info().rt_safe == RtSafe::no) {
        add(node.pointer + "/type",
            fmt::format("a {} cannot run between \"{}\" and \"{}\": it is not real-time safe",
                        node.info().name, graph_.nodes_[*input].id, graph_.nodes_[*output].id),
            "a branch of its own");
      }
    }
    for (const ValidChannel& channel : graph_.channels_) {
      // Its subscribers are on other threads.
      if (graph_.on_device_domain_[channel.from_node]) {
        check_may_wait(channel.policy, channel.from_node, channel.pointer);
      }
    }
    for (const ValidConnection& c : graph_.connections_) {
      const bool leaves = graph_.on_device_domain_[c.from_node] && !graph_.on_device_domain_[c.to_node];
      const bool is_inherited = c.channel && c.policy == graph_.channels_[*c.channel].policy;
      if (leaves && !is_inherited) { check_may_wait(c.policy, c.from_node, c.pointer); }
    }
  }
  void check_may_wait(std::optional<OverflowPolicy> policy, std::size_t from, const std::string& pointer) {
    if (policy != OverflowPolicy::block) { return; }
    add(pointer + "/policy",
        fmt::format("\"block\" cannot be used here: \"{}\" runs on the real-time domain, which may not wait",
                    graph_.nodes_[from].id),
        "\"drop_oldest\", \"drop_newest\", \"drop_buffer\", \"latest\" or \"fail\"");
  }
  void check_only_one(Boundary boundary) {
    const auto first = graph_.find(boundary);
    for (std::size_t n = first.value_or(0) + 1; first && n < graph_.nodes_.size(); ++n) {
      if (graph_.nodes_[n].info().boundary == boundary) {
        add(graph_.nodes_[n].pointer,
            fmt::format("a second {} beside \"{}\"", graph_.nodes_[n].info().name, graph_.nodes_[*first].id),
            "one device a graph: two devices are two clocks, and nothing in this graph matches their rates");
      }
    }
  }
  void check_same_device(const ValidNode& input, const ValidNode& output) {
    const auto device_of = [](const ValidNode& node) {
      return node.text(ParamRole::device).value_or(std::string{});
    };
    if (device_of(input) != device_of(output)) {
      const auto param = output.find(ParamRole::device);
      add(param ? output.pointer_to(*param) : output.pointer,
          fmt::format("\"{}\" is not the device of \"{}\", \"{}\"", device_of(output), input.id,
                      device_of(input)),
          "the same device: two devices are two clocks, and nothing in this graph matches their rates");
    }
    // What is asked of a device is asked once.
    const Document of_input = params_to_json(input.params, Defaults::left_out);
    const Document of_output = params_to_json(output.params, Defaults::left_out);
    for (const ParamRole role :
         {ParamRole::device_sample_format, ParamRole::device_access, ParamRole::device_periods,
          ParamRole::device_loss, ParamRole::device_script}) {
      const auto param = output.find(role);
      if (!param || !output.params.given(*param)) { continue; }
      const std::string name(output.info().params[*param].name);
      if (!of_input.contains(name) || of_input[name] == of_output[name]) { continue; }
      add(output.pointer_to(*param), fmt::format("this is not what \"{}\" asks of the same device", input.id),
          "the same value, or none here");
    }
  }
  void mark_device_domain(std::optional<std::size_t> input, std::optional<std::size_t> output) {
    auto& marked = graph_.on_device_domain_;
    if (input) { marked[*input] = true; }
    if (output) { marked[*output] = true; }
    if (!input || !output) { return; }
    std::vector<bool> after_input(graph_.nodes_.size(), false);
    std::vector<bool> before_output(graph_.nodes_.size(), false);
    after_input[*input] = true;
    before_output[*output] = true;
    for (const std::size_t n : graph_.order_) {
      for (const std::size_t c : graph_.from_[n]) {
        if (after_input[n]) { after_input[graph_.connections_[c].to_node] = true; }
      }
    }
    for (auto n = graph_.order_.rbegin(); n != graph_.order_.rend(); ++n) {
      for (const std::size_t c : graph_.into_[*n]) {
        if (before_output[*n]) { before_output[graph_.connections_[c].from_node] = true; }
      }
    }
    for (std::size_t n = 0; n < marked.size(); ++n) {
      marked[n] = marked[n] || (after_input[n] && before_output[n]);
    }
  }

  const GraphSpec& spec_;
  const NodeCatalog& catalog_;
  Errors& errors_;
  const bool reader_spoke_;                        // was something wrong before?
  std::map<std::string, std::string> first_use_;   // id -> pointer
  bool all_ends_found_ = true;                     // of all connections
  std::set<std::string> without_writer_;           // channels whose writer was not found
  std::map<std::string, std::size_t> channel_of_;  // name -> index
  std::size_t suggestions_ = 0;
  ValidGraph graph_;
};

ValidGraph validate(const GraphSpec& spec, const NodeCatalog& catalog, Errors& errors) {
  return Validator(spec, catalog, errors).run();
}

Checked<ValidGraph> validate(const GraphSpec& spec, const NodeCatalog& catalog) {
  Errors errors;
  ValidGraph graph = validate(spec, catalog, errors);
  if (!errors.empty()) { return tl::unexpected(errors); }
  return graph;
}

}  // namespace streamlab
