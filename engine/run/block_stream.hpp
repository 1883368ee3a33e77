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

// In frames of the measured stream.
std::int64_t end_position_of(const DataFrame& block) noexcept;

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

  // Until its first block: where the stream of a node ended that was made again in a reload. What lies between is missing.
  static constexpr std::int64_t kNowhere = -1;
  std::int64_t joins_at = kNowhere;
  // Where its first block may begin, so that what never came is missing, too; kNowhere: it came with a reload.
  std::int64_t begins_at = 0;

  // Back to the state before the first block.
  void restart() noexcept {
    count = 0;
    ended = closed = false;
    joins_at = kNowhere;
    begins_at = 0;
  }
  // Where its last block ended; begins_at before the first. Of a stream with blocks of its own.
  std::int64_t end_position() const noexcept;
  // It goes on with one that ended there.
  void join(std::int64_t end) noexcept { joins_at = begins_at = end; }
  // Marks what is missing before its first block, where it joins another stream.
  void mark_join() noexcept;
};

}  // namespace streamlab
