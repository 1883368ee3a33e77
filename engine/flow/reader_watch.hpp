// engine/flow/reader_watch.hpp
//
// ReaderWatch: whether the readers of a pipe went before its writers.
//
// The ends of two programs are told in any order, so that nobody can say by them who went first. The kernel
// knows: it tells the closing of a pipe's ends in the order in which they came (inotify(7)). Where it has no
// inotify left, nothing is known, and the answer is no.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "engine/process/descriptor.hpp"

namespace streamlab {

class ReaderWatch {
 public:
  ReaderWatch();

  // A pipe ("/proc/self/fd/7") or FIFO, of which `open_ends` are open: a pipe's reader and writer; a FIFO's
  // reader. (A writer that outlives the question does not count.)
  void add(std::size_t channel, const std::string& path, std::size_t open_ends);
  // All its readers had gone when its last writer went. To be asked when all writers have gone.
  bool readers_went_first(std::size_t channel);

 private:
  struct Ends {
    std::size_t open = 0;
    bool writer_was_last = false;  // to go
  };
  void look();

  Fd events_;
  std::map<int, std::size_t> channels_;  // by the number of the watch
  std::map<std::size_t, Ends> ends_;     // by channel
};

}  // namespace streamlab
