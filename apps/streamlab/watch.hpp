// apps/streamlab/watch.hpp
//
// streamlab run --watch: the configuration is taken over whenever it is saved.
#pragma once

#include <functional>
#include <string>

#include "apps/streamlab/commands.hpp"
#include "engine/run/engine.hpp"

namespace streamlab::app {

// A file that somebody writes now and then.
class WatchedFile {
 public:
  explicit WatchedFile(std::string path) : path_(std::move(path)), known_(stamp()), seen_(known_) {}
  // Has it changed since the last time, and not any more since the call before? (It may be half written.)
  bool has_changed();
  // It was not read: it counts as changed still.
  void forget() { known_.clear(); }

 private:
  std::string stamp() const;  // empty: it is not there

  const std::string path_;
  std::string known_;
  std::string seen_;
};

// For who looks at a running engine again and again: reloads it when the file has changed, and says what came of it. What
// cannot be taken over is told; the graph goes on as it was.
std::function<void(Engine&)> reloads_on_change(const RunArguments& arguments, std::FILE* console);

}  // namespace streamlab::app
