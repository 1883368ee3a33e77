// nodes/process/program_output.hpp
//
// ProgramOutput: the bytes that a program returns for its input become blocks, each with its place in the stream. The program
// itself only tells how many frames there are: positions, times and gaps follow from the input (OutputTimeline); a framed
// output has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/node.hpp"
#include "nodes/process/delay_meter.hpp"
#include "nodes/process/output_timeline.hpp"
#include "nodes/process/stream_decoder.hpp"

namespace streamlab {

class ProgramOutput {
 public:
  // `format`: of the blocks. `ratio`: of the rates, out to in. Refused: as StreamDecoder::create().
  static Result<ProgramOutput> create(const DecoderSpec& spec, std::shared_ptr<const StreamFormat> format,
                                      double ratio);

  // A block of the input was encoded, to be written.
  void add_input(const FrameHeader& header, std::uint32_t frame_count);
  void feed(std::span<const std::byte> bytes);
  void end() { decoder_.end(); }
  // Bytes that wait to be passed on.
  std::uint64_t bytes_held() const;

  // Emits as many blocks as there are, up to `most`, and returns how many. Refused: another format than expected, a block that is
  // too long, bytes that are no stream.
  Result<std::uint32_t> give(OutputPort& out, std::uint32_t most);

  const OutputTimeline& timeline() const { return timeline_; }
  // What is to be said of the samples and of their delay. `program`: its name.
  std::vector<NodeNote> notes(const std::string& program) const;

 private:
  ProgramOutput(const DecoderSpec& spec, std::shared_ptr<const StreamFormat> format, double ratio,
                StreamDecoder decoder);
  Result<bool> stage();
  void give_staged(OutputPort& out) noexcept;
  void flag_full_scale(DataFrame& y) noexcept;

  DecoderSpec spec_;
  StreamDecoder decoder_;
  OutputTimeline timeline_;
  DelayMeter delay_;
  std::uint64_t fed_bytes_ = 0;
  DataFrame staged_;  // the decoder's block, of which a part has been given
  std::uint32_t staged_used_ = 0;
  std::optional<FrameHeader> own_header_;  // of that block
  std::uint64_t sequence_id_ = 0;
  std::uint64_t not_finite_ = 0;
  std::uint64_t full_scale_ = 0;
};

}  // namespace streamlab
