// engine/flow/flow_streams.cpp
//
// Streams of a flow: the writer and readers of each channel, the steps that they join, and the order in which
// groups can run.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/nearest_name.hpp"
#include "engine/flow/flow_links.hpp"

namespace streamlab {

class FlowStreams {
 public:
  FlowStreams(const FlowSpec& spec, FlowLinks& links, ValidFlow& flow, Errors& errors)
      : spec_(spec), links_(links), flow_(flow), errors_(errors) {}

  void run() {
    const std::size_t before = errors_.size();
    check_steps();
    collect_ends();
    for (const std::string& name : names_) { check_channel(name); }
    if (errors_.size() == before) { check_edges(); }
    make_groups();
    if (errors_.size() == before) { check_groups(); }
    if (errors_.size() == before) { order_groups(); }
  }

 private:
  struct Ends {
    std::vector<FlowChannel::End> producers;
    std::vector<FlowChannel::End> consumers;
  };

  void add(const std::string& where, std::string what, std::string expected = {}, std::string hint = {}) {
    errors_.push_back({ErrorCode::refused, where, std::move(what), std::move(expected), std::move(hint)});
  }
  const std::string& name_of(std::size_t step) const { return spec_.steps[step].name; }

  // What is not allowed in a step with streams.
  void check_steps() {
    for (const StepSpec& step : spec_.steps) {
      if (step.streams.empty()) { continue; }
      if (!spec_.settings.streams_enabled) {
        add(step.pointer + "/streams", "streams are not enabled", "settings.parallel.streams.enabled: true");
      }
      if (step.interrupts_after) {
        add(step.pointer + "/interrupt_after", "a stream cannot be saved and resumed",
            "a step without streams");
      }
      if (step.retry) {
        add(step.pointer + "/retry", "a stream cannot be replayed for another attempt",
            "a step without streams");
      }
    }
  }

  void collect_ends() {
    for (std::size_t s = 0; s < spec_.steps.size(); ++s) {
      for (const StepStream& stream : spec_.steps[s].streams) {
        if (!is_flow_name(stream.channel)) {
          if (!stream.channel.empty() || errors_.empty()) {  // what could not be read is already reported
            add(stream.pointer, fmt::format("\"{}\" is not a valid channel name", stream.channel), kNameRule);
          }
          continue;
        }
        if (!ends_.contains(stream.channel)) { names_.push_back(stream.channel); }
        Ends& ends = ends_[stream.channel];
        (is_input(stream.direction) ? ends.consumers : ends.producers).push_back({s, stream});
      }
    }
  }

  std::string nearest_channel(const std::string& name) const {
    std::vector<std::string_view> others;
    for (const std::string& other : names_) {
      if (other != name) { others.push_back(other); }
    }
    return did_you_mean(name, others);
  }

  void check_channel(const std::string& name) {
    const Ends& ends = ends_[name];
    if (ends.producers.empty()) {
      return add(ends.consumers.front().stream.pointer,
                 fmt::format("no step writes to the channel \"{}\"", name),
                 "a step with its \"stdout\" connected to it", nearest_channel(name));
    }
    const FlowChannel::End& producer = ends.producers.front();
    for (std::size_t i = 1; i < ends.producers.size(); ++i) {
      add(ends.producers[i].stream.pointer,
          fmt::format("\"{}\" already writes to the channel \"{}\"", name_of(producer.step), name),
          "another channel");
    }
    if (ends.consumers.empty()) {
      return add(producer.stream.pointer, fmt::format("no step reads the channel \"{}\"", name),
                 "a step with its \"stdin\" connected to it", nearest_channel(name));
    }
    FlowChannel channel;
    channel.name = name;
    channel.buffer_bytes = producer.stream.buffer_bytes.value_or(spec_.settings.buffer_bytes);
    channel.producer = producer;
    std::set<std::size_t> steps;
    const EdgeSpec* first_edge = nullptr;
    for (const FlowChannel::End& consumer : ends.consumers) {
      if (!steps.insert(consumer.step).second) {
        add(consumer.stream.pointer,
            fmt::format("\"{}\" already reads the channel \"{}\"", name_of(consumer.step), name),
            "only one of the two");
        continue;
      }
      channel.consumers.push_back(consumer);
      find_link(consumer, channel, first_edge);
    }
    if (first_edge != nullptr) { check_mode(channel); }
    flow_.channels_.push_back(std::move(channel));
  }

