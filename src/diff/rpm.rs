//! rpm packages: what their headers say of the content is recomputed on both sides, or stays unexplained.

use std::collections::{BTreeMap, HashMap};

use super::walk::{Slot, Walk};
use super::{fresh, pyc};
use crate::digest::{Algorithm, Digest};
use crate::inspect::blob::Blob;
use crate::inspect::budget::Refused;
use crate::inspect::container::Nature;
use crate::inspect::rpm::{self, IN_SIGNATURE, Package};
use crate::inspect::{cpio, kind, stream};
use crate::model::{Cause, Node, NodeKind, Side, Sides, Tried};

/// Tags whose value follows from the rest of the package.
const DERIVED: [u32; 11] = [
    IN_SIGNATURE + 1000,
    IN_SIGNATURE + 1007,
    IN_SIGNATURE + 1004,
    IN_SIGNATURE + 269,
    IN_SIGNATURE + 273,
    1009,
    1028,
    1035,
    1125,
    5092,
    5097,
];

/// The files of a payload by path: size, and content where it is a regular file.
struct Payload {
    expanded: Blob,
    files: HashMap<Vec<u8>, Option<Blob>>,
}

impl Walk<'_> {
    /// Compares two packages.
    pub(super) fn packages(&mut self, node: &mut Node, a: &Blob, b: &Blob, depth: usize) -> Result<(), Refused> {
        let mut sides = Sides::new(rpm::parse(a, &mut self.budget)?, rpm::parse(b, &mut self.budget)?);
        let blobs = Sides::new(a, b);
        let value = |package: &Package, blob: &Blob, tag: u32| {
            package.container.loose.iter().find(|f| f.key == tag).map(|f| blob.get(f.range.clone()).unwrap_or_default().to_vec())
        };
        let changed = a.get(sides.shipped.payload.clone()) != b.get(sides.rebuilt.payload.clone());
        let from_payload = |tag: u32| matches!(tag, 1009 | 1028 | 1035 | 5097) || tag == IN_SIGNATURE + 1007;
        let differs = |tag: u32| value(&sides.shipped, a, tag) != value(&sides.rebuilt, b, tag);
        let differing: Vec<u32> = DERIVED.into_iter().filter(|tag| differs(*tag)).collect();
        let compiled = [(&sides.shipped, a), (&sides.rebuilt, b)]
            .iter()
            .any(|(package, blob)| package.strings(blob, 1117).iter().any(|name| name.ends_with(b".pyc")));
        let timed = compiled && (changed || value(&sides.shipped, a, 1034) != value(&sides.rebuilt, b, 1034));
        let needs = timed || changed || differing.iter().any(|tag| from_payload(*tag));
        let mut wrong: Sides<Vec<(u32, String)>> = Sides::default();
        let mut lags: Sides<Lags> = Sides::default();
        for side in [Side::Shipped, Side::Rebuilt] {
            let (package, blob) = (sides.get(side), *blobs.get(side));
            let payload = if needs { self.payload(package, blob) } else { Err(String::new()) };
            let checked = DERIVED.into_iter().filter(|tag| (needs || !from_payload(*tag)) && value(package, blob, *tag).is_some());
            let fails = checked.filter_map(|tag| Some((tag, follows(package, blob, payload.as_ref(), tag).err()?)));
            *wrong.get_mut(side) = fails.collect();
            if timed {
                *lags.get_mut(side) = lags_of(package, blob, payload.as_ref());
            }
        }
        for (side, other) in [(Side::Shipped, Side::Rebuilt), (Side::Rebuilt, Side::Shipped)] {
            let word = if side == Side::Shipped { "shipped" } else { "rebuilt" };
            for (tag, why) in wrong.get(side) {
                let Some(field) = sides.get_mut(side).container.loose.iter_mut().find(|f| f.key == *tag) else { continue };
                let what = field.what;
                if differing.contains(tag) {
                    let cause = field.cause.take().unwrap_or(Cause::Derived);
                    node.tried.push(Tried { cause, why: format!("{word}: {what}: {why}") });
                } else if !wrong.get(other).iter().any(|(t, _)| t == tag) {
                    // The same on both sides, and true on one of them only.
                    node.metadata.push(format!("{word}: {what}: {why}"));
                }
            }
        }
        let listed = Sides::new(times_of(&sides.shipped, a), times_of(&sides.rebuilt, b));
        if listed.shipped != listed.rebuilt {
            let mut time = |side: Side, name: &[u8]| listed.get(side).get(name).copied().into_iter().collect();
            node.metadata.extend(fresh::told(listed.shipped.keys().map(Vec::as_slice), &mut time));
        }
        // Installed are the times of the header, whatever the payload has.
        for (name, (source, old)) in &lags.shipped {
            let new = lags.rebuilt.get(name).and_then(|(_, lag)| *lag);
            node.metadata.extend(pyc::told(name, source, Sides::new(*old, new), false));
        }
        self.opened(node, blobs, Sides::new(&sides.shipped.container, &sides.rebuilt.container), depth, Slot::Rpm);
        Ok(())
    }

    fn payload(&mut self, package: &Package, blob: &Blob) -> Result<Payload, String> {
        let said = |refused: Refused| match refused {
            Refused::Over(why) | Refused::Odd(why) => why,
        };
        let packed = blob.slice(package.payload.clone());
        let expanded = match kind::recognise(&packed) {
            NodeKind::Cpio => packed,
            kind => Blob::from(stream::decode(kind, &packed, &mut self.budget, self.context.cancelled).map_err(said)?.payload),
        };
        let archive = cpio::parse(&expanded, &mut self.budget).map_err(said)?;
        let mut files = HashMap::new();
        for member in &archive.members {
            let content = (member.nature == Nature::File).then(|| expanded.slice(member.held.range()));
            let name = member.name.strip_prefix(b".").filter(|n| n.starts_with(b"/")).unwrap_or(&member.name);
            if files.insert(name.to_vec(), content).is_some() {
                return Err("a file occurs twice in the payload".to_owned());
            }
        }
        Ok(Payload { expanded, files })
    }
}

