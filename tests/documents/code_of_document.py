#!/usr/bin/env python3
# tests/documents/code_of_document.py
#
# code_of_document.py DOCUMENT FOLDER: writes the files that a Markdown document shows, as somebody would type them.
# A block of code whose first line is a comment with a path begins that file; later blocks of its language go on
# with it. Blocks of text and diff, which have no path, become the files "text" and "diff".
import pathlib
import re
import sys


def blocks_of(document):
    """(language, lines) of each block between ``` lines."""
    language, lines = None, []
    for line in document.read_text(encoding="utf-8").splitlines():
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, lines = line[3:], []
        else:
            yield language, lines
            language = None


def files_of(document):
    files, newest = {}, {}
    for language, lines in blocks_of(document):
        path = re.fullmatch(r"(?://|#) ([\w./-]+\.\w+)", lines[0])
        if path:
            newest[language] = path[1]
        elif language in ("text", "diff"):
            newest.setdefault(language, language)
        if language in newest:
            files.setdefault(newest[language], []).extend(lines)
    return files


def main():
    document, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for name, lines in files_of(document).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