  // The edge of the stream sets its mode.
  void find_link(const FlowChannel::End& consumer, FlowChannel& channel, const EdgeSpec*& first_edge) {
    const std::size_t from = channel.producer.step;
    if (consumer.step == from) {
      return add(consumer.stream.pointer, fmt::format("\"{}\" would read its own output", name_of(from)),
                 "another step");
    }
    const auto link = std::find_if(links_.links.begin(), links_.links.end(), [&](const StepLink& each) {
      return each.from == from && each.to == consumer.step;
    });
    if (link == links_.links.end()) {
      return add(consumer.stream.pointer,
                 fmt::format("there is no edge from \"{}\", which writes to the channel \"{}\", to \"{}\"",
                             name_of(from), channel.name, name_of(consumer.step)),
                 fmt::format("{{\"from\": \"{}\", \"to\": \"{}\"}}", name_of(from), name_of(consumer.step)));
    }
    link->carries_stream = true;
    const EdgeSpec& edge = spec_.edges[link->edge];
    const StreamMode mode = link->is_fan_in ? StreamMode::direct : edge.mode.value_or(StreamMode::direct);
    if (first_edge == nullptr) {
      channel.mode = mode;
      first_edge = &edge;
    } else if (mode != channel.mode) {
      add(edge.pointer,
          fmt::format("the channel \"{}\" is {} here and {} on {}", channel.name, text(mode),
                      text(channel.mode), first_edge->pointer),
          "the same \"stream_mode\" on both");
    }
  }
  static std::string_view text(StreamMode mode) {
    return mode == StreamMode::broadcast ? "\"broadcast\"" : "\"direct\"";
  }

  void check_mode(const FlowChannel& channel) {
    if (channel.mode == StreamMode::broadcast) { return check_units(channel); }
    if (channel.consumers.size() > 1) {
      add(channel.consumers[1].stream.pointer,
          fmt::format("\"{}\" already reads the channel \"{}\", and a direct channel has only one consumer",
                      name_of(channel.consumers[0].step), channel.name),
          "\"stream_mode\": \"broadcast\" on the edges of the stream");
    }
    for (const FlowChannel::End& consumer : channel.consumers) {
      const StepStream& stream = consumer.stream;
      if (stream.policy && *stream.policy != OverflowPolicy::block) {
        add(stream.pointer + "/policy",
            fmt::format("\"{}\" needs a broadcast: a direct channel is a pipe, which always waits",
                        to_string(*stream.policy)),
            "\"block\", or \"stream_mode\": \"broadcast\"");
      } else if (stream.buffer_bytes) {
        add(stream.pointer + "/buffer_size", "the consumer of a direct channel has no separate buffer",
            "\"buffer_size\" at the producer, or \"stream_mode\": \"broadcast\"");
      }
    }
  }

  void check_units(const FlowChannel& channel) {
    for (const FlowChannel::End& consumer : channel.consumers) {
      const std::size_t unit = consumer.stream.unit_bytes.value_or(1);
      const std::size_t buffer = consumer.stream.buffer_bytes.value_or(spec_.settings.buffer_bytes);
      if (unit <= buffer) { continue; }
      add(consumer.stream.pointer + "/unit_bytes",
          fmt::format("{} bytes do not fit into the buffer of {}", unit, buffer), "a larger \"buffer_size\"");
    }
  }

  void check_edges() {
    std::vector<bool> carries(spec_.edges.size(), false);  // from "from" to "to"
    bool said_of_settings = false;
    for (const StepLink& link : links_.links) {
      if (!link.carries_stream) { continue; }
      const EdgeSpec& edge = spec_.edges[link.edge];
      if (!link.is_fan_in) { carries[link.edge] = true; }
      if (edge.strategy.value_or(spec_.settings.strategy) == ParallelStrategy::process) { continue; }
      if (edge.strategy) {
        add(edge.pointer + "/parallel_strategy",
            fmt::format("\"{}\" and \"{}\" share a stream, which needs separate processes",
                        name_of(link.from), name_of(link.to)),
            "\"process\"");
      } else if (!std::exchange(said_of_settings, true)) {
        add("/settings/parallel/strategy", "there are streams, which need separate processes", "\"process\"");
      }
    }
    for (std::size_t e = 0; e < carries.size(); ++e) {
      if (spec_.edges[e].mode && !carries[e]) {
        add(spec_.edges[e].pointer + "/stream_mode", "this edge carries no stream",
            "steps whose \"streams\" name the same channel");
      }
    }
  }

  // Steps joined by a channel, directly or through others, have one root.
  std::size_t root(std::size_t step) {
    while (parent_[step] != step) { step = parent_[step] = parent_[parent_[step]]; }
    return step;
  }
  void make_groups() {
    parent_.resize(spec_.steps.size());
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    for (const FlowChannel& channel : flow_.channels_) {
      for (const FlowChannel::End& consumer : channel.consumers) {
        const std::size_t a = root(channel.producer.step);
        const std::size_t b = root(consumer.step);
        parent_[std::max(a, b)] = std::min(a, b);  // so that the root is the first step of the group
      }
    }
    std::map<std::size_t, std::size_t> groups;
    for (std::size_t s = 0; s < parent_.size(); ++s) {
      const auto [group, is_new] = groups.emplace(root(s), flow_.groups_.size());
      if (is_new) { flow_.groups_.emplace_back(); }
      flow_.groups_[group->second].steps.push_back(s);
      flow_.steps_[s].group = group->second;
    }
    for (std::size_t c = 0; c < flow_.channels_.size(); ++c) {
      flow_.groups_[flow_.steps_[flow_.channels_[c].producer.step].group].channels.push_back(c);
    }
  }