/// Whether the value of a tag is what it must be.
fn follows(package: &Package, blob: &Blob, payload: Result<&Payload, &String>, tag: u32) -> Result<(), String> {
    let part = |range: &std::ops::Range<usize>| blob.get(range.clone()).unwrap_or_default();
    let whole = package.header.start..package.payload.end;
    let stated = package.container.loose.iter().find(|f| f.key == tag).map(|f| part(&f.range)).unwrap_or_default();
    let text = stated.strip_suffix(&[0]).unwrap_or(stated);
    let is = |right: bool| if right { Ok(()) } else { Err("it is not what the content gives".to_owned()) };
    let payload = || payload.map_err(Clone::clone);
    match tag {
        5092 => is(package.numbers(blob, 5093) == [8] && digest(part(&package.payload), Algorithm::Sha256).as_bytes() == text),
        5097 => is(package.numbers(blob, 5093) == [8] && digest(&payload()?.expanded, Algorithm::Sha256).as_bytes() == text),
        1125 => is(text == compressor(kind::recognise(part(&package.payload)))),
        1009 => {
            let files = payload()?.files.values().flatten();
            is(package.numbers(blob, 1009) == [files.map(|f| f.len() as u64).sum::<u64>()])
        }
        1028 | 1035 => every_file(package, blob, payload()?, tag),
        _ if tag == IN_SIGNATURE + 1000 => is(package.numbers(blob, tag) == [whole.len() as u64]),
        _ if tag == IN_SIGNATURE + 1007 => is(package.numbers(blob, tag) == [payload()?.expanded.len() as u64]),
        _ if tag == IN_SIGNATURE + 1004 => {
            let sum = digest(part(&whole), Algorithm::Md5);
            is(sum == stated.iter().map(|b| format!("{b:02x}")).collect::<String>())
        }
        _ if tag == IN_SIGNATURE + 269 => is(digest(part(&package.header), Algorithm::Sha1).as_bytes() == text),
        _ if tag == IN_SIGNATURE + 273 => is(digest(part(&package.header), Algorithm::Sha256).as_bytes() == text),
        _ => Err("nothing says what it must be".to_owned()),
    }
}

