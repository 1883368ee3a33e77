// tests/support/node_harness.cpp
#include "tests/support/node_harness.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/core/node_catalog.hpp"
#include "engine/graph/change_params.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/graph/read_params.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab::test {
namespace {

std::shared_ptr<const StreamFormat> shared_audio(const AudioShape& shape) {
  return std::make_shared<const StreamFormat>(
      audio_format(shape.sample_rate_hz, default_channel_names(shape.channels), shape.max_frames));
}

// The node, or why not.
Checked<std::unique_ptr<Node>> make(const NodeEntry& entry, std::string_view config_json) {
  Errors errors;
  const auto config = nlohmann::ordered_json::parse(config_json);
  read_params(config, entry.info.params, "", errors);
  if (!errors.empty()) { return tl::unexpected(errors); }
  const ParamValues params = read_params(config, entry.info.params, entry.info.rules, "/config", errors);
  if (!errors.empty()) { return tl::unexpected(errors); }
  return entry.make(params);
}

const NodeEntry& entry_of(std::string_view type) {
  const NodeEntry* const entry = default_catalog().find(type);
  if (entry == nullptr) { throw std::runtime_error("no node type " + std::string(type)); }
  return *entry;
}

std::vector<const StreamFormat*> pointers(const std::vector<std::shared_ptr<const StreamFormat>>& formats) {
  std::vector<const StreamFormat*> list;
  for (const auto& format : formats) { list.push_back(format.get()); }
  return list;
}

}  // namespace

NodeHarness::NodeHarness(std::string_view type, std::string_view config_json, AudioShape shape,
                         std::uint32_t inputs) {
  const NodeEntry& entry = entry_of(type);
  inputs_.assign(entry.info.inputs.empty() ? 0 : inputs, shared_audio(shape));
  PrepareContext context;
  context.sample_rate_hz = shape.sample_rate_hz;
  context.block_size = shape.max_frames;
  build(entry, config_json, context);
}

NodeHarness::NodeHarness(std::string_view type, std::string_view config_json,
                         std::vector<StreamFormat> inputs, PrepareContext context)
    : NodeHarness(entry_of(type), config_json, std::move(inputs), context) {}

NodeHarness::NodeHarness(const NodeEntry& entry, std::string_view config_json,
                         std::vector<StreamFormat> inputs, PrepareContext context) {
  for (StreamFormat& format : inputs) {
    inputs_.push_back(std::make_shared<const StreamFormat>(std::move(format)));
  }
  build(entry, config_json, context);
}

NodeHarness::~NodeHarness() {
  if (node_ != nullptr) { EXPECT_TRUE(node_->close().has_value()); }
}

void NodeHarness::build(const NodeEntry& entry, std::string_view config_json, PrepareContext context) {
  auto made = make(entry, config_json);
  if (!made) { throw std::runtime_error(to_string(made.error(), "")); }
  node_ = std::move(*made);
  info_ = &entry.info;
  Errors errors;
  params_ = read_params(nlohmann::ordered_json::parse(config_json), info_->params, info_->rules, "", errors);
  const auto formats = pointers(inputs_);
  context.inputs = formats;
  auto prepared = node_->prepare(context);
  if (!prepared) { throw std::runtime_error(to_string(prepared.error())); }
  outputs_ = std::move(*prepared);
  const auto started = node_->start();
  if (!started) { throw std::runtime_error(to_string(started.error())); }
  input_ends_.resize(inputs_.size());
  output_ends_.resize(outputs_.size());
  ports_.resize(outputs_.size());
  frames_.resize(outputs_.size());
  frame_pointers_.resize(outputs_.size());
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    const auto format = std::make_shared<const StreamFormat>(outputs_[o].format);
    for (std::uint32_t b = 0; b < outputs_[o].max_blocks; ++b) { frames_[o].emplace_back(format); }
    for (DataFrame& frame : frames_[o]) { frame_pointers_[o].push_back(&frame); }
  }
}

