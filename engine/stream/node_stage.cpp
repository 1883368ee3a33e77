// engine/stream/node_stage.cpp
#include "engine/stream/node_stage.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/kept_frame.hpp"

namespace streamlab {
namespace stages {

NodeStage::NodeStage(StagePtr<DataFrame> upstream, std::unique_ptr<Node> node, NodeStageOptions options)
    : Step<DataFrame, DataFrame>(options.name, std::move(upstream)),
      node_(std::move(node)),
      options_(std::move(options)) {
  if (node_ == nullptr) { refuse("from_node() of no node", "a node", "make_node_by_name() may have failed"); }
}

Result<void> NodeStage::prepare(const DataFrame& first) {
  StreamFormat format = first.format();
  format.max_frames = first.max_frames();
  in_format_ = std::make_shared<const StreamFormat>(std::move(format));
  const std::array<const StreamFormat*, 1> inputs{in_format_.get()};
  PrepareContext context(options_.host);
  context.inputs = inputs;
  context.sample_rate_hz = in_format_->sample_rate_hz;
  context.block_size = in_format_->max_frames;
  auto outputs = node_->prepare(context);
  if (!outputs) { return tl::unexpected(outputs.error()); }
  if (outputs->size() > 1) {
    return refused("", fmt::format("the node has {} outputs", outputs->size()), "one, or none",
                   "use a graph");
  }
  for (const OutputFormat& output : *outputs) {
    out_format_ = std::make_shared<const StreamFormat>(output.format);
    frames_.assign(output.max_blocks, DataFrame(out_format_));
    for (DataFrame& frame : frames_) { pointers_.push_back(&frame); }
    ports_.resize(1);
  }
  if (auto started = node_->start(); !started) { return started; }
  started_ = true;
  node_->reset();
  return {};
}

void NodeStage::bind(const DataFrame* like) {
  for (DataFrame& frame : frames_) { replace_if_kept(frame, out_format_); }
  for (OutputPort& port : ports_) {
    port.bind(pointers_.data(), static_cast<std::uint32_t>(pointers_.size()));
    port.follow(like);
  }
}

Poll NodeStage::poll(StreamRun& run, DataFrame*& item) {
  while (true) {
    if (next_ < given_) {
      item = &frames_[next_++];
      return Poll::item;
    }
    if (over_) {
      if (auto closed = started_ ? std::exchange(started_, false), node_->close() : Result<void>{}; !closed) {
        return run.fail(stats_.name, stats_.out, closed.error());
      }
      return Poll::ended;
    }
    Status status = Status::ok;
    DataFrame* in = nullptr;
    if (!upstream_over_) {
      const Poll answer = upstream_->next(run, in);
      if (answer == Poll::ended) {
        upstream_over_ = true;
      } else if (answer != Poll::item) {
        return answer;
      }
    }
    if (!upstream_over_) {
      if (!prepared_) {
        prepared_ = true;
        if (auto ready = prepare(*in); !ready) { return run.fail(stats_.name, item_number(), ready.error()); }
      }
      if (in->channel_count() != in_format_->channel_count() || in->frame_count() > in_format_->max_frames) {
        return run.fail(
            stats_.name, item_number(),
            Error{ErrorCode::refused, "",
                  fmt::format("a block of {} channels and {} frames", in->channel_count(), in->frame_count()),
                  fmt::format("{} channels and up to {} frames, as the first one",
                              in_format_->channel_count(), in_format_->max_frames),
                  ""});
      }
      bind(in);
      const std::array<const DataFrame*, 1> inputs{in};
      status = node_->process(inputs, ports_);
      if (!ports_.empty() && ports_[0].placed()) {
        return run.fail(stats_.name, item_number(),
                        Error{ErrorCode::refused, "", "the node is a source: it takes no blocks",
                              "a node with an input", "a stream begins with frames_of() or StreamingEngine"});
      }
    } else if (prepared_) {
      bind(nullptr);
      status = node_->finish(ports_);
    } else {
      status = Status::done;
    }
    if (status == Status::fault) { return run.fail(stats_.name, item_number(), node_->failure()); }
    if (ports_.empty() && in != nullptr) {  // a sink
      item = in;
      return Poll::item;
    }
    next_ = 0;
    given_ = ports_.empty() ? 0 : ports_[0].count();
    over_ = status == Status::done;  // nothing is left inside, or nothing more is needed
  }
}

void NodeStage::halt(StreamRun& run) noexcept {
  if (std::exchange(started_, false)) {
    node_->set_ending(run.cancelled() || run.has_failed() ? Ending::cut_short : Ending::complete);
    if (auto closed = node_->close(); !closed) { run.fail(stats_.name, stats_.out, closed.error()); }
  }
  if (prepared_) {
    for (const NodeNote& note : node_->notes()) {
      run.note(fmt::format("stage \"{}\": {}", stats_.name, note.text));
    }
  }
  StageBase::halt(run);
}

}  // namespace stages

namespace {

// What process() was given, until the chain takes it.
class Feed final : public Source<DataFrame> {
 public:
  Feed() : Source<DataFrame>("graph") {}
  void put(const DataFrame& frame) {
    if (frame.max_frames() > frame_.max_frames() || frame.channel_count() != frame_.channel_count()) {
      frame_ = frame;
    } else {
      frame_.copy_from(frame);
    }
    full_ = true;
  }
  void end() { over_ = true; }

