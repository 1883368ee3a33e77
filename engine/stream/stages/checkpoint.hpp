// engine/stream/stages/checkpoint.hpp
//
// checkpoint: keeps on disk where the stages before it stand, so that a run that was killed goes on where it
// was. What it goes on with must be what it began with: sources say in their signature what they read (the size
// and time of a file, the elements of a container), and the end knows what it has written.
//
// When the stage behind asks for the next item it is done with the one before it. At every `every`-th such
// moment the end makes its output durable (write_lines() does), and a checkpoint is written: where the end
// stands, what every stage before this one holds, the sources' positions. A run that begins and finds the
// checkpoint of the same chain puts all of that back: the end takes back what it wrote after it, and the
// sources go on from there. The output is that of a run that was never killed. At the good end of a run the
// files are removed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/checkpoint_file.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

struct CheckpointOptions {
  std::filesystem::path path;  // the previous checkpoint lies beside it, with ".previous" at its end
  std::uint64_t every = 1000;  // items, 1 or more
  // What else must be the same for a checkpoint to fit: the name of the input, parameters of functions, …
  std::string key = {};
};

// What the signatures of `last` and all before it say together.
std::string chain_signature(StageBase& last, const std::string& key);
// save() and load() of `last` and all before it.
Result<std::vector<std::byte>> save_chain(StageBase& last);
Result<void> load_chain(StageBase& last, const std::vector<std::byte>& state);

namespace stages {

template <class T>
class CheckpointStage final : public Step<T, T> {
 public:
  CheckpointStage(StagePtr<T> upstream, CheckpointOptions options)
      : Step<T, T>("checkpoint", std::move(upstream)), options_(std::move(options)), file_(options_.path) {
    if (options_.every == 0) { this->refuse("a checkpoint every 0 items", "1 or more"); }
  }

  Result<void> start(StreamRun& run) override {
    if (auto started = Step<T, T>::start(run); !started) { return started; }
    auto resumed = resume(run);
    if (!resumed) { run.fail(this->stats_.name, 0, resumed.error()); }
    return resumed;
  }
  Result<void> complete() override { return file_.remove(); }
  bool is_checkpoint() const noexcept override { return true; }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (due_) {
      due_ = false;
      if (auto saved = save_all(run); !saved) { return run.fail(this->stats_.name, items_, saved.error()); }
    }
    const Poll answer = this->upstream_->next(run, item);
    if (answer == Poll::item) {
      ++items_;
      due_ = items_ % options_.every == 0;
    }
    return answer;
  }

 private:
  Result<void> resume(StreamRun& run) {
    signature_ = chain_signature(*this->upstream_, options_.key);
    // A chain that cannot be kept, or a place where it cannot, is told at once, not after the first items.
    if (auto kept = save_chain(*this->upstream_); !kept) { return tl::unexpected(kept.error()); }
    if (auto writable = file_.check(); !writable) { return writable; }
    auto loaded = file_.load(signature_);
    if (!loaded) { return tl::unexpected(loaded.error()); }
    if (!*loaded) { return {}; }
    const Checkpoint& checkpoint = (*loaded)->checkpoint;
    if (!(*loaded)->note.empty()) { run.note((*loaded)->note); }
    if (auto ok = load_chain(*this->upstream_, checkpoint.stages); !ok) { return ok; }
    if (StreamRun::EndState* end = run.end_state(); end != nullptr && !checkpoint.end.empty()) {
      if (auto ok = end->load(checkpoint.end); !ok) { return ok; }
    }
    items_ = checkpoint.items;
    run.note(fmt::format("resumed at item {} from the checkpoint {}", items_, options_.path.string()));
    return {};
  }
  Result<void> save_all(StreamRun& run) {
    Checkpoint checkpoint{signature_, items_, {}, {}};
    if (StreamRun::EndState* end = run.end_state()) {
      auto state = end->save();
      if (!state) { return tl::unexpected(state.error()); }
      checkpoint.end = std::move(*state);
    }
    auto stages = save_chain(*this->upstream_);
    if (!stages) { return tl::unexpected(stages.error()); }
    checkpoint.stages = std::move(*stages);
    return file_.save(checkpoint);
  }

  const CheckpointOptions options_;
  const CheckpointFile file_;
  std::string signature_;
  std::uint64_t items_ = 0;  // that have passed, in earlier runs too
  bool due_ = false;
};

}  // namespace stages
}  // namespace streamlab
