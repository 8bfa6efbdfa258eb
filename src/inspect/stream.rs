//! Compressed streams: gzip (RFC 1952), xz, zstd (RFC 8878), bzip2. Output is counted while it is made.

use std::io::Read;

use super::budget::{Budget, Refused};
use super::container::{Field, time_text};
use crate::model::{Cause, NodeKind};

/// Memory that the xz decoder may take, in KiB.
const XZ_MEMORY: u32 = 128 * 1024;
/// Largest zstd window in bytes.
const ZSTD_WINDOW: u64 = 128 << 20;
const CHUNK: usize = 64 * 1024;
/// Room that is made for what comes out of a stream before anything does, in bytes.
const MAX_LIKELY: usize = 1 << 20;
/// Longest name of a file, in bytes.
const MAX_FILE_NAME: usize = 255;

/// A stream taken apart: `fields` cover every byte of it.
pub(crate) struct Stream {
    pub(crate) payload: Vec<u8>,
    pub(crate) fields: Vec<Field>,
    /// How much of the payload was there at the end of each member or frame.
    pub(crate) ends: Vec<usize>,
}

/// Decodes a whole stream with all its members or frames.
pub(crate) fn decode(kind: NodeKind, bytes: &[u8], budget: &mut Budget, cancelled: &dyn Fn() -> bool) -> Result<Stream, Refused> {
    let mut sink = Sink { payload: Vec::new(), likely: bytes.len().saturating_mul(4).min(MAX_LIKELY), budget, cancelled };
    let (mut fields, mut ends) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let used = match kind {
            NodeKind::Gzip if rest.starts_with(&[0x1f, 0x8b]) => gzip_member(rest, at, &mut sink, &mut fields)?,
            NodeKind::Xz if rest.starts_with(b"\xfd7zXZ\0") => xz_stream(rest, at, &mut sink, &mut fields)?,
            NodeKind::Bzip2 if rest.starts_with(b"BZh") => bzip2_stream(rest, at, &mut sink, &mut fields)?,
            NodeKind::Zstd if rest.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => zstd_frame(rest, at, &mut sink, &mut fields)?,
            _ if at == 0 => return Err(Refused::odd("no stream header")),
            // What follows is no stream: it is shown and compared, never dropped.
            _ => break,
        };
        at = at.saturating_add(used.max(1));
        ends.push(sink.payload.len());
    }
    fields.push(Field::fixed("data after the end of the stream", at.min(bytes.len())..bytes.len()));
    Ok(Stream { payload: sink.payload, fields, ends })
}

/// Whether who reads the first members or frames only reads the same of both: some readers stop after the first. Each must end at
/// the same place, counted from the start or from the end.
pub(crate) fn same_ends(one: &Stream, two: &Stream) -> bool {
    let from_end = |stream: &Stream, end: usize| stream.payload.len() - end;
    let same = |(x, y): (&usize, &usize)| x == y || from_end(one, *x) == from_end(two, *y);
    one.ends.len() == two.ends.len() && one.ends.iter().zip(&two.ends).all(same)
}

struct Sink<'a> {
    payload: Vec<u8>,
    /// How much may come out of it.
    likely: usize,
    budget: &'a mut Budget,
    cancelled: &'a dyn Fn() -> bool,
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.budget.expand(bytes.len())?;
        if (self.cancelled)() {
            return Err(Refused::Over("cancelled".to_owned()));
        }
        // Most files expand to a few times their size: room for that at once is not copied from room to room.
        let room = if self.payload.is_empty() { self.likely } else { 0 };
        self.payload.try_reserve(bytes.len().max(room)).map_err(|_| Refused::Over("not enough memory to expand it".to_owned()))?;
        self.payload.extend_from_slice(bytes);
        Ok(())
    }

    fn drain(&mut self, reader: &mut dyn Read) -> Result<(), Refused> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(n) => self.take(chunk.get(..n).unwrap_or_default())?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == std::io::ErrorKind::OutOfMemory => {
                    return Err(Refused::Over(format!("needs more than {} MiB to expand", XZ_MEMORY / 1024)));
                }
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(Refused::odd("the stream is cut off")),
                Err(e) => return Err(Refused::odd(format!("the stream does not decode: {e}"))),
            }
        }
    }
}

