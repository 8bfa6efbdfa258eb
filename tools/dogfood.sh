#!/usr/bin/env bash
# countersign reviewed with countersign: tools/dogfood.sh PROGRAM [REBUILT]
#
# Packs a release bundle of the committed sources, PROGRAM as what was shipped, REBUILT (another build; the same file when it is not given)
# as what was rebuilt, and the bill of materials; opens it with PROGRAM itself, checks it by a policy, prints the screens, signs with a key
# made for this, and verifies the record with PROGRAM and with ssh-keygen. Nobody looks at a screen here, so the record says
# "incomplete": an approval is a person's. Exit code 1 when anything is not as it must be.
set -euo pipefail
[ $# -ge 1 ] || { printf 'usage: tools/dogfood.sh PROGRAM [REBUILT]\n' >&2; exit 2; }
program=$(realpath "$1")
rebuilt=$(realpath "${2:-$1}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { printf '== %s\n' "$*"; }

step 'bundle'
mkdir -p "$work/shipped" "$work/rebuilt" "$work/sbom" "$work/source"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
git bundle create -q "$work/source/countersign.bundle" HEAD
cp "$program" "$work/shipped/countersign"
cp "$rebuilt" "$work/rebuilt/countersign"
cargo metadata --locked --format-version 1 | tools/sbom.py > "$work/sbom/countersign.cdx.json"
"$program" pack "$work/bundle" --product countersign --version "$version" --source "$work/source/countersign.bundle" \
  --shipped "$work/shipped/countersign" --rebuilt "$work/rebuilt/countersign" --sbom "$work/sbom/countersign.cdx.json"

step 'room: a key, signers, a policy'
for who in reviewer witness; do
  ssh-keygen -q -t ed25519 -N '' -C "$who@room" -f "$work/$who"
  printf '%s@room %s\n' "$who" "$(cut -d' ' -f1,2 "$work/$who.pub")" >> "$work/allowed_signers"
done
cat > "$work/policy.toml" <<'POLICY'
allowed_signers = "allowed_signers"
required = ["src/session/seal.rs", "src/session/apart.rs"]
required_checks = ["bundle.fixity", "source.commit", "artifacts.paired"]

[limits]
source_file_size = "128 MiB"

[[checklist]]
id = "reproduced"
question = "Did tools/reproduce.sh give the same bytes in this room?"
POLICY
common=(--policy "$work/policy.toml" --state "$work/state")

step 'check'
"$program" check "$work/bundle" "${common[@]}" --format json > "$work/check.json" || [ $? = 1 ]
verdict() { jq -r --arg code "$1" '.checks[] | select(.code == $code) | .verdict' "$work/check.json"; }
for code in bundle.fixity source.commit source.names source.hidden artifacts.paired; do
  printf '%-18s %s\n' "$code" "$(verdict "$code")"
  [ "$(verdict "$code")" = pass ] || { jq -r --arg code "$code" '.checks[] | select(.code == $code) | .why' "$work/check.json"; exit 1; }
done
jq -r '.artifacts[] | "\(.name): \(.result)"' "$work/check.json"
jq -e '[.defects[] | select(.code == "work.panic")] == []' "$work/check.json" > /dev/null

step 'screens'
for screen in overview source provenance artifacts findings signoff; do
  "$program" show "$work/bundle" "$screen" "${common[@]}" > "$work/$screen.txt"
  if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$work/$screen.txt"; then printf '%s: a byte that a terminal obeys\n' "$screen" >&2; exit 1; fi
  printf '%-11s %s lines\n' "$screen" "$(wc -l < "$work/$screen.txt")"
done

step 'sign'
"$program" sign "$work/bundle" "${common[@]}" --key "$work/reviewer" --decision incomplete --output "$work/review.dsse.json" < /dev/null > "$work/signed.txt"

step 'verify with this program, then with ssh-keygen and jq'
"$program" verify "$work/review.dsse.json" --signers "$work/allowed_signers" --bundle "$work/bundle" --dossier "$work/review.dossier.json" \
  --decision incomplete > "$work/verify.txt" || { cat "$work/verify.txt"; exit 1; }
grep -E '^(Seal|Decision|DECISION)' "$work/verify.txt" || true
jq -r .payload "$work/review.dsse.json" | base64 -d > "$work/payload.json"
jq -e --arg sha "$(sha256sum < "$program" | cut -d' ' -f1)" '.subject[] | select(.name == "countersign") | .digest.sha256 == $sha' "$work/payload.json" > /dev/null
# A second person signs the same bytes with OpenSSH alone.
{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$work/payload.json")"; cat "$work/payload.json"; } > "$work/pae"
ssh-keygen -Y sign -q -f "$work/witness" -n release-review@countersign "$work/pae"
"$program" cosign "$work/review.dsse.json" --signature "$work/pae.sig" --output "$work/both.dsse.json" > /dev/null
ssh-keygen -Y verify -f "$work/allowed_signers" -I witness@room -n release-review@countersign -s "$work/pae.sig" < "$work/pae"
"$program" verify "$work/both.dsse.json" --signers "$work/allowed_signers" --threshold 2 --decision incomplete > /dev/null
printf 'reviewed, signed and verified\n'
