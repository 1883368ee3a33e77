// tests/support/fault_card/card.hpp
//
// Card: the time, the script and the streams of one fault card, without ALSA. Not thread-safe by itself: the
// module calls it under cards_mutex().
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace streamlab::fault_card {

enum class Kind { xrun, suspend, unplug, stall, hang, block, eio, storm, busy, rate, ppm };

struct Fault {
  std::int64_t at_frame;
  Kind kind;
  double argument;
};

// What a stream has to tell ALSA at the next occasion.
enum class Trouble { none, xrun, suspended, unplugged };

// One open direction. Indexes count its frames since it was prepared.
struct Stream {
  bool capture = true;
  bool running = false;
  bool hung = false;
  Trouble trouble = Trouble::none;
  int resumes_left = 0;
  std::int64_t moved = 0;  // frames that went through the connector
  struct Segment {
    std::int64_t index;  // from this frame on …
    std::int64_t frame;  // … card time ran on from here
  };
  std::vector<Segment> segments;

  // Card time at which frame `index` goes through the connector.
  std::int64_t card_frame(std::int64_t index) const;
};

struct PlayedFrame {
  std::int64_t frame;
  std::vector<double> samples;
};

class Card {
 public:
  bool add_script(const std::string& text);

  void attach(Stream* stream);
  void detach(Stream* stream);
  void start(Stream& stream);

  // Lets card time run on to the instant at which `frames` more are complete.
  void pass_frames(std::int64_t frames);
  void pass_ns(double ns);
  // Real clock: lets time run on to `monotonic_ns`.
  void follow(std::int64_t monotonic_ns);

  // Whether opening works now: 0 or a negative error.
  int open_error();
  bool unplugged() const;

  std::int64_t now_ns() const { return static_cast<std::int64_t>(time_ns_); }

  double rate_hz = 48000.0;  // set by the stream that starts
  std::int64_t frames = 0;   // card time
  bool script_read = false;  // the PCM's own
  unsigned only_rate = 0;    // 0: any
  bool block_next = false;
  int eio_left = 0;
  int storm_left = 0;
  int opened = 0;
  bool record = false;
  std::vector<PlayedFrame> played;
  std::vector<Stream*> streams;

 private:
  double frame_ns() const { return 1e9 / (rate_hz * (1.0 + ppm_ * 1e-6)); }
  void move(std::int64_t count);
  std::int64_t apply(const Fault& fault);

  std::vector<Fault> script_;  // what is left, by time
  long double time_ns_ = 1e9L;
  double phase_ = 0.0;  // part of the frame under way, 0 .. 1
  double ppm_ = 0.0;
  int busy_left_ = 0;
  bool storm_for_ever_ = false;
  std::int64_t stalled_until_ = 0;
  std::int64_t gone_until_ = -1;    // unplugged before this card time
  std::int64_t absent_until_ = -1;  // cannot be opened before this card time
};

// The cards of this process by name; made when first asked for.
Card& card_named(const std::string& name);
void forget_cards();
std::mutex& cards_mutex();

}  // namespace streamlab::fault_card
