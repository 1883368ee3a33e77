// hal/sim/sim_file.cpp
#include "hal/sim/sim_file.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sndfile.h>
#include <unistd.h>

namespace streamlab {

namespace {

constexpr std::size_t kPartFrames = 1024;
constexpr const char* kEncoderFailed = "it cannot be written as WAV";  // not a system error

}  // namespace

SimFileReader::SimFileReader(SoundFileReader reader, std::string path)
    : reader_(std::move(reader)),
      path_(std::move(path)),
      planar_(reader_.info().channels, std::vector<double>(kPartFrames)) {
  for (std::vector<double>& channel : planar_) { channels_.push_back(channel.data()); }
}

Result<SimFileReader> SimFileReader::open(const std::string& path, const std::string& where) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return refused(where, fmt::format("there is no file \"{}\"", path));
  }
  if (!std::filesystem::is_regular_file(status)) {  // opening a FIFO would wait for its writer
    return refused(where,
                   fmt::format("\"{}\" is {}", path,
                               std::filesystem::is_directory(status) ? "a directory" : "not a regular file"),
                   "a sound file");
  }
  auto reader = SoundFileReader::open(path);
  if (!reader) {
    Error refusal = reader.error();
    refusal.where = where;
    refusal.what = fmt::format("\"{}\" {}", path, refusal.what);
    return tl::unexpected(std::move(refusal));
  }
  if (!reader->info().length_known) {
    return refused(where, fmt::format("\"{}\" does not state its length", path), {},
                   "FileSource can play it, and FileSource with FileSink can convert it");
  }
  if (reader->info().frames == 0) { return refused(where, fmt::format("\"{}\" holds no frames", path)); }
  return SimFileReader(std::move(*reader), path);
}

std::int64_t SimFileReader::read(std::int64_t frame, std::span<double> interleaved) noexcept {
  const auto first = static_cast<std::uint64_t>(frame);
  if (first != reader_.position() && !reader_.seek(first)) { return 0; }
  const std::size_t channels = channels_.size();
  const std::size_t wanted = interleaved.size() / channels;
  std::size_t done = 0;
  while (done < wanted) {
    const auto got = reader_.read(channels_.data(), std::min(wanted - done, kPartFrames));
    if (!got || got->frames == 0) { break; }
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t n = 0; n < got->frames; ++n) {
        interleaved[(done + n) * channels + c] = planar_[c][n];
      }
    }
    done += got->frames;
  }
  return static_cast<std::int64_t>(done);
}

void SimFileWriter::Close::operator()(sf_private_tag* file) const noexcept { sf_close(file); }

Result<void> SimFileWriter::check(const std::string& path, const std::string& where, double sample_rate_hz,
                                  Existing existing) {
  std::error_code error;
  if (existing == Existing::refuse && std::filesystem::exists(path, error)) {
    return refused(where, fmt::format("\"{}\" already exists", path), {},
                   "remove it, choose another file, or set \"overwrite\": true");
  }
  if (static_cast<double>(static_cast<int>(sample_rate_hz)) != sample_rate_hz) {
    return refused(where, fmt::format("a WAV file cannot have a rate of {} Hz", sample_rate_hz),
                   "a whole number of Hz");
  }
  auto checked = OutputFile::check(path);
  if (!checked) {
    Error said = checked.error();
    said.what = fmt::format("\"{}\" {}", path, said.what);
    said.where = where;
    return tl::unexpected(std::move(said));
  }
  return {};
}

Result<SimFileWriter> SimFileWriter::create(const std::string& path, const std::string& where,
                                            double sample_rate_hz, std::uint32_t channel_count,
                                            Existing existing) {
  if (auto checked = check(path, where, sample_rate_hz, existing); !checked) {
    return tl::unexpected(checked.error());
  }
  auto output = OutputFile::create(path, existing == Existing::overwrite);
  if (!output) {
    return tl::unexpected(
        Error{output.error().code, where, fmt::format("\"{}\" {}", path, output.error().what), "", ""});
  }
  SimFileWriter writer;
  writer.output_ = *std::move(output);
  SF_INFO info{};
  info.samplerate = static_cast<int>(sample_rate_hz);
  info.channels = static_cast<int>(channel_count);
  info.format = SF_FORMAT_RF64 | SF_FORMAT_DOUBLE;
  // A duplicate descriptor: libsndfile always closes the one it fails with.
  errno = 0;
  writer.file_.reset(sf_open_fd(dup(writer.output_->fd()), SFM_WRITE, &info, SF_TRUE));
  if (writer.file_ == nullptr) {
    writer.output_->set_ending(Ending::not_begun);
    return failed(where, fmt::format("\"{}\" cannot be written: {}", path,
                                     errno != 0 ? std::strerror(errno) : kEncoderFailed));
  }
  sf_command(writer.file_.get(), SFC_RF64_AUTO_DOWNGRADE, nullptr, SF_TRUE);  // plain WAV up to 4 GiB
  writer.path_ = path;
  writer.channel_count_ = channel_count;
  return writer;
}

bool SimFileWriter::write(std::span<const double> interleaved) noexcept {
  const auto frames = static_cast<sf_count_t>(interleaved.size() / channel_count_);
  errno = 0;
  const bool written = sf_writef_double(file_.get(), interleaved.data(), frames) == frames;
  if (!written) { error_number_ = errno; }
  return written;
}

bool SimFileWriter::close() noexcept {
  if (file_ == nullptr) { return true; }
  errno = 0;
  const bool completed = sf_close(file_.release()) == 0;
  if (!completed) { output_->set_ending(Ending::cut_short); }
  if (!completed && error_number_ == 0) { error_number_ = errno; }
  const auto closed = output_->close();
  if (!closed) { ending_ = closed.error().what; }
  return completed && closed;
}

Error SimFileWriter::failure() const {
  if (error_number_ == 0 && !ending_.empty()) { return {ErrorCode::failed, path_, ending_, "", ""}; }
  return {ErrorCode::failed, path_,
          fmt::format("cannot be written: {}",
                      error_number_ != 0 ? std::strerror(error_number_) : kEncoderFailed),
          "", ""};
}

}  // namespace streamlab
