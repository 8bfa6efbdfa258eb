#!/usr/bin/env bash
# Copies what the tests already have into fuzz/seeds, one folder a target.
set -eu
cd "$(dirname "$0")"
data=../testdata
rm -rf seeds
for target in $(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' Cargo.toml); do
  mkdir -p "seeds/$target"
done

pair() { # name, first file, second file: four bytes with the length of the first, then both
  local size
  size=$(stat -c %s "$2")
  # shellcheck disable=SC2059 # The format is the bytes.
  { printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((size & 255)) $((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24 & 255)))"
    cat "$2" "$3"; } > "seeds/$target/$1"
}
named() { # number of the name in targets/attestations.rs, file
  # shellcheck disable=SC2059
  { printf "$(printf '\\%03o' "$1")"; cat "$2"; } > "seeds/attestations/$1-$(basename "$2")"
}

demo=$(mktemp -d)
trap 'rm -rf "$demo"' EXIT
tar -xf $data/demo/release.tar -C "$demo"
cp $data/demo/release.tar seeds/tar/
find "$demo" -name release.json -exec cp {} seeds/manifest/ \; -exec cp {} seeds/json/ \;
target=manifest
for info in $(find "$demo" -name bag-info.txt); do
  pair bag "$(dirname "$info")/manifest-sha256.txt" "$info"
  { printf bag; cat seeds/manifest/bag; } > seeds/manifest/a-bag && rm seeds/manifest/bag
done
find "$demo" -name '*.bundle' -exec cp {} seeds/git/ \;
find "$demo" \( -name '*.json' -o -name '*.jsonl' -o -name '*.dsse' \) | while read -r file; do
  named 0 "$file"
  cp "$file" "seeds/json/$(basename "$file")"
done
for file in "$data"/in-toto/*.link; do named 4 "$file"; done
for file in "$data"/minisign/*.minisig "$data"/minisign/*.sig; do named 5 "$file"; done
named 8 $data/openpgp/message.dsc
printf '%s  app\n' "$(printf app | sha256sum | cut -d' ' -f1)" > "$demo/SHA256SUMS"
named 5 "$demo/SHA256SUMS"
printf '{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"x","version":"1","purl":"pkg:cargo/x@1","hashes":[{"alg":"SHA-256","content":"%064d"}]}]}' 0 > "$demo/bom.json"
named 6 "$demo/bom.json"
printf '{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-x","name":"x","versionInfo":"1"}],"files":[{"SPDXID":"SPDXRef-f","fileName":"./app","checksums":[{"algorithm":"SHA256","checksumValue":"%064d"}]}]}' 0 > "$demo/spdx.json"
named 7 "$demo/spdx.json"

made=$data/pairs/made
target=compare
for one in backdoor dated elsewhere lower no-debug other-id packed reordered split stripped switches; do
  pair "$one" "$made/$one" "$made/clean"
done
pair ar "$made/timed.a" "$made/plain.a"
pair order "$data/pairs/made/turned.a" "$data/pairs/made/twice.a"
pair shared "$made/turn-one.so" "$made/turn-two.so"
cp pairs/* seeds/compare/
for ar in "$made"/*.a; do cp "$ar" seeds/containers/; done
head -c 30000 $data/demo/release.tar > "$demo/short.tar"
for pack in "gzip -n" "xz -0" "zstd -q" "bzip2"; do
  if command -v "${pack%% *}" > /dev/null; then
    $pack < "$made/plain.a" > "seeds/containers/plain.${pack%% *}"
  fi
done
( cd "$demo" && tar -cf one.tar SHA256SUMS bom.json && for format in odc newc; do
    if command -v cpio > /dev/null; then printf 'SHA256SUMS\nbom.json\n' | cpio -o -H "$format" --quiet > "one.$format"; fi
  done
  if command -v zip > /dev/null; then zip -q one.zip SHA256SUMS bom.json; fi
  if command -v python3 > /dev/null; then python3 -c 'import zipfile; z = zipfile.ZipFile("two.zip", "w", zipfile.ZIP_DEFLATED); z.write("bom.json"); z.write("SHA256SUMS"); z.close()'; fi )
for file in "$demo"/one.* "$demo"/two.zip; do
  if [ -f "$file" ]; then cp "$file" seeds/containers/; fi
done
cp "$demo/one.tar" seeds/tar/

for format in gnu pax ustar v7; do
  ( cd "$demo" && tar --format="$format" -cf "$format.tar" SHA256SUMS bom.json ) && cp "$demo/$format.tar" seeds/tar/
done
git -c init.defaultBranch=main init -q "$demo/repository"
( cd "$demo/repository" && mkdir a && cp ../SHA256SUMS a/ && printf '* -diff\n' > .gitattributes && git add . &&
  git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -q -m one && git tag v1 && git bundle create -q ../one.bundle --all )
cp "$demo/one.bundle" "$demo/one.tar" seeds/git/

cp $data/policies/*.toml $data/demo/policy.toml $data/demo/allowed_signers $data/minisign/*.pub $data/openpgp/ring.pgp $data/in-toto/keys.json seeds/policy/
cp $data/demo/src/src/*.c $data/openpgp/*.asc seeds/text/
printf 'a\xe2\x80\xaeb\xcc\x81\xcc\x81\xcc\x81\xf3\xa0\x80\x81\x1b[31m\xff\t\r' > seeds/text/odd
cp records/* seeds/record/
cp records/demo.statement.json seeds/printout/
cp journals/* seeds/journal/
cp records/* seeds/json/
target=config
printf 'theme = "own"\nglyphs = "ascii"\ncolor = "always"\nmouse = false\n' > "$demo/config.toml"
printf 'theme = "dark"\n[keys.everywhere]\nnext-item = ["n", "^N"]\n[keys.compare]\nview = ["w", "g w"]\n' > "$demo/keys.toml"
for theme in ../themes/*.toml; do
  pair "own-$(basename "$theme" .toml)" "$demo/config.toml" "$theme"
  pair "keys-$(basename "$theme" .toml)" "$demo/keys.toml" "$theme"
done
for name in json; do printf '[1,-0,1e5,"\\ud83d\\ude00",{"a":null,"b":[true,false]}]' > "seeds/$name/small"; done