/// Expands raw deflate; returns the bytes used.
fn inflate(bytes: &[u8], mut each: impl FnMut(&[u8]) -> Result<(), Refused>) -> Result<usize, Refused> {
    let mut state = flate2::Decompress::new(false);
    let mut chunk = vec![0; CHUNK];
    loop {
        let used = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let before = state.total_out();
        let status = state
            .decompress(bytes.get(used..).unwrap_or_default(), &mut chunk, flate2::FlushDecompress::None)
            .map_err(|e| Refused::odd(format!("the deflate data does not decode: {e}")))?;
        let made = usize::try_from(state.total_out() - before).unwrap_or(0);
        each(chunk.get(..made).unwrap_or_default())?;
        let now = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        match status {
            flate2::Status::StreamEnd => return Ok(now),
            _ if made == 0 && now == used => return Err(Refused::odd("the deflate data is cut off")),
            _ => {}
        }
    }
}

/// Expands one deflated member of a zip and checks its size and CRC-32.
pub(crate) fn inflate_member(bytes: &[u8], size: usize, crc: u32, budget: &mut Budget) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    let used = inflate(bytes, |chunk| {
        budget.expand(chunk.len())?;
        out.extend_from_slice(chunk);
        if out.len() > size { Err(Refused::odd("a member expands to more than the zip says")) } else { Ok(()) }
    })?;
    if used != bytes.len() || out.len() != size || crc32(&out) != crc {
        return Err(Refused::odd("a member's size or CRC is not what the zip says"));
    }
    Ok(out)
}

/// Expands a zlib stream (RFC 1950) that makes so many bytes and has nothing behind it.
pub(crate) fn inflate_zlib(bytes: &[u8], size: u64) -> Result<Vec<u8>, Refused> {
    let (out, used) = zlib(bytes, size)?;
    if out.len() as u64 != size || used != bytes.len() {
        return Err(Refused::odd("the zlib stream's size does not hold"));
    }
    Ok(out)
}

/// Expands a zlib stream that makes so many bytes at most; what is behind it does not matter.
pub(crate) fn inflate_zlib_prefix(bytes: &[u8], most: u64) -> Result<Vec<u8>, Refused> {
    zlib(bytes, most).map(|(out, _)| out)
}

/// The content of a zlib stream, and its length.
fn zlib(bytes: &[u8], most: u64) -> Result<(Vec<u8>, usize), Refused> {
    let head = bytes.get(..2).map(|h| u32::from(h[0]) << 8 | u32::from(h[1]));
    // Deflate with a window of 32 KiB at most, no dictionary, the check bits right.
    if !head.is_some_and(|h| h >> 8 & 0x8f == 8 && h & 0x20 == 0 && h % 31 == 0) {
        return Err(Refused::odd("the zlib header does not hold"));
    }
    let body = bytes.get(2..).unwrap_or_default();
    let mut out = Vec::new();
    let used = inflate(body, |chunk| {
        if (out.len() + chunk.len()) as u64 > most {
            return Err(Refused::odd("the zlib stream expands to more than is stated"));
        }
        out.try_reserve(chunk.len()).map_err(|_| Refused::Over("not enough memory to expand it".to_owned()))?;
        out.extend_from_slice(chunk);
        Ok(())
    })?;
    if body.get(used..used + 4) != Some(adler32(&out).to_be_bytes().as_slice()) {
        return Err(Refused::odd("the zlib stream's checksum does not hold"));
    }
    Ok((out, used + 6))
}

/// The checksum of zlib.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many sums stay below 32 bits.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

