// engine/run/steps/step.hpp
//
// DomainStep: what a domain does with one node in each round. The kinds differ in when the node is called, and with what.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/node.hpp"
#include "engine/run/block_stream.hpp"
#include "engine/run/loop.hpp"

namespace streamlab {

// An input of a join, of a node with separate inputs or of a queue, and how many blocks it may get in a round.
struct InputPlace {
  const DomainStep* step = nullptr;
  std::size_t input = 0;
  std::size_t blocks = 1;

  bool has_room() const noexcept;
};

// An edge that waits instead of dropping, and how many blocks it may get in a round.
struct EdgePlace {
  EdgeLink* link = nullptr;
  std::size_t blocks = 1;

  bool has_room() const noexcept {
    return link->abandoned.load(std::memory_order_acquire) || link->edge.has_room(blocks);
  }
};

// The next places where blocks of a step or of an incoming edge may find no room. Nothing waits in the middle of a round:
// while it waits with one block, a domain cannot deliver the block that the other end may be waiting for.
struct Ways {
  std::vector<InputPlace> inputs;
  std::vector<EdgePlace> edges;

  bool have_room() const noexcept {
    for (const InputPlace& place : inputs) {
      if (!place.has_room()) { return false; }
    }
    return std::all_of(edges.begin(), edges.end(), [](const EdgePlace& place) { return place.has_room(); });
  }
};

class DomainStep {
 public:
  virtual ~DomainStep() = default;
  DomainStep(const DomainStep&) = delete;
  DomainStep& operator=(const DomainStep&) = delete;

  // One round. True if anything moved.
  virtual bool run(Loop& loop) noexcept = 0;
  // Is there room for this many more blocks? A finished step ignores its input.
  virtual bool has_room([[maybe_unused]] std::size_t input,
                        [[maybe_unused]] std::size_t blocks) const noexcept {
    return true;
  }
  // Does it keep blocks apart from those that are on their way? Then what comes before it needs room in it.
  virtual bool holds_blocks() const noexcept { return false; }
  // A parameter of a node has changed.
  virtual void notice_change() noexcept {}
  // Back to the state before the first block.
  virtual void restart() noexcept { finished = had_enough = false; }
  // Goes on where `before` has stopped, the step of the same node in another program. `inputs`, by input: the input there
  // that brought the same stream, or kNone. The domain's thread; allocates and frees nothing.
  static constexpr std::size_t kNone = SIZE_MAX;
  virtual void take_over(DomainStep& before, [[maybe_unused]] std::span<const std::size_t> inputs) noexcept {
    finished = before.finished;
    had_enough = before.had_enough;
  }

  bool is_source() const noexcept { return in.empty(); }
  // It runs no more, and its outputs are over.
  void end() noexcept {
    finished = true;
    for (BlockStream* stream : out) { stream->ended = true; }
  }

  const std::size_t node_index;
  Node* const node;
  std::vector<BlockStream*> in;
  std::vector<BlockStream*> out;
  Ways ways;
  bool finished = false;
  bool had_enough = false;  // returned done although its input had not ended

 protected:
  DomainStep(std::size_t index, Node* its_node) : node_index(index), node(its_node) {}
};

inline bool InputPlace::has_room() const noexcept { return step->finished || step->has_room(input, blocks); }

// A step that calls its node.
class NodeStep : public DomainStep {
 public:
  // `max_blocks`, by output: what the node may emit for one block.
  void set_outputs(std::vector<BlockStream*> streams, std::vector<std::uint32_t> max_blocks) {
    out = std::move(streams);
    max_blocks_ = std::move(max_blocks);
    ports_.resize(out.size());
  }

 protected:
  using DomainStep::DomainStep;

  // A round around `work`: the outputs begin empty, and what they then hold is passed on.
  template <class Work>
  bool run_round(Loop& loop, const Work& work) noexcept {
    for (BlockStream* stream : out) { stream->count = 0; }
    if (finished) { return false; }
    const bool worked = work();
    if (had_enough && !loop.failed()) { end(); }
    for (BlockStream* stream : out) { loop.send(*stream); }
    return worked;
  }
  // `like`: the block whose header is passed on; null if there is none.
  void call(Loop& loop, std::span<const DataFrame* const> blocks, const DataFrame* like) noexcept {
    bind(like);
    const Status status = node->process(blocks, ports_);
    count_blocks(loop);
    if (status != Status::ok) [[unlikely]] { take_status(loop, status, blocks.empty()); }
  }
  // Once the inputs have ended: what the node still holds. False: it waits for room.
  bool finish(Loop& loop) noexcept;

  std::span<OutputPort> ports() noexcept { return ports_; }

 private:
  void bind(const DataFrame* like) noexcept {
    for (std::size_t o = 0; o < ports_.size(); ++o) {
      const BlockStream& stream = *out[o];
      const auto room = static_cast<std::uint32_t>(stream.frames.size()) - stream.count;
      ports_[o].bind(stream.frames.data() + stream.count, std::min(room, max_blocks_[o]));
      ports_[o].follow(like);
    }
  }
  void count_blocks(Loop& loop) noexcept {
    for (std::size_t o = 0; o < ports_.size(); ++o) {
      out[o]->count += ports_[o].count();
      if (ports_[o].overrun()) [[unlikely]] { loop.fail_by_overrun(node_index); }
    }
  }
  void take_status(Loop& loop, Status status, bool is_last_call) noexcept;

  std::vector<OutputPort> ports_;
  std::vector<std::uint32_t> max_blocks_;
};

}  // namespace streamlab
