//! Makes small containers for tests.

use super::*;

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) mtime: u64,
    pub(super) mode: u32,
    pub(super) flag: u8,
}

pub(super) fn file(name: &str, content: &[u8]) -> File {
    File { name: name.to_owned(), content: content.to_vec(), mtime: 1, mode: 0o644, flag: b'0' }
}

pub(super) fn tar(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    for f in files {
        let mut h = [0u8; 512];
        h[..f.name.len()].copy_from_slice(f.name.as_bytes());
        let mut put = |at: usize, text: String| h[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(100, format!("{:07o}", f.mode));
        put(108, "0000000".to_owned());
        put(116, "0000000".to_owned());
        put(124, format!("{:011o}", f.content.len()));
        put(136, format!("{:011o}", f.mtime));
        put(148, "        ".to_owned());
        put(257, "ustar\x0000".to_owned());
        h[156] = f.flag;
        let sum: u32 = h.iter().map(|b| u32::from(*b)).sum();
        h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&h);
        out.extend_from_slice(&f.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

pub(super) fn ar(files: &[File]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for f in files {
        let head = format!("{:<16}{:<12}{:<6}{:<6}{:<8o}{:<10}`\n", f.name, f.mtime, 0, 0, 0o100_000 | f.mode, f.content.len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&f.content);
        if f.content.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

pub(super) fn gzip(bytes: &[u8], level: u32, mtime: u32) -> Vec<u8> {
    let mut gz = flate2::GzBuilder::new().mtime(mtime).filename("n").write(Vec::new(), flate2::Compression::new(level));
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

pub(super) fn xz(bytes: &[u8]) -> Vec<u8> {
    crate::inspect::stream::xz_stored(bytes)
}

pub(super) fn deb(control: &[File], data: &[File]) -> Vec<u8> {
    ar(&[file("debian-binary", b"2.0\n"), file("control.tar.xz", &xz(&tar(control))), file("data.tar.xz", &xz(&tar(data)))])
}

pub(super) fn md5(bytes: &[u8]) -> String {
    crate::digest::Digest::of(crate::digest::Algorithm::Md5, bytes).to_string()
}

/// A member of a cpio archive of the new form; `mtime`, `mode` as they are.
fn cpio_member(out: &mut Vec<u8>, f: &File, inode: usize, links: usize) {
    let size = f.content.len();
    let n = [inode, f.mode as usize, 0, 0, links, f.mtime as usize, size, 0, 0, 0, 0, f.name.len() + 1, 0];
    out.extend(b"070701");
    out.extend(n.iter().map(|n| format!("{n:08x}")).collect::<String>().bytes());
    out.extend(f.name.bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(&f.content);
    out.resize(out.len().next_multiple_of(4), 0);
}

pub(super) fn cpio(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, f) in files.iter().enumerate() {
        cpio_member(&mut out, f, i + 1, 1);
    }
    cpio_member(&mut out, &File { mode: 0, mtime: 0, ..file("TRAILER!!!", b"") }, 0, 1);
    out
}

/// Values of a header's tags, as bytes with type and count.
pub(super) type Tag = (u32, u32, u32, Vec<u8>);

pub(super) fn word(tag: u32, text: &str) -> Tag {
    (tag, 6, 1, [text.as_bytes(), b"\0"].concat())
}

pub(super) fn words(tag: u32, texts: &[&str]) -> Tag {
    (tag, 8, u32::try_from(texts.len()).unwrap(), texts.iter().flat_map(|t| t.bytes().chain([0])).collect())
}

pub(super) fn numbers(tag: u32, all: &[u32]) -> Tag {
    (tag, 4, u32::try_from(all.len()).unwrap(), all.iter().flat_map(|n| n.to_be_bytes()).collect())
}

fn rpm_header(tags: &[Tag]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, count, value) in tags {
        if *kind == 4 {
            store.resize(store.len().next_multiple_of(4), 0);
        }
        index.extend([*tag, *kind, u32::try_from(store.len()).unwrap(), *count].map(u32::to_be_bytes).concat());
        store.extend(value);
    }
    let sizes = [u32::try_from(tags.len()).unwrap(), u32::try_from(store.len()).unwrap()].map(u32::to_be_bytes).concat();
    [&b"\x8e\xad\xe8\x01\0\0\0\0"[..], &sizes, &index, &store].concat()
}

/// An rpm package of these tags and payload, with right digests and an unsound signature.
pub(super) fn rpm(tags: &[Tag], payload: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let header = rpm_header(tags);
    let signed = [&header[..], payload].concat();
    let mut sums = vec![
        word(273, &Sha256::of(&header).to_string()),
        numbers(1000, &[u32::try_from(signed.len()).unwrap()]),
        (1004, 7, 16, (0..32).step_by(2).map(|i| u8::from_str_radix(&md5(&signed)[i..i + 2], 16).unwrap()).collect()),
    ];
    if let Some(signature) = signature {
        sums.insert(0, (268, 7, u32::try_from(signature.len()).unwrap(), signature.to_vec()));
    }
    let mut out = b"\xed\xab\xee\xdb\x03".to_vec();
    out.resize(96, 0);
    out.extend(rpm_header(&sums));
    out.resize(out.len().next_multiple_of(8), 0);
    [out, signed].concat()
}

/// A zip with deflated members; `mtime` is used as the raw DOS time.
pub(super) fn zip(files: &[File]) -> Vec<u8> {
    zip_with(files, &|_| Vec::new(), b"")
}

/// As [`zip`], with an extra field for each member, in both headers, and a comment.
pub(super) fn zip_with(files: &[File], extra: &dyn Fn(&File) -> Vec<u8>, comment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for f in files {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&f.content).unwrap();
        let packed = packer.finish().unwrap();
        let at = u32::try_from(out.len()).unwrap();
        let mut common = vec![20, 0, 0, 0, 8, 0];
        common.extend_from_slice(&u32::try_from(f.mtime).unwrap().to_le_bytes());
        common.extend_from_slice(&crate::inspect::stream::crc32(&f.content).to_le_bytes());
        common.extend_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
        common.extend_from_slice(&u32::try_from(f.content.len()).unwrap().to_le_bytes());
        common.extend_from_slice(&u16::try_from(f.name.len()).unwrap().to_le_bytes());
        let more = extra(f);
        common.extend_from_slice(&u16::try_from(more.len()).unwrap().to_le_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(f.name.as_bytes());
        out.extend_from_slice(&more);
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(f.mode << 16).to_le_bytes());
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(f.name.as_bytes());
        directory.extend_from_slice(&more);
    }
    let (start, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&u16::try_from(comment.len()).unwrap().to_le_bytes());
    out.extend_from_slice(comment);
    out
}

/// What a small x86-64 ELF file holds.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) text: Vec<u8>,
    pub(super) rodata: Vec<u8>,
    pub(super) build_id: [u8; 20],
    /// Symbols as (name, offset in `.text`, size).
    pub(super) symbols: Vec<(&'static str, u64, u64)>,
    /// Name and CRC-32 of a debug link.
    pub(super) link: Option<(&'static str, u32)>,
    /// Path and build-id of the shared debug information.
    pub(super) shared: Option<(&'static str, [u8; 20])>,
    /// The content of `.gnu_debugdata`.
    pub(super) embedded: Option<Vec<u8>>,
}

pub(super) fn program() -> Program {
    // first: call second; ret. second: mov eax, 42; ret.
    let text = vec![0xe8, 0x0b, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 42, 0, 0, 0, 0xc3];
    let rodata = b"made 2022-12-26 here\0plain\0".to_vec();
    Program { text, rodata, build_id: [7; 20], symbols: vec![("first", 0, 6), ("second", 16, 6)], link: None, shared: None, embedded: None }
}

pub(super) fn elf(p: &Program) -> Vec<u8> {
    const BASE: u64 = 0x1000;
    let mut note = vec![4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0];
    note.extend(b"GNU\0");
    note.extend(p.build_id);
    let mut strtab = vec![0];
    let mut symtab = vec![0; 24];
    let text_at = 0x100u64;
    for (name, at, size) in &p.symbols {
        symtab.extend(u32::try_from(strtab.len()).unwrap().to_le_bytes());
        symtab.extend([0x12, 0, 1, 0]);
        symtab.extend((BASE + text_at + at).to_le_bytes());
        symtab.extend(size.to_le_bytes());
        strtab.extend(name.as_bytes());
        strtab.push(0);
    }
    // Name, type, flags, content, link, entry size.
    let mut link = Vec::new();
    if let Some((name, crc)) = p.link {
        link.extend(name.as_bytes());
        link.resize((link.len() + 1).next_multiple_of(4), 0);
        link.extend(crc.to_le_bytes());
    }
    let mut shared = Vec::new();
    if let Some((path, id)) = p.shared {
        shared.extend(path.as_bytes());
        shared.push(0);
        shared.extend(id);
    }
    let mut sections = vec![
        (".text", 1u32, 6u64, p.text.as_slice(), 0u32, 0u64),
        (".rodata", 1, 2, &p.rodata, 0, 0),
        (".note.gnu.build-id", 7, 2, &note, 0, 0),
        (".symtab", 2, 0, &symtab, 5, 24),
        (".strtab", 3, 0, &strtab, 0, 0),
    ];
    if p.link.is_some() {
        sections.push((".gnu_debuglink", 1, 0, &link, 0, 0));
    }
    if p.shared.is_some() {
        sections.push((".gnu_debugaltlink", 1, 0, &shared, 0, 0));
    }
    if let Some(embedded) = &p.embedded {
        sections.push((".gnu_debugdata", 1, 0, embedded, 0, 0));
    }
    let count = u8::try_from(sections.len()).unwrap() + 2;
    let mut out = vec![0u8; usize::try_from(text_at).unwrap()];
    let mut names = vec![0u8];
    let mut headers = vec![0u8; 64];
    let mut loaded = 0;
    let mut header = |names: &mut Vec<u8>, (name, kind, flags, link, entry): (&str, u32, u64, u32, u64), at: usize, size: usize| {
        headers.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
        headers.extend(kind.to_le_bytes());
        let address = if flags & 2 != 0 { BASE + at as u64 } else { 0 };
        for n in [flags, address, at as u64, size as u64] {
            headers.extend(n.to_le_bytes());
        }
        headers.extend([link, 0].map(u32::to_le_bytes).concat());
        headers.extend([1, entry].map(u64::to_le_bytes).concat());
        names.extend(name.as_bytes());
        names.push(0);
    };
    for (name, kind, flags, content, link, entry) in sections {
        out.resize(out.len().next_multiple_of(16), 0);
        header(&mut names, (name, kind, flags, link, entry), out.len(), content.len());
        out.extend(content);
        if flags & 2 != 0 {
            loaded = out.len();
        }
    }
    let at = out.len();
    let size = names.len() + ".shstrtab".len() + 1;
    header(&mut names, (".shstrtab", 3, 0, 0, 0), at, size);
    out.extend(&names);
    out.resize(out.len().next_multiple_of(8), 0);
    let shoff = out.len() as u64;
    out.extend(&headers);
    let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    for n in [BASE + text_at, 64, shoff] {
        head.extend(n.to_le_bytes());
    }
    head.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, count, 0, count - 1, 0]);
    head.extend([1u32, 5].map(u32::to_le_bytes).concat());
    for n in [0, BASE, BASE, loaded as u64, loaded as u64, 0x1000] {
        head.extend(n.to_le_bytes());
    }
    out[..head.len()].copy_from_slice(&head);
    out
}
