// hal/alsa/alsa_pcm.cpp
#include "hal/alsa/alsa_pcm.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace streamlab {

AlsaPcm::AlsaPcm(AlsaHandle handle, AlsaPcmSetup setup, bool capture)
    : handle_(std::move(handle)),
      setup_(std::move(setup)),
      capture_(capture),
      // Only a card's own PCM timestamps its pointer when it moves; elsewhere the stamp is the time of the
      // query.
      has_timestamps_(snd_pcm_type(handle_.get()) == SND_PCM_TYPE_HW),
      sample_bytes_(bytes_per_sample(setup_.format)),
      staging_(std::size_t{setup_.period_frames} * setup_.channel_count * sample_bytes_),
      channel_pointers_(setup_.channel_count) {}

int AlsaPcm::set_avail_min(std::uint32_t frames) noexcept {
  snd_pcm_sw_params_t* params = nullptr;
  snd_pcm_sw_params_alloca(&params);
  int error = snd_pcm_sw_params_current(handle_.get(), params);
  if (error >= 0) { error = snd_pcm_sw_params_set_avail_min(handle_.get(), params, frames); }
  return error < 0 ? error : snd_pcm_sw_params(handle_.get(), params);
}

std::size_t AlsaPcm::poll_count() const noexcept {
  return static_cast<std::size_t>(std::max(0, snd_pcm_poll_descriptors_count(handle_.get())));
}

void AlsaPcm::fill_poll(std::span<pollfd> descriptors) const noexcept {
  snd_pcm_poll_descriptors(handle_.get(), descriptors.data(), static_cast<unsigned>(descriptors.size()));
}

int AlsaPcm::poll_error(std::span<pollfd> descriptors) noexcept {
  unsigned short events = 0;
  const int error = snd_pcm_poll_descriptors_revents(handle_.get(), descriptors.data(),
                                                     static_cast<unsigned>(descriptors.size()), &events);
  if (error < 0) { return error; }
  switch (snd_pcm_state(handle_.get())) {
    case SND_PCM_STATE_XRUN:
      return -EPIPE;
    case SND_PCM_STATE_SUSPENDED:
      return -ESTRPIPE;
    case SND_PCM_STATE_DISCONNECTED:
      return -ENODEV;
    default:
      return (events & (POLLERR | POLLNVAL)) != 0 ? -EIO : 0;
  }
}

AlsaPcm::Progress AlsaPcm::progress() noexcept {
  const snd_pcm_sframes_t available = snd_pcm_avail_update(handle_.get());
  if (available < 0 || !has_timestamps_) { return {available, 0}; }
  snd_pcm_uframes_t stamped = 0;
  snd_htimestamp_t stamp{};
  if (snd_pcm_htimestamp(handle_.get(), &stamped, &stamp) < 0) { return {available, 0}; }
  return {static_cast<std::int64_t>(stamped), std::int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec};
}

// Calls copy(area bytes, staging bytes, byte count) for every contiguous piece of the mapped buffer, or reads
// or writes the staging buffer.
template <class Transfer>
int AlsaPcm::transfer(std::uint32_t frames, Transfer&& copy) noexcept {
  snd_pcm_t* pcm = handle_.get();
  if (!setup_.mapped()) {
    snd_pcm_sframes_t done = 0;
    if (setup_.interleaved()) {
      done = capture_ ? snd_pcm_readi(pcm, staging_.data(), frames)
                      : snd_pcm_writei(pcm, staging_.data(), frames);
    } else {
      for (std::uint32_t c = 0; c < setup_.channel_count; ++c) { channel_pointers_[c] = staged(c); }
      done = capture_ ? snd_pcm_readn(pcm, channel_pointers_.data(), frames)
                      : snd_pcm_writen(pcm, channel_pointers_.data(), frames);
    }
    if (done < 0) { return static_cast<int>(done); }
    return done == static_cast<snd_pcm_sframes_t>(frames) ? 0 : -EAGAIN;
  }
  if (!capture_) {  // a mapped buffer reports its room only when asked
    if (const snd_pcm_sframes_t room = snd_pcm_avail_update(pcm); room < 0) { return static_cast<int>(room); }
  }
  for (std::uint32_t done = 0; done < frames;) {
    const snd_pcm_channel_area_t* areas = nullptr;
    snd_pcm_uframes_t offset = 0;
    snd_pcm_uframes_t contiguous = frames - done;
    const int error = snd_pcm_mmap_begin(pcm, &areas, &offset, &contiguous);
    if (error < 0) { return error; }
    if (contiguous == 0) { return -EAGAIN; }
    const std::size_t pieces = setup_.interleaved() ? 1 : setup_.channel_count;
    const std::size_t frame_bytes =
        setup_.interleaved() ? sample_bytes_ * setup_.channel_count : sample_bytes_;
    for (std::uint32_t piece = 0; piece < pieces; ++piece) {
      std::byte* mapped =
          static_cast<std::byte*>(areas[piece].addr) + (areas[piece].first + offset * areas[piece].step) / 8;
      copy(mapped, staged(piece) + done * frame_bytes, contiguous * frame_bytes);
    }
    const snd_pcm_sframes_t committed = snd_pcm_mmap_commit(pcm, offset, contiguous);
    if (committed < 0) { return static_cast<int>(committed); }
    if (committed != static_cast<snd_pcm_sframes_t>(contiguous)) { return -EPIPE; }
    done += static_cast<std::uint32_t>(contiguous);
  }
  return 0;
}

int AlsaPcm::fetch(std::uint32_t frames) noexcept {
  return transfer(frames, [](const std::byte* mapped, std::byte* staging, std::size_t count) {
    std::memcpy(staging, mapped, count);
  });
}

int AlsaPcm::put(std::uint32_t frames) noexcept {
  return transfer(frames, [](std::byte* mapped, const std::byte* staging, std::size_t count) {
    std::memcpy(mapped, staging, count);
  });
}

// All formats are signed: silence is all zero bits.
int AlsaPcm::put_silence(std::uint32_t frames) noexcept {
  std::fill(staging_.begin(), staging_.end(), std::byte{0});
  for (std::uint32_t done = 0; done < frames;) {
    const std::uint32_t part = std::min(frames - done, setup_.period_frames);
    if (const int error = put(part); error < 0) { return error; }
    done += part;
  }
  return 0;
}

void AlsaPcm::decode(std::span<double* const> to, std::uint32_t frames) noexcept {
  if (setup_.interleaved()) {
    decode_interleaved(setup_.format, staging_.data(), setup_.channel_count, setup_.channels, frames,
                       to.data());
    return;
  }
  for (std::size_t k = 0; k < setup_.channels.size(); ++k) {
    decode_interleaved(setup_.format, staged(setup_.channels[k]), 1, frames, &to[k]);
  }
}

void AlsaPcm::encode(std::span<const double* const> from, std::uint32_t frames) noexcept {
  std::fill(staging_.begin(), staging_.end(), std::byte{0});
  if (setup_.interleaved()) {
    encode_interleaved(setup_.format, from.data(), setup_.channel_count, setup_.channels, frames,
                       staging_.data());
    return;
  }
  for (std::size_t k = 0; k < setup_.channels.size(); ++k) {
    encode_interleaved(setup_.format, &from[k], 1, frames, staged(setup_.channels[k]));
  }
}

}  // namespace streamlab
