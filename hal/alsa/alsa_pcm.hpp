// hal/alsa/alsa_pcm.hpp
//
// AlsaPcm: one direction of one ALSA PCM, opened and set up, with a staging buffer of one block between
// ALSA's bytes and float64.
//
// The transfer is in two halves on purpose: fetch() and put() call ALSA and touch nothing but this object, so
// a thread that hangs in them can be abandoned; decode() and encode() touch the client's buffers and never
// ALSA. Everything is non-blocking. Functions that return int give 0 or more, or ALSA's negative error.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <alsa/asoundlib.h>

#include "engine/base/error.hpp"
#include "engine/base/sample_format.hpp"

namespace streamlab {

// A request for one direction. Zero and empty mean: the device's default.
struct AlsaPcmRequest {
  std::string name;  // PCM name, without "alsa:"
  bool capture = true;
  double sample_rate_hz = 0.0;
  std::uint32_t period_frames = 0;
  std::uint32_t periods = 0;            // in the buffer
  std::vector<std::uint32_t> channels;  // 1-based
  std::string sample_format = "auto";
  std::string access = "auto";
};

// What was agreed.
struct AlsaPcmSetup {
  std::uint32_t rate_hz = 0;
  std::uint32_t period_frames = 0;
  std::uint32_t buffer_frames = 0;
  std::uint32_t channel_count = 0;      // of the PCM
  std::vector<std::uint32_t> channels;  // those in use, 0-based
  SampleFormat format = SampleFormat::s32_le;
  snd_pcm_access_t access = SND_PCM_ACCESS_RW_INTERLEAVED;

  bool mapped() const noexcept {
    return access == SND_PCM_ACCESS_MMAP_INTERLEAVED || access == SND_PCM_ACCESS_MMAP_NONINTERLEAVED;
  }
  bool interleaved() const noexcept {
    return access == SND_PCM_ACCESS_MMAP_INTERLEAVED || access == SND_PCM_ACCESS_RW_INTERLEAVED;
  }
};

struct AlsaClose {
  void operator()(snd_pcm_t* pcm) const noexcept { snd_pcm_close(pcm); }
};
using AlsaHandle = std::unique_ptr<snd_pcm_t, AlsaClose>;

class AlsaPcm {
 public:
  // Takes the handle prepared by set_up_alsa() (hal/alsa/alsa_setup.hpp).
  AlsaPcm(AlsaHandle handle, AlsaPcmSetup setup, bool capture);

  const AlsaPcmSetup& setup() const noexcept { return setup_; }
  snd_pcm_t* handle() const noexcept { return handle_.get(); }
  bool capture() const noexcept { return capture_; }

  int prepare() noexcept { return snd_pcm_prepare(handle_.get()); }
  int start() noexcept { return snd_pcm_start(handle_.get()); }
  void drop() noexcept { snd_pcm_drop(handle_.get()); }
  // Wakes the poller once this many frames can be read or written; one period after opening.
  int set_avail_min(std::uint32_t frames) noexcept;

  // Descriptors to poll; the caller polls and passes them to poll_error().
  std::size_t poll_count() const noexcept;
  void fill_poll(std::span<pollfd> descriptors) const noexcept;
  // After poll(): 0, or the error of the stream.
  int poll_error(std::span<pollfd> descriptors) noexcept;

  // Frames that can be read or written, and at what time (monotonic ns; 0 if ALSA does not know: use the
  // caller's clock).
  struct Progress {
    std::int64_t available;  // or ALSA's error
    std::int64_t monotonic_ns;
  };
  Progress progress() noexcept;

  // ALSA -> staging, `frames` <= period; fewer than requested is -EAGAIN, and cannot happen if progress()
  // reported them.
  int fetch(std::uint32_t frames) noexcept;
  // Staging -> one array per channel in use.
  void decode(std::span<double* const> to, std::uint32_t frames) noexcept;
  // One array per channel in use -> staging. Channels not in use are silent.
  void encode(std::span<const double* const> from, std::uint32_t frames) noexcept;
  // Staging -> ALSA.
  int put(std::uint32_t frames) noexcept;
  int put_silence(std::uint32_t frames) noexcept;

 private:
  std::byte* staged(std::uint32_t channel) noexcept {
    return staging_.data() + std::size_t{channel} * setup_.period_frames * sample_bytes_;
  }
  template <class Transfer>
  int transfer(std::uint32_t frames, Transfer&& copy) noexcept;

  AlsaHandle handle_;
  AlsaPcmSetup setup_;
  bool capture_;
  bool has_timestamps_;
  std::size_t sample_bytes_;
  // One block in ALSA's layout: interleaved, or channel after channel, a period apart.
  std::vector<std::byte> staging_;
  std::vector<void*> channel_pointers_;  // for non-interleaved reading and writing
};

}  // namespace streamlab
