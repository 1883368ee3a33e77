// nodes/sound_file/wave_output.cpp
#include "nodes/sound_file/wave_output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr std::size_t kWriteBytes = 128 * 1024;
constexpr std::size_t kPageBytes = 4096;  // of a file, in the kernel's memory; larger ones are multiples
constexpr std::uint64_t kHoleBytes = 1024 * 1024;  // silence from here on becomes a hole

}  // namespace

WaveOutput::WaveOutput(OutputFile file, std::string path, const WaveShape& shape, const Updates& updates,
                       std::uint64_t riff_limit)
    : file_(std::move(file)),
      path_(std::move(path)),
      shape_(shape),
      updates_(updates),
      riff_limit_(riff_limit),
      frame_bytes_(shape.channels * bytes_per_sample(shape.format)),
      header_bytes_(wave_header(shape, 0, riff_limit).size()),
      buffer_(std::max<std::size_t>(kWriteBytes / frame_bytes_, 1) * frame_bytes_),
      from_(shape.channels),
      look_at_(updates.frames),
      updated_at_(updates.now()) {}

Result<std::unique_ptr<SampleOutput>> WaveOutput::create(OutputFile file, const std::string& path,
                                                         const WaveShape& shape, const Updates& updates,
                                                         std::uint64_t riff_limit) {
  std::unique_ptr<WaveOutput> output(new WaveOutput(std::move(file), path, shape, updates, riff_limit));
  if (auto header = output->put_header(); !header) {
    output->file_.set_ending(Ending::not_begun);
    return tl::unexpected(header.error());
  }
  return output;
}

Result<void> WaveOutput::write(const double* const planar[], std::size_t frames, EncodeCounts& counts) {
  std::copy_n(planar, from_.size(), from_.begin());
  while (frames > 0) {
    const std::size_t count = std::min(frames, capacity() - buffered_);
    counts += encode_interleaved(shape_.format, from_.data(), shape_.channels, count,
                                 buffer_.data() + buffered_ * frame_bytes_, NotFinite::keep);
    for (const double*& channel : from_) { channel += count; }
    buffered_ += count;
    frames -= count;
    if (buffered_ == capacity()) {
      if (auto updated = update(); !updated) { return updated; }
    }
  }
  return update_is_due() ? update() : Result<void>{};
}

Result<void> WaveOutput::write_silence(std::uint64_t frames) {
  if (frames * frame_bytes_ >= kHoleBytes) {
    if (auto flushed = flush(); !flushed) { return flushed; }
    if (!file_.resize(end_of_data() + frames * frame_bytes_)) { return give_up(errno); }
    frames_on_disk_ += frames;
    return update();
  }
  while (frames > 0) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frames, capacity() - buffered_));
    std::fill_n(buffer_.begin() + static_cast<std::ptrdiff_t>(buffered_ * frame_bytes_), count * frame_bytes_,
                std::byte{0});
    buffered_ += count;
    frames -= count;
    if (buffered_ == capacity()) {
      if (auto updated = update(); !updated) { return updated; }
    }
  }
  return update_is_due() ? update() : Result<void>{};
}

bool WaveOutput::update_is_due() {
  if (frames() < look_at_) { return false; }
  look_at_ = frames() + updates_.frames;
  return updates_.now() - updated_at_ >= updates_.pause;
}

Result<void> WaveOutput::update() {
  look_at_ = frames() + updates_.frames;
  updated_at_ = updates_.now();
  if (auto flushed = flush(); !flushed) { return flushed; }
  return frames_in_header_ == frames_on_disk_ ? Result<void>{} : put_header();
}

Result<void> WaveOutput::close() {
  auto updated = update();
  if (!updated) { file_.set_ending(Ending::cut_short); }
  auto closed = file_.close();
  return updated ? closed : updated;
}

std::size_t WaveOutput::capacity() const {
  const std::size_t most = buffer_.size() / frame_bytes_;
  const std::size_t beyond_page = (end_of_data() + most * frame_bytes_) % kPageBytes;
  return beyond_page % frame_bytes_ == 0 ? most - beyond_page / frame_bytes_ : most;
}

Result<void> WaveOutput::flush() {
  if (buffered_ == 0) { return {}; }
  const std::size_t bytes = buffered_ * frame_bytes_;
  const std::size_t written = file_.write_at(buffer_.data(), bytes, end_of_data());
  const int error_number = errno;
  frames_on_disk_ += written / frame_bytes_;
  buffered_ = 0;
  return written == bytes ? Result<void>{} : give_up(error_number);
}

// Padding first: the header must not count what is not there.
Result<void> WaveOutput::put_header() {
  constexpr std::byte kZeros[2] = {};
  const std::size_t padding = wave_padding(shape_, frames_on_disk_);
  if (file_.write_at(kZeros, padding, end_of_data()) != padding) { return give_up(errno); }
  const std::vector<std::byte> header = wave_header(shape_, frames_on_disk_, riff_limit_);
  if (file_.write_at(header.data(), header.size(), 0) != header.size()) {
    return failed(path_, fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  frames_in_header_ = frames_on_disk_;
  return {};
}

// Leaves a valid file of the frames that fitted: cuts off the unfinished one and counts the others in the
// header, which lies in a part of the file that exists.
Result<void> WaveOutput::give_up(int error_number) {
  std::string what =
      fmt::format("cannot be written beyond frame {}: {}", frames_on_disk_, std::strerror(error_number));
  const std::vector<std::byte> header = wave_header(shape_, frames_on_disk_, riff_limit_);
  const bool cut = file_.resize(end_of_data());
  if (file_.write_at(header.data(), header.size(), 0) != header.size() || !cut) {
    return failed(path_, what, {}, fmt::format("the first {} frames can be played", frames_in_header_));
  }
  frames_in_header_ = frames_on_disk_;
  return failed(path_, what, {}, "everything before that can be played");
}

}  // namespace streamlab
