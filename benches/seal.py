#!/usr/bin/env python3
"""What the seal and the second process cost: benches/seal.py [PROGRAM] [RUNS]

Prints, as medians: what the program itself measures for its seal (`seal --probe`), a comparison of two small files sealed and
not, and, on a terminal of 120 x 40, the time to the first frame of the demonstration, sealed and not (both are two processes).
Runs of the kinds alternate; "broker" is the seal where the kernel answers as one without Landlock. The program is target/release/countersign when not given; RUNS is 40.
"""

import ctypes
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


def without_landlock():
    """From now on landlock_create_ruleset (444) is not there (ENOSYS), for this process and what it starts."""
    # Load the number of the call; is it 444; answer an error; let it pass.
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    whole = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(whole), 0, 0):
        os._exit(3)


def before(level):
    return without_landlock if level == "broker" else None


def word(level):
    return "seccomp-only" if level == "broker" else level


def compare(level, files):
    start = time.perf_counter()
    subprocess.run([program, "compare", *files, "--seal", word(level)], stdout=subprocess.DEVNULL, check=False, preexec_fn=before(level))
    return time.perf_counter() - start


def first_frame(level, state):
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        if level == "broker":
            without_landlock()
        os.execv(program, [program, "demo", "--state", state, "--seal", word(level)])
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
    times = {"none": [], "full": [], "broker": []}
    for _ in range(runs):
        for level, list_of in times.items():
            list_of.append(measure(level))
    none, full, broker = (statistics.median(times[level]) * 1000 for level in ("none", "full", "broker"))
    print(f"{name}: unsealed {none:.2f} ms, sealed {full:.2f} ms ({full - none:+.2f}), by a broker {broker:.2f} ms ({broker - none:+.2f})")


with tempfile.TemporaryDirectory() as folder:
    files = [os.path.join(folder, name) for name in ("a", "b")]
    for file in files:
        with open(file, "w", encoding="ascii") as out:
            out.write("small\n")
    for level in ("full", "broker"):
        own = []
        for _ in range(runs):
            out = subprocess.run([program, "seal", "--probe", "--format", "json"], stdout=subprocess.PIPE, check=False, preexec_fn=before(level))
            report = json.loads(out.stdout)
            if report["seal"] != word(level) or report["letIn"]:
                sys.exit(f"{level}: the seal is {report['seal']}, and {report['letIn']} attempts were let in")
            own.append(report["microseconds"] / 1000)
        print(f"{word(level)}, by its own clock: {statistics.median(own):.2f} ms, worst {max(own):.2f} ms of {runs}")
    told("compare of two small files", lambda level: compare(level, files))
    count = iter(range(10**6))
    told("first frame of the demonstration", lambda level: first_frame(level, os.path.join(folder, f"state{next(count)}")))
