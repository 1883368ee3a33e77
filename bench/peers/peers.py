#!/usr/bin/env python3
# bench/peers/peers.py
#
# Runs our programs beside their peers and limits, and prints ratios. Started by `scripts/bench --peers`.
#
# What is compared stands in rows.py. Every way of a row runs once in each round, one after the other, the order
# turned by one from round to round: so all of them meet the same machine, however busy it is. A ratio is that of
# ours and one other way in the same round; its median and quartiles are shown. Figures of two runs say less.
import argparse
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import rows
from ways import Failed, Missing, TOP


def processor():
    model, vectors = "unknown processor", "no AVX2"
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
            if line.startswith("flags"):
                flags = line.split()
                vectors = "AVX-512" if "avx512dq" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{model}, {os.cpu_count()} cores, {vectors}"


def versions(names):
    found = {}
    for name in names:
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True)
        if asked.returncode == 0:
            found[name] = asked.stdout
    return found


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def measure(row, rounds, work):
    """Runs every way of `row` once a round. {way: [figure of each round]} and {way: why it is left out}."""
    figures, left_out = {}, {}
    for name, way in row.ways.items():
        try:
            way.prepare(work)
            way.figure(work)  # not counted: it fills caches
            figures[name] = []
        except Missing as why:
            left_out[name] = str(why)
    if "ours" not in figures:
        raise Failed(left_out["ours"])
    order = list(figures)
    for n in range(rounds):
        turn = n % len(order)
        for name in order[turn:] + order[:turn]:
            figures[name].append(row.ways[name].figure(work))
        if sys.stderr.isatty():
            print(f"\r{row.name}: round {n + 1} of {rounds}\033[K", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return figures, left_out


def ratios(row, figures, name):
    """Ours against `name`, round by round; above 1: ours is better."""
    pairs = zip(figures["ours"], figures[name])
    return [theirs / ours if row.less_is_better else ours / theirs for ours, theirs in pairs]


def result(row, figures, left_out):
    ways = {}
    for name, values in figures.items():
        low, middle, high = quartiles(values)
        ways[name] = {"what": row.ways[name].what, "median": middle, "quartiles": [low, high], "rounds": values}
        if name == "ours":
            continue
        low, middle, high = quartiles(ratios(row, figures, name))
        ways[name]["ratio"] = {"median": middle, "quartiles": [low, high]}
        if name in row.asked:
            floor, aim = row.asked[name]
            ways[name]["ratio"] |= {"floor": floor, "aim": aim, "holds": middle >= floor}
    return {"name": row.name, "what": row.what, "unit": row.unit, "less_is_better": row.less_is_better,
            "ways": ways, "left_out": left_out}


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(results):
    lines = ["| what | unit | ours | beside | theirs | ours / theirs: median (quartiles) | floor, aim |",
             "|---|---|---|---|---|---|---|"]
    for r in results:
        head = [r["what"], r["unit"], f"{shown(r['ways']['ours']['median'])}, {r['ways']['ours']['what']}"]
        for name, way in r["ways"].items():
            if name == "ours":
                continue
            ratio = way["ratio"]
            low, high = ratio["quartiles"]
            asked = f"{ratio['floor']:g}, {ratio['aim']:g}" if "floor" in ratio else ""
            median = f"{ratio['median']:.2f}" if ratio.get("holds", True) else f"**{ratio['median']:.2f}**"
            lines.append("| " + " | ".join(head + [f"{name}: {way['what']}", shown(way["median"]),
                                                   f"{median} ({low:.2f} … {high:.2f})", asked]) + " |")
            head = ["", "", ""]
        for name, why in r["left_out"].items():
            lines.append("| " + " | ".join(head + [f"{name}: left out, {why}", "", "", ""]) + " |")
            head = ["", "", ""]
    return "\n".join(lines)


def put_into_readme(text):
    path = os.path.join(TOP, "bench", "README.md")
    with open(path) as file:
        old = file.read()
    begin, end = "<!-- peers: begin -->", "<!-- peers: end -->"
    if begin not in old or end not in old:
        sys.exit(f"{path}: the marks {begin} and {end} are missing")
    new = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{text}\n{end}", old, flags=re.S)
    with open(path, "w") as file:
        file.write(new)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --peers",
                                     description="Our programs beside their peers and limits, in turns.")
    parser.add_argument("names", nargs="*", metavar="ROW", help="only rows whose name holds one of these")
    parser.add_argument("--rounds", type=int, default=9, help="how often each way runs (default: 9)")
    parser.add_argument("--readme", action="store_true", help="put the table into bench/README.md, too")
    parser.add_argument("--list", action="store_true", help="list the rows")
    asked = parser.parse_args()
    chosen = [row for row in rows.ROWS if not asked.names or any(name in row.name for name in asked.names)]
    if not chosen:
        parser.error(f"there is no row {' '.join(asked.names)}; --list shows them")
    if asked.rounds < 1:
        parser.error("--rounds: at least 1")
    if asked.list:
        for row in chosen:
            print(f"{row.name:18} {row.what}")
        return

    # Files in memory: else a disk would be measured.
    folder = os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir())
    work = tempfile.mkdtemp(prefix="streamlab_peers_", dir=folder)
    results, failed = [], False
    try:
        for row in chosen:
            try:
                results.append(result(row, *measure(row, asked.rounds, work)))
            except Failed as why:
                print(f"{row.name}: {why}", file=sys.stderr)
                failed = True
    finally:
        shutil.rmtree(work, ignore_errors=True)

    cpu, peers = processor(), versions(rows.PACKAGES)
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True)
    out = os.path.join(TOP, "build", "bench", "peers.json")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out, "w") as file:
        json.dump({"processor": cpu, "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                   "commit": commit.stdout.strip(), "load": os.getloadavg()[0], "files_in": folder,
                   "peers": peers, "rounds": asked.rounds, "rows": results}, file, indent=1)
        file.write("\n")
    text = (f"{cpu}; {asked.rounds} rounds in turns; files in {folder}; load average {os.getloadavg()[0]:.1f}. "
            f"Peers: {', '.join(f'{name} {version}' for name, version in peers.items())}.\n\n{table(results)}")
    print(text)
    print(f"written to {os.path.relpath(out, TOP)}", file=sys.stderr)
    if asked.readme and not failed:
        put_into_readme(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