Errors NodeHarness::refusals(std::string_view type, std::string_view config_json, AudioShape shape,
                             std::uint32_t inputs) {
  const NodeEntry& entry = entry_of(type);
  auto made = make(entry, config_json);
  if (!made) { return made.error(); }
  const NodeInfo& info = entry.info;
  const std::vector<std::shared_ptr<const StreamFormat>> formats(info.inputs.empty() ? 0 : inputs,
                                                                 shared_audio(shape));
  const auto input_pointers = pointers(formats);
  PrepareContext context;
  context.inputs = input_pointers;
  context.sample_rate_hz = shape.sample_rate_hz;
  context.block_size = shape.max_frames;
  const auto prepared = (*made)->prepare(context);
  return prepared ? Errors{} : Errors{prepared.error()};
}

Errors NodeHarness::refusals(std::string_view type, std::string_view config_json,
                             std::vector<StreamFormat> inputs, PrepareContext context) {
  auto made = make(entry_of(type), config_json);
  if (!made) { return made.error(); }
  std::vector<const StreamFormat*> formats;
  for (const StreamFormat& format : inputs) { formats.push_back(&format); }
  context.inputs = formats;
  const auto prepared = (*made)->prepare(context);
  return prepared ? Errors{} : Errors{prepared.error()};
}

namespace {

// Is audio missing between the end of the last block, which becomes that of this one, and this block, which does not say
// so?
bool leaves_a_hole(const DataFrame& block, std::optional<std::int64_t>& end) {
  if (!block.format().is_continuous()) { return false; }
  const bool hole = end && block.position() > *end && !block.header().has(FrameFlag::gap);
  end = block.position() + block.frame_count();
  return hole;
}

}  // namespace

std::vector<DataFrame> NodeHarness::call(bool finishing, std::span<const DataFrame* const> in,
                                         const DataFrame* like) {
  for (std::size_t o = 0; o < ports_.size(); ++o) {
    ports_[o].bind(frame_pointers_[o].data(), static_cast<std::uint32_t>(frame_pointers_[o].size()));
    ports_[o].follow(like);
    ports_[o].trigger(calls_, std::nullopt);
  }
  ++calls_;
  const auto step = [&] { status_ = finishing ? node_->finish(ports_) : node_->process(in, ports_); };
  if (info_->rt_safe == RtSafe::yes && !may_allocate_) {
    RtGuardScope::take_violations();
    {
      const RtGuardScope guarded;
      step();
    }
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty())
        << info_->name << (finishing ? "::finish()" : "::process()") << " calls what real-time code must not";
  } else {
    step();
  }
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != nullptr && leaves_a_hole(*in[i], input_ends_[i])) { input_has_holes_ = true; }
  }
  std::vector<DataFrame> given;
  for (std::size_t o = 0; o < ports_.size(); ++o) {
    EXPECT_FALSE(ports_[o].overrun()) << info_->name << " gave more blocks than it declared";
    for (std::uint32_t b = 0; b < ports_[o].count(); ++b) {
      const bool hole = leaves_a_hole(frames_[o][b], output_ends_[o]);
      EXPECT_FALSE(hole && !input_has_holes_) << info_->name << " leaves frames out before "
                                              << frames_[o][b].position() << " without the flag gap";
    }
    if (o > 0) { continue; }
    for (std::uint32_t b = 0; b < ports_[o].count(); ++b) { given.push_back(frames_[o][b]); }
  }
  return given;
}

void NodeHarness::reset() {
  node_->reset();
  input_ends_.assign(input_ends_.size(), std::nullopt);
  output_ends_.assign(output_ends_.size(), std::nullopt);
  input_has_holes_ = false;
}

std::vector<DataFrame> NodeHarness::process(const DataFrame& in) {
  const DataFrame* const blocks[] = {&in};
  return call(false, blocks, &in);
}

std::vector<DataFrame> NodeHarness::process_input(std::uint32_t input, const DataFrame& in) {
  std::vector<const DataFrame*> blocks(inputs_.size(), nullptr);
  blocks[input] = &in;
  return call(false, blocks, &in);
}

