// engine/base/related_name.cpp
//
// What other programs call our parameters, keys, nodes and choices. A row lists their words, then our names
// that these may mean, likeliest first; which of them is valid depends on the context.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "engine/base/nearest_name.hpp"

namespace streamlab {
namespace {

struct Related {
  std::string_view words;  // letters and digits only, in lower case
  std::string_view names;
};

constexpr Related kRelated[] = {
    // Parameters
    {"encoding codec bitdepth bits dtype sampletype samplewidth", "subtype samples sample_format format"},
    {"format", "sample_format subtype out_format"},
    {"container filetype filetypename extension", "format"},
    {"level volume vol", "gain amplitude gain_db above_db"},
    {"leveldb volumedb voldb db dbfs decibel decibels", "gain_db above_db"},
    {"amplification factor scale multiplier attenuation", "gain gain_db"},
    {"amp peak", "amplitude"},
    {"gain boost cut trim", "gain_db gain amplitude"},
    {"cutoff cutofffrequency cutofffreq corner center centre centerfrequency freq f f0 fc hz pitch tone",
     "frequency"},
    {"quality resonance qfactor", "q"},
    {"rate samplerate fs sr samplingrate samplingfrequency", "sample_rate out_sample_rate"},
    {"buffersize blocksize chunksize framesize period periodsize framesperbuffer blocklength",
     "block_size frame_size size"},
    {"file filename filepath output outputfile inputfile input uri url destination dst source src out",
     "path to from"},
    {"delay delaytime time", "ms seconds frames"},
    {"duration length time", "duration_s seconds size_s size frames"},
    {"calibration sensitivity mic pascal spl", "pa_per_full_scale"},
    {"calibration volt volts", "v_per_full_scale"},
    {"start offset begin", "start_s"},
    {"end stop", "end_s"},
    {"repeat repeats loops", "loop"},
    {"nfft fft fftlength windowsize windowlength bins points", "fft_size size"},
    {"windowtype windowfunction", "window"},
    {"hopsize step stride", "hop overlap"},
    {"average avg smoothing", "averaging averages"},
    {"name text title prefix message caption", "id label names"},
    {"queuesize queue depth buffer buffers", "capacity edge_capacity"},
    {"filtertype filter shape response", "type"},
    {"cmd program exec executable args argv", "command"},
    {"script code", "run"},
    {"environment", "env"},
    {"workdir workingdirectory directory dir", "cwd"},
    {"threshold", "above_db bad_above"},
    {"expr condition formula equation", "expression"},
    {"gains weights coefficients", "matrix"},
    {"channel channelcount numchannels nchannels nch", "channels out_channels"},
    {"card interface soundcard hw", "device"},
    {"interval every period update updaterate refresh", "interval_s every"},
    {"phase offset", "phase_deg"},
    {"fade fadetime smoothing smooth ramp ramptime attack slew", "ramp_ms"},
    {"decay tau timeconstant", "time_constant_s"},
    {"stat statistic function func aggregate aggregation reduce method op", "operation method"},
    {"tolerance window", "tolerance_s"},
    {"channelnames labels mapping", "names channels"},
    {"force replace", "overwrite"},
    {"timeout", "timeout_s"},
    {"n count number", "count blocks frames"},
    // Keys of a graph and of a flow
    {"links wires edges", "connections"},
    {"steps blocks modules", "nodes"},
    {"params parameters options settings arguments properties", "config settings"},
    {"settings config pipeline options", "pipeline_config settings"},
    {"kind class node mode", "type"},
    {"source src", "from"},
    {"target dst destination sink", "to"},
    {"overflow onoverflow", "policy"},
    {"vars constants defaults", "variables"},
    // Types of nodes
    {"oscillator osc sine sinewave sin tone tonegenerator generator signalgenerator testtone",
     "SineGenerator"},
    {"volume amplifier amp amplify attenuator scale multiply trim fader", "Gain"},
    {"fft analyzer analyser spectrumanalyzer spectrumanalyser stft psd welch periodogram spectrogram",
     "Spectrum"},
    {"meter level rms vumeter vu levels levelmeter peak peakmeter ppm slm spl soundlevelmeter leq lufs loudness "
     "loudnessmeter ebur128 r128 crest",
     "LoudnessMeter Loudness LevelMeter"},
    {"wavsink wavwriter filewriter fileoutput soundfilesink recorder record writer wav filesave", "FileSink"},
    {"wavsource wavreader filereader fileinput player reader file soundfile audiofile wavfile", "FileSource"},
    {"microphone mic input capture soundin audioin linein alsa jack soundcard device adc", "AudioInput"},
    {"speaker speakers output playback soundout audioout lineout dac", "AudioOutput"},
    {"sum adder mix add downmix tomono matrix pan balance", "Mixer"},
    {"eq equalizer equaliser iir parametriceq peq filter filters", "Biquad"},
    {"lowpass highpass bandpass bandstop allpass notch peaking lowshelf highshelf butterworth crossover lpf hpf lp hp "
     "bpf lowcut highcut",
     "Biquad"},
    {"console logger log display stdout show", "Print"},
    {"delayline latency", "Delay"},
    {"select channels pick route router channelmap remap split", "ChannelSelect"},
    {"formula expression math calc compute", "Map"},
    {"threshold gate squelch trigger", "Filter"},
    {"trim cut head first limit", "Take"},
    {"average avg smooth statistics aggregate", "Reduce Conflate"},
    {"frame frames framer chunk chunks segment", "Window Batch"},
    {"concat combine join zip", "Merge Join"},
    {"program script shell exec command external subprocess python sox ffmpeg pipe", "Process"},
    {"stdin", "PipeSource"},
    {"stdout", "PipeSink"},
    {"csv csvwriter", "CsvSink"},
    {"json jsonsink jsonl jsonwriter", "JsonlSink"},
    {"null devnull discard sink dummy", "NullSink"},
    {"buffering queue fifo", "Buffer"},
    // Choices
    {"hanning", "hann"},
    {"rect boxcar none uniform", "rectangular"},
    {"lpf lp highcut", "lowpass"},
    {"hpf hp lowcut", "highpass"},
    {"bpf bp", "bandpass"},
    {"bell peak parametric eq peq", "peaking"},
    {"bandstop bandreject", "notch"},
    {"ls loshelf bass", "lowshelf"},
    {"hs hishelf treble", "highshelf"},
    {"butter butterworth", "butterworth_lowpass"},
    {"lr lr4 linkwitz linkwitzriley crossover", "linkwitz_riley_lowpass"},
    {"int16 s16 16 16bit pcms16le", "pcm_16 s16le S16_LE"},
    {"int24 s24 24 24bit pcms24le", "pcm_24 s24le S24_3LE"},
    {"int32 s32 32 32bit pcms32le", "pcm_32 s32le S32_LE"},
    {"float32 f32 single pcmf32le", "float f32le FLOAT_LE"},
    {"float64 f64 pcmf64le", "double f64le"},
    {"float", "f32le FLOAT_LE"},
    {"double", "f64le"},
    {"raw", "s16le f32le"},
    {"average avg", "mean"},
    {"maximum", "max"},
    {"minimum", "min"},
    {"newest", "latest drop_oldest"},
    {"drop overwrite", "drop_oldest"},
    {"wait", "block"},
    // Commands
    {"start exec execute play go launch process analyse analyze measure", "run"},
    {"validate lint verify test dryrun plan", "check"},
    {"rec capture arecord", "record"},
    {"probe inspect show stat soxi", "info"},
    {"cards soundcards device list", "devices"},
    {"node types list", "nodes"},
    {"dot picture draw visualize visualise viz", "graph"},
    {"diagnose diag health selftest", "doctor"},
    {"jsonschema", "schema"},
    {"many files foreach", "batch"},
    // Options
    {"output o out outputdir outputdirectory outdirectory", "out-dir out"},
    {"j threads parallel workers cores", "jobs"},
    {"var variable define param parameter", "set"},
    {"overwrite replace yes", "force"},
    {"silent", "quiet"},
    {"fs samplerate", "rate"},
    {"blocksize buffersize", "period"},
};

// "Cut-off" and "cut_off" as "cutoff".
std::string plain(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      text += static_cast<char>(c - 'A' + 'a');
    } else if (c != '_' && c != '-' && c != ' ') {
      text += c;
    }
  }
  return text;
}

