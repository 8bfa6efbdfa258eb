//! Compiled Python: the header holds the time of the source (PEP 552). Python runs the compiled file where the source beside it has
//! that very time, and compiles the source where it has not: which of the two runs is a matter of times alone.

use std::collections::HashMap;

use super::changes::Change;
use super::fresh;
use super::walk::Walk;
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Field, Member, time_text};
use crate::model::{Cause, Node, NodeKind, Side, Sides};
use crate::text::Untrusted;

/// Magic number, flags, time, size of the source.
const HEADER: usize = 16;

/// The time of the source when it is the only difference. A header with a hash of the source instead has no time.
pub(super) fn change(a: &[u8], b: &[u8]) -> Option<Change> {
    let (old, new) = (a.get(..HEADER)?, b.get(..HEADER)?);
    let number = u16::from_le_bytes([old[0], old[1]]);
    // Since 3.7, which brought the flags; then comes a code object.
    let is_compiled = (3390..4500).contains(&number) && old[2..4] == *b"\r\n" && a.get(HEADER).is_some_and(|c| c & 0x7f == b'c');
    if !is_compiled || old[..4] != new[..4] || old[4..8] != [0; 4] || new[4..8] != [0; 4] || a.get(12..) != b.get(12..) {
        return None;
    }
    let time = |raw: &[u8]| time_text(i64::from(u32::from_le_bytes([raw[8], raw[9], raw[10], raw[11]])));
    Some(Change { cause: Cause::Mtime, ranges: Sides::new(8..12, 8..12), values: Sides::new(time(old), time(new)) })
}

/// Says which compiled files of other languages are newer than their sources on one side only.
pub(super) fn check_fresh(node: &mut Node, blobs: &Sides<&Blob>, parsed: &Sides<&Container>) {
    let is_archive = matches!(node.kind, NodeKind::Tar | NodeKind::Cpio | NodeKind::Zip);
    if !is_archive || !parsed.shipped.members.iter().any(|m| fresh::is_compiled(&m.name)) {
        return;
    }
    let names = parsed.as_ref().map(|side| side.members.iter().map(|m| (plain(&m.name), m)).collect::<HashMap<_, _>>());
    let mut time = |side: Side, name: &[u8]| -> Vec<i64> {
        let (blob, container) = (*blobs.get(side), *parsed.get(side));
        let Some(member) = names.get(side).get(name) else { return Vec::new() };
        let own = time_of(blob, container, member);
        own.map(|own| vec![own, further_time(blob, container, member).unwrap_or(own)]).unwrap_or_default()
    };
    let mut all: Vec<&[u8]> = names.shipped.keys().map(Vec::as_slice).collect();
    all.sort_unstable();
    node.metadata.extend(fresh::told(all.into_iter(), &mut time));
}

/// Says where the time in a compiled file agrees with that of its source on one side only.
pub(super) fn check_times(walk: &mut Walk<'_>, node: &mut Node, blobs: &Sides<&Blob>, parsed: &Sides<&Container>) {
    let is_archive = matches!(node.kind, NodeKind::Tar | NodeKind::Cpio | NodeKind::Zip);
    if !is_archive || !parsed.shipped.members.iter().any(|m| m.name.ends_with(b".pyc")) {
        return;
    }
    // Where it is unpacked to is the same for `./x` and `x`.
    let names = parsed.as_ref().map(|side| side.members.iter().map(|m| (plain(&m.name), m)).collect::<HashMap<_, _>>());
    let is_zip = node.kind == NodeKind::Zip;
    for compiled in parsed.shipped.members.iter().filter(|m| m.name.ends_with(b".pyc")) {
        let name = plain(&compiled.name);
        let source = source_of(&name);
        let pair = |name: &[u8]| Some(Sides::new(*names.shipped.get(name)?, *names.rebuilt.get(name)?));
        let (Some(files), Some(sources)) = (pair(&name), pair(&source)) else { continue };
        let mut lags = |blob: &Blob, container: &Container, file: &Member, source: &Member| -> [Option<i64>; 2] {
            let written = walk.content(file, blob).ok().and_then(|content| source_time(&content));
            // A zip counts in steps of two seconds. Who unpacks it takes the further time, where there is one.
            let own = time_of(blob, container, source).and_then(|time| Some(written.map(|w| if is_zip { w & !1 } else { w })? - time));
            [own, further_time(blob, container, source).and_then(|time| Some(written? - time))]
        };
        let old = lags(blobs.shipped, parsed.shipped, files.shipped, sources.shipped);
        let new = lags(blobs.rebuilt, parsed.rebuilt, files.rebuilt, sources.rebuilt);
        let said = [0, 1].into_iter().find_map(|n| {
            let lag = Sides::new(*old.get(n)?, *new.get(n)?);
            told(&name, &source, lag, is_zip && n == 0)
        });
        node.metadata.extend(said);
    }
}

