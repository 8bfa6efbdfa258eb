#!/usr/bin/env bash
# Makes the pairs that differ in the order of their objects: testdata/pairs/make-order.sh OUT WORK (a part of make.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 work=$2
export LC_ALL=C
mkdir -p "$out" "$work"
cp "$here"/order/* "$work"
cd "$work"
flags=(-O2 -fPIE -fcf-protection=none -fno-stack-protector -frandom-seed=gate)
link=(-pie -Wl,-z,now -Wl,--build-id=sha1)
compile() { # suffix, further flags...
  local suffix=$1 name
  shift
  for name in walk bell lamp; do
    gcc "${flags[@]}" "$@" -c "$name.c" -o "$name$suffix.o"
  done
}
compile ''
compile -gate -DGATE
compile -starts -DSTARTS
compile -shared -fPIC
gcc -c gate.S -o gate.o
gcc -c land.S -o land.o
# Two functions whose names are exchanged, and nothing else.
sed 's/int bell_left/int bell_x/; s/int bell_right/int bell_left/; s/int bell_x/int bell_right/' bell.c > bell-swapped.c
gcc "${flags[@]}" -c bell-swapped.c -o bell-swapped.o
gcc "${link[@]}" -o "$out/turn-one" walk.o bell.o lamp.o
gcc "${link[@]}" -o "$out/turn-two" lamp.o walk.o bell.o
gcc "${link[@]}" -o "$out/turn-swapped" lamp.o walk.o bell-swapped.o
strip -o "$out/turn-one-stripped" "$out/turn-one"
strip -o "$out/turn-two-stripped" "$out/turn-two"
gcc "${link[@]}" -o "$out/starts-one" walk-starts.o bell-starts.o lamp-starts.o
gcc "${link[@]}" -o "$out/starts-two" lamp-starts.o walk-starts.o bell-starts.o
gcc "${link[@]}" -o "$out/fall-one" walk-gate.o bell-gate.o gate.o land.o lamp-gate.o
gcc "${link[@]}" -o "$out/fall-two" walk-gate.o gate.o bell-gate.o land.o lamp-gate.o
gcc "${link[@]}" -o "$out/fall-kept" lamp-gate.o walk-gate.o bell-gate.o gate.o land.o
gcc -shared -Wl,--build-id=sha1 -o "$out/turn-one.so" bell-shared.o lamp-shared.o
gcc -shared -Wl,--build-id=sha1 -o "$out/turn-two.so" lamp-shared.o bell-shared.o