void NodeHarness::end_input(std::uint32_t input) { node_->input_ended(input); }

std::vector<DataFrame> NodeHarness::finish() {
  std::vector<DataFrame> all;
  do {
    for (DataFrame& frame : call(true, {})) { all.push_back(std::move(frame)); }
  } while (status_ == Status::ok);
  return all;
}

std::vector<DataFrame> NodeHarness::run_joined(const std::vector<Signal>& signals, std::uint32_t block) {
  std::vector<DataFrame> blocks;
  std::vector<const DataFrame*> in;
  for (std::uint32_t i = 0; i < inputs_.size(); ++i) { blocks.push_back(input_frame(i)); }
  for (const DataFrame& frame : blocks) { in.push_back(&frame); }
  std::vector<DataFrame> all;
  const std::size_t length = signals[0].empty() ? 0 : signals[0][0].size();
  std::uint64_t sequence_id = 0;
  for (std::size_t done = 0; done < length; done += block) {
    const std::size_t count = std::min<std::size_t>(block, length - done);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      DataFrame& frame = blocks[i];
      const double rate = frame.format().sample_rate_hz;
      frame.header() = {};
      frame.header().sequence_id = sequence_id;
      frame.header().position = static_cast<std::int64_t>(done);
      frame.header().timestamp_us = std::llround(static_cast<double>(done) * 1e6 / rate);
      frame.set_frame_count(static_cast<std::uint32_t>(count));
      for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
        std::copy_n(signals[i % signals.size()][c].begin() + static_cast<std::ptrdiff_t>(done), count,
                    frame.channel_data(c));
      }
      flag_bad_samples(frame);
    }
    ++sequence_id;
    for (DataFrame& frame : call(false, in, in[0])) { all.push_back(std::move(frame)); }
    if (status_ == Status::fault) { return all; }
  }
  for (DataFrame& frame : finish()) { all.push_back(std::move(frame)); }
  return all;
}

std::vector<DataFrame> NodeHarness::run_frames(const Signal& signal, std::uint32_t block) {
  return run_joined({signal}, block);
}

std::vector<double> NodeHarness::run(const Signal& signal, std::uint32_t block) {
  return samples_of(run_frames(signal, block));
}

std::vector<DataFrame> NodeHarness::run_source(std::uint32_t blocks) {
  std::vector<DataFrame> all;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    for (DataFrame& frame : call(false, {})) { all.push_back(std::move(frame)); }
    if (status_ != Status::ok) { break; }
  }
  return all;
}

Errors NodeHarness::set_params(std::string_view changes) {
  const auto document = parse_document(changes, ConfigLanguage::json);
  if (!document) { return document.error(); }
  Errors errors;
  ParamValues now = change_params(params_, *info_, *document, "", errors);
  if (!errors.empty()) { return errors; }
  auto change = node_->plan_change(now);
  if (!change) { return {change.error()}; }
  params_ = std::move(now);
  if (*change != nullptr) {
    RtGuardScope::take_violations();
    {
      const RtGuardScope guarded;
      node_->apply(**change);
    }
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty())
        << info_->name << "::apply() calls what real-time code must not";
  }
  return {};
}
void NodeHarness::set_param(std::string_view name, double value) {
  const Errors errors = set_params(fmt::format(R"({{"{}": {}}})", name, value));
  EXPECT_TRUE(errors.empty()) << to_string(errors, "");
}

std::vector<double> samples_of(const std::vector<DataFrame>& frames) {
  std::vector<double> samples;
  if (frames.empty()) { return samples; }
  for (std::uint32_t c = 0; c < frames[0].channel_count(); ++c) {
    for (const DataFrame& frame : frames) {
      const auto channel = frame.channel(c);
      samples.insert(samples.end(), channel.begin(), channel.end());
    }
  }
  return samples;
}

}  // namespace streamlab::test
