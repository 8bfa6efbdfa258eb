#!/usr/bin/env python3
"""Every file of a folder of hostile files, through the program without a screen: benches/hostile.py PROGRAM FOLDER [JOBS]

Each file is opened as a bundle (`check`), as a bundle's only source and artifact (`check` of a folder), compared with itself with one byte
changed (`compare`), and read as an attestation. Counted are ends by a signal or a panic, runs of more than 2 s, memory of more than
512 MiB, and bytes that a terminal would obey in what is printed. Path traversal and ambiguous archives must be refused, or flagged.
Exit code 1 when a count is not what it must be.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 1
OBEYED = set(range(0x20)) - {0x0A} | {0x7F}
# Of astral-sh/tokio-tar's test archives: those that every reader reads alike.
SOUND = {"7z_long_path.tar", "directory.tar", "file_times.tar", "pax.tar", "paxlongname.tar", "reading_files.tar", "simple.tar"}
SOUND |= {"simple_missing_last_header.tar", "spaces.tar", "xattrs.tar"}
HIDDEN = set(range(0x80, 0xA0)) | {0xAD, 0x61C, 0xFEFF} | set(range(0x200B, 0x2010)) | set(range(0x2028, 0x202F)) | set(range(0x2066, 0x206A))


def run(arguments):
    """Exit code, seconds, MiB, what was printed."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        child = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - start
        out.seek(0)
        return child.returncode, took, usage.ru_maxrss / 1024, out.read()


def one(path):
    results = []
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        state = ["--state", str(work / "state")]
        results.append(("check", run(["check", str(path), *state])))
        bundle = work / "bundle"
        for part in ("source", "shipped", "rebuilt"):
            (bundle / part).mkdir(parents=True)
        name = "x" + "".join(path.suffixes[-2:])
        shutil.copyfile(path, bundle / "source" / name)
        shutil.copyfile(path, bundle / "shipped" / name)
        data = bytearray(path.read_bytes())
        if data:
            data[len(data) // 2] ^= 1
        (bundle / "rebuilt" / name).write_bytes(data)
        results.append(("inside", run(["check", str(bundle), *state])))
        results.append(("compare", run(["compare", str(path), str(bundle / "rebuilt" / name)])))
        results.append(("attestation", run(["attestation", str(path), "--artifact", str(path), "--key", str(path)])))
    return path, results


def forbidden(text):
    return sum(b in OBEYED for b in text) + sum(ord(c) in HIDDEN for c in text.decode("utf-8", "replace"))


files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
count = {"runs": 0, "crashes": 0, "panics": 0, "over 2 s": 0, "over 512 MiB": 0, "forbidden bytes": 0}
worst = {"seconds": (0.0, ""), "MiB": (0.0, "")}
flagged = {"path-traversal": [0, 0], "tar-astral": [0, 0]}
with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
    for path, results in pool.map(one, files):
        for kind, (code, took, memory, text) in results:
            where = f"{kind} {path.relative_to(folder)}"
            count["runs"] += 1
            bad = {
                "crashes": code not in (0, 1, 2),
                "panics": b"could not be examined, the program failed" in text or b"panicked at" in text,
                "over 2 s": took > 2,
                "over 512 MiB": memory > 512,
                "forbidden bytes": forbidden(text),
            }
            for what, found in bad.items():
                count[what] += int(found)
                if found:
                    print(f"{what}: {where} (exit code {code}, {took:.2f} s, {memory:.0f} MiB)")
            worst["seconds"] = max(worst["seconds"], (took, where))
            worst["MiB"] = max(worst["MiB"], (memory, where))
        suite = path.relative_to(folder).parts[0]
        archive = path.suffix in (".tar", ".zip", ".cpio", ".a") and path.name not in SOUND
        if suite in flagged and archive:
            # Refused as a bundle, or opened with a defect of the archive or of a name in it that is not a note.
            code, _, _, text = run(["check", str(path), "--format", "json"])
            try:
                defects = [d["code"] for d in json.loads(text)["defects"] if d["severity"] != "note"]
            except ValueError:
                defects = []
            seen = code == 2 or any(d.startswith(("tar.", "bag.")) for d in defects)
            flagged[suite][1] += 1
            flagged[suite][0] += seen
            if not seen:
                print(f"neither refused nor flagged: {path.relative_to(folder)} (exit code {code}, {defects})")
print(json.dumps({"files": len(files), **count, "worst": worst, "refused or flagged": flagged}, indent=1))
sys.exit(any(count[k] for k in count if k != "runs") or any(a != b for a, b in flagged.values()))
