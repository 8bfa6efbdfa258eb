//! Tar, read strictly (POSIX.1-2017 pax and ustar, GNU, and the older form): one pass over the 512-byte headers.
//!
//! Two readers that disagree about a tar see different files in it. Wherever that could happen the archive is refused;
//! names and kinds of members that are merely hostile are told as [`Oddity`]. Members are never extracted: a name is a
//! label, and the bytes are read in place.

use std::collections::HashMap;

use super::{limits, paths};

mod pax;

const BLOCK: u64 = 512;

/// Something that is read by offset.
pub(super) trait ReadAt {
    /// Its length in bytes.
    fn len(&self) -> u64;
    /// Fills `buffer` from `offset`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let part = usize::try_from(offset).ok().and_then(|from| self.get(from..)?.get(..buffer.len()));
        buffer.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, and whether its executable bit is set.
    File { executable: bool },
    /// A directory.
    Directory,
    /// A symbolic link to that target.
    Link(Vec<u8>),
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its path, without `./` before and `/` after.
    pub(super) path: Vec<u8>,
    /// What it is.
    pub(super) kind: Kind,
    /// Size of its data in bytes.
    pub(super) size: u64,
    /// Byte offset of its data in the archive.
    pub(super) offset: u64,
}

/// Something hostile or odd that leaves no doubt about where the members are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Oddity {
    /// Byte offset of the header.
    pub(super) offset: u64,
    /// Stable code.
    pub(super) code: &'static str,
    /// The member, as the archive names it.
    pub(super) path: Vec<u8>,
    /// What it is.
    pub(super) what: String,
}

/// What an archive holds.
#[derive(Default)]
pub(super) struct Listing {
    /// Its members, in the order of the archive; names are unique.
    pub(super) members: Vec<Member>,
    /// What was left out or is odd.
    pub(super) oddities: Vec<Oddity>,
}

/// Why an archive is refused.
#[derive(Debug)]
pub(super) enum TarError {
    /// Two readers could disagree, or it is damaged.
    Refused { offset: u64, what: String },
    /// More members than the bound.
    TooMany,
    /// It could not be read.
    Io(std::io::Error),
}

/// Whether these first bytes are a tar header.
pub(super) fn looks_like(start: &[u8]) -> bool {
    start.get(..512).is_some_and(|block| block.iter().any(|b| *b != 0) && checksum_holds(block))
}

fn checksum_holds(block: &[u8]) -> bool {
    let sum: u64 = block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
    matches!(number(&block[148..156]), Ok(Some(stated)) if stated == sum)
}

/// A numeric field: octal digits after spaces, ended by NUL or space, or GNU's binary form. `None` when blank.
fn number(field: &[u8]) -> Result<Option<u64>, String> {
    if field.first().is_some_and(|b| b & 0x80 != 0) {
        if field[0] != 0x80 {
            return Err("a negative or oversized binary number".into());
        }
        return field[1..]
            .iter()
            .try_fold(0u64, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)))
            .map(Some)
            .ok_or_else(|| "an oversized binary number".into());
    }
    let start = field.iter().position(|b| *b != b' ').unwrap_or(field.len());
    let rest = &field[start..];
    let end = rest.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(rest.len());
    if rest[end..].iter().any(|b| !matches!(b, 0 | b' ')) {
        return Err("a number that is not octal".into());
    }
    if end == 0 {
        return Ok(None);
    }
    rest[..end]
        .iter()
        .try_fold(0u64, |n, b| n.checked_mul(8)?.checked_add(u64::from(b - b'0')))
        .map(Some)
        .ok_or_else(|| "an oversized number".into())
}

/// A text field: up to its first NUL, after which only NULs may follow.
fn text<'a>(field: &'a [u8], name: &str) -> Result<&'a [u8], String> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    if field[end..].iter().any(|b| *b != 0) {
        return Err(format!("bytes after the NUL in the field {name}"));
    }
    Ok(&field[..end])
}

/// Whether a header is of the form before ustar. GNU tar and Automake's `dist` still write it, with the numbers of a device, all
/// zeros, where ustar has them; no reader looks at them without the magic.
fn is_old(block: &[u8; 512]) -> bool {
    let zero = |range: std::ops::Range<usize>| block[range].iter().all(|b| *b == 0);
    let device = &block[329..345];
    zero(257..329) && zero(345..512) && (zero(329..345) || device == b"0000000\x000000000\0")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Old,
    Ustar,
    Gnu,
}

/// What extension headers before a member said of it.
#[derive(Default)]
struct Pending {
    /// Offset of the first such header.
    at: Option<u64>,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Reads all headers of an archive of at most `bound` members.
pub(super) fn list(archive: &(impl ReadAt + ?Sized), bound: usize) -> Result<Listing, TarError> {
    let mut lister = Lister { archive, at: 0, out: Listing::default(), pending: Pending::default(), names: HashMap::new(), bound };
    match lister.run() {
        Ok(()) => Ok(lister.out),
        Err(Stop::What(what)) => Err(TarError::Refused { offset: lister.at, what }),
        Err(Stop::TooMany) => Err(TarError::TooMany),
        Err(Stop::Io(e)) => Err(TarError::Io(e)),
    }
}

enum Stop {
    What(String),
    TooMany,
    Io(std::io::Error),
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::What(what)
    }
}

