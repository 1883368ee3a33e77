#!/usr/bin/env python3
# tests/documents/catalog_with.py
#
# catalog_with.py CATALOG DIFF: prints nodes/catalog.cpp with the lines that a document adds to it, each before the first
# line of its kind that comes after it in the alphabet.
import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
added = [line[1:] for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]
for line in added:
    before, name = re.fullmatch(r"\s*(.*)k(\w+)Entry[;,]", line).groups()
    later = [m for m in re.finditer(re.escape(before) + r"k(\w+)Entry", text) if m[1] > name]
    if not later:
        sys.exit(f"nothing comes after: {line}")
    text = text[: later[0].start()] + line.lstrip() + "\n" + text[later[0].start() :]
print(text, end="")
