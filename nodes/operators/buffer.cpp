// nodes/operators/buffer.cpp
//
// Buffer: queues blocks between the nodes before and after it, up to a limit, in memory and then on disk.
//
//   in   audio, spectra or values
//   out  as `in`, in order; latency 0 frames
//
// The nodes after it run on their own thread (except if the whole graph has one thread; then nothing ever
// waits here). A block is emitted when there is room for it downstream; until then it is kept. When the
// Buffer is full the policy decides, as on an edge; in a run that no device paces everything waits instead.
// Dropped blocks are counted, and the block after them has a gap.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/overflow_policy.hpp"
#include "engine/channel/spill_file.hpp"
#include "engine/core/node.hpp"
#include "nodes/operators/left_out.hpp"
#include "nodes/operators/spilled_block.hpp"

namespace streamlab {
namespace buffer_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::integer("capacity", "blocks", {1.0, 65536.0}, 64,
                   "Most blocks kept in memory; \"latest\" keeps "
                   "one."),
    param::choice("policy", kOverflowPolicyNames, "block", "What happens when the buffer is full."),
    param::text("spill_path", Need::optional, "Folder for a file that stores what does not fit into memory."),
    param::integer("spill_bytes", "bytes", {1.0, 1e15}, Need::optional, "Largest size of that file."),
};
constexpr auto kCapacity = param::at(kParams, "capacity");
constexpr auto kPolicy = param::at(kParams, "policy");
constexpr auto kSpillPath = param::at(kParams, "spill_path");
constexpr auto kSpillBytes = param::at(kParams, "spill_bytes");
constexpr std::string_view kSpills[] = {"spill_path", "spill_bytes"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::together, kSpills}};
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "All blocks except dropped ones."}};
constexpr NodeInfo kInfo{
    .name = "Buffer",
    .description =
        "Queues blocks, in memory and on disk, while the nodes after it are slower than those before it.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::no,
    .queue = Queue::yes,
    .at_gap = "Passes the block on with its flag.",
    .details =
        "Policies: block (the nodes before it wait), drop_oldest, drop_newest, drop_buffer (drops everything "
        "in the buffer), latest (keeps only the newest), fail (ends the run). They apply if a device paces "
        "the run; otherwise everything waits, and nothing is lost. The nodes after it run on their own "
        "thread, unless the whole graph runs on one. With spill_path and spill_bytes, blocks that do not fit "
        "into memory go to an unnamed file in that folder and come back in order; the file is gone when the "
        "run ends, even by a crash.",
    .example =
        R"({"id": "keep", "type": "Buffer", "config": {"capacity": 256, "spill_path": "/var/tmp", "spill_bytes": 1000000000}})",
    .cost_ns_per_frame = 0.2,
};

class Buffer final : public Node {
 public:
  explicit Buffer(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    policy_ = context.lossless ? OverflowPolicy::block : *parse_overflow_policy(params_.text(kPolicy));
    if (params_.given(kSpillPath) && params_.text(kPolicy) == "latest") {
      return refused("/config/spill_path", "\"latest\" keeps one block and needs no file", "another policy");
    }
    bytes_per_block_ = largest_spilled_block(in) + SpillFile::kRecordOverhead;
    if (params_.given(kSpillBytes) && params_[kSpillBytes] < static_cast<double>(bytes_per_block_)) {
      return refused("/config/spill_bytes",
                     fmt::format("{} bytes are too few for a block, which takes up to {}",
                                 params_.integer(kSpillBytes), bytes_per_block_),
                     fmt::format("at least {}", bytes_per_block_));
    }
    const auto capacity =
        policy_ == OverflowPolicy::latest ? 1U : static_cast<std::size_t>(params_.integer(kCapacity));
    const auto format = std::make_shared<const StreamFormat>(in);
    blocks_.clear();
    for (std::size_t b = 0; b < capacity; ++b) { blocks_.emplace_back(format); }
    spilled_ = DataFrame(format);
    reset();
    return std::vector{OutputFormat{in}};
  }
  Result<void> start() override {
    if (!params_.given(kSpillPath)) { return {}; }
    auto file =
        SpillFile::create(params_.text(kSpillPath), static_cast<std::uint64_t>(params_.integer(kSpillBytes)));
    if (!file) {
      Error error = file.error();
      error.what = fmt::format("{}: {}", error.where, error.what);
      error.where = "/config/spill_path";
      return tl::unexpected(std::move(error));
    }
    file_ = std::move(*file);
    return {};
  }
  void reset() noexcept override {
    first_ = count_ = 0;
    behind_.clear();
    high_water_ = to_disk_ = given_up_ = 0;
    is_needed_ = true;
    before_front_.reset();
    before_next_.reset();
    failure_.reset();
    if (file_) { file_->clear(); }
  }

  bool has_room([[maybe_unused]] std::size_t input, std::size_t blocks) const noexcept override {
    // One round may bring more blocks than the buffer has places: then all must be free.
    return policy_ != OverflowPolicy::block || room() >= blocks || held() == 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    if (in.empty()) {
      give(out[0]);
    } else {
      keep(*in[0]);
    }
    return failure_ ? Status::fault : Status::ok;
  }
  Status finish(std::span<OutputPort> out) noexcept override {
    if (held() == 0) { return Status::done; }
    give(out[0]);
    return failure_ ? Status::fault : Status::ok;
  }

