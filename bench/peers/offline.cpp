// bench/peers/offline.cpp
//
// A Faust architecture: runs the dsp as fast as it goes, in blocks of 1024 frames.
//
//   program IN OUT      from a sound file into a float32 WAV, by libsndfile, as Faust's own sndfile.cpp does
//   program SECONDS     of a dsp without inputs, at 48 kHz; what comes out is dropped
#include <sndfile.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "faust/dsp/dsp.h"
#include "faust/gui/UI.h"
#include "faust/gui/meta.h"

// Faust finds the next two by their letters, and what follows looks to clang-format like an expression.
// clang-format off
<<includeIntrinsic>>

<<includeclass>>

namespace {
const int kBlock = 1024;

struct Channels {
  explicit Channels(int count) : samples(count, std::vector<FAUSTFLOAT>(kBlock)) {
    for (int c = 0; c < count; ++c) { pointers.push_back(samples[c].data()); }
  }
  std::vector<std::vector<FAUSTFLOAT> > samples;
  std::vector<FAUSTFLOAT*> pointers;
};

volatile FAUSTFLOAT last;

int generate(mydsp & dsp, double seconds) {
  dsp.init(48000);
  Channels out(dsp.getNumOutputs());
  for (long left = static_cast<long>(seconds * 48000.0); left > 0; left -= kBlock) {
    dsp.compute(kBlock, NULL, out.pointers.data());
    last = out.samples[0][kBlock - 1];
  }
  return 0;
}

int filter(mydsp & dsp, const char* from, const char* into) {
  SF_INFO info = SF_INFO();
  SNDFILE* const source = sf_open(from, SFM_READ, &info);
  if (source == NULL || info.channels != dsp.getNumInputs() || info.channels != dsp.getNumOutputs()) {
    return 1;
  }
  info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  SNDFILE* const sink = sf_open(into, SFM_WRITE, &info);
  if (sink == NULL) { return 1; }
  dsp.init(info.samplerate);
  const int count = info.channels;
  Channels in(count);
  Channels out(count);
  std::vector<double> frames(kBlock * count);
  for (int got = 0; (got = static_cast<int>(sf_readf_double(source, frames.data(), kBlock))) > 0;) {
    for (int c = 0; c < count; ++c) {
      for (int n = 0; n < got; ++n) { in.samples[c][n] = frames[n * count + c]; }
    }
    dsp.compute(got, in.pointers.data(), out.pointers.data());
    for (int c = 0; c < count; ++c) {
      for (int n = 0; n < got; ++n) { frames[n * count + c] = out.samples[c][n]; }
    }
    if (sf_writef_double(sink, frames.data(), got) != got) { return 1; }
  }
  sf_close(source);
  return sf_close(sink);
}

}  // namespace

int main(int argc, char** argv) {
  mydsp dsp;
  if (argc == 3) { return filter(dsp, argv[1], argv[2]); }
  return argc == 2 ? generate(dsp, std::atof(argv[1])) : 2;
}
