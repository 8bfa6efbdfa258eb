#!/usr/bin/env bash
# Builds the demonstration release: release.tar, and beside it what the demo's reviewer brings.
# Needs bash, git, gcc, binutils, make, python3 with `cryptography`, ssh-keygen and GNU tar.
# The keys are made here and thrown away, so each run gives other signatures; with the same
# compiler everything else comes out the same.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=gateway-update-2.4.1
tag=v2.4.1
shipped_date='2026-03-02 09:14:07'
rebuilt_date='2026-03-05 16:40:31'
bag="$work/$name"
data="$bag/data"
mkdir -p "$data"/{source,shipped,rebuilt,debug,provenance,trust}

say() { printf '%s\n' "$*"; }
die() { printf 'make.sh: %s\n' "$*" >&2; exit 1; }

# --- Keys -------------------------------------------------------------------------------------
mkdir -m 700 "$work/keys"
for who in vendor builder; do
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/keys/$who"
done
vendor=release@gateway.example
builder=builder@gateway.example
signers() {
  printf '%s %s\n' "$vendor" "$(cut -d' ' -f1,2 "$work/keys/vendor.pub")"
  printf '%s %s\n' "$builder" "$(cut -d' ' -f1,2 "$work/keys/builder.pub")"
}

# --- Source: three commits and a signed tag ---------------------------------------------------
repo="$work/repo"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q --initial-branch=main "$repo"
git -C "$repo" config user.name 'I. Varga'
git -C "$repo" config user.email "$vendor"
commit() { # date, message
  git -C "$repo" add -A
  GIT_AUTHOR_DATE="$1" GIT_COMMITTER_DATE="$1" git -C "$repo" commit -q -m "$2"
}
mkdir -p "$repo/src" "$repo/include"
printf '*.o\n*.debug\n/update-agent\n/showconf\n' > "$repo/.gitignore"
cp "$here"/src/README.md "$repo/"
cp "$here"/src/include/* "$repo/include/"
cp "$here"/src/src/{sha256,verify}.c "$repo/src/"
commit '2026-01-19T10:02:11Z' 'Verify an image under the device key'
cp "$here"/src/src/{install,settings,main}.c "$repo/src/"
cp "$here"/src/Makefile "$repo/"
sed -i -e '/^showconf:/,/^$/d' -e '/^SHOWCONF/d' -e 's/^all: update-agent showconf/all: update-agent/' "$repo/Makefile"
commit '2026-02-11T14:37:45Z' 'Install into the inactive slot'
cp "$here"/src/Makefile "$repo/"
cp "$here"/src/src/showconf.c "$repo/src/"
commit '2026-02-27T08:55:30Z' 'Add showconf and release 2.4.1'
diff -r --exclude=.git --exclude=.gitignore "$here/src" "$repo" || die 'the last commit is not testdata/demo/src'
GIT_COMMITTER_DATE='2026-02-27T09:01:00Z' git -C "$repo" \
  -c gpg.format=ssh -c user.signingkey="$work/keys/vendor" tag -s -m 'gateway-update 2.4.1' "$tag"
head=$(git -C "$repo" rev-parse HEAD)
git -C "$repo" -c pack.threads=1 bundle create -q "$data/source/gateway-update.bundle" main "$tag"
git -C "$repo" bundle verify -q "$data/source/gateway-update.bundle" 2> /dev/null

# --- Two builds of that commit, in two places, on two days ------------------------------------
build() { # date, folder
  git clone -q --branch "$tag" -c advice.detachedHead=false "$repo" "$work/build-$2/gateway-update"
  make -s -C "$work/build-$2/gateway-update" CC=gcc COMMIT="$head" DATE="$1"
}
build "$shipped_date" shipped
build "$rebuilt_date" rebuilt
for side in shipped rebuilt; do
  cp "$work/build-$side/gateway-update/"{update-agent,showconf} "$data/$side/"
done
cmp -s "$data/shipped/showconf" "$data/rebuilt/showconf" || die 'showconf is not reproducible'
debug="$work/build-rebuilt/gateway-update/update-agent.debug"
cmp -s "$debug" "$work/build-shipped/gateway-update/update-agent.debug" || die 'the debug files differ'
cp "$debug" "$data/debug/update-agent.debug"

# --- The planted change: verify_image no longer minds a wrong tag -----------------------------
python3 - "$data/shipped/update-agent" "$debug" "$work/planted" <<'PY'
import re, subprocess, sys

target, debug, report = sys.argv[1:]
run = lambda *a: subprocess.run(a, check=True, capture_output=True, text=True).stdout

symbols = [l.split() for l in run("nm", "-S", debug).splitlines()]
start, size = next((int(f[0], 16), int(f[1], 16)) for f in symbols if f[-1] == "verify_image")
compare = next(int(f[0], 16) for f in symbols if f[-1] == "equal_constant_time")
rows = []
listing = run("objdump", "-d", f"--start-address={start}", f"--stop-address={start + size}", target)
for line in listing.splitlines():
    m = re.match(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(.*)", line)
    if m:
        rows.append((int(m[1], 16), bytes.fromhex(m[2]), m[3].strip()))
call = next(i for i, r in enumerate(rows) if r[2].startswith("call") and int(r[2].split()[1], 16) == compare)
test = next(i for i in range(call, call + 5) if rows[i][2].startswith("test"))
address, old, text = rows[test + 1]
# A short `je` to the failure becomes a two-byte no-op; a short `jne` past it becomes `jmp`.
new = {0x74: b"\x66\x90", 0x75: b"\xeb" + old[1:2]}.get(old[0])
if len(old) != 2 or new is None:
    sys.exit(f"make.sh: no short conditional jump after the comparison: {text}")

offset = None
for line in run("readelf", "-lW", target).splitlines():
    f = line.split()
    if f[:1] == ["LOAD"] and int(f[2], 16) <= address < int(f[2], 16) + int(f[4], 16):
        offset = address - int(f[2], 16) + int(f[1], 16)
content = bytearray(open(target, "rb").read())
assert content[offset:offset + 2] == old
content[offset:offset + 2] = new
open(target, "wb").write(content)
place = run("addr2line", "-e", debug, f"{address:#x}").split("/./")[-1].strip()
date = content.find(b"2026-03-02 09:14:07")
after = {b"\x66\x90": "nop"}.get(new, "jmp")
open(report, "w").write(
    f"planted: verify_image at 0x{address:x} (file offset 0x{offset:x}), {place}: "
    f"shipped {new.hex(' ')} ({after}), rebuilt {old.hex(' ')} ({text.split()[0]})\n"
    f"benign: build date at file offset 0x{date:x}\n")
PY
cat "$work/planted"

# What is planted must matter: the shipped agent installs an image with a wrong tag, the rebuilt one refuses it.
head -c 32 /dev/zero > "$work/device.key"
python3 - "$work/forged.img" <<'PY'
import struct, sys
payload = b"not from the vendor"
open(sys.argv[1], "wb").write(b"GWUP" + struct.pack("<III", 1, 9, len(payload)) + bytes(32) + payload)
PY
try() { GW_KEY="$work/device.key" GW_SLOT="$work/slot" GW_VERSION="$work/version" "$data/$1/update-agent" "$work/forged.img"; }
try shipped 2> /dev/null || die 'the planted change does nothing'
if try rebuilt 2> /dev/null; then die 'the source itself accepts a forged image'; fi

# --- Provenance -------------------------------------------------------------------------------
python3 - "$data" "$work/keys/builder" "$head" "$tag" <<'PY'
import base64, hashlib, json, sys
from cryptography.hazmat.primitives import serialization as s

data, key_path, commit, tag = sys.argv[1:]
key = s.load_ssh_private_key(open(key_path, "rb").read(), None)
blob = base64.b64decode(key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).split()[1])
digest = lambda path: hashlib.sha256(open(path, "rb").read()).hexdigest()
uri = f"git+https://git.gateway.example/gateway-update@refs/tags/{tag}"
statement = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": n, "digest": {"sha256": digest(f"{data}/shipped/{n}")}} for n in ("showconf", "update-agent")],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://builds.gateway.example/make/v1",
            "externalParameters": {"source": uri, "command": ["make", f"COMMIT={commit}"]},
            "internalParameters": {},
            "resolvedDependencies": [{"uri": uri, "digest": {"gitCommit": commit}}],
        },
        "runDetails": {
            "builder": {"id": "https://builds.gateway.example/release-line"},
            "metadata": {"invocationId": "gateway-update-2.4.1-1",
                         "startedOn": "2026-03-02T09:14:05Z", "finishedOn": "2026-03-02T09:14:11Z"},
        },
    },
}
payload = json.dumps(statement, separators=(",", ":")).encode()
kind = "application/vnd.in-toto+json"
pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
keyid = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": kind,
            "signatures": [{"keyid": keyid, "sig": base64.b64encode(key.sign(pae)).decode()}]}
open(f"{data}/provenance/gateway-update.intoto.jsonl", "w").write(json.dumps(envelope) + "\n")
release = {
    "schema": "release-bundle/v1", "product": "gateway-update", "version": "2.4.1",
    "source": [{"path": "source/gateway-update.bundle", "commit": commit, "tag": tag}],
    "artifacts": [
        {"name": "update-agent", "shipped": "shipped/update-agent",
         "rebuilt": [{"by": "second build line", "path": "rebuilt/update-agent"}],
         "debug": ["debug/update-agent.debug"]},
        {"name": "showconf", "shipped": "shipped/showconf",
         "rebuilt": [{"by": "second build line", "path": "rebuilt/showconf"}]},
    ],
    "required": ["src/verify.c"],
}
open(f"{data}/release.json", "w").write(json.dumps(release, indent=2) + "\n")
PY
(cd "$data/shipped" && sha256sum showconf update-agent) > "$data/provenance/SHA256SUMS"
ssh-keygen -q -Y sign -f "$work/keys/vendor" -n file "$data/provenance/SHA256SUMS" 2> /dev/null
signers > "$data/trust/allowed_signers"

# --- The bag (RFC 8493), and a tar of it ------------------------------------------------------
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' > "$bag/bagit.txt"
octets=$(find "$data" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
files=$(find "$data" -type f | wc -l)
{
  printf 'Source-Organization: Gateway Example\nBagging-Date: 2026-03-05\n'
  printf 'External-Identifier: %s\nPayload-Oxum: %s.%s\n' "$name" "$octets" "$files"
} > "$bag/bag-info.txt"
(cd "$bag" && find data -type f | sort | xargs sha256sum) > "$bag/manifest-sha256.txt"
(cd "$bag" && sha256sum bag-info.txt bagit.txt manifest-sha256.txt) > "$bag/tagmanifest-sha256.txt"
find "$data" -type f -exec chmod 644 {} +
tar --create --file "$here/release.tar" --directory "$work" --format=ustar --sort=name --mtime=@0 \
  --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --blocking-factor=1 "$name"
[ "$(stat -c %s "$here/release.tar")" -lt 1048576 ] || die 'release.tar is 1 MiB or more'

# --- What the demo's reviewer brings ----------------------------------------------------------
{
  printf '# Keys that the reviewer of the demonstration trusts. Made by make.sh for this release only;\n'
  printf '# the private halves no longer exist.\n'
  signers
} > "$here/allowed_signers"
gcc --version | sed -n '1s/^/made with: /p' >> "$work/planted"
cp "$work/planted" "$here/planted.txt"
say "release.tar: $(stat -c %s "$here/release.tar") bytes, commit $head"
