#!/usr/bin/env bash
# Makes the keys and signatures that the tests of minisign and signify use: testdata/minisign/make.sh
# Needs minisign (made with 0.11) and signify-openbsd (made with 31). The keys are new in every run; the private ones are thrown away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
keys=$(mktemp -d "${TMPDIR:-/tmp}/countersign-minisign.XXXXXX")
trap 'rm -rf "$keys"' EXIT
cd "$here"
rm -f ./*.pub ./*.minisig ./*.sig ./*.txt

for name in alice mallory; do
  minisign -GWf -p "$name.pub" -s "$keys/$name.key" > /dev/null
done
signify-openbsd -Gn -c bob -p bob.pub -s "$keys/bob.sec"

printf 'A message.\nOf two lines.\n' > message.txt
minisign -S -s "$keys/alice.key" -m message.txt -x prehashed.minisig -t 'version 1 of message.txt' > /dev/null
minisign -S -l -s "$keys/alice.key" -m message.txt -x legacy.minisig -t 'version 1 of message.txt' > /dev/null
minisign -S -s "$keys/mallory.key" -m message.txt -x mallory.minisig -t 'from somebody else' > /dev/null
signify-openbsd -S -s "$keys/bob.sec" -m message.txt -x bob.sig
sha256sum --tag message.txt > list.txt
signify-openbsd -S -e -s "$keys/bob.sec" -m list.txt -x SHA256.sig
rm list.txt
