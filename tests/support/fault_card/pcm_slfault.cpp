// tests/support/fault_card/pcm_slfault.cpp
//
// The fault card as an ALSA plug-in: see fault_card.hpp for what it does, card.hpp for its time and faults.
// This file only translates between ALSA's I/O plug-in interface and Card.
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>

#include "tests/support/fault_card/card.hpp"
#include "tests/support/fault_card/fault_card.hpp"
#include "tests/support/fault_card/pattern.hpp"

namespace streamlab::fault_card {
namespace {

using Lock = std::unique_lock<std::mutex>;

struct Options {
  std::string card = "0";
  std::string formats = "S16_LE S24_3LE S24_LE S32_LE FLOAT_LE FLOAT64_LE";
  std::string rates;
  std::string channels = "1 64";
  std::string access = "mmap rw rw_noninterleaved mmap_noninterleaved";
  std::string periods = "16 16384";
  std::string clock = "virtual";
  std::string script;
};

struct Pcm {
  snd_pcm_ioplug_t io{};
  Card* card = nullptr;
  Stream stream;
  bool real_clock = false;
  std::int64_t wake_at = 1;  // avail_min
};

// Those who are held by `block`.
std::condition_variable released;
int blocked_count = 0;
int release_count = 0;

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Pcm& pcm_of(snd_pcm_ioplug_t* io) { return *static_cast<Pcm*>(io->private_data); }

void arm(Pcm& pcm, bool on) {
  if (!pcm.real_clock) { return; }
  itimerspec every{};
  if (on) {
    const double half_period_ns = 0.5e9 * static_cast<double>(pcm.io.period_size) / pcm.io.rate;
    every.it_value.tv_nsec = every.it_interval.tv_nsec = static_cast<long>(std::fmin(half_period_ns, 50e6));
  }
  timerfd_settime(pcm.io.poll_fd, 0, &every, nullptr);
}

// Frames that the program may read or write.
std::int64_t available(const Pcm& pcm) {
  const auto application = static_cast<std::int64_t>(pcm.io.appl_ptr);
  return pcm.stream.capture ? pcm.stream.moved - application
                            : static_cast<std::int64_t>(pcm.io.buffer_size) + pcm.stream.moved - application;
}

int start(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  const Lock lock(cards_mutex());
  if (pcm.card->unplugged()) { return -ENODEV; }
  pcm.card->rate_hz = io->rate;
  if (pcm.real_clock) { pcm.card->follow(monotonic_ns()); }
  pcm.card->start(pcm.stream);
  arm(pcm, true);
  return 0;
}

int stop(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  const Lock lock(cards_mutex());
  pcm.stream.running = false;
  arm(pcm, false);
  return 0;
}

int prepare(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  const Lock lock(cards_mutex());
  if (pcm.card->unplugged()) { return -ENODEV; }
  pcm.stream.running = false;
  pcm.stream.trouble = Trouble::none;
  pcm.stream.moved = 0;
  return 0;
}

int sw_params(snd_pcm_ioplug_t* io, snd_pcm_sw_params_t* params) {
  snd_pcm_uframes_t avail_min = 1;
  snd_pcm_sw_params_get_avail_min(params, &avail_min);
  const Lock lock(cards_mutex());
  pcm_of(io).wake_at = static_cast<std::int64_t>(avail_min);
  return 0;
}

int resume(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  const Lock lock(cards_mutex());
  if (pcm.stream.resumes_left-- <= 0) {
    pcm.stream.trouble = Trouble::none;
    snd_pcm_ioplug_set_state(io, SND_PCM_STATE_XRUN);
  }
  return 0;
}

// The stream's own xrun: the buffer is full, or empty.
bool ran_over(const Pcm& pcm) {
  return pcm.stream.running && available(pcm) >= static_cast<std::int64_t>(pcm.io.buffer_size);
}

snd_pcm_sframes_t pointer(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  const Lock lock(cards_mutex());
  if (pcm.real_clock) { pcm.card->follow(monotonic_ns()); }
  if (ran_over(pcm)) {
    pcm.stream.trouble = Trouble::xrun;
    pcm.stream.running = false;
  }
  switch (pcm.stream.trouble) {
    case Trouble::none:
      break;
    case Trouble::xrun:
      return -EPIPE;
    // A negative answer would turn these states into XRUN.
    case Trouble::suspended:
      snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
      break;
    case Trouble::unplugged:
      snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
      break;
  }
  const std::int64_t moved = pcm.stream.trouble == Trouble::none ? pcm.stream.moved : 0;
  if (pcm.stream.trouble != Trouble::none) {
    return static_cast<snd_pcm_sframes_t>(io->hw_ptr % io->buffer_size);
  }
  return static_cast<snd_pcm_sframes_t>(moved % static_cast<std::int64_t>(io->buffer_size));
}

unsigned char* address(const snd_pcm_channel_area_t& area, snd_pcm_uframes_t frame) {
  return static_cast<unsigned char*>(area.addr) + (area.first + frame * area.step) / 8;
}

// Index in the stream of the frame that the program has at `offset` of its areas.
std::int64_t index_at(const snd_pcm_ioplug_t& io, snd_pcm_uframes_t offset) {
  const bool mapped =
      io.access == SND_PCM_ACCESS_MMAP_INTERLEAVED || io.access == SND_PCM_ACCESS_MMAP_NONINTERLEAVED;
  const snd_pcm_uframes_t ahead =
      mapped ? (offset + io.buffer_size - io.appl_ptr % io.buffer_size) % io.buffer_size : 0;
  return static_cast<std::int64_t>(io.appl_ptr + ahead);
}

snd_pcm_sframes_t transfer(snd_pcm_ioplug_t* io, const snd_pcm_channel_area_t* areas,
                           snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
  Pcm& pcm = pcm_of(io);
  Lock lock(cards_mutex());
  Card& card = *pcm.card;
  if (card.block_next) {
    card.block_next = false;
    ++blocked_count;
    const int ticket = release_count;
    released.wait(lock, [ticket] { return release_count != ticket; });
    --blocked_count;
  }
  if (card.eio_left > 0) {
    --card.eio_left;
    return -EIO;
  }
  if (pcm.stream.trouble == Trouble::unplugged) { return -ENODEV; }
  const std::int64_t first = index_at(*io, offset);
  const int bits = pattern_bits(io->format);
  for (snd_pcm_uframes_t n = 0; n < size; ++n) {
    const std::int64_t index = first + static_cast<std::int64_t>(n);
    if (pcm.stream.capture) {
      if (index >= pcm.stream.moved) { break; }  // not captured yet: the buffer keeps what it had
      const std::int64_t frame = pcm.stream.card_frame(index);
      for (unsigned c = 0; c < io->channels; ++c) {
        put_sample(io->format, pattern_value(frame, c, bits), address(areas[c], offset + n));
      }
    } else if (card.record) {
      PlayedFrame played{index, {}};
      for (unsigned c = 0; c < io->channels; ++c) {
        played.samples.push_back(get_sample(io->format, address(areas[c], offset + n)));
      }
      pcm.card->played.push_back(std::move(played));
      pcm.card->played.back().frame =
          pcm.stream.running ? pcm.stream.card_frame(index) : pcm.card->frames + index;
    }
  }
  return static_cast<snd_pcm_sframes_t>(size);
}

// Decides what the poll means; on the virtual clock, lets the time pass that the program waits.
int poll_revents(snd_pcm_ioplug_t* io, pollfd* descriptors, unsigned, unsigned short* events) {
  Pcm& pcm = pcm_of(io);
  Lock lock(cards_mutex());
  if (pcm.real_clock) {
    std::uint64_t expirations = 0;
    if ((descriptors[0].revents & POLLIN) != 0) {
      [[maybe_unused]] const ssize_t got = read(io->poll_fd, &expirations, sizeof expirations);
    }
    pcm.card->follow(monotonic_ns());
  } else if (pcm.stream.trouble == Trouble::none && !ran_over(pcm) && available(pcm) < pcm.wake_at) {
    pcm.card->pass_frames(std::min(pcm.wake_at - available(pcm), static_cast<std::int64_t>(io->period_size)));
  }
  *events = 0;
  if (pcm.stream.trouble != Trouble::none || ran_over(pcm)) {
    *events = POLLERR;
    lock.unlock();
    snd_pcm_avail_update(io->pcm);  // brings ALSA's state up to date, through pointer()
  } else if (available(pcm) >= pcm.wake_at) {
    *events = pcm.stream.capture ? POLLIN : POLLOUT;
  }
  return 0;
}

int close_pcm(snd_pcm_ioplug_t* io) {
  Pcm& pcm = pcm_of(io);
  {
    const Lock lock(cards_mutex());
    pcm.card->detach(&pcm.stream);
  }
  close(io->poll_fd);
  delete &pcm;
  return 0;
}

constexpr snd_pcm_ioplug_callback_t kCallbacks = [] {
  snd_pcm_ioplug_callback_t callbacks{};
  callbacks.start = start;
  callbacks.stop = stop;
  callbacks.pointer = pointer;
  callbacks.transfer = transfer;
  callbacks.close = close_pcm;
  callbacks.prepare = prepare;
  callbacks.resume = resume;
  callbacks.sw_params = sw_params;
  callbacks.poll_revents = poll_revents;
  return callbacks;
}();

template <class Parse>
std::vector<unsigned> numbers(const std::string& text, Parse parse) {
  std::istringstream words(text);
  std::vector<unsigned> all;
  for (std::string word; words >> word;) { all.push_back(parse(word)); }
  return all;
}

unsigned access_named(const std::string& name) {
  if (name == "rw") { return SND_PCM_ACCESS_RW_INTERLEAVED; }
  if (name == "rw_noninterleaved") { return SND_PCM_ACCESS_RW_NONINTERLEAVED; }
  return name == "mmap" ? SND_PCM_ACCESS_MMAP_INTERLEAVED : SND_PCM_ACCESS_MMAP_NONINTERLEAVED;
}

unsigned number_named(const std::string& text) {
  return static_cast<unsigned>(std::strtoul(text.c_str(), nullptr, 10));
}

int constrain(Pcm& pcm, const Options& options) {
  snd_pcm_ioplug_t* io = &pcm.io;
  const auto list = [io](int what, const std::vector<unsigned>& values) {
    return snd_pcm_ioplug_set_param_list(io, what, static_cast<unsigned>(values.size()), values.data());
  };
  const auto formats = numbers(options.formats, [](const std::string& name) {
    return static_cast<unsigned>(snd_pcm_format_value(name.c_str()));
  });
  unsigned widest = 0;
  unsigned narrowest = 64;
  for (const unsigned format : formats) {
    const auto bits =
        static_cast<unsigned>(snd_pcm_format_physical_width(static_cast<snd_pcm_format_t>(format)));
    widest = std::max(widest, bits / 8);
    narrowest = std::min(narrowest, bits / 8);
  }
  auto rates = numbers(options.rates, number_named);
  if (pcm.card->only_rate != 0) { rates = {pcm.card->only_rate}; }
  const auto channels = numbers(options.channels, number_named);
  const auto periods = numbers(options.periods, number_named);
  if (channels.empty() || periods.empty()) { return -EINVAL; }
  int error = list(SND_PCM_IOPLUG_HW_ACCESS, numbers(options.access, access_named));
  if (error >= 0) { error = list(SND_PCM_IOPLUG_HW_FORMAT, formats); }
  if (error >= 0) {
    error = rates.empty() ? snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, 8000, 768000)
                          : list(SND_PCM_IOPLUG_HW_RATE, rates);
  }
  const auto range = [io, &error](int what, unsigned least, unsigned most) {
    if (error >= 0) { error = snd_pcm_ioplug_set_param_minmax(io, what, least, most); }
  };
  range(SND_PCM_IOPLUG_HW_CHANNELS, channels.front(), channels.back());
  range(SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
  range(SND_PCM_IOPLUG_HW_PERIOD_BYTES, periods.front() * narrowest * channels.front(),
        periods.back() * widest * channels.back());
  range(SND_PCM_IOPLUG_HW_BUFFER_BYTES, 2 * periods.front() * narrowest * channels.front(),
        64 * periods.back() * widest * channels.back());
  return error;
}

int open_pcm(snd_pcm_t** handle, const char* name, snd_pcm_stream_t direction, int mode,
             const Options& options) {
  Lock lock(cards_mutex());
  Card& card = card_named(options.card);
  if (!card.script_read && !card.add_script(options.script)) {
    SNDERR("slfault: bad script \"%s\"", options.script.c_str());
    return -EINVAL;
  }
  card.script_read = true;
  if (options.clock == "real") { card.follow(monotonic_ns()); }  // also while no stream is open
  if (const int error = card.open_error(); error < 0) { return error; }
  auto pcm = std::make_unique<Pcm>();
  pcm->card = &card;
  pcm->stream.capture = direction == SND_PCM_STREAM_CAPTURE;
  pcm->real_clock = options.clock == "real";
  pcm->io.version = SND_PCM_IOPLUG_VERSION;
  pcm->io.name = "StreamLab fault card";
  pcm->io.callback = &kCallbacks;
  pcm->io.private_data = pcm.get();
  pcm->io.poll_events = POLLIN;
  // On the virtual clock every poll returns at once.
  pcm->io.poll_fd = pcm->real_clock ? timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
                                    : eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
  if (const int error = snd_pcm_ioplug_create(&pcm->io, name, direction, mode); error < 0) {
    close(pcm->io.poll_fd);
    return error;
  }
  card.attach(&pcm->stream);
  snd_pcm_ioplug_t* io = &pcm.release()->io;  // close_pcm() deletes it
  if (const int error = constrain(pcm_of(io), options); error < 0) {
    lock.unlock();
    snd_pcm_ioplug_delete(io);
    return error;
  }
  *handle = io->pcm;
  return 0;
}

}  // namespace
}  // namespace streamlab::fault_card

