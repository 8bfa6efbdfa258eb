#!/usr/bin/env bash
# Builds the one binary that a room approves: tools/release.sh OUT
#
# Static, so that it needs nothing of the system that it runs on; the same bytes whoever builds it, wherever and whenever, from the same
# sources with the same compiler (tools/reproduce.sh proves it). OUT gets countersign, its bill of materials (CycloneDX), the record of
# the build (build.txt) and SHA256SUMS. With cargo-auditable the list of crates is in the binary too (section .dep-v0).
set -euo pipefail
[ $# = 1 ] || { printf 'usage: tools/release.sh OUT\n' >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
here=$PWD

machine=$(rustc -vV | sed -n 's/^host: \([^-]*\)-.*/\1/p')
target=$machine-unknown-linux-musl
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || ! command -v musl-gcc > /dev/null; then
  printf 'no %s here (rustup target add %s; apt-get install musl-tools): linking glibc statically instead\n' "$target" "$target" >&2
  target=$machine-unknown-linux-gnu
fi
folder=${CARGO_TARGET_DIR:-$here/target}/approvable
cargo_home=${CARGO_HOME:-$HOME/.cargo}

# Nothing of this machine may be in the binary: no path, no time. The longest prefix comes last: the last that fits counts.
RUSTFLAGS="-Ctarget-feature=+crt-static -Clink-arg=-Wl,--build-id=none --remap-path-prefix=$(rustc --print sysroot)=/rust \
--remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$here=/countersign --remap-path-prefix=$folder=/target"
export RUSTFLAGS
maps="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$here=/countersign -ffile-prefix-map=$folder=/target -g0"
export CFLAGS="$maps"
[ "${target##*-}" != musl ] || export CC_x86_64_unknown_linux_musl=musl-gcc CC_aarch64_unknown_linux_musl=musl-gcc
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 0)}
export SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0 LC_ALL=C TZ=UTC

build=(cargo build)
if command -v cargo-auditable > /dev/null; then
  build=(cargo auditable build)
else
  printf 'cargo-auditable is not there (cargo install cargo-auditable --locked): the list of crates is only in the bill of materials\n' >&2
fi
"${build[@]}" --release --locked --quiet --target "$target" --target-dir "$folder"

cp "$folder/$target/release/countersign" "$out/countersign"
cargo metadata --locked --format-version 1 --filter-platform "$target" | tools/sbom.py > "$out/countersign.cdx.json"
{
  printf 'target %s\ncommand %s\nSOURCE_DATE_EPOCH %s\n' "$target" "${build[*]}" "$SOURCE_DATE_EPOCH"
  rustc -vV | sed 's/^/rustc: /'
  case $target in
    *-musl) printf 'C compiler: %s, musl %s\n' "$(musl-gcc -dumpfullversion)" "$(dpkg-query -W -f '${Version}' musl-dev 2> /dev/null || echo unknown)" ;;
    *) printf 'C compiler: %s\n' "$(cc -dumpfullversion)" ;;
  esac
} > "$out/build.txt"
(cd "$out" && sha256sum countersign countersign.cdx.json build.txt > SHA256SUMS && cat SHA256SUMS)
