#!/usr/bin/env bash
# write_manual.sh PROGRAM FOLDER: the manual pages, packed as man reads them, and the completion of both shells.
set -euo pipefail
program=$1
folder=$2
mkdir -p "$folder"/{man1,man5,bash,zsh}
"$program" manual --to "$folder"
gzip -9n "$folder"/*.[15]
mv "$folder"/*.1.gz "$folder/man1"
mv "$folder"/*.5.gz "$folder/man5"
"$program" completion bash >"$folder/bash/streamlab"
"$program" completion zsh >"$folder/zsh/_streamlab"
