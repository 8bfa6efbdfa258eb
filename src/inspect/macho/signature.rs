//! What a code signature says beside the hashes of the code: under which rules the system runs the program, and as whom.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::inspect::ber;
use crate::inspect::exe::{MAX_TEXT, Numbers, text_at};
use crate::inspect::signed::{self, Over};

const N: Numbers = Numbers { wide: true, little: false };
/// Blobs of a signature that are read.
const MAX_BLOBS: usize = 1024;
/// Hashes of what belongs to the program beside its code.
const MAX_SPECIAL: usize = 64;

/// Flags of a code directory that change how a program runs (`kern/cs_blobs.h`), by the names that `codesign` gives them.
pub(crate) const FLAGS: [(u32, &str); 7] = [
    (0x1_0000, "hardened runtime"),
    (0x2000, "library validation"),
    (0x800, "restrict"),
    (0x100, "hard"),
    (0x200, "kill"),
    (0x400, "check expiration"),
    (0x1000, "enforcement"),
];
/// Signed by nobody: by hand, or by the linker.
const NOBODY: u32 = 0x2 | 0x2_0000;

/// A code directory, without the hashes of the code and what follows from its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) flags: u32,
    pub(crate) identifier: Vec<u8>,
    pub(crate) team: Vec<u8>,
    platform: u64,
    /// Rights of the executable segment.
    segment: u64,
    /// The version of the hardened runtime.
    runtime: u64,
    /// Kind and size of the hashes, and of the pages that they are over.
    hash: (u64, u64, u64),
    /// The version of its form.
    version: usize,
    /// Where the code that is signed ends in the file.
    pub(crate) limit: u64,
    /// Where the executable segment is in the file, and how long it is.
    executable: (u64, u64),
    /// Hashes by their slots from 1: `Info.plist`, requirements, resources, and so on; those that are all zeros are none.
    special: BTreeMap<usize, Vec<u8>>,
}

/// All of that which a signature says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The code directory, and those with other hashes, by their slots.
    pub(crate) directories: BTreeMap<usize, Directory>,
    /// Requirements, entitlements, constraints and whatever else, by their slots; those without content are none.
    pub(crate) blobs: BTreeMap<usize, Vec<u8>>,
}

/// Bytes of requirements.
const MAX_REQUIREMENTS: usize = 4096;
/// Slots of requirements, of entitlements and of the signature itself.
const REQUIREMENTS: usize = 2;
const ENTITLEMENTS: [usize; 2] = [5, 7];
const SIGNATURE: usize = 0x1_0000;

impl Terms {
    /// Reads a signature; `None` when it is not a list of blobs that lie inside of it, or has no code directory.
    pub(crate) fn read(signature: &[u8]) -> Option<Self> {
        let word = |bytes: &[u8], at: usize| N.int(bytes, at, 4).and_then(|n| usize::try_from(n).ok());
        let count = word(signature, 8).filter(|n| *n <= MAX_BLOBS && word(signature, 0) == Some(0xfade_0cc0))?;
        let mut out = Self::default();
        // Blobs that overlap would be kept again and again; what is in none of them nobody reads.
        let mut cover = Cover::new(signature, 12 + count * 8);
        for i in 0..count {
            let (slot, at) = (word(signature, 12 + i * 8)?, word(signature, 16 + i * 8)?);
            let blob = signature.get(at..)?;
            let blob = blob.get(..word(blob, 4)?)?;
            cover.take(at..at + blob.len());
            let twice = if slot == 0 || (0x1000..0x1010).contains(&slot) {
                out.directories.insert(slot, Directory::read(blob)?).is_some()
            } else {
                // With its kind: the same words mean something else in another kind of blob.
                let content = blob.get(8..)?;
                let none = content.is_empty() && ENTITLEMENTS.contains(&slot) && matches!(word(blob, 0), Some(0xfade_7171 | 0xfade_7172));
                let kept = slot != SIGNATURE && !none;
                kept && out.blobs.insert(slot, blob.to_vec()).is_some()
            };
            // Which of two is meant is not for us to say.
            if twice {
                return None;
            }
        }
        (cover.covers_all() && out.directories.contains_key(&0)).then_some(out)
    }

    /// The rights that it grants, as text and the same as DER.
    pub(crate) fn entitlements(&self) -> Vec<u8> {
        ENTITLEMENTS.iter().filter_map(|slot| self.blobs.get(slot)?.get(8..)).flatten().copied().collect()
    }

