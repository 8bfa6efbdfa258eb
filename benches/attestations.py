#!/usr/bin/env python3
"""How long many attestations take: benches/attestations.py PROGRAM [COUNT...]

Makes bundles of COUNT artifacts and COUNT attestations (in-toto statements of ten subjects in DSSE envelopes, Ed25519), runs
`check` on them with the key among the allowed signers, and prints time and peak memory of each. Needs the Python package
`cryptography`.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def make(folder, count):
    key = Ed25519PrivateKey.generate()
    for name in ("shipped", "rebuilt", "provenance"):
        os.makedirs(os.path.join(folder, name))
    digests = []
    for i in range(count):
        content = f"artifact {i}\n".encode()
        digests.append(hashlib.sha256(content).hexdigest())
        for side in ("shipped", "rebuilt"):
            with open(os.path.join(folder, side, f"a{i}.bin"), "wb") as out:
                out.write(content)
    kind = "application/vnd.in-toto+json"
    with open(os.path.join(folder, "provenance", "all.intoto.jsonl"), "w") as out:
        for i in range(count):
            subject = [{"name": f"a{(i + k) % count}.bin", "digest": {"sha256": digests[(i + k) % count]}} for k in range(10)]
            statement = json.dumps({
                "_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": "https://slsa.dev/provenance/v1",
                "predicate": {"buildDefinition": {"buildType": "t", "resolvedDependencies": []}, "runDetails": {"builder": {"id": "https://b"}}},
            }).encode()
            pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(statement), statement)
            envelope = {"payloadType": kind, "payload": base64.b64encode(statement).decode(),
                        "signatures": [{"sig": base64.b64encode(key.sign(pae)).decode()}]}
            out.write(json.dumps(envelope) + "\n")
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with open(os.path.join(folder, "..", "signers"), "w") as out:
        out.write(f"builder@example {public}\n")


def main():
    program = os.path.abspath(sys.argv[1])
    for count in [int(n) for n in sys.argv[2:]] or [1000, 10000]:
        root = tempfile.mkdtemp()
        try:
            folder = os.path.join(root, "release")
            os.makedirs(folder)
            make(folder, count)
            args = [program, "check", folder, "--signers", os.path.join(root, "signers"), "--state", os.path.join(root, "state"),
                    "--format", os.environ.get("FORMAT", "json")]
            start = time.monotonic()
            with open(os.path.join(root, "out"), "w") as out:
                child = subprocess.Popen(args, stdout=out)
                _, _, usage = os.wait4(child.pid, 0)
            took = time.monotonic() - start
            report = json.load(open(os.path.join(root, "out")))
            said = next(c["why"] for c in report["checks"] if c["code"] == "provenance.signature")
            print(f"{count}: {took:.2f} s, {usage.ru_maxrss >> 10} MiB; {said}")
        finally:
            shutil.rmtree(root)


main()
