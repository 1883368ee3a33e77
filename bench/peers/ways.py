# bench/peers/ways.py
#
# Ways to do a row's work. Each has `what`, a few words for the table; prepare(work), which makes what it needs in
# the folder `work` or raises Missing; and figure(work), which runs it once and gives its figure.
import json
import os
import shutil
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", "release")


class Missing(Exception):
    """The peer is not installed: its way is left out."""


class Failed(Exception):
    """Something ran and failed: its figures would be worth nothing."""


def run(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **more)
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout


def one_core():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Command:
    """A program that handles `seconds` of sound, on one core; the figure is how many times real time it is.

    `argv(work)`: its words. `make(work)`: makes what it reads. `check(work)`: raises Failed when what it made is not
    what it should be.
    """

    def __init__(self, what, argv, seconds, make=None, check=None):
        self.what, self.argv, self.seconds, self.make, self.check = what, argv, seconds, make, check

    def prepare(self, work):
        if self.make is not None:
            self.make(work)
        program = self.argv(work)[0]
        if shutil.which(program) is None:
            raise Missing(f"there is no {os.path.basename(program)}")
        run(self.argv(work))
        if self.check is not None:
            self.check(work)

    def figure(self, work):
        argv = self.argv(work)
        begin = time.perf_counter()
        run(argv, preexec_fn=one_core)
        return self.seconds / (time.perf_counter() - begin)


class Bench:
    """One benchmark of a program of ours in build/release/bench; the figure is its field `field` times `scale`."""

    def __init__(self, what, program, name, field, scale=1.0):
        self.what, self.program, self.name = what, os.path.join(BUILD, "bench", program), name
        self.field, self.scale = field, scale

    def prepare(self, work):
        if not os.access(self.program, os.X_OK):
            raise Missing(f"there is no {os.path.relpath(self.program, TOP)}")
        # It ends with 0 though it finds nothing.
        listed = run([self.program, "--benchmark_list_tests", f"--benchmark_filter=^{self.name}$"])
        if self.name not in listed.split():
            raise Missing(f"{os.path.basename(self.program)} was built without it")

    def figure(self, work):
        out = os.path.join(work, "bench.json")
        run([self.program, f"--benchmark_filter=^{self.name}$", f"--benchmark_out={out}",
             "--benchmark_out_format=json"], env=os.environ | {"TMPDIR": work})
        with open(out) as file:
            runs = json.load(file)["benchmarks"]
        if len(runs) != 1 or self.field not in runs[0]:
            raise Failed(f"{self.program} gives no {self.field} for {self.name}")
        return runs[0][self.field] * self.scale