using namespace streamlab::fault_card;

extern "C" {

SND_PCM_PLUGIN_DEFINE_FUNC(slfault) {
  (void)root;
  Options options;
  const std::pair<const char*, std::string*> fields[] = {
      {"card", &options.card},         {"formats", &options.formats}, {"rates", &options.rates},
      {"channels", &options.channels}, {"access", &options.access},   {"periods", &options.periods},
      {"clock", &options.clock},       {"script", &options.script}};
  snd_config_iterator_t entry{};
  snd_config_iterator_t next{};
  snd_config_for_each(entry, next, conf) {
    const char* id = nullptr;
    if (snd_config_get_id(snd_config_iterator_entry(entry), &id) < 0) { continue; }
    const std::string key = id;
    if (key == "type" || key == "hint" || key == "comment") { continue; }
    const auto* field =
        std::find_if(std::begin(fields), std::end(fields), [&key](const auto& f) { return key == f.first; });
    char* text = nullptr;
    if (field == std::end(fields) || snd_config_get_ascii(snd_config_iterator_entry(entry), &text) < 0) {
      SNDERR("slfault: unknown field %s", id);
      return -EINVAL;
    }
    *field->second = text;
    std::free(text);
  }
  return open_pcm(pcmp, name, stream, mode, options);
}
SND_PCM_PLUGIN_SYMBOL(slfault)

void sl_fault_card_reset() {
  const Lock lock(cards_mutex());
  forget_cards();
}
bool sl_fault_card_script(const char* card, const char* script) {
  const Lock lock(cards_mutex());
  return card_named(card).add_script(script);
}
std::int64_t sl_fault_card_now_ns(const char* card) {
  const Lock lock(cards_mutex());
  return card_named(card).now_ns();
}
void sl_fault_card_pass_ns(const char* card, std::int64_t ns) {
  const Lock lock(cards_mutex());
  card_named(card).pass_ns(static_cast<double>(ns));
}
std::int64_t sl_fault_card_frames(const char* card) {
  const Lock lock(cards_mutex());
  return card_named(card).frames;
}
int sl_fault_card_opened(const char* card) {
  const Lock lock(cards_mutex());
  return card_named(card).opened;
}
int sl_fault_card_open_streams(const char* card) {
  const Lock lock(cards_mutex());
  return static_cast<int>(card_named(card).streams.size());
}
void sl_fault_card_record(const char* card, bool on) {
  const Lock lock(cards_mutex());
  card_named(card).record = on;
}
std::size_t sl_fault_card_played(const char* card, unsigned channel, std::size_t room, double* samples,
                                 std::int64_t* frames) {
  const Lock lock(cards_mutex());
  const std::vector<PlayedFrame>& played = card_named(card).played;
  for (std::size_t n = 0; n < std::min(room, played.size()); ++n) {
    samples[n] = played[n].samples[channel];
    frames[n] = played[n].frame;
  }
  return played.size();
}
void sl_fault_card_release() {
  const Lock lock(cards_mutex());
  ++release_count;
  released.notify_all();
}
bool sl_fault_card_blocked() {
  const Lock lock(cards_mutex());
  return blocked_count > 0;
}
}
