#!/usr/bin/env python3
"""Makes pairs for benches/compare.sh: benches/compare-pairs.py OUT [FILE...]

Each FILE is an ELF file or a Debian package (its largest ELF file is taken); the pair is the file and a copy of which one
function returns at once: the "backdoor". Beside them: a Rust program of some megabytes with one branch more (needs rustc), and
a tar archive of 10,000 members of which one differs. Prints the arguments for compare.sh. Nothing is downloaded.
"""
import io
import os
import re
import subprocess
import sys
import tarfile


def functions(path):
    """Start and end of every function, from the unwind tables."""
    text = subprocess.run(["readelf", "--debug-dump=frames", path], capture_output=True, text=True, check=True).stdout
    found = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)", text)]
    return sorted(found)


def offset_of(path, address):
    text = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    for offset, start, size in re.findall(r"LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+)", text):
        offset, start, size = int(offset, 16), int(start, 16), int(size, 16)
        if start <= address < start + size:
            return offset + address - start
    sys.exit(f"{path}: {address:#x} is in no segment")


def patch(path, out):
    found = functions(path)
    start, end = next(f for f in found[len(found) // 2 :] if f[1] - f[0] > 64)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    at = offset_of(path, start) + (4 if data[offset_of(path, start) :][:4] == b"\xf3\x0f\x1e\xfa" else 0)
    data[at : at + 3] = b"\x31\xc0\xc3"
    with open(out, "wb") as f:
        f.write(data)


def largest_elf(package, out):
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    best = b""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            content = archive.extractfile(member).read() if member.isreg() else b""
            if content[:4] == b"\x7fELF" and len(content) > len(best):
                best = content
    with open(out, "wb") as f:
        f.write(best)


def rust(folder):
    """A program with many functions, and the same with a branch that lets one password in."""
    body = "".join(
        f"#[inline(never)] pub fn f{i}(m: &mut std::collections::BTreeMap<String, [u8; {i % 60 + 1}]>, s: &str) -> usize {{"
        f' m.insert(format!("{i}{{s}}"), [{i % 251}; {i % 60 + 1}]); m.range(s.to_owned()..).filter(|(k, v)| k.len() + v.len() > {i}).count() }}\n'
        for i in range(40)
    )
    calls = "".join(f"    n += f{i}(&mut Default::default(), &a);\n" for i in range(40))
    for name, branch in (("a", ""), ("b", '    if p == "\\u{13}7" { return true; }\n')):
        with open(f"{folder}/{name}.rs", "w") as f:
            f.write(body + f"#[inline(never)] fn check(p: &str) -> bool {{\n{branch}    p.len() > 8\n}}\n")
            f.write(f"fn main() {{\n    let a = std::env::args().nth(1).unwrap_or_default();\n    let mut n = usize::from(check(&a));\n{calls}"
                    '    println!("{n}");\n}\n')
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        os.replace(f"{folder}/{name}.rs", f"{folder}/{name}/main.rs")
        subprocess.run(["rustc", "-g", "-C", "opt-level=1", "--crate-name", "gate", "-o", "../rust." + name, "main.rs"],
                       cwd=f"{folder}/{name}", check=True, stderr=subprocess.DEVNULL)


def archive(path, last):
    with tarfile.open(path, "w") as out:
        for i in range(10_000):
            content = (f"line {i}\n" * 40).encode() + (last if i == 7_000 else b"")
            info = tarfile.TarInfo(f"usr/share/x/{i % 97}/{i}.txt")
            info.size, info.mtime = len(content), 1_700_000_000
            out.addfile(info, io.BytesIO(content))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out, files = sys.argv[1], sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    pairs = []
    for path in files:
        name = re.split(r"[_-]", os.path.basename(path))[0].removesuffix(".so")
        whole = f"{out}/{name}.a"
        if path.endswith(".deb"):
            largest_elf(path, whole)
        else:
            subprocess.run(["cp", path, whole], check=True)
        patch(whole, f"{out}/{name}.b")
        pairs.append(name)
    rust(out)
    archive(f"{out}/members.a", b"")
    archive(f"{out}/members.b", b"one line more\n")
    for name in [*pairs, "rust", "members"]:
        print(f"{name}={out}/{name}.b={out}/{name}.a")


main()