/// Compiled Python files by their path: the source, and by how many seconds the stated time is behind the one that it gets.
type Lags = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// The times that files get, by their paths.
fn times_of(package: &Package, blob: &Blob) -> BTreeMap<Vec<u8>, i64> {
    let (folders, places, names) = (package.strings(blob, 1118), package.numbers(blob, 1116), package.strings(blob, 1117));
    let path = |(name, place): (&&[u8], &u64)| -> Option<Vec<u8>> {
        let folder = folders.get(usize::try_from(*place).ok()?)?;
        Some([*folder, *name].concat())
    };
    let all = names.iter().zip(&places).zip(package.numbers(blob, 1034));
    all.filter_map(|(file, time)| path(file).map(|path| (path, i64::try_from(time).unwrap_or(0)))).collect()
}

/// All compiled files of a package whose source is in it.
fn lags_of(package: &Package, blob: &Blob, payload: Result<&Payload, &String>) -> Lags {
    let listed = times_of(package, blob);
    let mut out = Lags::new();
    for name in listed.keys().filter(|name| name.ends_with(b".pyc")) {
        let source = pyc::source_of(name);
        let Some(time) = listed.get(&source) else { continue };
        let content = payload.ok().and_then(|p| p.files.get(name)?.as_ref());
        let lag = content.and_then(|content| Some(pyc::source_time(content)? - time));
        out.insert(name.clone(), (source, lag));
    }
    out
}

/// Sizes or digests of the files, each against the payload.
fn every_file(package: &Package, blob: &Blob, payload: &Payload, tag: u32) -> Result<(), String> {
    let (folders, places, names) = (package.strings(blob, 1118), package.numbers(blob, 1116), package.strings(blob, 1117));
    let (digests, sizes) = (package.strings(blob, 1035), package.numbers(blob, 1028));
    let (modes, targets) = (package.numbers(blob, 1030), package.strings(blob, 1036));
    let algorithm = match package.numbers(blob, 5011).as_slice() {
        [] | [1] => Algorithm::Md5,
        [2] => Algorithm::Sha1,
        [8] => Algorithm::Sha256,
        [10] => Algorithm::Sha512,
        _ => return Err("the digests are of a kind that is not known".to_owned()),
    };
    if names.len() != places.len() || names.len() != digests.len() || names.len() != sizes.len() {
        return Err("the lists of files are not equally long".to_owned());
    }
    let mut listed_once = std::collections::BTreeSet::new();
    for (i, name) in names.iter().enumerate() {
        let folder = places.get(i).and_then(|p| folders.get(usize::try_from(*p).ok()?)).ok_or("a file has no folder")?;
        let path = [*folder, *name].concat();
        let shown = || crate::text::Untrusted::from(path.as_slice()).shown().cut_start(80);
        if !listed_once.insert(path.clone()) {
            return Err(format!("{} is listed more than once", shown()));
        }
        let file = payload.files.get(&path).ok_or_else(|| format!("{} is not in the payload", shown()))?;
        let (listed, size) = (digests.get(i).copied().unwrap_or_default(), sizes.get(i).copied().unwrap_or(0));
        let right = match (tag, file) {
            (1028, Some(content)) => size == content.len() as u64,
            // The size of a folder is its file system's.
            (1028, None) if modes.get(i).is_some_and(|m| m & 0o17_0000 == 0o4_0000) => true,
            (1028, None) => targets.get(i).is_some_and(|t| t.len() as u64 == size),
            (_, Some(content)) => digest(content, algorithm).as_bytes() == listed,
            (_, None) => listed.is_empty(),
        };
        if !right {
            return Err(format!("{} is not what the list says", shown()));
        }
    }
    Ok(())
}

fn compressor(kind: NodeKind) -> &'static [u8] {
    match kind {
        NodeKind::Gzip => b"gzip",
        NodeKind::Xz => b"xz",
        NodeKind::Zstd => b"zstd",
        NodeKind::Bzip2 => b"bzip2",
        _ => b"",
    }
}

/// A digest in hexadecimal.
pub(super) fn digest(bytes: &[u8], algorithm: Algorithm) -> String {
    Digest::of(algorithm, bytes).to_string()
}