/// Expands zstd frames that make so many bytes and have nothing behind them.
pub(crate) fn zstd_exact(bytes: &[u8], size: u64) -> Result<Vec<u8>, Refused> {
    let mut budget = Budget::new(size, 0, 0);
    let stream = decode(NodeKind::Zstd, bytes, &mut budget, &|| false)?;
    let whole = stream.fields.last().is_some_and(|f| f.range.is_empty());
    if !whole || stream.payload.len() as u64 != size {
        return Err(Refused::odd("the zstd stream's size does not hold, or something follows it"));
    }
    Ok(stream.payload)
}

/// CRC-32 as gzip, zip and debug links have it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn gzip_member(bytes: &[u8], base: usize, sink: &mut Sink<'_>, fields: &mut Vec<Field>) -> Result<usize, Refused> {
    let cut = || Refused::odd("the gzip header is cut off");
    let head = bytes.get(..10).ok_or_else(cut)?;
    let flags = head[3];
    if head[2] != 8 || flags & 0xe0 != 0 {
        return Err(Refused::odd("the gzip header has an unknown method or flag"));
    }
    let time = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let mut at = 10;
    let header = |what, from: usize, to: usize, value: String| Field::caused(what, Cause::GzipHeader, base + from..base + to, value);
    // The method is deflate: nothing else gets here.
    fields.push(Field::caused("magic", Cause::Compression, base..base + 3, ""));
    fields.push(header("flags", 3, 4, format!("flags {flags:#04x}")));
    fields.push(header("mtime", 4, 8, if time == 0 { "none".to_owned() } else { time_text(i64::from(time)) }));
    fields.push(header("system", 8, 10, format!("level mark {}, system {}", head[8], head[9])));
    let extra = at;
    if flags & 4 != 0 {
        let length = bytes.get(at..at + 2).map(|l| usize::from(u16::from_le_bytes([l[0], l[1]]))).ok_or_else(cut)?;
        at += 2 + length;
    }
    // An extra field or a comment may hold anything: no cause explains it.
    fields.push(Field::fixed("extra field", base + extra..base + at));
    let name = at;
    if flags & 8 != 0 {
        at += text_length(bytes, at).ok_or_else(cut)?;
    }
    let shown = String::from_utf8_lossy(bytes.get(name..at).unwrap_or_default()).trim_end_matches('\0').to_owned();
    // Tools give the content that name again when they are asked to: it must be one, and no place.
    let is_name = bytes.get(name..at).is_some_and(is_plain_name);
    fields.push(if is_name { header("name", name, at, shown) } else { Field::shown("name", base + name..base + at, shown) });
    let comment = at;
    if flags & 16 != 0 {
        at += text_length(bytes, at).ok_or_else(cut)?;
    }
    fields.push(Field::fixed("comment", base + comment..base + at));
    if flags & 2 != 0 {
        let stated = bytes.get(at..at + 2).ok_or_else(cut)?;
        let real = crc32(bytes.get(..at).unwrap_or_default()).to_le_bytes();
        if stated != &real[..2] {
            return Err(Refused::odd("the gzip header's CRC does not hold"));
        }
        fields.push(Field::caused("header CRC", Cause::Derived, base + at..base + at + 2, ""));
        at += 2;
    }
    let body = bytes.get(at..).ok_or_else(cut)?;
    let start = sink.payload.len();
    let used = inflate(body, |chunk| sink.take(chunk))?;
    let made = sink.payload.get(start..).unwrap_or_default();
    let tail = body.get(used..used + 8).ok_or_else(|| Refused::odd("the gzip trailer is cut off"))?;
    let length = u32::try_from(made.len() as u64 & 0xffff_ffff).unwrap_or(0);
    if tail[..4] != crc32(made).to_le_bytes() || tail[4..] != length.to_le_bytes() {
        return Err(Refused::odd("the gzip trailer (CRC, size) does not hold"));
    }
    fields.push(Field::caused("compressed data", Cause::Compression, base + at..base + at + used, ""));
    fields.push(Field::caused("trailer", Cause::Derived, base + at + used..base + at + used + 8, ""));
    Ok(at + used + 8)
}

