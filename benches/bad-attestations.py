#!/usr/bin/env python3
"""How long bad attestations take, and what is said of them: benches/bad-attestations.py PROGRAM

Makes a release of one artifact for each case that `tests/bad_attestations.rs` has as well, runs `check` on it alone and prints
the time on the wall and on the processor, how the chain stands and the answer that matters. Ends with 1 when a case takes a
second of the processor or more, when its answer is of another kind than it should be, or when it is taken as good.
Needs the Python package `cryptography`.
"""
import base64
import copy
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

KIND = "application/vnd.in-toto+json"
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(1, 66)]
DIGEST = hashlib.sha256(b"tool").hexdigest()
TWO_OF_ONE = """attestation_threshold = { builder = 2 }
allowed_signers = "signers"
[[people]]
name = "Ada"
roles = ["builder"]
principals = ["k0@x", "k1@x"]
[[people]]
name = "Bob"
roles = ["builder"]
principals = ["k2@x"]
"""


def b64(data):
    return base64.b64encode(data).decode()


def line(index, options=""):
    public = KEYS[index].public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"k{index}@x {options} {public}\n"


def envelope(statement, keys=(0,), kind=KIND):
    payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signatures = [{"keyid": "", "sig": b64(KEYS[k].sign(message))} for k in keys]
    return {"payloadType": kind, "payload": b64(payload), "signatures": signatures}


def cases():
    """Name, document, allowed signers, policy, the question that matters, and what its answer must say."""
    good = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "tool", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "t"}, "runDetails": {"builder": {"id": "https://b"}}},
    }
    one = line(0)

    def of(**changes):
        return {**copy.deepcopy(good), **changes}

    lie = envelope(good, kind="text/plain")
    lie["payloadType"] = KIND
    second = envelope(good, (0, 1))
    second["signatures"][1]["sig"] = b64(b"\7" * 64)
    only = copy.deepcopy(second)
    del only["signatures"][0]
    many = [{"name": f"f{i}", "digest": {"sha256": f"{i:064x}"}} for i in range(1, 100000)] + good["subject"]
    over = envelope(good, range(64))
    over["signatures"].append(over["signatures"][0])
    deep = b'{"_type":' + b"[" * (10 << 20)
    return [
        ("good", envelope(good), one, None, "signer", "among the reviewer"),
        ("wrong payloadType", envelope(good, kind="text/plain"), one, None, "signature", "the payload type is text/plain"),
        ("payloadType that is a lie", lie, one, None, "signature", "no key that is known here"),
        ("wrong predicateType", envelope(of(predicateType="https://example.org/x/v1")),
         one, None, "source", "not read by this version"),
        ("no subject", envelope(of(subject=[])), one, None, "subject", "names no subject"),
        ("weak digest", envelope(of(subject=[{"name": "tool", "digest": {"sha1": "0" * 40}}])),
         one, None, "subject", "no sha256 or sha512"),
        ("second signature bad", second, one + line(1), None, "signature", "1 of 2 signatures verify"),
        ("only the bad one", only, one + line(1), None, "signature", "no key that is known"),
        ("threshold by one person twice", envelope(good, (0, 1)),
         one + line(1) + line(2), TWO_OF_ONE, "signer", "1 of 2 signatures by different people"),
        ("expired", envelope(good), line(0, 'valid-before="20200101Z"'), None, "signer", "limited in time"),
        ("not yet valid", envelope(good), line(0, 'valid-after="20900101Z"'), None, "signer", "limited in time"),
        ("100,000 subjects", envelope(of(subject=many)), one, None, "subject", "99999 are not in the bundle"),
        ("100,001 subjects", envelope(of(subject=many + [many[0]])), one, None, "subject", "over the bound of 100000"),
        ("65 signatures", over, one, None, "signature", "over the bound of 64"),
        ("10 MB of nesting", b'{"payload":' + b"[" * (10 << 20), one, None, "signature", "nested deeper than 64"),
        ("10 MB of nesting, signed", envelope(deep), one, None, "subject", "nested deeper than 64"),
        ("a key twice", json.dumps(envelope(good)).replace('"payload":', '"payload":"","payload":', 1).encode(),
         one, None, "signature", "duplicate key"),
        ("two documents", (json.dumps(envelope(good)) * 2).encode(), one, None, "signature", "more text after the document"),
    ]


def run(program, folder, document, signers, policy, question):
    for name, content in (("shipped/tool", b"tool"), ("provenance/x.intoto.json", document)):
        path = os.path.join(folder, "release", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    trust = ["--signers", os.path.join(folder, "signers")]
    with open(trust[1], "w") as out:
        out.write(signers)
    if policy:
        trust = ["--policy", os.path.join(folder, "policy.toml")]
        with open(trust[1], "w") as out:
            out.write(policy)
    args = [program, "check", os.path.join(folder, "release"), "--format", "json", "--state", os.path.join(folder, "state"), *trust]
    start = time.monotonic()
    with open(os.path.join(folder, "out"), "w") as out:
        child = subprocess.Popen(args, stdout=out)
        _, _, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    report = json.load(open(os.path.join(folder, "out")))
    answer = next(a for a in report["attestations"][0]["answers"] if a["question"] == question)
    link = next(l["standing"] for l in report["chain"] if l["name"] == "shipped = subject")
    return took, usage.ru_utime + usage.ru_stime, link, answer


def main():
    program = os.path.abspath(sys.argv[1])
    failed = False
    for name, *case, says in cases():
        folder = tempfile.mkdtemp()
        try:
            wall, processor, link, answer = run(program, folder, *case)
        finally:
            shutil.rmtree(folder)
        # One bad signature beside a good one takes nothing from the good one.
        good = name in ("good", "second signature bad", "100,000 subjects")
        wrong = processor >= 1 or (link == "proven") != good or says not in answer["reason"]
        failed |= wrong
        mark = "!" if wrong else " "
        print(f"{mark} {name:30} {wall:5.2f} s {processor:5.2f} s  {link:8} {answer['outcome']:10} {answer['reason'][:100]}")
    sys.exit(failed)


main()
