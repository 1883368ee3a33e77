// nodes/sound_file/sound_file_writer.cpp
#include "nodes/sound_file/sound_file_writer.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "nodes/sound_file/flac_output.hpp"
#include "nodes/sound_file/wave_output.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kMaxWaveChannels = 1024;  // more, libsndfile does not read
constexpr std::uint32_t kMaxFlacChannels = 8;
constexpr double kMaxWaveRateHz = std::numeric_limits<std::int32_t>::max();  // as above
// RFC 9639, section 9.1.2: a rate of 16 bits in Hz or in tens of Hz. libFLAC writes no other.
constexpr double kMaxFlacRateHz = 65535.0;

WaveShape shape_of(const SoundFileSpec& spec) {
  return {spec.container, spec.format, static_cast<std::uint32_t>(spec.sample_rate_hz),
          static_cast<std::uint16_t>(spec.channels)};
}

}  // namespace

std::optional<SoundContainer> container_of_path(std::string_view path) noexcept {
  constexpr std::pair<std::string_view, SoundContainer> kEndings[] = {{".wav", SoundContainer::wav},
                                                                      {".wave", SoundContainer::wav},
                                                                      {".rf64", SoundContainer::rf64},
                                                                      {".w64", SoundContainer::w64},
                                                                      {".flac", SoundContainer::flac}};
  const auto same_letter = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  for (const auto& [ending, container] : kEndings) {
    if (path.size() < ending.size()) { continue; }
    const std::string_view tail = path.substr(path.size() - ending.size());
    if (std::equal(tail.begin(), tail.end(), ending.begin(), same_letter)) { return container; }
  }
  return std::nullopt;
}

Result<void> check(const SoundFileSpec& spec) {
  const bool flac = spec.container == SoundContainer::flac;
  const std::string where(to_string(spec.container));
  const bool in_tens = flac && std::fmod(spec.sample_rate_hz, 10.0) == 0.0;
  const double max_rate_hz = flac ? kMaxFlacRateHz * (in_tens ? 10.0 : 1.0) : kMaxWaveRateHz;
  const std::uint32_t max_channels = flac ? kMaxFlacChannels : kMaxWaveChannels;
  if (!(spec.sample_rate_hz >= 1.0 && spec.sample_rate_hz <= max_rate_hz) ||
      spec.sample_rate_hz != std::floor(spec.sample_rate_hz)) {
    return refused(where, fmt::format("cannot hold a sample rate of {} Hz", spec.sample_rate_hz),
                   flac
                       ? fmt::format("a whole number of Hz, 1 .. {0:.0f}, or a multiple of 10 up to {0:.0f}0",
                                     kMaxFlacRateHz)
                       : fmt::format("a whole number of Hz, 1 .. {:.0f}", max_rate_hz));
  }
  if (spec.channels < 1 || spec.channels > max_channels) {
    return refused(where, fmt::format("cannot hold {} channels", spec.channels),
                   fmt::format("1 .. {}", max_channels));
  }
  const bool fits = flac
                        ? spec.format == SampleFormat::s16_le || spec.format == SampleFormat::s24_3le
                        : spec.format != SampleFormat::s24_le_low && spec.format != SampleFormat::s24_le_high;
  if (!fits) {
    return refused(where, fmt::format("cannot hold {} samples", to_string(spec.format)),
                   flac ? "16 or 24-bit PCM" : "16, 24 or 32-bit PCM, 32 or 64-bit float");
  }
  return {};
}

struct SoundFileWriter::Impl {
  std::unique_ptr<SampleOutput> output;
  EncodeCounts counts;
  Result<void> status;  // the first failure, repeated by every later call
  bool closed = false;

  Result<void> keep(Result<void> result) {
    if (!result) {
      status = result;
      output->file().set_ending(Ending::cut_short);
    }
    return result;
  }
};

SoundFileWriter::SoundFileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SoundFileWriter::SoundFileWriter(SoundFileWriter&&) noexcept = default;
SoundFileWriter& SoundFileWriter::operator=(SoundFileWriter&&) noexcept = default;
SoundFileWriter::~SoundFileWriter() {
  if (!impl_ || impl_->closed) { return; }
  set_ending(Ending::cut_short);  // close() is what makes a file complete
  static_cast<void>(close());
}

Result<SoundFileWriter> SoundFileWriter::create(const std::string& path, const SoundFileSpec& spec,
                                                Overwrite overwrite, Naming naming, std::uint64_t riff_limit,
                                                SteadyNow now) {
  if (auto checked = check(spec); !checked) { return tl::unexpected(checked.error()); }
  auto file = OutputFile::create(path, overwrite == Overwrite::yes, naming);
  if (!file) { return tl::unexpected(file.error()); }
  const auto update_frames = static_cast<std::uint64_t>(std::ceil(kUpdateSeconds * spec.sample_rate_hz));
  auto output = spec.container == SoundContainer::flac
                    ? create_flac_output(std::move(*file), path, shape_of(spec))
                    : WaveOutput::create(std::move(*file), path, shape_of(spec),
                                         {update_frames, kUpdatePause, now}, riff_limit);
  if (!output) { return tl::unexpected(output.error()); }
  auto impl = std::make_unique<Impl>();
  impl->output = std::move(*output);
  return SoundFileWriter(std::move(impl));
}

Result<void> SoundFileWriter::write(const double* const planar[], std::size_t frames) {
  if (!impl_->status) { return impl_->status; }
  return impl_->keep(impl_->output->write(planar, frames, impl_->counts));
}

Result<void> SoundFileWriter::write_silence(std::uint64_t frames) {
  if (!impl_->status) { return impl_->status; }
  return impl_->keep(impl_->output->write_silence(frames));
}

Result<void> SoundFileWriter::update() {
  if (!impl_->status) { return impl_->status; }
  return impl_->keep(impl_->output->update());
}

Result<void> SoundFileWriter::close() {
  if (std::exchange(impl_->closed, true)) { return impl_->status; }
  auto closed = impl_->output->close();
  return impl_->status ? impl_->keep(std::move(closed)) : impl_->status;
}

void SoundFileWriter::set_ending(Ending ending) {
  if (impl_->status) { impl_->output->file().set_ending(ending); }
}

const std::string& SoundFileWriter::left_beside() const { return impl_->output->file().left_beside(); }
std::uint64_t SoundFileWriter::frames() const { return impl_->output->frames(); }
const EncodeCounts& SoundFileWriter::counts() const { return impl_->counts; }

}  // namespace streamlab
