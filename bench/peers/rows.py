# bench/peers/rows.py
#
# What is compared, one Row each. To add one, give it a name, a unit and its ways (ways.py), the first being "ours";
# `asked` holds floor and aim of the ratio to another way. A peer that is not installed is left out, and the table says
# so.
import math
import os
import struct

from ways import Bench, BUILD, Command, Failed, Missing, run

RATE_HZ = 48000
FILE_S = 120  # of the sound file
TONE_S = 600  # of the tone, which is written nowhere
PACKAGES = ["sox", "ffmpeg", "faust", "puredata-core", "csound", "libconcurrentqueue-dev", "coreutils"]
HERE = os.path.dirname(os.path.abspath(__file__))
STREAMLAB = os.path.join(BUILD, "bin", "streamlab")
# Frequency, Q and gain of ten peaking filters.
PEAKS = [(round(60.0 * 1.8 ** k, 3), 1.0, 3.0 if k % 2 == 0 else -3.0) for k in range(10)]


class Row:
    def __init__(self, name, what, unit, ways, asked=None, less_is_better=False):
        self.name, self.what, self.unit, self.ways = name, what, unit, ways
        self.asked, self.less_is_better = asked or {}, less_is_better


# --- files

def sound(work):
    """A stereo float32 WAV of FILE_S seconds, made once."""
    path = os.path.join(work, "in.wav")
    if not os.path.exists(path):
        second = b"".join(struct.pack("<ff", 0.5 * math.sin(0.0576 * n), 0.3 * math.sin(0.0900 * n))
                          for n in range(RATE_HZ))
        size = len(second) * FILE_S
        with open(path, "wb") as file:
            file.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 3, 2, RATE_HZ,
                                   8 * RATE_HZ, 8, 32, b"data", size))
            for _ in range(FILE_S):
                file.write(second)
    return path


def holds_all_frames(name):
    """The file `name` has as many bytes as the one that was read, but for its header."""
    def check(work):
        size, wanted = os.path.getsize(os.path.join(work, name)), os.path.getsize(sound(work))
        if abs(size - wanted) > 4096:
            raise Failed(f"{name} has {size} bytes; expected about {wanted}")
    return check


def graph(name, text):
    """Our program over a graph in JSON: its words, and what makes the graph. $DIR is the folder."""
    def make(work):
        with open(os.path.join(work, name + ".json"), "w") as file:
            file.write(text.replace("$DIR", work))
        sound(work)
    return (lambda work: [STREAMLAB, "run", "--force", "--quiet", os.path.join(work, name + ".json")]), make


def file_graph(name, *middle):
    nodes = ['{"id": "in", "type": "FileSource", "config": {"path": "$DIR/in.wav"}}', *middle,
             '{"id": "out", "type": "FileSink", "config": {"path": "$DIR/%s.wav", "subtype": "float"}}' % name]
    ids = ["in"] + ["eq"] * len(middle) + ["out"]
    links = ", ".join(f'{{"from": "{a}", "to": "{b}"}}' for a, b in zip(ids, ids[1:]))
    return f'{{"version": 1, "nodes": [{", ".join(nodes)}], "connections": [{links}]}}'


SECTIONS = ", ".join(f'{{"type": "peaking", "frequency": {f}, "q": {q}, "gain_db": {g}}}' for f, q, g in PEAKS)
BIQUAD = '{"id": "eq", "type": "Biquad", "config": {"sections": [' + SECTIONS + ']}}'
COPY, MAKE_COPY = graph("copy", file_graph("copy"))
EQ, MAKE_EQ = graph("eq", file_graph("eq", BIQUAD))


def sox(name, *effects):
    return lambda work: ["sox", "-V1", "-D", sound(work), "-e", "floating-point", "-b", "32",
                         os.path.join(work, name), *effects]


def ffmpeg(name, *filters):
    return lambda work: ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", sound(work), *filters,
                         "-c:a", "pcm_f32le", os.path.join(work, name)]


SOX_PEAKS = [word for f, q, g in PEAKS for word in ("equalizer", str(f), f"{q}q", str(g))]
FFMPEG_PEAKS = ["-af", ",".join(f"equalizer=f={f}:t=q:w={q}:g={g}:r=f64" for f, q, g in PEAKS)]


def faust(name, *words):
    """NAME.dsp by faust -double and g++ with the flags of faust2sndfile: its words, and what makes it."""
    def make(work):
        sound(work)
        program = os.path.join(work, "faust_" + name)
        if os.path.exists(program):
            return
        try:
            run(["faust", "-double", "-a", os.path.join(HERE, "offline.cpp"), os.path.join(HERE, name + ".dsp"),
                 "-o", program + ".cpp"])
        except FileNotFoundError:
            raise Missing("there is no faust") from None
        run(["g++", "-std=c++11", "-Ofast", "-march=native", program + ".cpp", "-lsndfile", "-o", program])
    return (lambda work: [os.path.join(work, "faust_" + name), *[w.replace("$DIR", work) for w in words]]), make


FAUST_EQ, MAKE_FAUST_EQ = faust("peaking", "$DIR/in.wav", "$DIR/faust.wav")
FAUST_TONE, MAKE_FAUST_TONE = faust("tone", str(TONE_S))


# --- tones

