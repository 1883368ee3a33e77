// hal/sim/sim_file.cpp
#include "hal/sim/sim_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sndfile.h>

namespace streamlab {

void SimFileReader::Close::operator()(sf_private_tag* file) const noexcept { sf_close(file); }

Result<SimFileReader> SimFileReader::open(const std::string& path, const std::string& where) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return refused(where, fmt::format("there is no file \"{}\"", path));
  }
  if (!std::filesystem::is_regular_file(status)) {  // opening a FIFO would wait for its writer
    return refused(where,
                   fmt::format("\"{}\" is {}", path,
                               std::filesystem::is_directory(status) ? "a directory" : "no regular file"),
                   "a sound file");
  }
  SimFileReader reader;
  SF_INFO info{};
  reader.file_.reset(sf_open(path.c_str(), SFM_READ, &info));
  if (reader.file_ == nullptr) {
    return refused(where, fmt::format("\"{}\" cannot be read: {}", path, sf_strerror(nullptr)),
                   "a sound file");
  }
  sf_command(reader.file_.get(), SFC_SET_NORM_DOUBLE, nullptr, SF_TRUE);
  reader.path_ = path;
  reader.sample_rate_hz_ = info.samplerate;
  reader.channel_count_ = static_cast<std::uint32_t>(info.channels);
  reader.frame_count_ = info.frames;
  if (info.frames <= 0) { return refused(where, fmt::format("\"{}\" holds no frames", path)); }
  return reader;
}

std::int64_t SimFileReader::read(std::int64_t frame, std::span<double> interleaved) noexcept {
  if (frame != next_frame_ && sf_seek(file_.get(), frame, SEEK_SET) != frame) { return 0; }
  const auto wanted = static_cast<sf_count_t>(interleaved.size() / channel_count_);
  const std::int64_t got = sf_readf_double(file_.get(), interleaved.data(), wanted);
  next_frame_ = frame + std::max<std::int64_t>(got, 0);
  return std::max<std::int64_t>(got, 0);
}

void SimFileWriter::Close::operator()(sf_private_tag* file) const noexcept { sf_close(file); }

Result<SimFileWriter> SimFileWriter::create(const std::string& path, const std::string& where,
                                            double sample_rate_hz, std::uint32_t channel_count,
                                            Existing existing) {
  std::error_code error;
  if (existing == Existing::refuse && std::filesystem::exists(path, error)) {
    return refused(where, fmt::format("\"{}\" exists already", path), {},
                   "remove it, name another file, or say \"overwrite\": true");
  }
  SimFileWriter writer;
  SF_INFO info{};
  info.samplerate = static_cast<int>(sample_rate_hz);
  if (static_cast<double>(info.samplerate) != sample_rate_hz) {
    return refused(where, fmt::format("a WAV file cannot have a rate of {} Hz", sample_rate_hz),
                   "a whole number of Hz");
  }
  info.channels = static_cast<int>(channel_count);
  info.format = SF_FORMAT_RF64 | SF_FORMAT_DOUBLE;
  errno = 0;
  writer.file_.reset(sf_open(path.c_str(), SFM_WRITE, &info));
  if (writer.file_ == nullptr) {
    return failed(where, fmt::format("\"{}\" cannot be written: {}", path,
                                     errno != 0 ? std::strerror(errno) : sf_strerror(nullptr)));
  }
  sf_command(writer.file_.get(), SFC_RF64_AUTO_DOWNGRADE, nullptr, SF_TRUE);  // plain WAV up to 4 GiB
  writer.path_ = path;
  writer.channel_count_ = channel_count;
  return writer;
}

bool SimFileWriter::write(std::span<const double> interleaved) noexcept {
  const auto frames = static_cast<sf_count_t>(interleaved.size() / channel_count_);
  return sf_writef_double(file_.get(), interleaved.data(), frames) == frames;
}

bool SimFileWriter::close() noexcept {
  if (file_ == nullptr) { return true; }
  return sf_close(file_.release()) == 0;
}

Error SimFileWriter::failure() const {
  return {ErrorCode::failed, path_, fmt::format("cannot be written: {}", sf_strerror(file_.get())), "",
          "is the disk full?"};
}

}  // namespace streamlab