/// Whether that is the name of a file, without folders and of a usual length, or nothing; with its NUL.
fn is_plain_name(raw: &[u8]) -> bool {
    let name = raw.strip_suffix(&[0]).unwrap_or(raw);
    let plain = |b: &u8| *b >= 0x20 && !matches!(b, 0x7f | b'/' | b'\\' | b':');
    // One that starts with a dot is read by something when it is put anywhere, one with a hyphen is an option.
    let starts = !matches!(name, [b'.' | b'-', ..]);
    name.len() <= MAX_FILE_NAME && name.iter().all(plain) && starts && std::str::from_utf8(name).is_ok()
}

fn text_length(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.iter().position(|b| *b == 0).map(|n| n + 1)
}

fn xz_stream(bytes: &[u8], base: usize, sink: &mut Sink<'_>, fields: &mut Vec<Field>) -> Result<usize, Refused> {
    let mut reader = lzma_rust2::XzReader::new_mem_limit(bytes, false, XZ_MEMORY);
    sink.drain(&mut reader)?;
    let used = bytes.len() - reader.into_inner().len();
    fields.push(Field::caused("compressed data", Cause::Compression, base..base + used, ""));
    Ok(used)
}

fn bzip2_stream(bytes: &[u8], base: usize, sink: &mut Sink<'_>, fields: &mut Vec<Field>) -> Result<usize, Refused> {
    let mut reader = bzip2::bufread::BzDecoder::new(bytes);
    sink.drain(&mut reader)?;
    let used = bytes.len() - reader.into_inner().len();
    fields.push(Field::caused("compressed data", Cause::Compression, base..base + used, ""));
    Ok(used)
}

fn zstd_frame(bytes: &[u8], base: usize, sink: &mut Sink<'_>, fields: &mut Vec<Field>) -> Result<usize, Refused> {
    let odd = |e: &dyn std::fmt::Display| Refused::odd(format!("the zstd frame does not decode: {e}"));
    let mut frame = ruzstd::decoding::FrameDecoder::new();
    frame.set_max_window_size(ZSTD_WINDOW);
    let mut decoder = ruzstd::decoding::StreamingDecoder::new_with_decoder(bytes, frame).map_err(|e| odd(&e))?;
    let start = sink.payload.len();
    sink.drain(&mut decoder)?;
    let (rest, frame) = decoder.into_parts();
    let made = sink.payload.get(start..).unwrap_or_default();
    // Our decoder takes no notice of the size in the header; others end where it does not hold.
    let states_size = bytes.get(4).is_some_and(|descriptor| descriptor >> 6 != 0 || descriptor & 0x20 != 0);
    if states_size && frame.content_size() != made.len() as u64 {
        return Err(Refused::odd("the size that the zstd frame states does not hold"));
    }
    if !frame.is_finished() || frame.get_checksum_from_data().is_some_and(|sum| sum != xxh64(made) as u32) {
        return Err(Refused::odd("the zstd frame's checksum does not hold"));
    }
    let used = bytes.len() - rest.len();
    fields.push(Field::caused("compressed data", Cause::Compression, base..base + used, ""));
    Ok(used)
}

