// engine/run/block_stream.hpp
//
// BlockStream: the blocks that one output of a node, or one edge, brings into a round of a domain; and who gets them.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

struct EdgeLink;
class DomainStep;

struct BlockStream {
  std::vector<DataFrame> storage;          // empty where the frames belong to another stream or to an edge
  std::vector<DataFrame*> frames;          // as many as one round may bring
  std::uint32_t count = 0;                 // that this round has brought
  bool ended = false;                      // nothing comes after them
  bool closed = false;                     // the end mark has gone out
  std::vector<const DomainStep*> readers;  // in this domain
  std::vector<EdgeLink*> outgoing;         // to other domains, and to subscribers

  // Of an output with a name (run/named_channels.hpp), by which the program may subscribe at any time: it is needed for that
  // alone. Set when it is closed.
  std::atomic<bool>* named_is_over = nullptr;

  // Back to the state before the first block.
  void restart() noexcept {
    count = 0;
    ended = closed = false;
  }
};

}  // namespace streamlab
