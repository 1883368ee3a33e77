// nodes/process/program_output.cpp
#include "nodes/process/program_output.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace streamlab {

Result<ProgramOutput> ProgramOutput::create(const DecoderSpec& spec,
                                            std::shared_ptr<const StreamFormat> format, double ratio) {
  auto decoder = StreamDecoder::create(spec);
  if (!decoder) { return tl::unexpected(decoder.error()); }
  return ProgramOutput(spec, std::move(format), ratio, std::move(*decoder));
}

ProgramOutput::ProgramOutput(const DecoderSpec& spec, std::shared_ptr<const StreamFormat> format,
                             double ratio, StreamDecoder decoder)
    : spec_(spec),
      decoder_(std::move(decoder)),
      timeline_(ratio, spec.sample_rate_hz),
      staged_(std::move(format)) {
  staged_.set_frame_count(0);
}

void ProgramOutput::add_input(const FrameHeader& header, std::uint32_t frame_count) {
  timeline_.add_input(header, frame_count);
  delay_.wrote(timeline_.frames_in());
}

void ProgramOutput::feed(std::span<const std::byte> bytes) {
  fed_bytes_ += bytes.size();
  decoder_.feed(bytes);
}

std::uint64_t ProgramOutput::bytes_held() const {
  const auto samples = raw_samples(spec_.format).value_or(SampleFormat::float64_le);
  const std::uint64_t given = timeline_.frames_out() * spec_.channels * bytes_per_sample(samples);
  return fed_bytes_ - std::min(fed_bytes_, given);
}

Result<std::uint32_t> ProgramOutput::give(OutputPort& out, std::uint32_t most) {
  std::uint32_t given = 0;
  for (; given < most; ++given) {
    if (staged_used_ == staged_.frame_count()) {
      const auto is_there = stage();
      if (!is_there) { return tl::unexpected(is_there.error()); }
      if (!*is_there) { break; }
    }
    give_staged(out);
  }
  return given;
}

// Stages the decoder's next block. False: there is none yet.
Result<bool> ProgramOutput::stage() {
  const auto known = decoder_.begin();
  if (!known || !*known) { return known; }
  if (decoder_.format().kind != StreamKind::audio) {
    return failed("", fmt::format("{} outputs {}", spec_.from, to_string(decoder_.format().kind)), "",
                  "audio");
  }
  const auto has_block = decoder_.has_block();
  if (!has_block || !*has_block) { return has_block; }
  if (decoder_.frame_count() > staged_.max_frames()) {
    return failed("", fmt::format("{} returned a block of {} frames", spec_.from, decoder_.frame_count()), "",
                  fmt::format("blocks of at most {}, or a larger frame_size", staged_.max_frames()));
  }
  own_header_.reset();
  if (spec_.format == ByteFormat::framed) { own_header_ = decoder_.header(); }
  not_finite_ += decoder_.take(staged_);
  staged_used_ = 0;
  return true;
}

// The staged frames up to the next mark.
void ProgramOutput::give_staged(OutputPort& out) noexcept {
  std::uint32_t count = staged_.frame_count() - staged_used_;
  if (!own_header_) { count = timeline_.frames_together(count); }
  DataFrame& y = out.emit();
  y.set_frame_count(count);
  for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
    const double* from = staged_.channel_data(c) + staged_used_;
    std::copy(from, from + count, y.channel_data(c));
  }
  y.metadata().clear();
  y.set_header(own_header_ ? *own_header_ : timeline_.header());
  y.header().sequence_id = own_header_ ? own_header_->sequence_id : sequence_id_++;
  flag_bad_samples(y);
  flag_full_scale(y);
  staged_used_ += count;
  timeline_.add_output(count);
  delay_.came_back(timeline_.frames_back());
}

void ProgramOutput::flag_full_scale(DataFrame& y) noexcept {
  const auto& given = decoder_.format().channels;
  for (std::uint32_t c = 0; c < std::min<std::size_t>(y.channel_count(), given.size()); ++c) {
    const ChannelInfo& told = y.format().channels[c];
    if (told.unit != "FS" || given[c].clip_level >= told.clip_level) { continue; }
    const auto samples = std::as_const(y).channel(c);
    for (std::uint32_t n = 0; n < samples.size(); ++n) {
      const double size = std::abs(samples[n]);
      if (!(size >= given[c].clip_level && size < told.clip_level)) { continue; }
      y.flag_frames(FrameFlag::clipped, n, 1);
      ++full_scale_;
    }
  }
}

std::vector<NodeNote> ProgramOutput::notes(const std::string& program) const {
  std::vector<NodeNote> notes = decoder_.notes();
  if (not_finite_ > 0) {
    notes.push_back({fmt::format("samples of \"{}\" that are NaN or infinite: {}", program, not_finite_),
                     not_finite_, false});
  }
  if (full_scale_ > 0) {
    notes.push_back(
        {fmt::format("samples of \"{}\" that are full scale, of which its header told too late to count "
                     "them as clipped (with integers without a header in \"out_format\" they are): {}",
                     program, full_scale_),
         full_scale_, false});
  }
  if (delay_.blocks() > 0) {
    const std::uint64_t held = timeline_.most_held_frames();
    notes.push_back({fmt::format("\"{}\" held back up to {} frames; a block came back {:.1f} ms after it was "
                                 "written, {:.1f} ms at most",
                                 program, held, delay_.mean_ms(), delay_.most_ms()),
                     held, false});
  }
  return notes;
}

}  // namespace streamlab
