// engine/run/wiring.cpp
#include "engine/run/wiring.hpp"

#include <string>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {
namespace {

// Channels get the same names as in a recording of the device, so that live and offline runs agree.
DeviceStream stream_of(const DeviceFormat& format) {
  const auto names = [](const std::vector<std::string>& connectors) {
    return default_channel_names(static_cast<std::uint32_t>(connectors.size()));
  };
  DeviceStream stream;
  stream.sample_rate_hz = format.sample_rate_hz;
  stream.max_block_frames = format.max_block_frames;
  stream.input_names = names(format.input_names);
  stream.output_names = names(format.output_names);
  stream.input_latency_frames = format.input_latency_frames;
  stream.output_latency_frames = format.output_latency_frames;
  stream.input_clip_level = format.input_clip_level;
  return stream;
}

}  // namespace

std::unique_ptr<Driver> open_device_of(const ValidGraph& graph, const DeviceOpener& opener,
                                       PlanOptions& options, Errors& errors) {
  auto request = device_request(graph);
  if (!request) {
    errors.push_back(request.error());
    return nullptr;
  }
  const auto node = graph.find(Boundary::device_input);
  const std::string where = graph.nodes()[node ? *node : *graph.find(Boundary::device_output)].pointer;
  if (!opener) {
    errors.push_back(
        {ErrorCode::refused, where, "this graph needs a device, and none can be opened here", "", ""});
    return nullptr;
  }
  auto driver = opener(*request);
  if (!driver) {
    errors.push_back(driver.error());
    std::string& place = errors.back().where;
    if (place.starts_with('/')) { place = where + "/config" + place; }
    graph.name_nodes(errors);
    return nullptr;
  }
  options.device = stream_of((*driver)->format());
  options.lossless = !(*driver)->format().real_time;
  return std::move(*driver);
}

bool is_real_time(const Plan& plan, std::size_t domain) {
  return plan.domains().device_domain == domain && !plan.options().lossless &&
         !plan.options().device_may_wait;
}

DomainWiring wiring_of(const Plan& plan, std::size_t domain, const DomainOptions& options) {
  DomainWiring wiring;
  wiring.may_wait = !is_real_time(plan, domain);
  if (!options.triggered) {
    wiring.frame_limit = options.frame_limit;
    wiring.duration_s = options.duration_s;
  }
  return wiring;
}

std::unique_ptr<Domain> make_domain(Plan& plan, std::size_t index, const DomainOptions& options) {
  SourcePace pace = SourcePace::free;
  if (options.triggered) {
    pace = SourcePace::triggered;
  } else if (index == plan.domains().device_domain) {
    pace = SourcePace::device;
  }
  return std::make_unique<Domain>(plan, index, pace, wiring_of(plan, index, options));
}

std::vector<std::unique_ptr<Domain>> make_domains(Plan& plan, const DomainOptions& options) {
  std::vector<std::unique_ptr<Domain>> domains;
  for (std::size_t d = 0; d < plan.domains().domain_count; ++d) {
    domains.push_back(make_domain(plan, d, options));
  }
  return domains;
}

std::unique_ptr<EdgeLink> make_link(const Plan& plan, const PlanEdge& edge,
                                    const std::vector<Domain*>& domains) {
  const auto& nodes = plan.graph().nodes();
  const PlanSlot& slot = plan.slots()[edge.slot];
  auto link = std::make_unique<EdgeLink>(fmt::format("{} -> {}", nodes[slot.node].id, nodes[edge.to_node].id),
                                         edge.capacity, edge.policy, slot.format);
  // A real-time thread must not signal, so its readers poll.
  const bool by_signal = !is_real_time(plan, edge.from_domain) && !is_real_time(plan, edge.to_domain);
  link->producer = by_signal ? domains[edge.from_domain]->signal().get() : nullptr;
  link->consumer = by_signal ? domains[edge.to_domain]->signal().get() : nullptr;
  return link;
}

std::vector<std::unique_ptr<EdgeLink>> link_domains(const Plan& plan,
                                                    const std::vector<std::unique_ptr<Domain>>& domains) {
  std::vector<Domain*> by_index;
  for (const auto& domain : domains) { by_index.push_back(domain.get()); }
  std::vector<std::unique_ptr<EdgeLink>> links;
  for (const PlanEdge& edge : plan.edges()) {
    auto& link = links.emplace_back(make_link(plan, edge, by_index));
    domains[edge.from_domain]->attach_outgoing(edge.slot, *link);
    domains[edge.to_domain]->attach_incoming(edge, *link);
  }
  return links;
}

Result<std::size_t> find_output(const Plan& plan, std::string_view output) {
  const ValidGraph& graph = plan.graph();
  const std::size_t dot = output.find('.');
  const auto n = graph.find(output.substr(0, dot));
  if (!n) {
    std::vector<std::string_view> ids;
    for (const ValidNode& node : graph.nodes()) { ids.push_back(node.id); }
    return refused(std::string(output), "there is no node with this id", "",
                   did_you_mean(output.substr(0, dot), ids));
  }
  const auto ports = graph.nodes()[*n].info().outputs;
  const auto& slots = plan.nodes()[*n].slots;
  if (ports.empty()) { return refused(std::string(output), "this node has no output"); }
  if (dot == std::string_view::npos) { return slots[0]; }
  std::vector<std::string_view> names;
  for (std::size_t p = 0; p < ports.size(); ++p) {
    if (ports[p].name == output.substr(dot + 1)) { return slots[p]; }
    names.push_back(ports[p].name);
  }
  return refused(std::string(output), "this node has no output of that name", "",
                 did_you_mean(output.substr(dot + 1), names));
}

}  // namespace streamlab
