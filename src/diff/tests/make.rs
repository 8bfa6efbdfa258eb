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
    let mut hasher = crate::digest::Hasher::new(&[crate::digest::Algorithm::Md5]);
    hasher.update(bytes);
    hasher.finish().1[0].to_string()
}

/// A zip with deflated members; `mtime` is used as the raw DOS time.
pub(super) fn zip(files: &[File]) -> Vec<u8> {
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
        common.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(f.name.as_bytes());
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(f.mode << 16).to_le_bytes());
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(f.name.as_bytes());
    }
    let (start, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}