// "gain_db" without its unit: "gain".
std::string_view without_unit(std::string_view name) {
  for (const std::string_view unit : {"_db", "_hz", "_s", "_ms", "_us", "_deg", "_frames", "_seconds"}) {
    if (name.size() > unit.size() && name.ends_with(unit)) {
      return name.substr(0, name.size() - unit.size());
    }
  }
  return name;
}

// Calls `take` with each word of `words`, until it returns something.
template <class Take>
std::string_view first_of(std::string_view words, Take take) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (const std::string_view found = take(word); !found.empty()) { return found; }
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return {};
}

// The rows that contain a word, in the order of the table.
const std::vector<std::string_view>& names_for(std::string_view word) {
  static const auto kRows = [] {
    std::unordered_map<std::string_view, std::vector<std::string_view>> rows;
    for (const Related& related : kRelated) {
      first_of(related.words, [&](std::string_view one) {
        rows[one].push_back(related.names);
        return std::string_view{};
      });
    }
    return rows;
  }();
  static const std::vector<std::string_view> kNone;
  const auto found = kRows.find(word);
  return found == kRows.end() ? kNone : found->second;
}

}  // namespace

std::string_view related_name(std::string_view name, std::span<const std::string_view> names) {
  const std::string stem = plain(without_unit(name));
  for (const std::string_view candidate : names) {
    if (plain(without_unit(candidate)) == stem) { return candidate; }
  }
  const auto valid = [&](std::string_view word) {
    const auto found = std::find(names.begin(), names.end(), word);
    return found == names.end() ? std::string_view{} : *found;
  };
  for (const std::string& word : {plain(name), stem}) {
    for (const std::string_view likely : names_for(word)) {
      if (const std::string_view found = first_of(likely, valid); !found.empty()) { return found; }
    }
  }
  return {};
}

}  // namespace streamlab
