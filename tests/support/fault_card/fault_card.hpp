// tests/support/fault_card/fault_card.hpp
//
// The fault card: a sound card that exists only inside the process that opens it, through the real ALSA
// library (an external I/O plug-in, PCM type "slfault"), and that fails on command.
//
// Two clocks. `virtual` (default): time is a number; it stands still while the program works, and moves on,
// to the instant at which there are avail_min frames but a period at most, whenever the program polls a
// stream that has less. Hours pass in seconds, and a run is the same every time. `real`: CLOCK_MONOTONIC, for
// whole programs.
//
// Card time is counted in frames since the card was first made, and goes on whatever happens to the streams:
// through overruns, stalls, unplugging and closing. The frame captured at card time k carries k, see
// pattern_value(); so a reader knows to the frame what it lost. What is played is kept with the card time at
// which it would have come out of the connector.
//
// In asound.conf, all but `type` optional:
//   pcm_type.slfault { lib "…/libasound_module_pcm_slfault.so" }
//   pcm.NAME {
//     type slfault
//     card "0"                      streams of one card share time, faults and script
//     formats "S16_LE S32_LE"       default: all seven containers
//     rates "44100 48000"           default: 8000 to 768000
//     channels "2 32"               least and most; default 1 to 64
//     access "rw"                   or "mmap", "rw_noninterleaved", "mmap_noninterleaved", several; default
//     all periods "64 8192"             least and most frames in a period; default 16 to 16384 clock "real"
//     default "virtual" script "48000:xrun=100 96000:unplug=4800"
//   }
//
// A script is a list of FRAME:FAULT[=ARGUMENT], in card time:
//   xrun=N       N frames of card time pass, then -EPIPE
//   suspend=N    state SUSPENDED; the first N resumes change nothing, the next leaves XRUN (prepare needed)
//   unplug=N     -ENODEV, also on opening, until N frames of card time have passed; 0: forever
//   stall=N      nothing moves for N frames of card time, and no error is reported
//   hang         nothing moves until the streams are closed, no error, the state stays RUNNING; opening again
//                answers -ENOENT until N frames have passed, as ALSA's JACK plug-in does when the server died
//   block        the next transfer does not return until fault_card_release()
//   eio=N        the next N transfers answer -EIO
//   storm=N      N times -EPIPE in a row, each right after the restart; a restart by closing ends it. 0: for ever,
//                and nothing ends it
//   busy=N       the next N openings answer -EBUSY
//   rate=R       from here on the card takes no other rate than R
//   ppm=X        the card's clock is off by X from here on
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

// Symbols of the module, for the process that has it loaded; see fault_card_client.hpp. Any thread.

// Forgets every card: time 0, no script, no faults, nothing recorded. No stream may be open.
void sl_fault_card_reset();
// Adds to the script of `card`; false if `script` has an error. The PCM's own script is added when it is
// first opened after a reset.
bool sl_fault_card_script(const char* card, const char* script);
// Virtual monotonic time. 1 s at the start.
std::int64_t sl_fault_card_now_ns(const char* card);
// Lets virtual time pass, for a program that waits elsewhere than in poll().
void sl_fault_card_pass_ns(const char* card, std::int64_t ns);
// Card time in frames.
std::int64_t sl_fault_card_frames(const char* card);
// How often a stream was opened (successfully), and how many are open.
int sl_fault_card_opened(const char* card);
int sl_fault_card_open_streams(const char* card);
// Keeps what is played from here on (default: no).
void sl_fault_card_record(const char* card, bool on);
// Copies up to `room` frames recorded: the sample of `channel`, decoded to full scale 1.0, and its card time.
// Returns how many there are.
std::size_t sl_fault_card_played(const char* card, unsigned channel, std::size_t room, double* samples,
                                 std::int64_t* frames);
// Lets a transfer go that `block` holds, and all others held.
void sl_fault_card_release();
// Frames that a transfer held by `block` waits for; true while one is held.
bool sl_fault_card_blocked();
}
