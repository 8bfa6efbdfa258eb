#!/usr/bin/env python3
"""What the seal and the second process cost: benches/seal.py [PROGRAM] [RUNS]

Prints, as medians: what the program itself measures for its seal (`seal --probe`), a comparison of two small files sealed and
not, and, on a terminal of 120 x 40, the time to the first frame of the demonstration, sealed and not (both are two processes).
Runs of the two kinds alternate. The program is target/release/countersign when not given; RUNS is 40.
"""

import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/countersign")
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 40
if not os.access(program, os.X_OK):
    sys.exit(f"no program at {program}: cargo build --release first")


def compare(level, files):
    start = time.perf_counter()
    subprocess.run([program, "compare", *files, "--seal", level], stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def first_frame(level, state):
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(program, [program, "demo", "--state", state, "--seal", level])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    while b"countersign" not in seen:
        seen += os.read(terminal, 65536)
    took = time.perf_counter() - start
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(terminal)
    return took


def told(name, measure):
    times = {"none": [], "full": []}
    for _ in range(runs):
        for level, list_of in times.items():
            list_of.append(measure(level))
    none, full = (statistics.median(times[level]) * 1000 for level in ("none", "full"))
    print(f"{name}: unsealed {none:.2f} ms, sealed {full:.2f} ms, the seal {full - none:+.2f} ms")


with tempfile.TemporaryDirectory() as folder:
    files = [os.path.join(folder, name) for name in ("a", "b")]
    for file in files:
        with open(file, "w", encoding="ascii") as out:
            out.write("small\n")
    own = []
    for _ in range(runs):
        out = subprocess.run([program, "seal", "--probe", "--format", "json"], stdout=subprocess.PIPE, check=False).stdout
        own.append(json.loads(out)["microseconds"] / 1000)
    print(f"by its own clock: {statistics.median(own):.2f} ms, worst {max(own):.2f} ms of {runs}")
    told("compare of two small files", lambda level: compare(level, files))
    count = iter(range(10**6))
    told("first frame of the demonstration", lambda level: first_frame(level, os.path.join(folder, f"state{next(count)}")))
