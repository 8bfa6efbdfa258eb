#!/usr/bin/env bash
# Makes the keys and signatures that the tests of OpenPGP use: testdata/openpgp/make.sh
# Needs gpg (made with 2.2.40). The keys are new in every run; the private ones are thrown away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/countersign-gpg.XXXXXX")
trap 'gpgconf --homedir "$home" --kill all; rm -rf "$home"' EXIT
export LC_ALL=C
cd "$here"
rm -f ./*.asc ./*.pgp ./*.txt ./*.dsc
gpg() { command gpg --homedir "$home" --quiet --batch --yes --no-tty --pinentry-mode loopback --passphrase '' "$@"; }
at() { gpg --faked-system-time "$1!" "${@:2}"; }
key() { # when, user, type, use, expire
  at "$1" --quick-generate-key "$2" "$3" "$4" "$5"
}
print() { gpg --list-keys --with-colons "$1" | awk -F: '/^fpr/ {print $10; exit}'; }

key 20200101T000000 'Alice <alice@example.org>' ed25519 cert never
at 20200101T000000 --quick-add-key "$(print alice@example.org)" rsa2048 sign never
key 20200101T000000 'Bob <bob@example.org>' rsa2048 sign 20210101T000000
key 20200101T000000 'Carol <carol@example.org>' ed25519 sign never
key 20200101T000000 'Dan <dan@example.org>' ed25519 sign never
key 20200101T000000 'Eve <eve@example.org>' ed25519 cert never

printf 'A message.\nOf two lines.\n' > message.txt
sign() { # out, when, who, more...
  at "$2" --local-user "$3" --armor --detach-sign --output "$1.asc" "${@:4}" message.txt
}
sign good 20200601T000000 alice@example.org
sign expired-key 20200601T000000 bob@example.org
sign revoked-key 20200601T000000 carol@example.org
sign stranger 20200601T000000 dan@example.org
sign sha1 20200601T000000 alice@example.org --digest-algo SHA1 --weak-digest MD5
sign expired-signature 20200601T000000 alice@example.org --default-sig-expire 1d
sign text 20200601T000000 alice@example.org --textmode
sign future 20400601T000000 alice@example.org
cat good.asc > two.asc
{ gpg --dearmor < good.asc; gpg --dearmor < stranger.asc; } > two.pgp
rm two.asc

sha=$(sha256sum message.txt | cut -d' ' -f1)
printf 'Format: 3.0 (native)\nSource: message\nChecksums-Sha256:\n %s %s message.txt\n' "$sha" "$(stat -c %s message.txt)" > message.dsc.txt
at 20200601T000000 --local-user alice@example.org --clearsign --output message.dsc message.dsc.txt
rm message.dsc.txt

# Carol's key is revoked; Dan's is not in the ring.
sed 's/^:---/---/' "$home/openpgp-revocs.d/$(print carol@example.org).rev" | gpg --import
gpg --export alice@example.org bob@example.org carol@example.org eve@example.org > ring.pgp
gpg --armor --export alice@example.org > alice.asc
