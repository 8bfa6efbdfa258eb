//! Expanding compressed input into memory, counted in output bytes while it is read.

use std::io::{BufRead, Read, Write};

use super::limits;

/// First bytes of a zstd frame (RFC 8878).
pub(super) const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
const GZIP: &[u8] = &[0x1F, 0x8B];
const XZ: &[u8] = b"\xFD7zXZ\0";
const BZIP2: &[u8] = b"BZh";

/// A compression that sources come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

/// Why input did not expand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExpandError {
    TooLarge,
    Damaged(String),
    /// What came out could not be written down.
    NotKept(String),
}

/// The compression that these first bytes show.
pub(super) fn method(start: &[u8]) -> Option<Method> {
    [(GZIP, Method::Gzip), (XZ, Method::Xz), (ZSTD, Method::Zstd), (BZIP2, Method::Bzip2)]
        .into_iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, method)| method)
}

/// What a file that is not a carrier seems to be, for a message.
pub(super) fn describe(start: &[u8]) -> &'static str {
    if start.starts_with(b"PK\x03\x04") {
        "is a zip, which can mean two things to two readers"
    } else if start.starts_with(b"!<arch>") {
        "is a package or library, not a bundle of source, shipped and rebuilt files"
    } else if start.starts_with(b"# v") {
        "is a git bundle: a source, not a whole release"
    } else if method(start).is_some() {
        "is compressed in another way than zstd"
    } else if start.is_empty() {
        "is empty"
    } else {
        "is not a tar"
    }
}

/// Expands all of `input`, every frame or member of it, to at most `limit` bytes.
pub(super) fn expand(input: impl BufRead, method: Method, limit: u64) -> Result<Vec<u8>, ExpandError> {
    let mut out = Vec::new();
    expand_to(input, method, limit, &mut out)?;
    Ok(out)
}

/// The same, written to `out` as it comes.
pub(super) fn expand_to(input: impl BufRead, method: Method, limit: u64, out: &mut impl Write) -> Result<(), ExpandError> {
    let damaged = |e: std::io::Error| ExpandError::Damaged(e.to_string());
    let mut room = limit;
    match method {
        Method::Gzip => drain(flate2::bufread::MultiGzDecoder::new(input), out, &mut room)?,
        Method::Bzip2 => drain(bzip2::bufread::MultiBzDecoder::new(input), out, &mut room)?,
        Method::Xz => {
            let window = u32::try_from(limits::WINDOW >> 10).unwrap_or(u32::MAX);
            drain(lzma_rust2::XzReader::new_mem_limit(input, true, window), out, &mut room)?;
        }
        Method::Zstd => {
            let mut input = input;
            while !input.fill_buf().map_err(damaged)?.is_empty() {
                let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut input, limits::WINDOW)
                    .map_err(|e| ExpandError::Damaged(e.to_string()))?;
                drain(decoder, out, &mut room)?;
            }
        }
    }
    Ok(())
}

fn drain(mut reader: impl Read, out: &mut impl Write, room: &mut u64) -> Result<(), ExpandError> {
    let mut buffer = vec![0u8; limits::CHUNK];
    loop {
        let n = match reader.read(&mut buffer) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other.map_err(|e| ExpandError::Damaged(e.to_string()))?,
        };
        if n == 0 {
            return Ok(());
        }
        *room = room.checked_sub(n as u64).ok_or(ExpandError::TooLarge)?;
        out.write_all(&buffer[..n]).map_err(|e| ExpandError::NotKept(e.to_string()))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn output_is_counted_while_it_is_read() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0u8; 1 << 20]).expect("in memory");
        let bomb = encoder.finish().expect("in memory");
        assert!(bomb.len() < 4096);
        assert_eq!(expand(&bomb[..], Method::Gzip, 1000), Err(ExpandError::TooLarge));
        assert_eq!(expand(&bomb[..], Method::Gzip, 1 << 20).map(|v| v.len()), Ok(1 << 20));
        assert!(matches!(expand(&bomb[..bomb.len() - 9], Method::Gzip, 1 << 21), Err(ExpandError::Damaged(_))));
        let twice = [bomb.as_slice(), &bomb].concat();
        assert_eq!(expand(&twice[..], Method::Gzip, 1 << 22).map(|v| v.len()), Ok(2 << 20));
    }
}
