#!/usr/bin/env python3
"""How soon a comparison ends after it is interrupted: benches/cancel.py PROGRAM FILE [RUNS]

Compares FILE with itself, changed by a few bytes (so that it is opened and looked into), sends SIGINT at a moment between
the start and the end, and prints how long the program took to be gone, in milliseconds: middle, 95th of 100, worst, and the
moments (in per cent of the whole) at which it took longer than 50 ms.
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
    child = subprocess.Popen([program, "compare", a, b], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if stop_after is None:
        child.wait()
        return time.monotonic() - start
    time.sleep(stop_after)
    if child.poll() is not None:
        return None
    sent = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.wait()
    return (time.monotonic() - sent) * 1000


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
            ms = run(program, file, other.name, at)
            if ms is not None:
                took.append((ms, at / whole))
    took.sort()
    pick = lambda share: took[min(len(took) - 1, int(len(took) * share))][0]
    print(f"{os.path.basename(file)}: {len(data) >> 20} MiB, {whole:.2f} s uninterrupted, {len(took)} interruptions")
    print(f"p50 {pick(0.5):.0f} ms, p95 {pick(0.95):.0f} ms, worst {took[-1][0]:.0f} ms")
    late = sorted(round(100 * at) for ms, at in took if ms > 50)
    print("over 50 ms at (% of the whole):", late if late else "never")


main()
