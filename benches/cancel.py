#!/usr/bin/env python3
"""How soon a comparison ends after it is interrupted: benches/cancel.py PROGRAM FILE [RUNS]

Compares FILE with itself, changed by a few bytes (so that it is opened and looked into), sends SIGINT at a moment between
the start and the end, and prints how long the answer took ("STOPPED: ..."), and the program to be gone, in milliseconds: middle,
95th of 100, worst, and the moments (in per cent of the whole) at which the answer took longer than 50 ms. What lies between the
two is the system taking memory back: measured beside it for a process that holds twice the file and does nothing.
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def run(program, a, b, stop_after):
    start = time.monotonic()
    child = subprocess.Popen([program, "compare", a, b], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if stop_after is None:
        child.communicate()
        return time.monotonic() - start
    time.sleep(stop_after)
    if child.poll() is not None:
        return None
    sent = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.stdout.read(1)
    answered = time.monotonic()
    child.communicate()
    return (answered - sent) * 1000, (time.monotonic() - sent) * 1000


def system(size):
    """How long the system takes to end a process that holds so many bytes."""
    code = f"import os\nb = bytearray({size})\nfor i in range(0, {size}, 4096): b[i] = 1\nprint(flush=True)\nos._exit(0)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.read(1)
    start = time.monotonic()
    child.wait()
    return (time.monotonic() - start) * 1000


def main():
    program, file = sys.argv[1], sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    random.seed(7)
    data = bytearray(open(file, "rb").read())
    with tempfile.NamedTemporaryFile() as other:
        for _ in range(40):
            data[random.randrange(len(data))] ^= 1
        other.write(data)
        other.flush()
        whole = min(run(program, file, other.name, None) for _ in range(2))
        took = []
        for _ in range(runs):
            at = random.random() * whole * 0.95
            both = run(program, file, other.name, at)
            if both is not None:
                took.append((*both, at / whole))

    def told(n):
        ordered = sorted(t[n] for t in took)
        pick = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        return f"p50 {pick(0.5):.0f} ms, p95 {pick(0.95):.0f} ms, worst {ordered[-1]:.0f} ms"

    print(f"{os.path.basename(file)}: {len(data) >> 20} MiB, {whole:.2f} s uninterrupted, {len(took)} interruptions")
    print("answer:", told(0))
    print("gone:  ", told(1), f"(a process that holds {2 * len(data) >> 20} MiB: {min(system(2 * len(data)) for _ in range(3)):.0f} ms)")
    late = sorted(round(100 * at) for ms, _, at in took if ms > 50)
    print("over 50 ms at (% of the whole):", late if late else "never")


main()
