#!/usr/bin/env python3
"""Time from a key to the first byte that it draws, on a terminal of 120 x 40.

benches/key-latency.py [PROGRAM] [BUNDLE] [KEYS]

Sends `j` and `k` by turns once the work behind the screen has ended. A key that draws nothing (the end of a list) is
counted apart and not as fast.
"""

import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from terminal import Terminal, fail, percentile

here = os.path.dirname(os.path.abspath(__file__))
program = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else "target/release/countersign")
bundle = os.path.realpath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, "../testdata/demo/release.tar"))
count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
if not os.access(program, os.X_OK):
    fail(f"no program at {program}: cargo build --release first")

with tempfile.TemporaryDirectory(prefix="countersign-bench-") as state:
    terminal = Terminal([program, "open", bundle, "--state", state])
    seen, seconds = terminal.read_until(b"countersign", 10)
    if seconds is None:
        terminal.close()
        fail(f"no frame within 10 s; it wrote: {seen[:300]!r}")
    if not terminal.quiet():
        terminal.close()
        fail("the screen did not come to rest within 60 s")
    times, silent = [], 0
    for i in range(count):
        start = time.perf_counter()
        terminal.write(b"jk"[i % 2 : i % 2 + 1])
        if terminal.read(1.0):
            times.append((time.perf_counter() - start) * 1000)
            terminal.quiet(0.02)
        elif terminal.ended():
            fail(f"the program ended after {i} keys")
        else:
            silent += 1
    terminal.close()

if not times:
    fail("no key drew anything")
print(f"key to first byte: {len(times)} keys, p50 {percentile(times, 50):.2f} ms, p95 {percentile(times, 95):.2f} ms, "
      f"most {max(times):.2f} ms" + (f"; {silent} keys drew nothing" if silent else ""))
