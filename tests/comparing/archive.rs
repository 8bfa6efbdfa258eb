//! Archives and streams made in memory.

use std::io::Write as _;

/// A member.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub content: Vec<u8>,
    pub mode: u32,
    pub mtime: u64,
    pub flag: u8,
    pub link: String,
    pub owner: (u32, String),
    pub device: (u32, u32),
}

pub fn file(name: &str, content: &[u8]) -> File {
    File {
        name: name.to_owned(),
        content: content.to_vec(),
        mode: 0o644,
        mtime: 1_600_000_000,
        flag: b'0',
        link: String::new(),
        owner: (0, "root".to_owned()),
        device: (0, 0),
    }
}

pub fn tar(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    for f in files {
        let mut h = [0u8; 512];
        let mut put = |at: usize, text: &str| h[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, &f.name);
        put(100, &format!("{:07o}", f.mode));
        put(108, &format!("{:07o}", f.owner.0));
        put(116, &format!("{:07o}", f.owner.0));
        put(124, &format!("{:011o}", f.content.len()));
        put(136, &format!("{:011o}", f.mtime));
        put(148, "        ");
        put(157, &f.link);
        put(257, "ustar\x0000");
        put(265, &f.owner.1);
        put(297, &f.owner.1);
        put(329, &format!("{:07o}", f.device.0));
        put(337, &format!("{:07o}", f.device.1));
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

pub fn ar(files: &[File]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for f in files {
        let mode = 0o100_000 | f.mode;
        let head = format!("{:<16}{:<12}{:<6}{:<6}{mode:<8o}{:<10}`\n", f.name, f.mtime, f.owner.0, f.owner.0, f.content.len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&f.content);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// A Debian package whose parts are gzip streams.
pub fn deb(control: &[File], data: &[File]) -> Vec<u8> {
    ar(&[file("debian-binary", b"2.0\n"), file("control.tar.gz", &gzip(&tar(control), 6)), file("data.tar.gz", &gzip(&tar(data), 6))])
}

pub fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut packer = flate2::GzBuilder::new().mtime(7).write(Vec::new(), flate2::Compression::new(level));
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

pub fn bzip2(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(level));
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

pub fn zstd(bytes: &[u8], level: ruzstd::encoding::CompressionLevel) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, level)
}

pub fn md5(bytes: &[u8]) -> String {
    let mut hasher = countersign::digest::Hasher::new(&[countersign::digest::Algorithm::Md5]);
    hasher.update(bytes);
    hasher.finish().1[0].to_string()
}

/// A zip archive with stored members. The mode is that of the central directory.
pub fn zip(files: &[File]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for f in files {
        let mut crc = flate2::Crc::new();
        crc.update(&f.content);
        let (at, size) = (le(out.len()), le(f.content.len()));
        let mut common = vec![20, 0, 0, 0, 0, 0];
        common.extend(u32::try_from(f.mtime).expect("a DOS time").to_le_bytes());
        common.extend(crc.sum().to_le_bytes());
        common.extend(size);
        common.extend(size);
        common.extend(u16::try_from(f.name.len()).expect("short").to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(f.name.as_bytes());
        out.extend(&f.content);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((f.mode << 16).to_le_bytes());
        directory.extend(at);
        directory.extend(f.name.as_bytes());
    }
    let (start, size) = (le(out.len()), le(directory.len()));
    let count = u16::try_from(files.len()).expect("few").to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend(size);
    out.extend(start);
    out.extend([0, 0]);
    out
}

fn le(n: usize) -> [u8; 4] {
    u32::try_from(n).expect("small").to_le_bytes()
}
