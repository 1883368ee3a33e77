// engine/run/wiring.hpp
//
// From a plan to domains that know each other: the steps of Engine::create() that need nothing of a running engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/driver.hpp"

namespace streamlab {

// Opens the device that the graph asks for, and puts what it offers into `options`. Null where it cannot; then `errors`
// says why.
std::unique_ptr<Driver> open_device_of(const ValidGraph& graph, const DeviceOpener& opener,
                                       PlanOptions& options, Errors& errors);

// What is the same for all domains.
struct DomainOptions {
  bool triggered = false;
  std::int64_t frame_limit = 0;  // see DomainWiring
  double duration_s = 0.0;
};
// A domain that must not wait: the device's, when nothing makes the device wait.
bool is_real_time(const Plan& plan, std::size_t domain);
std::unique_ptr<Domain> make_domain(Plan& plan, std::size_t index, const DomainOptions& options);
std::vector<std::unique_ptr<Domain>> make_domains(Plan& plan, const DomainOptions& options);
// Without edges.
DomainWiring wiring_of(const Plan& plan, std::size_t domain, const DomainOptions& options);
// Attached to the signals of its ends, and to nothing else. `domains`: by index.
std::unique_ptr<EdgeLink> make_link(const Plan& plan, const PlanEdge& edge,
                                    const std::vector<Domain*>& domains);
// The edges of the plan, in its order, attached at both ends.
std::vector<std::unique_ptr<EdgeLink>> link_domains(const Plan& plan,
                                                    const std::vector<std::unique_ptr<Domain>>& domains);

// The slot of an output: "node", or "node.port".
Result<std::size_t> find_output(const Plan& plan, std::string_view output);

}  // namespace streamlab
