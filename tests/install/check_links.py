#!/usr/bin/env python3
# tests/install/check_links.py
#
# check_links.py FOLDER: every relative link of a Markdown document in FOLDER leads to a file that is there.
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
documents = sorted(folder.rglob("*.md"))
dead = []
for document in documents:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.S | re.M)
    text = re.sub(r"`[^`\n]*`(?!\])", "", text)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target = link.split("#")[0]
        if target and "://" not in target and not (document.parent / target).exists():
            dead.append(f"{document.relative_to(folder)}: {link}")
if len(documents) < 10 or folder / "README.md" not in documents:
    dead.append(f"only {len(documents)} documents")
print("\n".join(dead))
sys.exit(1 if dead else 0)