TONE, MAKE_TONE = graph(
    "tone", '{"version": 1, "pipeline_config": {"sample_rate": %d, "duration_s": %d}, "nodes": ['
            '{"id": "tone", "type": "SineGenerator", "config": {"frequency": 997, "amplitude": 0.5}}, '
            '{"id": "end", "type": "NullSink"}], "connections": [{"from": "tone", "to": "end"}]}' % (RATE_HZ, TONE_S))


def text_file(name, text):
    def make(work):
        with open(os.path.join(work, name), "w") as file:
            file.write(text)
    return make


CSOUND = f"""<CsoundSynthesizer>
<CsOptions>
-n -d -m0
</CsOptions>
<CsInstruments>
sr = {RATE_HZ}
ksmps = 64
nchnls = 1
0dbfs = 1
instr 1
  out poscil3(0.5, 997)
endin
</CsInstruments>
<CsScore>
i 1 0 {TONE_S}
</CsScore>
</CsoundSynthesizer>
"""
PUREDATA = f"""#N canvas 0 0 450 300 10;
#X obj 10 10 loadbang;
#X msg 10 40 \\; pd dsp 1;
#X obj 100 40 delay {1000 * TONE_S};
#X msg 100 70 \\; pd quit;
#X obj 10 100 osc~ 997;
#X obj 10 130 *~ 0.5;
#X connect 0 0 1 0;
#X connect 0 0 2 0;
#X connect 2 0 3 0;
#X connect 4 0 5 0;
"""


def benches(program, field, scale=1.0):
    return lambda what, name: Bench(what, program, name, field, scale)


copies = benches("file_copy_bench", "x_real_time")
queues = benches("mpsc_bench", "items_per_second", 1e-6)
streams = benches("process_stream_bench", "bytes_per_second", 2.0 ** -30)

ROWS = [
    Row("file_copy", "`FileSource → FileSink`, float32 stereo", "× real time", {
        "ours": copies("blocks of 1024", "source_to_sink/1024/real_time"),
        "limit": copies("read and write, 128 KiB", "raw/real_time"),
        "libsndfile": copies("by float64", "libsndfile/1024/real_time"),
    }, {"limit": (0.75, 0.9)}),
    Row("file_copy_program", "the same as programs, one core", "× real time", {
        "ours": Command("streamlab run", COPY, FILE_S, MAKE_COPY, holds_all_frames("copy.wav")),
        "limit": Command("`cp`", lambda work: ["cp", sound(work), os.path.join(work, "cp.wav")], FILE_S),
        "sox": Command("float32", sox("sox.wav"), FILE_S, sound, holds_all_frames("sox.wav")),
        "ffmpeg": Command("pcm_f32le", ffmpeg("ffmpeg.wav"), FILE_S, sound, holds_all_frames("ffmpeg.wav")),
    }),
    Row("biquads", "10 peaking biquads, file to file, one core", "× real time", {
        "ours": Command("streamlab run", EQ, FILE_S, MAKE_EQ, holds_all_frames("eq.wav")),
        "sox": Command("equalizer", sox("sox.wav", *SOX_PEAKS), FILE_S, sound, holds_all_frames("sox.wav")),
        "ffmpeg": Command("equalizer, float64", ffmpeg("ffmpeg.wav", *FFMPEG_PEAKS), FILE_S, sound,
                          holds_all_frames("ffmpeg.wav")),
        "faust": Command("double, libsndfile", FAUST_EQ, FILE_S, MAKE_FAUST_EQ, holds_all_frames("faust.wav")),
    }, {"faust": (2.5, 4.0)}),
    Row("sine", "a sine, written nowhere, one core", "× real time", {
        "ours": Command("streamlab run, exact to 1 ulp", TONE, TONE_S, MAKE_TONE),
        "csound": Command("poscil3", lambda work: ["csound", os.path.join(work, "tone.csd")], TONE_S,
                          text_file("tone.csd", CSOUND)),
        "puredata": Command("osc~, float32 table",
                            lambda work: ["pd", "-batch", "-nogui", "-r", str(RATE_HZ), "-open",
                                          os.path.join(work, "tone.pd")], TONE_S, text_file("tone.pd", PUREDATA)),
        "sox": Command("synth, 32 bits", lambda work: ["sox", "-V1", "-D", "-r", str(RATE_HZ), "-n", "-n", "synth",
                                                       str(TONE_S), "sine", "997", "vol", "0.5"], TONE_S),
        "faust": Command("double, os.osc", FAUST_TONE, TONE_S, MAKE_FAUST_TONE),
    }),
    Row("mpsc", "`mpsc`, 4 producers", "M values/s", {
        "ours": queues("one order, exact bound", "BM_Producers<Ours>/4/manual_time"),
        "moodycamel": queues("BlockingConcurrentQueue, no order, no bound", "BM_Producers<Moodycamel>/4/manual_time"),
    }, {"moodycamel": (0.7, 1.0)}),
    Row("broadcast", "broadcast to 4, pipes of 64 KiB", "GB/s to each", {
        "ours": streams("a channel", "Broadcast/4/read/64KiB/iterations:5/real_time"),
        "tee": streams("coreutils", "Tee/4/read/iterations:5/real_time"),
    }, {"tee": (5.0, 8.0)}),
]