impl From<&str> for Stop {
    fn from(what: &str) -> Self {
        Self::What(what.to_owned())
    }
}

struct Lister<'a, A: ReadAt + ?Sized> {
    archive: &'a A,
    at: u64,
    out: Listing,
    pending: Pending,
    /// Every name seen or implied, and whether it is a directory.
    names: HashMap<Vec<u8>, bool>,
    bound: usize,
}

impl<A: ReadAt + ?Sized> Lister<'_, A> {
    fn run(&mut self) -> Result<(), Stop> {
        let length = self.archive.len();
        let mut block = [0u8; 512];
        let mut headers = 0usize;
        loop {
            if self.at == length {
                if self.pending.at.is_some() {
                    return Err("an extension header with no member after it".into());
                }
                if headers == 0 {
                    return Err("an empty archive".into());
                }
                self.odd("tar.end", Vec::new(), "the archive has no end marker: it may have been cut short");
                return Ok(());
            }
            self.read(&mut block, self.at, "a header")?;
            if block.iter().all(|b| *b == 0) {
                return self.end();
            }
            headers += 1;
            // Extension headers count twice as much as there may be members, so that they are bounded too.
            if self.out.members.len() + self.out.oddities.len() >= self.bound || headers > self.bound.saturating_mul(3) {
                return Err(Stop::TooMany);
            }
            let size = self.header(&block)?;
            let padded = size.checked_next_multiple_of(BLOCK).and_then(|n| n.checked_add(BLOCK)).and_then(|n| n.checked_add(self.at));
            let next = padded.ok_or("a size beyond any archive")?;
            // The last block may lack its padding in no form that all readers take.
            if next > length {
                return Err(format!("the archive ends inside a member of {size} bytes").into());
            }
            self.at = next;
        }
    }

    fn read(&self, buffer: &mut [u8], at: u64, what: &str) -> Result<(), Stop> {
        if at.checked_add(buffer.len() as u64).is_none_or(|end| end > self.archive.len()) {
            return Err(format!("the archive ends inside {what}").into());
        }
        self.archive.read_exact_at(buffer, at).map_err(Stop::Io)
    }

    fn odd(&mut self, code: &'static str, path: Vec<u8>, what: impl Into<String>) {
        self.out.oddities.push(Oddity { offset: self.at, code, path, what: what.into() });
    }

    /// After the first zero block: a second one, and nothing but zeros to the end.
    fn end(&mut self) -> Result<(), Stop> {
        if self.pending.at.is_some() {
            return Err("an extension header with no member after it".into());
        }
        let length = self.archive.len();
        if length - self.at < 2 * BLOCK {
            self.odd("tar.end", Vec::new(), "the end marker is one block of zeros instead of two");
        }
        let mut at = self.at;
        let mut buffer = vec![0u8; 64 << 10];
        while at < length {
            let n = usize::try_from((length - at).min(buffer.len() as u64)).unwrap_or(buffer.len());
            self.archive.read_exact_at(&mut buffer[..n], at).map_err(Stop::Io)?;
            if buffer[..n].iter().any(|b| *b != 0) {
                return Err("data after the end marker, which some readers would read on".into());
            }
            at += n as u64;
            if at - self.at > (64 << 20) && at < length {
                return Err("more than 64 MiB of zeros after the end marker".into());
            }
        }
        Ok(())
    }

    /// Takes one header; gives the number of data bytes that follow it.
    fn header(&mut self, block: &[u8; 512]) -> Result<u64, Stop> {
        if !checksum_holds(block) {
            return Err("a header whose checksum does not hold".into());
        }
        let format = match (&block[257..263], &block[263..265]) {
            (b"ustar\0", b"00") => Format::Ustar,
            (b"ustar ", b" \0") => Format::Gnu,
            _ if is_old(block) => Format::Old,
            _ => return Err("a header of no known tar format".into()),
        };
        let stated = number(&block[124..136]).map_err(|e| format!("the size is {e}"))?;
        let name = text(&block[0..100], "name")?.to_vec();
        let link = text(&block[157..257], "linkname")?.to_vec();
        let kind = block[156];
        let mut path = name;
        match format {
            Format::Ustar => {
                if &block[508..512] == b"tar\0" {
                    return Err("a header of the star format, whose prefix field readers disagree about".into());
                }
                let prefix = text(&block[345..500], "prefix")?;
                if !prefix.is_empty() {
                    path = [prefix, b"/", &path].concat();
                }
            }
            Format::Gnu if kind == b'S' => return Err("a sparse file, whose data readers disagree about".into()),
            Format::Gnu if block[345..500].iter().any(|b| *b != 0) => {
                return Err("a GNU header with bytes where other readers see a name prefix".into());
            }
            Format::Gnu | Format::Old => {}
        }
        match kind {
            b'x' | b'g' | b'L' | b'K' => {
                let size = stated.ok_or("an extension header without a size")?;
                self.extension(kind, size)?;
                Ok(size)
            }
            _ => self.member(block, kind, path, link, stated),
        }
    }

    fn extension(&mut self, kind: u8, size: u64) -> Result<(), Stop> {
        if self.pending.at.is_some() {
            return Err("several extension headers before one member".into());
        }
        if size > limits::SMALL_FILE {
            return Err(format!("an extension header of {size} bytes").into());
        }
        let mut data = vec![0u8; usize::try_from(size).unwrap_or(0)];
        self.read(&mut data, self.at + BLOCK, "an extension header")?;
        match kind {
            b'x' => {
                let records = pax::records(&data, false)?;
                self.pending = Pending { at: Some(self.at), path: records.path, link: records.link, size: records.size };
            }
            b'g' => {
                pax::records(&data, true)?;
            }
            _ => {
                let end = data.iter().position(|b| *b == 0).ok_or("a long name without its NUL")?;
                if end == 0 || end + 1 != data.len() {
                    return Err("a long name that is empty or has a NUL inside".into());
                }
                data.truncate(end);
                let (path, link) = if kind == b'L' { (Some(data), None) } else { (None, Some(data)) };
                self.pending = Pending { at: Some(self.at), path, link, size: None };
            }
        }
        Ok(())
    }

    fn member(&mut self, block: &[u8; 512], kind: u8, path: Vec<u8>, link: Vec<u8>, stated: Option<u64>) -> Result<u64, Stop> {
        let pending = std::mem::take(&mut self.pending);
        let path = pending.path.unwrap_or(path);
        let link = pending.link.unwrap_or(link);
        let size = match (pending.size, stated) {
            (None, Some(stated)) => stated,
            // A blank size is zero to every reader, but only old archives have it, for what has no data.
            (None, None) if !matches!(kind, 0 | b'0' | b'7') => 0,
            (None, None) => return Err("a file without a size".into()),
            (Some(size), Some(stated)) if size == stated => {
                // Where the field would do, no common writer adds the record; readers have differed about it (CVE-2025-62518).
                self.odd("tar.size", path.clone(), "an extension header repeats a size that the header itself can hold");
                size
            }
            // Eight GiB and more do not fit the field; writers then leave it zero or full.
            (Some(size), stated) if size >= 1 << 33 && matches!(stated, None | Some(0 | 0o777_7777_7777)) => size,
            (Some(size), _) => return Err(format!("the extension header says {size} bytes, the header itself another size").into()),
        };
        let is_file = matches!(kind, 0 | b'0');
        if !is_file && kind != b'7' && size != 0 {
            return Err("a link, directory or device that claims to have data".into());
        }
        let shown = crate::text::Shown::of_bytes(&path).cut_start(120);
        let clean = clean(&path, kind == b'5');
        let trouble = match &clean {
            Some(clean) => paths::trouble(clean),
            None => Some("an empty name, or a name that ends like a directory's"),
        };
        let wanted = match kind {
            0 | b'0' => Kind::File { executable: number(&block[100..108]).ok().flatten().is_some_and(|mode| mode & 0o111 != 0) },
            b'5' => Kind::Directory,
            b'2' => Kind::Link(link),
            b'1' => {
                self.odd("tar.link", path, format!("{shown} is a hard link: not read"));
                return Ok(size);
            }
            b'3' | b'4' | b'6' => {
                self.odd("tar.special", path, format!("{shown} is a device or pipe: not read"));
                return Ok(size);
            }
            b'S' => return Err("a sparse file, whose data readers disagree about".into()),
            other => return Err(format!("a member of type {:#04x}, which readers disagree about", other).into()),
        };
        // The root itself.
        if kind == b'5' && clean.as_ref().is_some_and(Vec::is_empty) {
            return Ok(size);
        }
        if let Some(trouble) = trouble {
            self.odd("tar.name", path, format!("{shown} is {trouble}: not read"));
            return Ok(size);
        }
        let Some(clean) = clean else { return Ok(size) };
        let directory = wanted == Kind::Directory;
        match self.names.insert(clean.clone(), directory) {
            Some(true) if directory => return Ok(size),
            Some(_) => return Err(format!("a second member named {shown}").into()),
            None => {}
        }
        let mut above = clean.as_slice();
        while let Some(i) = above.iter().rposition(|b| *b == b'/') {
            above = &above[..i];
            match self.names.get(above) {
                Some(true) => break,
                Some(false) => return Err(format!("{shown} lies below a member that is not a directory").into()),
                None => {
                    self.names.insert(above.to_vec(), true);
                }
            }
        }
        self.out.members.push(Member { path: clean, kind: wanted, size, offset: self.at + BLOCK });
        Ok(size)
    }
}

/// The name without `./` before it and, for a directory, `/` after it; `None` when it then has no sound form.
fn clean(path: &[u8], directory: bool) -> Option<Vec<u8>> {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    if directory {
        path = path.strip_suffix(b"/").unwrap_or(path);
        if path == b"." {
            path = b"";
        }
        return Some(path.to_vec());
    }
    (!path.is_empty() && !path.ends_with(b"/")).then(|| path.to_vec())
}

#[cfg(test)]
mod tests;