    /// What two signatures do not agree on.
    pub(crate) fn differ(&self, other: &Self) -> Option<&'static str> {
        if self.entitlements() != other.entitlements() {
            return Some("entitlements");
        }
        if !self.directories.keys().eq(other.directories.keys()) {
            return Some("code directories");
        }
        let pairs = self.directories.values().zip(other.directories.values());
        let found = pairs.filter_map(|(x, y)| x.differ(y)).next();
        found.or_else(|| (self.blobs != other.blobs).then_some("requirements or constraints"))
    }

    /// What a signature, where the other side has none, says that changes how the program runs. Who it is, what identifies it to others
    /// and which files belong to it may stand on one side.
    pub(crate) fn adds(&self) -> Option<&'static str> {
        if !self.entitlements().is_empty() {
            return Some("entitlements");
        }
        if self.blobs.keys().any(|slot| *slot != REQUIREMENTS) {
            return Some("requirements or constraints");
        }
        self.directories.values().find_map(|d| {
            if d.flags & !NOBODY != 0 {
                Some("flags")
            } else if d.platform != 0 || d.segment > 1 {
                // The main program of a bundle (1) is what any program is.
                Some("rights of the platform")
            } else {
                // Hashes of entitlements that are not there, and of constraints.
                d.special.keys().any(|slot| *slot > 3 && !ENTITLEMENTS.contains(slot)).then_some("requirements or constraints")
            }
        })
    }
}

/// Why a signature is no signature only: what is signed with a key is PKCS #7 with nothing free in it, there are as many hashes as pages, and
/// requirements are short. What none of it says nobody needs.
pub(crate) fn is_more(signature: &[u8]) -> Option<&'static str> {
    let word = |bytes: &[u8], at: usize| N.int(bytes, at, 4).and_then(|n| usize::try_from(n).ok());
    for i in 0..word(signature, 8).unwrap_or(0).min(MAX_BLOBS) {
        let (slot, at) = (word(signature, 12 + i * 8).unwrap_or(0), word(signature, 16 + i * 8).unwrap_or(usize::MAX));
        let blob = signature.get(at..).and_then(|b| b.get(..word(b, 4)?)).unwrap_or_default();
        let kind = word(blob, 0).unwrap_or(0);
        let content = blob.get(8..).unwrap_or_default();
        match slot {
            SIGNATURE if kind != 0xfade_0b01 => return Some("its signature is of another kind"),
            SIGNATURE if !content.is_empty() => {
                let der = ber::to_der(content);
                if !der.is_some_and(|der| signed::is_signature(&der, Over::Other)) {
                    return Some("there is more in its PKCS #7 than a signature");
                }
            }
            REQUIREMENTS if kind != 0xfade_0c01 || blob.len() > MAX_REQUIREMENTS => return Some("its requirements are no requirements"),
            0 | 0x1000..0x1010 => {
                let byte = |at: usize| blob.get(at).copied().unwrap_or(0);
                let (version, short) = (word(blob, 8).unwrap_or(0), N.int(blob, 32, 4).unwrap_or(0));
                let long = if version >= 0x2_0300 { N.int(blob, 56, 8).unwrap_or(0) } else { 0 };
                let limit = if long > 0 { long } else { short };
                // One hash over all of it where no size of a page is given.
                let page = if byte(39) == 0 { u64::MAX } else { 1u64.checked_shl(byte(39).into()).unwrap_or(u64::MAX) };
                if N.int(blob, 28, 4) != Some(limit.div_ceil(page)) {
                    return Some("it has not one hash for each page");
                }
            }
            _ => {}
        }
    }
    None
}

/// Which bytes of a blob belong to what.
struct Cover<'a> {
    bytes: &'a [u8],
    parts: Vec<Range<usize>>,
}

impl<'a> Cover<'a> {
    /// Of bytes that begin with a header of that size.
    fn new(bytes: &'a [u8], header: usize) -> Self {
        Self { bytes, parts: std::iter::once(0..header).collect() }
    }

    fn take(&mut self, part: Range<usize>) {
        self.parts.push(part);
    }

