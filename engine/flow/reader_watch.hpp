// engine/flow/reader_watch.hpp
//
// ReaderWatch: whether the readers of a pipe went before its writers.
//
// The ends of two programs are reported in any order, so they do not tell which went first. The kernel knows:
// inotify(7) reports the closing of pipe ends in their order. If no inotify instance is left, the answer is
// no.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "engine/process/descriptor.hpp"

namespace streamlab {

class ReaderWatch {
 public:
  ReaderWatch();

  // A pipe ("/proc/self/fd/7") or FIFO, of which `open_ends` are open: reader and writer of a pipe; reader of
  // a FIFO. (A writer that outlives the question does not count.)
  void add(std::size_t channel, const std::string& path, std::size_t open_ends);
  // Had all its readers gone when its last writer went? Ask when all writers have gone.
  bool readers_went_first(std::size_t channel);

 private:
  struct Ends {
    std::size_t open = 0;
    bool writer_was_last = false;  // to close
  };
  void look();

  Fd events_;
  std::map<int, std::size_t> channels_;  // by the number of the watch
  std::map<std::size_t, Ends> ends_;     // by channel
};

}  // namespace streamlab
