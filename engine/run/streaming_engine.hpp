// engine/run/streaming_engine.hpp
//
// StreamingEngine: a graph whose outputs are streams.
//
//   auto engine = StreamingEngine::create(*graph, options);
//   auto spectra = (*engine)->output("spec");                       // Stream<DataFrame>
//   std::move(*spectra).map(loudest_bin).take(10).collect();
//
// The graph starts when the first of its streams is pulled, and stops when the last of them has ended or is
// destroyed. Blocks are not copied: a stage gets each one in place in the edge, until it asks for the next.
// With several outputs, pull each stream on its own thread, or all in one (merge, join_by_time): a stream that is not
// pulled stalls a lossless graph. So does zip() of outputs that do not come one for one, once the edge of the faster
// one is full: it waits for the slower one, which waits for the graph.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engine/run/engine.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {

// The output of a graph, and the same for items of other types.
template <class T>
using StreamOutput = Stream<T>;

class StreamingEngine {
 public:
  static Checked<std::unique_ptr<StreamingEngine>> create(const ValidGraph& graph, EngineOptions options);
  ~StreamingEngine();
  StreamingEngine(const StreamingEngine&) = delete;
  StreamingEngine& operator=(const StreamingEngine&) = delete;

  // As Engine::subscribe(): before anything is pulled. The stream may outlive the StreamingEngine. It fails
  // when the graph fails; its report counts blocks dropped on the way to it and on its own edge as dropped.
  Result<StreamOutput<DataFrame>> output(std::string_view name, std::size_t capacity = 0,
                                         std::optional<OverflowPolicy> policy = {});

  // For set_param(), status(), device().
  Engine& engine();

 private:
  struct Shared;
  explicit StreamingEngine(std::shared_ptr<Shared> shared);
  class Output;

  std::shared_ptr<Shared> shared_;
};

}  // namespace streamlab
