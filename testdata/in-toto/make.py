#!/usr/bin/env python3
"""Makes links that are signed with GnuPG and with certificates, for the tests of in-toto layouts: testdata/in-toto/make.py

Needs gpg (made with 2.2.40) and the Python modules securesystemslib (made with 1.6.0), which gives the form, and cryptography. The
keys are new in every run; the private ones are thrown away.
"""

import datetime
import json
import pathlib
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from securesystemslib._gpg import functions
from securesystemslib.formats import encode_canonical

here = pathlib.Path(__file__).parent
link = {
    "_type": "link",
    "byproducts": {"return-value": 0},
    "command": ["make", 'of "two" words \\ and é'],
    "environment": {},
    "materials": {"in/a.c": {"sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}},
    "name": "build",
    "products": {"out": {"sha256": "ea0890697a77af0a2e054cccec587c8a42feb5cf38e778c6c6e2a96bfb945c0b"}},
}

with tempfile.TemporaryDirectory() as home:
    gpg = ["gpg", "--homedir", home, "--quiet", "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]

    def run(*args: str) -> str:
        return subprocess.run([*gpg, *args], check=True, capture_output=True, text=True).stdout

    def fingerprints(user: str) -> list[str]:
        rows = run("--list-keys", "--with-colons", "--with-subkey-fingerprint", user).splitlines()
        return [row.split(":")[9] for row in rows if row.startswith("fpr")]

    keys = {}
    for name, kind in (("rsa", "rsa2048"), ("eddsa", "ed25519")):
        user = f"{name}@example.org"
        run("--quick-generate-key", user, kind, "sign", "never")
        if name == "rsa":
            run("--quick-add-key", fingerprints(user)[0], "rsa2048", "sign", "never")
        main, *sub = (f.lower() for f in fingerprints(user))
        keys[name] = functions.export_pubkey(main, homedir=home)
        # GnuPG signs with the newest subkey that can.
        content = encode_canonical(link).encode()
        signature = functions.create_signature(content, (sub or [main])[0], homedir=home)
        (here / f"build.{name}.link").write_text(json.dumps({"signatures": [signature], "signed": link}, indent=1, sort_keys=True) + "\n")
    (here / "keys.json").write_text(json.dumps(keys, indent=1, sort_keys=True) + "\n")
    (here / "keys.pgp").write_text(run("--armor", "--export"))


def certificate(name, key, issuer, issuer_key, authority, uri=None, days=36500):
    """A certificate for `key`, issued by `issuer` (its own name when None)."""
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "example"),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])
    start = datetime.datetime(2024, 1, 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if uri:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM).decode()


root_key, between_key, other_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
root = certificate("root", root_key, None, root_key, True)
other = certificate("root", other_key, None, other_key, True)
between = certificate("between", between_key, root, root_key, True)
leaf_key, below_key = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
uri = "spiffe://example.org/write"
leaf = certificate("write.example.org", leaf_key, between, between_key, False, uri)
# One that is no authority, and signs all the same.
issuing_key = ec.generate_private_key(ec.SECP256R1())
issuing = certificate("no-authority", issuing_key, root, root_key, False)
below = certificate("write.example.org", below_key, issuing, issuing_key, False, uri)
ended_key = ed25519.Ed25519PrivateKey.generate()
ended = certificate("write.example.org", ended_key, between, between_key, False, uri, days=1)
write = {"_type": "link", "byproducts": {}, "command": [], "environment": {}, "materials": {}, "name": "write",
         "products": {"src/a.c": {"sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}}}
for name, cert, key in (("good", leaf, leaf_key), ("below", below, below_key), ("ended", ended, ended_key), ("stolen", leaf, below_key)):
    signature = {"keyid": "", "sig": key.sign(encode_canonical(write).encode()).hex(), "cert": pem(cert)}
    (here / f"write.{name}.link").write_text(json.dumps({"signatures": [signature], "signed": write}, indent=1) + "\n")
all_certificates = {"root": pem(root), "other": pem(other), "between": pem(between), "issuing": pem(issuing)}
(here / "certificates.json").write_text(json.dumps(all_certificates, indent=1) + "\n")