/// XXH64 with seed 0: the content checksum of zstd (its decoder here does not check it).
fn xxh64(bytes: &[u8]) -> u64 {
    const P1: u64 = 0x9e37_79b1_85eb_ca87;
    const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
    const P3: u64 = 0x1656_67b1_9e37_79f9;
    const P4: u64 = 0x85eb_ca77_c2b2_ae63;
    const P5: u64 = 0x27d4_eb2f_1656_67c5;
    fn word(raw: &[u8]) -> u64 {
        raw.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    }
    fn round(acc: u64, lane: u64) -> u64 {
        acc.wrapping_add(lane.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
    }
    let mut stripes = bytes.chunks_exact(32);
    let mut hash = if bytes.len() >= 32 {
        let mut v = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
        for stripe in stripes.by_ref() {
            for (acc, lane) in v.iter_mut().zip(stripe.chunks_exact(8)) {
                *acc = round(*acc, word(lane));
            }
        }
        let joined = [1, 7, 12, 18].iter().zip(v).fold(0u64, |n, (by, acc)| n.wrapping_add(acc.rotate_left(*by)));
        v.iter().fold(joined, |n, acc| (n ^ round(0, *acc)).wrapping_mul(P1).wrapping_add(P4))
    } else {
        P5
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let rest = stripes.remainder();
    let mut words = rest.chunks_exact(8);
    for lane in words.by_ref() {
        hash = (hash ^ round(0, word(lane))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let mut rest = words.remainder();
    if let Some((four, tail)) = rest.split_at_checked(4) {
        hash = (hash ^ word(four).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = tail;
    }
    for b in rest {
        hash = (hash ^ u64::from(*b).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(P2);
    hash = (hash ^ hash >> 29).wrapping_mul(P3);
    hash ^ hash >> 32
}

/// An xz stream with stored chunks, for tests: the decoder comes without an encoder.
#[cfg(test)]
pub(crate) fn xz_stored(bytes: &[u8]) -> Vec<u8> {
    fn size(mut n: usize, out: &mut Vec<u8>) {
        while n >= 0x80 {
            out.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
    }
    fn sum(part: &[u8]) -> [u8; 4] {
        crc32(part).to_le_bytes()
    }
    let mut block = vec![2, 0, 0x21, 1, 0x16, 0, 0, 0];
    block.extend(sum(&block));
    for (i, chunk) in bytes.chunks(0x1_0000).enumerate() {
        block.push(if i == 0 { 1 } else { 2 });
        block.extend(u16::try_from(chunk.len() - 1).unwrap().to_be_bytes());
        block.extend(chunk);
    }
    block.push(0);
    let unpadded = block.len() + 4;
    block.resize(block.len().next_multiple_of(4), 0);
    block.extend(sum(bytes));
    let mut index = vec![0, 1];
    size(unpadded, &mut index);
    size(bytes.len(), &mut index);
    index.resize(index.len().next_multiple_of(4), 0);
    index.extend(sum(&index));
    let mut footer = u32::try_from(index.len() / 4 - 1).unwrap().to_le_bytes().to_vec();
    footer.extend([0, 1]);
    [b"\xfd7zXZ\0\0\x01".as_slice(), &sum(&[0, 1]), &block, &index, &sum(&footer), &footer, b"YZ"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh64_gives_the_published_values() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition"), 0xfbce_a83c_8a37_8bf1);
    }

    #[test]
    fn output_is_counted_while_it_is_made() {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(&vec![0; 8 << 20]).unwrap();
        let bytes = gz.finish().unwrap();
        let mut budget = Budget::new(1 << 20, 10, 10);
        let refused = decode(NodeKind::Gzip, &bytes, &mut budget, &|| false).err().unwrap();
        assert_eq!(refused, Refused::Over("expands to more than the bound of 1048576 bytes".to_owned()));
        let mut budget = Budget::new(9 << 20, 10, 10);
        assert_eq!(decode(NodeKind::Gzip, &bytes, &mut budget, &|| false).unwrap().payload.len(), 8 << 20);
    }

    #[test]
    fn fields_cover_every_byte_with_trailing_data() {
        let mut bytes = xz_stored(b"hello hello hello");
        bytes.extend_from_slice(b"tail");
        let got = decode(NodeKind::Xz, &bytes, &mut Budget::new(1 << 20, 10, 10), &|| false).unwrap();
        assert_eq!(got.payload, b"hello hello hello");
        assert_eq!(got.fields.last().unwrap().range, bytes.len() - 4..bytes.len());
        assert_eq!(got.fields.iter().map(|f| f.range.len()).sum::<usize>(), bytes.len());
    }
}
