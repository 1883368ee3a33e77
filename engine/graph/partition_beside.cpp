// engine/graph/partition_beside.cpp
//
// The domains of a graph that takes the place of a running one.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/graph/partition.hpp"

namespace streamlab {
namespace {

// Nodes that may run together at all: the domains of a graph without a second thread where one will do.
Partition parts_of(const ValidGraph& graph, const ThreadPolicy& threads) {
  constexpr std::uint32_t kOneCore = 1;
  const bool is_one = threads.kind == ThreadPolicy::Kind::one_domain;
  return partition(graph, is_one ? threads : ThreadPolicy{ThreadPolicy::Kind::automatic, 1}, kOneCore);
}

class Beside {
 public:
  Beside(const ValidGraph& graph, const ThreadPolicy& threads, const Partition& before,
         const std::vector<std::optional<std::size_t>>& partner, const std::vector<bool>& is_over)
      : graph_(graph),
        before_(before),
        partner_(partner),
        is_over_(is_over),
        parts_(parts_of(graph, threads)) {}

  Checked<Partition> run() {
    result_.domain_of.assign(graph_.nodes().size(), 0);
    result_.domain_count = before_.domain_count;
    result_.device_domain = before_.device_domain;
    if (before_.device_domain.has_value() != parts_.device_domain.has_value()) {
      return refuse("/nodes", "the device would be opened or closed");
    }
    if (before_.device_domain) { part_of_domain_[*before_.device_domain] = *parts_.device_domain; }
    for (std::size_t n = 0; n < partner_.size(); ++n) {
      if (partner_[n] && !keep(n)) {
        return refuse(graph_.nodes()[n].pointer,
                      fmt::format("\"{}\" would move to another thread", graph_.nodes()[n].id));
      }
    }
    for (const std::size_t n : graph_.order()) {
      if (!partner_[n]) { result_.domain_of[n] = place(n); }
      placed_.insert(n);
    }
    if (has_circle()) { return refuse("/connections", "two threads would wait for each other"); }
    return std::move(result_);
  }

 private:
  static tl::unexpected<Errors> refuse(const std::string& where, std::string what) {
    return tl::unexpected(
        Errors{{ErrorCode::refused, where, std::move(what), "", "stop the graph and start the new one"}});
  }
  // A node that goes on: all nodes of its domain still belong together.
  bool keep(std::size_t n) {
    const std::size_t domain = before_.domain_of[*partner_[n]];
    result_.domain_of[n] = domain;
    return part_of_domain_.try_emplace(domain, parts_.domain_of[n]).first->second == parts_.domain_of[n];
  }
  bool is_of(std::size_t domain, std::size_t part) const {
    const auto found = part_of_domain_.find(domain);
    return found != part_of_domain_.end() && found->second == part &&
           (domain >= is_over_.size() || !is_over_[domain]);
  }
  // With the last of those that feed it, else the first of those that it feeds, else anywhere that fits.
  std::size_t place(std::size_t n) {
    const std::size_t part = parts_.domain_of[n];
    std::optional<std::size_t> best;
    for (const std::size_t c : graph_.connections_into(n)) {
      const std::size_t domain = result_.domain_of[graph_.connections()[c].from_node];
      if (is_of(domain, part) && (!best || domain > *best)) { best = domain; }
    }
    if (best) { return *best; }
    for (const std::size_t c : graph_.connections_from(n)) {
      const std::size_t to = graph_.connections()[c].to_node;
      if (!partner_[to] && placed_.count(to) == 0) { continue; }
      const std::size_t domain = result_.domain_of[to];
      if (is_of(domain, part) && (!best || domain < *best)) { best = domain; }
    }
    if (best) { return *best; }
    for (const auto& [domain, of_part] : part_of_domain_) {
      if (is_of(domain, part) && graph_.connections_into(n).empty()) { return domain; }
    }
    part_of_domain_[result_.domain_count] = part;
    return result_.domain_count++;
  }
  bool has_circle() const {
    std::vector<std::set<std::size_t>> next(result_.domain_count);
    std::vector<std::size_t> before(result_.domain_count, 0);
    for (const ValidConnection& c : graph_.connections()) {
      const std::size_t from = result_.domain_of[c.from_node];
      const std::size_t to = result_.domain_of[c.to_node];
      if (from != to && next[from].insert(to).second) { ++before[to]; }
    }
    std::vector<std::size_t> free;
    for (std::size_t d = 0; d < before.size(); ++d) {
      if (before[d] == 0) { free.push_back(d); }
    }
    std::size_t done = 0;
    for (; !free.empty(); ++done) {
      const std::size_t d = free.back();
      free.pop_back();
      for (const std::size_t to : next[d]) {
        if (--before[to] == 0) { free.push_back(to); }
      }
    }
    return done < result_.domain_count;
  }

  const ValidGraph& graph_;
  const Partition& before_;
  const std::vector<std::optional<std::size_t>>& partner_;
  const std::vector<bool>& is_over_;
  const Partition parts_;
  Partition result_;
  std::map<std::size_t, std::size_t> part_of_domain_;
  std::set<std::size_t> placed_;  // new ones
};

}  // namespace

Checked<Partition> partition_beside(const ValidGraph& graph, const ThreadPolicy& threads,
                                    const Partition& before,
                                    const std::vector<std::optional<std::size_t>>& partner,
                                    const std::vector<bool>& is_over) {
  return Beside(graph, threads, before, partner, is_over).run();
}

}  // namespace streamlab
