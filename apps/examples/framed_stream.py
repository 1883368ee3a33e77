# apps/examples/framed_stream.py
#
# Framed streams (docs/framed-stream.md) in plain Python: what a program between two pipes of StreamLab needs.
#
#   python3 framed_stream.py info < in                  what is in it, and what was damaged or missing
#   python3 framed_stream.py gain 0.5 < in > out        every sample times 0.5 (f64le and f32le)
#   python3 framed_stream.py sine 440 2 > out           two seconds of a tone
import json
import math
import struct
import sys
import zlib

HEADER = struct.Struct("<8sHHI")         # mark, version, reserved, bytes of JSON; then the CRC-32 of these 16 bytes
BLOCK = struct.Struct("<4sIQqqQIII")     # mark, stream, id, position, time, gap, flags, frames, bytes of samples
SAMPLE_BYTES = {"f64le": 8, "f32le": 4, "s16le": 2, "s24le": 3, "s32le": 4}


def crc(data):
    return struct.pack("<I", zlib.crc32(data))


class Reader:
    """Gives ("header", JSON as bytes) and ("block", fields after the mark, samples as bytes), whatever lies between."""

    def __init__(self, file):
        self.file, self.held, self.stream = file, b"", None
        self.skipped = self.missed = 0
        self.expected = None

    def has(self, count):  # are so many bytes held, or still to come?
        while len(self.held) < count:
            more = self.file.read1(65536)
            if not more:
                return False
            self.held += more
        return True

    def record(self, fixed, length_at, limit):
        """What begins here: (bytes in all, fixed part, payload), or None if a checksum is wrong."""
        if not self.has(fixed.size + 4):
            return None
        head = self.held[:fixed.size]
        length = struct.unpack_from("<I", head, length_at)[0]
        total = fixed.size + 4 + length + 4
        if self.held[fixed.size:fixed.size + 4] != crc(head) or length > limit or not self.has(total):
            return None  # no length is believed before its checksum
        payload = self.held[fixed.size + 4:total - 4]
        return (total, fixed.unpack(head), payload) if self.held[total - 4:total] == crc(payload) else None

    def __iter__(self):
        while self.has(1):
            found = None
            if self.has(4) and self.held.startswith(b"SLFR"):
                found = self.record(BLOCK, 48, 1 << 26)
            elif self.has(8) and self.held.startswith(b"SLSTREAM"):
                found = self.record(HEADER, 12, 1 << 20)
            if not found:
                at = self.held.find(b"S", 1)  # nothing whole begins here: look at the next place
                at = len(self.held) if at < 0 else at
                self.skipped, self.held = self.skipped + at, self.held[at:]
                continue
            total, fields, payload = found
            self.held = self.held[total:]
            if fields[0] == b"SLSTREAM":
                if fields[1] != 1:
                    sys.exit(f"framed stream of version {fields[1]}; expected 1")
                if zlib.crc32(payload) != self.stream:
                    self.stream, self.expected = zlib.crc32(payload), None
                yield "header", payload
            elif fields[1] == self.stream:  # a block that comes before its header is nobody's
                self.missed += max(0, fields[2] - self.expected) if self.expected is not None else 0
                self.expected = fields[2] + 1
                yield "block", fields[1:], payload


def header_bytes(text):
    head = HEADER.pack(b"SLSTREAM", 1, 0, len(text))
    return head + crc(head) + text + crc(text)


def block_bytes(fields, samples):
    head = BLOCK.pack(b"SLFR", *fields)
    return head + crc(head) + samples + crc(samples)


def info(source):
    blocks = frames = 0
    reader = Reader(source)
    for item in reader:
        if item[0] == "header" and blocks == 0:
            print(item[1].decode())
        elif item[0] == "block":
            blocks, frames = blocks + 1, frames + item[1][6]
    print(f"blocks {blocks}, frames {frames}, skipped bytes {reader.skipped}, missed blocks {reader.missed}")


def gain(source, sink, factor):
    code = None
    for item in Reader(source):
        if item[0] == "header":
            code = {"f64le": "d", "f32le": "f"}.get(json.loads(item[1])["format"]) or sys.exit("f64le or f32le only")
            sink.write(header_bytes(item[1]))
        else:
            form = f"<{len(item[2]) // struct.calcsize(code)}{code}"
            samples = struct.pack(form, *(factor * x for x in struct.unpack(form, item[2])))
            sink.write(block_bytes(item[1], samples))
        sink.flush()  # now, not when the buffer is full: somebody may be listening


def sine(sink, frequency_hz, seconds, rate_hz=48000.0, size=1024):
    text = json.dumps({"kind": "audio", "format": "f64le", "sample_rate_hz": rate_hz, "max_frames": size,
                       "channels": [{"name": "main_channel", "unit": "FS"}]}, separators=(",", ":")).encode()
    for number, begin in enumerate(range(0, round(seconds * rate_hz), size)):
        count = min(size, round(seconds * rate_hz) - begin)
        samples = struct.pack(f"<{count}d", *(math.sin(2.0 * math.pi * frequency_hz * n / rate_hz)
                                              for n in range(begin, begin + count)))
        if number % 64 == 0:
            sink.write(header_bytes(text))
        time_us = round(begin * 1e6 / rate_hz)
        sink.write(block_bytes((zlib.crc32(text), number, begin, time_us, 0, 0, count, len(samples)), samples))


if __name__ == "__main__":
    try:
        command, numbers = sys.argv[1], [float(word) for word in sys.argv[2:]]
        {"info": lambda: info(sys.stdin.buffer, *numbers),
         "gain": lambda: gain(sys.stdin.buffer, sys.stdout.buffer, *numbers),
         "sine": lambda: sine(sys.stdout.buffer, *numbers)}[command]()
    except (IndexError, KeyError, TypeError, ValueError):
        sys.exit("usage: framed_stream.py info | gain FACTOR | sine HZ SECONDS")