    /// Whether no two of them overlap, and zeros are all that is in none.
    fn covers_all(mut self) -> bool {
        self.parts.sort_unstable_by_key(|p| (p.start, p.end));
        let mut at = 0;
        for part in self.parts.into_iter().chain(std::iter::once(self.bytes.len()..self.bytes.len())) {
            if part.start < at || !self.bytes.get(at..part.start).is_some_and(|gap| gap.iter().all(|b| *b == 0)) {
                return false;
            }
            at = part.end;
        }
        true
    }
}

/// Size of the header of a code directory of a version.
fn header(version: usize) -> Option<usize> {
    Some(match version {
        0x2_0001..0x2_0100 => 44,
        0x2_0100..0x2_0200 => 48,
        0x2_0200..0x2_0300 => 52,
        0x2_0300..0x2_0400 => 64,
        0x2_0400..0x2_0500 => 88,
        0x2_0500..0x2_0600 => 96,
        0x2_0600..0x2_0700 => 108,
        _ => return None,
    })
}

impl Directory {
    fn read(blob: &[u8]) -> Option<Self> {
        let number = |at: usize, size: usize| N.int(blob, at, size);
        let word = |at: usize| number(at, 4).and_then(|n| usize::try_from(n).ok());
        if word(0)? != 0xfade_0c02 {
            return None;
        }
        let version = word(8)?;
        let later = |since: usize, at: usize, size: usize| if version >= since { number(at, size) } else { Some(0) };
        // One that is longer than is read could be another one.
        let text = |at: usize| (at > 0 && at < blob.len()).then(|| text_at(blob, at)).filter(|t| t.len() <= MAX_TEXT).map(<[u8]>::to_vec);
        let team = later(0x2_0200, 48, 4).and_then(|n| usize::try_from(n).ok())?;
        let (hashes, count, size) = (word(16)?, word(24)?, word(36)? >> 24);
        // Pages in another order are a thing of the past; they would be read otherwise.
        if count > MAX_SPECIAL || later(0x2_0100, 44, 4)? != 0 {
            return None;
        }
        // Spare fields, hashes of what is encrypted later, and what is linked to others: nobody says what they mean to the program.
        let extra = [(0, 40, 4), (0x2_0300, 52, 4), (0x2_0500, 92, 4), (0x2_0600, 96, 4), (0x2_0600, 100, 8)];
        if extra.iter().any(|(since, at, size)| later(*since, *at, *size) != Some(0)) {
            return None;
        }
        let mut cover = Cover::new(blob, header(version)?);
        let code = word(28)?.checked_mul(size)?;
        cover.take(hashes.checked_sub(count.checked_mul(size)?)?..hashes.checked_add(code)?);
        for at in [word(20)?, team].into_iter().filter(|at| *at > 0) {
            cover.take(at..at.checked_add(text(at)?.len() + 1)?);
        }
        if !cover.covers_all() {
            return None;
        }
        let long = later(0x2_0300, 56, 8)?;
        let mut special = BTreeMap::new();
        for slot in 1..=count {
            let start = hashes.checked_sub(slot.checked_mul(size)?)?;
            let hash = blob.get(start..start.checked_add(size)?)?;
            if hash.iter().any(|b| *b != 0) {
                special.insert(slot, hash.to_vec());
            }
        }
        Some(Self {
            flags: u32::try_from(number(12, 4)?).ok()?,
            identifier: text(word(20)?)?,
            team: if team == 0 { Vec::new() } else { text(team)? },
            platform: number(38, 1)?,
            segment: later(0x2_0400, 80, 8)?,
            runtime: later(0x2_0500, 88, 4)?,
            hash: (number(37, 1)?, size as u64, number(39, 1)?),
            version,
            limit: if long > 0 { long } else { number(32, 4)? },
            executable: (later(0x2_0400, 64, 8)?, later(0x2_0400, 72, 8)?),
            special,
        })
    }

    fn differ(&self, other: &Self) -> Option<&'static str> {
        [
            (self.flags != other.flags, "flags"),
            (self.identifier != other.identifier, "identifier"),
            (self.team != other.team, "team"),
            (self.platform != other.platform || self.segment != other.segment, "rights of the platform"),
            (self.runtime != other.runtime, "version of the runtime"),
            (self.hash != other.hash || self.version != other.version, "kind of hashes"),
            (self.executable != other.executable, "executable segment"),
            (self.special != other.special, "hashes of Info.plist, requirements, resources or entitlements"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}
