#!/usr/bin/env bash
# Makes the pairs that the tests of the comparison change and compare: testdata/pairs/make.sh
# Needs gcc, clang, binutils, objcopy and python3 (made with gcc 12.2.0 and binutils 2.40 on x86-64). The result is kept in made/, so that
# the tests run without a compiler; a difference after running it again is another compiler, not a fault.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
made=$here/made
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-pairs.XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1700000000
rm -rf "$made"
mkdir "$made"

# The places are fixed, since they are in the debug information: the second path is longer.
one=$work/one two=$work/another/place
map=(-fdebug-prefix-map="$work"=/build)
flags=(-g -O2 -fPIE -fexceptions -fcf-protection=none -fno-stack-protector -frandom-seed=gate)
link=(-pie -Wl,-z,now -Wl,--build-id=sha1 -Wl,--no-as-needed -lm)
put() { # folder
  mkdir -p "$1"
  cp "$here"/src/* "$1"
}
# out, folder, the order of the objects, further flags of the compiler...
build() {
  local out=$1 folder=$2 order=$3 name
  shift 3
  for name in rule pin note main; do
    (cd "$folder" && gcc "${flags[@]}" "${map[@]}" "$@" -c "$name.c" -o "$name.o")
  done
  # shellcheck disable=SC2086 # Words are meant to split.
  (cd "$folder" && gcc -o "$made/$out" $order "${link[@]}" ${extra:-})
}
usual='rule.o pin.o note.o main.o'
put "$one"
put "$two"

build clean "$one" "$usual"
build elsewhere "$two" "$usual"
build backdoor "$one" "$usual" -DBACKDOOR
build dated "$one" "$usual" -DSTAMP
SOURCE_DATE_EPOCH=1731415926 build dated-later "$one" "$usual" -DSTAMP
build reordered "$one" 'main.o note.o pin.o rule.o'
extra=-Wl,--build-id=0xfeedfacefeedfacefeedfacefeedfacefeedface build other-id "$one" "$usual"
build switches "$one" "$usual" -frecord-gcc-switches
build switches-more "$one" "$usual" -frecord-gcc-switches -fno-math-errno -Wall

# __FILE__ as an absolute path: strings of other lengths move what is behind them.
for side in one two; do
  folder=${!side}
  map=(-fdebug-prefix-map="$work"=/build -fmacro-prefix-map="$work"=/build)
  for name in rule pin note main; do
    (cd "$folder" && gcc "${flags[@]}" "${map[@]}" -c "$folder/$name.c" -o "$name.o")
  done
  # shellcheck disable=SC2086
  (cd "$folder" && gcc -o "$made/absolute-$side" $usual "${link[@]}")
  # A search path named like the place of the build is no trace of it: the loader goes there.
  # shellcheck disable=SC2086
  (cd "$folder" && gcc -o "$made/searching-$side" $usual "${link[@]}" -Wl,-rpath,"/build${folder#"$work"}/lib")
done
map=(-fdebug-prefix-map="$work"=/build)

# A comment above everything; and the same with a constant that follows its line.
sed -i '1i /* One line more. */' "$one/rule.c"
build lower "$one" "$usual"
sed -i 's/return n > 9;/return n > 10;/' "$one/rule.c"
build lower-and-laxer "$one" "$usual"
cp "$here/src/rule.c" "$one/rule.c"

# DWARF 5 with the MD5 of every file that the compiler saw (made with clang 14).
for name in rule pin note main; do
  (cd "$one" && clang "${flags[@]}" -gdwarf-5 "${map[@]}" -c "$name.c" -o "$name.o")
done
# shellcheck disable=SC2086
(cd "$one" && gcc -o "$made/summed" $usual "${link[@]}")
build work "$one" "$usual"
rm "$made/work"

# The same objects in another order, with data of every kind. `gate_step` runs on into what stands behind it.
"$here/make-order.sh" "$made" "$work/order"

# What is done to a finished program.
strip -o "$made/stripped" "$made/clean"
strip --strip-debug -o "$made/no-debug" "$made/clean"
objcopy --only-keep-debug "$made/clean" "$made/split.debug"
(cd "$made" && objcopy --strip-unneeded --add-gnu-debuglink=split.debug clean split)
objcopy --compress-debug-sections=zlib "$made/clean" "$made/packed"
printf 'GCC: (Debian 11.3.0-12) 11.3.0\0' > "$work/comment"
objcopy --update-section .comment="$work/comment" "$made/clean" "$made/other-comment"
printf '\4\0\0\0\4\0\0\0\1\0\0\0new\0\1\2\3\4' > "$work/note"
objcopy --add-section .note.new="$work/note" "$made/clean" "$made/noted"

# What languages and distributions embed: the second says less of itself, and has a protection less.
say() { # out, Go settings, crates
  python3 - "$work" "$2" "$3" <<'END'
import struct, sys, zlib
work, settings, crates = sys.argv[1:]
text = '\x01' * 16 + 'path\texample.org/gate\nmod\texample.org/gate\tv1.2.0\t\ndep\texample.net/door\tv0.3.0\th1:aa=\n' + settings + '\x02' * 16
def counted(text):
    n, out = len(text), b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n]) + text.encode('latin-1')
open(work + '/go', 'wb').write(b'\xff Go buildinf:\x08\x02' + bytes(16) + counted('go1.21.3') + counted(text))
open(work + '/dep', 'wb').write(zlib.compress(('{"packages":[' + crates + ']}').encode()))
desc = b'{"type":"deb","name":"gate","version":"1.2"}\0'
desc += bytes(-len(desc) % 4)
open(work + '/package', 'wb').write(struct.pack('<III', 4, len(desc), 0xcafe1a7e) + b'FDO\0' + desc)
END
  objcopy --set-section-flags .note.package=readonly --add-section .go.buildinfo="$work/go" --add-section .dep-v0="$work/dep" --add-section .note.package="$work/package" \
    "$made/$from" "$made/$1"
}
from=clean say stated $'build\t-trimpath=true\nbuild\tvcs.revision=aa11\n' \
  '{"name":"gate","version":"1.2.0","source":"local","root":true},{"name":"hinge","version":"0.9.1","source":"crates.io"}'
from=dated say stated-otherwise $'build\t-trimpath=false\nbuild\tvcs.revision=bb22\n' \
  '{"name":"gate","version":"1.2.0","source":"local","root":true},{"name":"hinge","version":"0.9.2","source":"crates.io"}'

# Libraries: times, owners, order; and two members of one name.
build work "$one" "$usual" -g0
rm "$made/work"
touch -d @1600000000 "$one"/*.o
(cd "$one" && ar rcD "$made/plain.a" rule.o pin.o note.o)
(cd "$one" && ar rcU "$made/timed.a" rule.o pin.o note.o)
# The index of the symbols has the time of the run.
printf '1600000000  ' | dd of="$made/timed.a" bs=1 seek=24 conv=notrunc status=none
(cd "$one" && ar rcD "$made/turned.a" note.o pin.o rule.o)
mkdir "$work/twice"
cp "$one/rule.o" "$work/twice/x.o"
(cd "$work/twice" && ar rcD "$made/twice.a" x.o)
cp "$one/pin.o" "$work/twice/x.o"
(cd "$work/twice" && ar qcD "$made/twice.a" x.o)
(cd "$work/twice" && ar rcD "$made/twice-turned.a" x.o)
cp "$one/rule.o" "$work/twice/x.o"
(cd "$work/twice" && ar qcD "$made/twice-turned.a" x.o)
du -sh "$made"