  void check_groups() {
    for (const StepLink& link : links_.links) {
      if (link.carries_stream || flow_.steps_[link.from].group != flow_.steps_[link.to].group) { continue; }
      add(spec_.edges[link.edge].pointer,
          fmt::format("\"{}\" cannot wait for \"{}\": streams join them, so they run at the same time",
                      name_of(link.to), name_of(link.from)),
          "an edge to a step after both");
    }
    for (const StepOrder& order : links_.orders) {
      if (flow_.steps_[order.before].group != flow_.steps_[order.after].group) { continue; }
      add(spec_.edges[order.edge].pointer + "/parallel",
          fmt::format("\"{}\" and \"{}\" cannot run in sequence: streams join them", name_of(order.before),
                      name_of(order.after)),
          "true");
    }
    const auto& limit = spec_.settings.max_steps;
    for (const FlowGroup& group : flow_.groups_) {
      if (!limit || group.steps.size() <= *limit) { continue; }
      add("/settings/parallel/max_steps",
          fmt::format("streams join {} steps, which run at the same time: {}", group.steps.size(),
                      names_of(group)),
          fmt::format("at least {}", group.steps.size()));
    }
  }
  std::string names_of(const FlowGroup& group) const {
    std::vector<std::string> names;
    for (const std::size_t step : group.steps) { names.push_back(fmt::format("\"{}\"", name_of(step))); }
    return fmt::format("{}", fmt::join(names, ", "));
  }

  // Topological order; ties in the order of the file.
  void order_groups() {
    std::vector<std::set<std::size_t>> waits(flow_.groups_.size());
    const auto wait = [&](std::size_t before, std::size_t after) {
      const std::size_t a = flow_.steps_[before].group;
      const std::size_t b = flow_.steps_[after].group;
      if (a != b) { waits[b].insert(a); }
    };
    for (const StepLink& link : links_.links) { wait(link.from, link.to); }
    for (const StepOrder& order : links_.orders) { wait(order.before, order.after); }
    std::vector<std::size_t> new_index(waits.size(), waits.size());
    std::vector<FlowGroup> ordered;
    while (ordered.size() < waits.size()) {
      std::size_t next = 0;
      const auto is_ready = [&](std::size_t g) {
        return new_index[g] == waits.size() &&
               std::all_of(waits[g].begin(), waits[g].end(),
                           [&](std::size_t w) { return new_index[w] != waits.size(); });
      };
      while (next < waits.size() && !is_ready(next)) { ++next; }
      if (next == waits.size()) { return report_group_cycle(new_index); }
      new_index[next] = ordered.size();
      ordered.push_back(flow_.groups_[next]);
      for (const std::size_t w : waits[next]) { ordered.back().waits_for.push_back(new_index[w]); }
    }
    flow_.groups_ = std::move(ordered);
    for (std::size_t g = 0; g < flow_.groups_.size(); ++g) {
      for (const std::size_t step : flow_.groups_[g].steps) { flow_.steps_[step].group = g; }
    }
  }
  // The steps have no cycle, so it passes through a group of several steps: some step waits for one member,
  // and another member waits for that step.
  void report_group_cycle(const std::vector<std::size_t>& new_index) {
    for (const StepLink& link : links_.links) {
      const std::size_t from = flow_.steps_[link.from].group;
      const std::size_t to = flow_.steps_[link.to].group;
      const bool both_left = new_index[from] == new_index.size() && new_index[to] == new_index.size();
      if (from == to || !both_left || flow_.groups_[from].steps.size() < 2) { continue; }
      return add(spec_.edges[link.edge].pointer,
                 fmt::format("\"{}\" would run after some of the steps that streams join ({}) and before "
                             "others, but these run at the same time",
                             name_of(link.to), names_of(flow_.groups_[from])),
                 "an edge to a step after all of them");
    }
  }

  const FlowSpec& spec_;
  FlowLinks& links_;
  ValidFlow& flow_;
  Errors& errors_;
  std::vector<std::string> names_;  // of channels, in the order of the file
  std::map<std::string, Ends> ends_;
  std::vector<std::size_t> parent_;
};

void connect_streams(const FlowSpec& spec, FlowLinks& links, ValidFlow& flow, Errors& errors) {
  FlowStreams(spec, links, flow, errors).run();
}

}  // namespace streamlab
