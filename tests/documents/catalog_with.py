#!/usr/bin/env python3
# tests/documents/catalog_with.py
#
# catalog_with.py CATALOG DIFF: prints the catalogue of a folder of nodes with the lines that a document adds to it, each
# before the first line of its kind that comes after it in the alphabet, or else behind the last.
import pathlib
import re
import sys

NODE = r"  NODE\((\w+)\) \\\n"
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
added = [line[1:] + "\n" for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]
for line in added:
    name = re.fullmatch(NODE, line)[1]
    nodes = list(re.finditer(NODE, text))
    at = next((m.start() for m in nodes if m[1] > name), nodes[-1].end())
    text = text[:at] + line + text[at:]
print(text, end="")