  void not_needed() noexcept override { is_needed_ = false; }

  Error failure() const override { return *failure_; }
  // What is left here nobody needs, or it was not passed on because the run was given up.
  Result<void> close() override {
    given_up_ = is_needed_ ? held() : 0;
    file_.reset();
    count_ = 0;
    behind_.clear();
    return {};
  }
  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const std::uint64_t dropped = before_front_.blocks() + before_next_.blocks();
    if (dropped > 0) {
      notes.push_back({fmt::format("dropped {} blocks of {} frames, {}", dropped,
                                   before_front_.frames() + before_next_.frames(), to_string(policy_)),
                       dropped, true});
    }
    if (given_up_ > 0) {
      notes.push_back({fmt::format("{} blocks were still in the buffer when the run was given up", given_up_),
                       given_up_, true});
    }
    if (high_water_ > 0) {
      notes.push_back({fmt::format("held up to {} blocks", high_water_), high_water_, false});
    }
    if (to_disk_ > 0) { notes.push_back({fmt::format("held {} blocks on disk", to_disk_), to_disk_, false}); }
    return notes;
  }

 private:
  std::uint64_t held() const noexcept { return count_ + (file_ ? file_->size() : 0) + behind_.size(); }
  bool memory_takes() const noexcept { return (!file_ || file_->empty()) && count_ < blocks_.size(); }
  // Room for this many blocks of the largest size. While there are blocks on disk, new ones go there too.
  std::uint64_t room() const noexcept { return behind_.empty() ? places() : 0; }
  std::uint64_t places() const noexcept {
    const std::uint64_t in_memory = !file_ || file_->empty() ? blocks_.size() - count_ : 0;
    const std::uint64_t on_disk = file_ ? (file_->max_bytes() - file_->bytes()) / bytes_per_block_ : 0;
    return in_memory + on_disk;
  }

  void keep(const DataFrame& x) noexcept {
    if (room() == 0 && !make_room(x)) { return; }
    if (failure_) { return; }
    store(x);
    high_water_ = std::max(high_water_, held());
  }
  void store(const DataFrame& x) noexcept {
    if (memory_takes()) {
      DataFrame& place = blocks_[(first_ + count_) % blocks_.size()];
      place.copy_from(x);
      before_next_.mark(place.header());
      ++count_;
    } else {
      spilled_.copy_from(x);
      before_next_.mark(spilled_.header());
      write_block(spilled_, record_);
      const auto pushed = file_->push(record_);
      if (!pushed) {
        failure_ = pushed.error();
        return;
      }
      ++to_disk_;
    }
  }

  // False when `x` is not to be kept.
  bool make_room(const DataFrame& x) noexcept {
    switch (policy_) {
      case OverflowPolicy::drop_oldest:
        while (room() == 0 && !failure_) { drop_front(); }
        return true;
      case OverflowPolicy::drop_buffer:
      case OverflowPolicy::latest:
        while (held() > 0 && !failure_) { drop_front(); }
        return true;
      case OverflowPolicy::drop_newest:
        before_next_.add(x);
        return false;
      case OverflowPolicy::block:
        behind_.emplace_back(x.shared_format()).copy_from(x);
        high_water_ = std::max(high_water_, held());
        return false;
      default:
        failure_ = Error{ErrorCode::failed, "", "the buffer overflowed, and its policy is \"fail\"", "",
                         "a larger capacity, or another policy"};
        return false;
    }
  }

  void drop_front() noexcept {
    before_front_.add(blocks_[first_]);
    remove_front();
  }
  // Memory holds the oldest blocks: those on disk move up, and behind them those for which there was no place.
  void remove_front() noexcept {
    first_ = (first_ + 1) % blocks_.size();
    --count_;
    if (file_ && !file_->empty()) {
      const auto popped = file_->pop(record_);
      if (!popped) {
        failure_ = popped.error();
        return;
      }
      read_block(record_, blocks_[(first_ + count_) % blocks_.size()]);
      ++count_;
    }
    while (!behind_.empty() && places() > 0 && !failure_) {
      store(behind_.front());
      behind_.pop_front();
    }
  }

  void give(OutputPort& out) noexcept {
    if (count_ == 0) { return; }
    DataFrame& y = out.emit();
    y.copy_from(blocks_[first_]);
    before_front_.mark(y.header());
    remove_front();
  }

  const ParamValues params_;
  OverflowPolicy policy_ = OverflowPolicy::block;
  std::uint64_t bytes_per_block_ = 0;  // on disk, of the largest block
  std::vector<DataFrame> blocks_;      // a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::optional<SpillFile> file_;  // newer blocks than those in memory
  // Newer ones still, with policy "block": what one round brought beyond the places that there are.
  std::deque<DataFrame> behind_;
  std::vector<std::byte> record_;
  DataFrame spilled_;
  LeftOut before_front_;  // dropped from the front: marked in the next block emitted
  LeftOut before_next_;   // not accepted: marked in the next block accepted
  std::uint64_t high_water_ = 0;
  std::uint64_t to_disk_ = 0;
  std::uint64_t given_up_ = 0;
  bool is_needed_ = true;
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace buffer_node

extern const NodeEntry kBufferEntry{buffer_node::kInfo, make_node<buffer_node::Buffer>};

}  // namespace streamlab