 protected:
  Poll produce(StreamRun&, DataFrame*& item) override {
    if (!full_) { return over_ ? Poll::ended : Poll::pending; }
    full_ = false;
    item = &frame_;
    return Poll::item;
  }

 private:
  DataFrame frame_;
  bool full_ = false;
  bool over_ = false;
};

class ChainNode final : public Node {
 public:
  ChainNode(FrameChain chain, ChainShape shape) : chain_(std::move(chain)), shape_(std::move(shape)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (shape_.max_blocks == 0) { return refused("", "a chain that gives at most 0 blocks", "1 or more"); }
    OutputFormat out;
    out.format = *context.inputs[0];
    out.max_blocks = shape_.max_blocks;
    if (shape_.output) {
      auto format = shape_.output(*context.inputs[0]);
      if (!format) { return tl::unexpected(format.error()); }
      out.format = std::move(*format);
    }
    channels_ = out.format.channel_count();
    max_frames_ = out.format.max_frames;
    reset();
    if (failure_) { return tl::unexpected(*failure_); }
    return std::vector{std::move(out)};
  }

  void reset() noexcept override {
    failure_.reset();
    auto feed = std::make_unique<Feed>();
    feed_ = feed.get();
    run_ = std::make_unique<StreamRun>(RunOptions{});
    try {
      last_ = chain_(Stream<DataFrame>(std::move(feed))).take_stages();
      if (auto started = last_->start(*run_); !started) { failure_ = started.error(); }
    } catch (const std::exception& e) { failure_ = detail::thrown(e.what()); } catch (...) {
      failure_ = detail::thrown("something that is no std::exception");
    }
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    if (failure_) { return Status::fault; }
    feed_->put(*in[0]);
    return pull(out[0]);
  }
  Status finish(std::span<OutputPort> out) noexcept override {
    if (failure_) { return Status::fault; }
    feed_->end();
    // Whatever still waits then, for a time, has no more of it.
    const Status status = pull(out[0]);
    return status == Status::ok && out[0].count() == 0 ? Status::done : status;
  }
  Error failure() const override { return failure_.value_or(Node::failure()); }

 private:
  Status pull(OutputPort& out) noexcept {
    for (std::uint32_t given = 0; given < shape_.max_blocks; ++given) {
      run_->begin_question();
      DataFrame* item = nullptr;
      const Poll answer = last_->next(*run_, item);
      if (answer == Poll::pending) { return Status::ok; }
      if (answer == Poll::ended) { return Status::done; }
      if (answer != Poll::item) {
        const auto& shared = run_->shared();
        const std::lock_guard lock(shared->mutex);
        if (shared->error) { failure_ = shared->error->error; }
        return Status::fault;
      }
      if (item->channel_count() != channels_ || item->frame_count() > max_frames_) {
        failure_ = Error{
            ErrorCode::failed, "",
            fmt::format("the chain gave a block of {} channels and {} frames", item->channel_count(),
                        item->frame_count()),
            fmt::format("{} channels and up to {} frames, as its shape says", channels_, max_frames_), ""};
        return Status::fault;
      }
      out.emit().copy_from(*item);
    }
    return Status::ok;
  }

  const FrameChain chain_;
  const ChainShape shape_;
  std::uint32_t channels_ = 0;
  std::uint32_t max_frames_ = 0;
  std::unique_ptr<StreamRun> run_;
  StagePtr<DataFrame> last_;
  Feed* feed_ = nullptr;  // in the chain
  std::optional<Error> failure_;
};

}  // namespace

std::unique_ptr<Node> to_node(FrameChain chain, ChainShape shape) {
  return std::make_unique<ChainNode>(std::move(chain), std::move(shape));
}

}  // namespace streamlab
