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
inline std::int64_t end_position_of(const DataFrame& block) noexcept {
  const bool is_audio = block.format().kind == StreamKind::audio;
  return block.position() +
         static_cast<std::int64_t>(is_audio ? block.frame_count() : block.header().length_frames);
}

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

  // Until its first block: where another stream ended that it goes on with, since a reload: what lies between is missing.
  // kBeginning: it begins with the run. kNowhere: it came with a reload and goes on with none, or has brought a block.
  static constexpr std::int64_t kNowhere = -1;
  static constexpr std::int64_t kBeginning = -2;
  std::int64_t joins_at = kBeginning;

  // Back to the state before the first block.
  void restart() noexcept {
    count = 0;
    ended = closed = false;
    joins_at = kBeginning;
  }
  // Where its first block should begin; kNowhere: not known.
  std::int64_t first_position() const noexcept { return joins_at == kBeginning ? 0 : joins_at; }
  // Where its last block ended; first_position() before the first. Of a stream with blocks of its own.
  std::int64_t end_position() const noexcept;
  // Marks what is missing before its first block, where it joins another stream.
  void mark_join() noexcept;
};

}  // namespace streamlab