/// What is said of a compiled file whose stated time is so many seconds behind that of its source on each side.
pub(crate) fn told(compiled: &[u8], source: &[u8], lag: Sides<Option<i64>>, is_zip: bool) -> Option<String> {
    // Times of a zip are those of a zone that nobody knows: there any other lag may be none.
    let both_stale = !is_zip && lag.shipped.is_some_and(|n| n != 0) && lag.rebuilt.is_some_and(|n| n != 0);
    (lag.shipped != lag.rebuilt && !both_stale).then(|| {
        let (file, source) = (shown(compiled), shown(source));
        format!("{file}: its time agrees with that of {source} on one side only: Python runs the one or the other")
    })
}

/// A path without `./` and without slashes that say nothing.
fn plain(name: &[u8]) -> Vec<u8> {
    name.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".").collect::<Vec<_>>().join(&b'/')
}

pub(super) fn shown(name: &[u8]) -> String {
    Untrusted::from(name).shown().cut_start(80).as_str().to_owned()
}

/// The source of `a/__pycache__/x.cpython-311.opt-1.pyc` or `a/x.pyc`.
pub(crate) fn source_of(name: &[u8]) -> Vec<u8> {
    let stem = name.strip_suffix(b".pyc").unwrap_or(name);
    let (folder, base) = stem.split_at(stem.iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1));
    match folder.strip_suffix(b"__pycache__/") {
        Some(folder) => {
            let cut = base.iter().position(|b| *b == b'.').unwrap_or(base.len());
            [folder, base.get(..cut).unwrap_or_default(), b".py"].concat()
        }
        None => [stem, b".py"].concat(),
    }
}

/// The time of the source that a compiled file states; none when it goes by the content of its source.
pub(crate) fn source_time(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [_, _, b'\r', b'\n', 0, 0, 0, 0, a, b, c, d, ..] => Some(i64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        _ => None,
    }
}

/// The time of a member in seconds, that of pax before that of the header.
fn time_of(blob: &Blob, container: &Container, member: &Member) -> Option<i64> {
    let fields = container.fields(blob, member);
    let of_pax = fields.iter().find(|f| f.what == "pax time" && f.key == u32::from(b'm'));
    seconds(of_pax.or_else(|| fields.iter().find(|f| f.what == "mtime" && f.key == 0))?)
}

/// The time of a member of a zip in seconds of UTC, which stands in the extra field of its header; of a tar that of the header, where
/// pax has another, which not everybody reads.
fn further_time(blob: &Blob, container: &Container, member: &Member) -> Option<i64> {
    let fields = container.fields(blob, member);
    let is_pax = fields.iter().any(|f| f.what == "pax time" && f.key == u32::from(b'm'));
    let of_header = |f: &&Field| is_pax && f.what == "mtime" && f.key == 0;
    seconds(fields.iter().find(|f| f.what == "extra times" && f.key == 0x5455).or_else(|| fields.iter().find(of_header))?)
}

fn seconds(field: &Field) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &field.value).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|t| t.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_a_compiled_file_is_beside_it() {
        for (name, source) in [
            ("a/__pycache__/x.cpython-311.pyc", "a/x.py"),
            ("__pycache__/x.cpython-39.opt-1.pyc", "x.py"),
            ("a/x.pyc", "a/x.py"),
            ("./x.y.pyc", "./x.y.py"),
        ] {
            assert_eq!(source_of(name.as_bytes()), source.as_bytes());
        }
    }
}
