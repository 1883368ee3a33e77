// tests/support/fault_card/card.cpp
#include "tests/support/fault_card/card.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <sstream>

namespace streamlab::fault_card {
namespace {

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> all = {
      {"xrun", Kind::xrun}, {"suspend", Kind::suspend}, {"unplug", Kind::unplug}, {"stall", Kind::stall},
      {"hang", Kind::hang}, {"block", Kind::block},     {"eio", Kind::eio},       {"storm", Kind::storm},
      {"busy", Kind::busy}, {"rate", Kind::rate},       {"ppm", Kind::ppm}};
  return all;
}

std::map<std::string, std::unique_ptr<Card>>& cards() {
  static std::map<std::string, std::unique_ptr<Card>> all;
  return all;
}

}  // namespace

std::int64_t Stream::card_frame(std::int64_t index) const {
  const auto after = std::find_if(segments.rbegin(), segments.rend(),
                                  [index](const Segment& segment) { return segment.index <= index; });
  return after == segments.rend() ? index : after->frame + (index - after->index);
}

bool Card::add_script(const std::string& text) {
  std::istringstream words(text);
  std::vector<Fault> added;
  for (std::string word; words >> word;) {
    const std::size_t colon = word.find(':');
    const std::size_t equals = word.find('=');
    if (colon == std::string::npos) { return false; }
    const auto kind =
        kinds().find(word.substr(colon + 1, equals == std::string::npos ? equals : equals - colon - 1));
    if (kind == kinds().end()) { return false; }
    const double argument = equals == std::string::npos ? 0.0 : std::atof(word.c_str() + equals + 1);
    added.push_back({std::atoll(word.c_str()), kind->second, argument});
  }
  script_.insert(script_.end(), added.begin(), added.end());
  std::stable_sort(script_.begin(), script_.end(),
                   [](const Fault& a, const Fault& b) { return a.at_frame < b.at_frame; });
  move(0);  // those due at once
  return true;
}

void Card::attach(Stream* stream) {
  streams.push_back(stream);
  ++opened;
  if (!storm_for_ever_) { storm_left = 0; }
}

void Card::detach(Stream* stream) { std::erase(streams, stream); }

void Card::start(Stream& stream) {
  stream.running = true;
  stream.trouble = Trouble::none;
  stream.moved = 0;
  stream.segments = {{0, std::max(frames, stalled_until_)}};
  if (storm_left > 0) {
    if (!storm_for_ever_) { --storm_left; }
    stream.running = false;
    stream.trouble = Trouble::xrun;
  }
}

void Card::pass_frames(std::int64_t count) {
  time_ns_ += static_cast<long double>((static_cast<double>(count) - phase_) * frame_ns());
  phase_ = 0.0;
  move(count);
}

void Card::pass_ns(double ns) {
  time_ns_ += static_cast<long double>(ns);
  phase_ += ns / frame_ns();
  const double whole = std::floor(phase_);
  phase_ -= whole;
  move(static_cast<std::int64_t>(whole));
}

void Card::follow(std::int64_t monotonic_ns) {
  if (time_ns_ <= 1e9L) { time_ns_ = static_cast<long double>(monotonic_ns); }
  // (A fault that took time by itself put the card ahead: it stands until the clock is there.)
  const long double ns = static_cast<long double>(monotonic_ns) - time_ns_;
  if (ns > 0.0L) { pass_ns(static_cast<double>(ns)); }
}

// Card time runs on by `count`, stopping at each fault of the script on the way.
void Card::move(std::int64_t count) {
  std::int64_t end = frames + count;
  for (;;) {
    const std::int64_t next = script_.empty() ? end : std::clamp(script_.front().at_frame, frames, end);
    const std::int64_t from = std::max(frames, std::min(stalled_until_, next));
    for (Stream* stream : streams) {
      if (!stream->running || stream->hung) { continue; }
      stream->moved += next - from;
    }
    frames = next;
    if (script_.empty() || script_.front().at_frame > frames) { break; }
    const Fault fault = script_.front();
    script_.erase(script_.begin());
    end += apply(fault);
  }
}

// Returns how many frames of card time the fault takes by itself.
std::int64_t Card::apply(const Fault& fault) {
  const auto count = static_cast<std::int64_t>(fault.argument);
  switch (fault.kind) {
    case Kind::xrun:
      for (Stream* stream : streams) {
        if (stream->running) { stream->trouble = Trouble::xrun; }
        stream->running = false;
      }
      time_ns_ += static_cast<long double>(fault.argument * frame_ns());
      return count;
    case Kind::suspend:
      for (Stream* stream : streams) {
        if (stream->running) { stream->trouble = Trouble::suspended; }
        stream->running = false;
        stream->resumes_left = static_cast<int>(count);
      }
      return 0;
    case Kind::unplug:
      gone_until_ = count > 0 ? frames + count : kForEver;
      absent_until_ = gone_until_;
      for (Stream* stream : streams) {
        stream->trouble = Trouble::unplugged;
        stream->running = false;
      }
      return 0;
    case Kind::stall:
      stalled_until_ = frames + count;
      for (Stream* stream : streams) { stream->segments.push_back({stream->moved, stalled_until_}); }
      return 0;
    case Kind::hang:
      absent_until_ = frames + count;
      for (Stream* stream : streams) { stream->hung = true; }
      return 0;
    case Kind::block:
      block_next = true;
      return 0;
    case Kind::eio:
      eio_left = static_cast<int>(count);
      return 0;
    case Kind::storm:
      storm_for_ever_ = count == 0;
      storm_left = storm_for_ever_ ? 1 : static_cast<int>(count) - 1;
      for (Stream* stream : streams) {
        if (stream->running) { stream->trouble = Trouble::xrun; }
        stream->running = false;
      }
      return 0;
    case Kind::busy:
      busy_left_ = static_cast<int>(count);
      return 0;
    case Kind::rate:
      only_rate = static_cast<unsigned>(count);
      return 0;
    case Kind::ppm:
      ppm_ = fault.argument;
      return 0;
  }
  return 0;
}

int Card::open_error() {
  if (busy_left_ > 0) {
    --busy_left_;
    return -EBUSY;
  }
  if (unplugged()) { return -ENODEV; }
  return frames < absent_until_ ? -ENOENT : 0;
}

bool Card::unplugged() const { return frames < gone_until_; }

Card& card_named(const std::string& name) {
  std::unique_ptr<Card>& card = cards()[name];
  if (!card) { card = std::make_unique<Card>(); }
  return *card;
}

void forget_cards() { cards().clear(); }

std::mutex& cards_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace streamlab::fault_card
