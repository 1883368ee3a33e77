// engine/run/streaming_engine.cpp
#include "engine/run/streaming_engine.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/thread.hpp"
#include "engine/run/run_to_end.hpp"
#include "engine/stream/kept_frame.hpp"

namespace streamlab {

struct StreamingEngine::Shared {
  explicit Shared(std::unique_ptr<Engine> the_engine) : engine(std::move(the_engine)) {}
  ~Shared() {
    stop();
    watch.join();
  }

  Result<void> start() {
    const std::lock_guard lock(mutex);
    if (started) { return {}; }
    started = true;
    if (auto ok = engine->start(); !ok) { return ok; }
    // The stream of a device ends only when the engine is stopped: when its time is up, or it failed.
    if (engine->device() == nullptr) { return {}; }
    auto watching = Thread::start("stream engine", [this] {
      const RunWatch until_stopped{.ends = [this] { return stopping.load(std::memory_order_acquire); },
                                   .interval = kLookAgain};
      if (wait_until_over(*engine, until_stopped)) { stop(); }
    });
    if (!watching) { return tl::unexpected(watching.error()); }
    watch = std::move(*watching);
    return {};
  }
  void stop() {
    stopping.store(true, std::memory_order_release);
    const std::lock_guard lock(mutex);
    if (std::exchange(stopped, true)) { return; }
    engine->stop();
  }
  // Called when a stream has ended.
  void leave() {
    {
      const std::lock_guard lock(mutex);
      if (--readers > 0) { return; }
    }
    stop();
  }

  // What nodes lost; known once the graph has stopped.
  std::vector<std::string> losses() {
    const std::lock_guard lock(mutex);
    std::vector<std::string> texts;
    if (!stopped) { return texts; }
    for (const auto& [node, note] : engine->status().notes) {
      if (note.data_lost) { texts.push_back(fmt::format("{}: {}", node, note.text)); }
    }
    return texts;
  }

  static constexpr std::chrono::milliseconds kLookAgain{20};

  const std::unique_ptr<Engine> engine;
  std::atomic<bool> stopping{false};
  std::mutex mutex;  // guards what follows
  bool started = false;
  bool stopped = false;
  std::size_t readers = 0;  // streams that have not ended
  Thread watch;             // ends a live engine whose time is up
};

class StreamingEngine::Output final : public Source<DataFrame> {
 public:
  Output(std::string name, std::shared_ptr<Shared> shared, Receiver receiver)
      : Source<DataFrame>(name),
        output_(std::move(name)),
        shared_(std::move(shared)),
        receiver_(std::move(receiver)) {}
  ~Output() override { leave(); }

  Result<void> start(StreamRun& run) override {
    auto started = shared_->start();
    if (!started) { run.fail(stats_.name, 0, started.error()); }
    return started;
  }
  void halt(StreamRun& run) noexcept override {
    leave();
    for (std::string& loss : shared_->losses()) { run.note(std::move(loss)); }
    StageBase::halt(run);
  }
  StageStats counted() const override {
    StageStats all = stats_;
    if (all.dropped == 0) { all.dropped = receiver_.counters().dropped; }  // so far: leave() counts the rest
    return all;
  }

 protected:
  Poll produce(StreamRun& run, DataFrame*& item) override {
    give_back();
    // Ask for the end first: a block that arrives between the two calls is then found by the next one.
    bool over = receiver_.ended();
    lent_ = receiver_.borrow();
    if (lent_ == nullptr && !over) {
      receiver_.arm(run.signal());
      over = receiver_.ended();
      lent_ = receiver_.borrow();
    }
    if (lent_ != nullptr) {
      format_ = lent_->shared_format();
      item = lent_;
      return Poll::item;
    }
    if (over) { return end(run); }
    if (const auto pause = receiver_.poll_period(); pause > Clock::Duration::zero()) {
      run.wake_at(run.now() + pause);
    }
    return Poll::pending;
  }
  // The graph ends its sources; what is inside is still delivered here.
  Poll drain(StreamRun& run, DataFrame*& item) override {
    if (!stopping_.joinable()) {
      auto started = Thread::start("stream drain", [shared = shared_] { shared->stop(); });
      if (!started) { return run.fail(stats_.name, stats_.out, started.error()); }
      stopping_ = std::move(*started);
    }
    return produce(run, item);
  }

 private:
  Poll end(StreamRun& run) {
    leave();
    const EngineStatus status = shared_->engine->status();
    if (!status.failures.empty()) { return run.fail(stats_.name, stats_.out, status.failures.front()); }
    return Poll::ended;
  }
  // The edge gets back a block of the shape it lent, whatever the stage did to it.
  void give_back() noexcept {
    if (lent_ == nullptr) { return; }
    replace_if_kept(*lent_, format_);
    receiver_.give_back(std::exchange(lent_, nullptr));
  }
  void leave() noexcept {
    if (std::exchange(left_, true)) { return; }
    give_back();
    receiver_.close();
    stopping_.join();
    shared_->leave();
    // Only now, after the last stream has stopped the graph: until then it may drop more.
    stats_.dropped = receiver_.counters().dropped + shared_->engine->dropped_before(output_);
  }

  const std::string output_;  // of the graph; the stage may have another name
  const std::shared_ptr<Shared> shared_;
  Receiver receiver_;
  DataFrame* lent_ = nullptr;                   // the block that the next stage holds
  std::shared_ptr<const StreamFormat> format_;  // as it was lent
  bool left_ = false;
  Thread stopping_;
};

StreamingEngine::StreamingEngine(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
StreamingEngine::~StreamingEngine() = default;

Checked<std::unique_ptr<StreamingEngine>> StreamingEngine::create(const ValidGraph& graph,
                                                                  EngineOptions options) {
  auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return tl::unexpected(engine.error()); }
  return std::unique_ptr<StreamingEngine>(new StreamingEngine(std::make_shared<Shared>(std::move(*engine))));
}

Result<StreamOutput<DataFrame>> StreamingEngine::output(std::string_view name, std::size_t capacity,
                                                        std::optional<OverflowPolicy> policy) {
  auto receiver = shared_->engine->subscribe(name, capacity, policy);
  if (!receiver) { return tl::unexpected(receiver.error()); }
  {
    const std::lock_guard lock(shared_->mutex);
    ++shared_->readers;
  }
  return Stream<DataFrame>(std::make_unique<Output>(std::string(name), shared_, std::move(*receiver)));
}

Engine& StreamingEngine::engine() { return *shared_->engine; }

}  // namespace streamlab
