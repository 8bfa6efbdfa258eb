//! Causes that only PE files have. Each touches the bytes of its own fields and nothing else.

use std::ops::Range;
use std::sync::Arc;

use super::DebugFile;
use super::build_path::BuildPath;
use super::claims::{Claim, Claims};
use super::exe::RegionPair;
use super::image::Images;
use super::{pe_fields::Fields, pe_refs};
use crate::digest::hex;
use crate::inspect::blob::Blob;
use crate::inspect::container::{all_are, time_text};
use crate::inspect::exe::{Exe, Format, Region};
use crate::inspect::pdb::{self, Pdb};
use crate::inspect::pe::marks::{self, CodeView};
use crate::inspect::pe::{Header, N};
use crate::model::{Cause, Node, Side, Sides, Tried};

/// Explains what belongs to the build and not to the program.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let exes = images.sides.as_ref().map(|i| &i.elf);
    let (Some(one), Some(two)) = (Header::of(exes.shipped), Header::of(exes.rebuilt)) else { return };
    let headers = Sides::new(&one, &two);
    let (fields, mut tried) = Fields::read(images, headers);
    let pair = Pair { exes, headers, fields };
    let mut claims = Claims::new(node, images, regions);
    pe_refs::explain(images, pair.headers, &mut claims);
    for claim in pair.stamps() {
        pair.take(&mut claims, &claim);
    }
    match pair.checksum() {
        Ok(claim) => {
            pair.take(&mut claims, &claim);
        }
        Err(Some(why)) => tried.push(Tried { cause: Cause::Derived, why }),
        Err(None) => {}
    }
    pair.paths(&mut claims, &mut tried);
    pair.follow(&mut claims, &mut tried);
    let alarm = pair.alarm(&claims);
    claims.keep(node);
    node.tried.extend(tried);
    node.metadata.extend(alarm);
}

/// The PDB of a file among the debug files: the one whose GUID, age and sections agree.
pub(super) fn find_pdb(debug: &[DebugFile], exe: &Exe) -> Option<Pdb> {
    if exe.format != Format::Pe {
        return None;
    }
    debug.iter().filter(|f| pdb::is_pdb(&f.bytes)).find_map(|f| Pdb::open(&Blob::from(Arc::clone(&f.bytes)), exe))
}

/// Whether anything of a region gets into memory.
fn is_loaded(region: &Region) -> bool {
    region.allocated
}

struct Pair<'a> {
    exes: Sides<&'a Exe>,
    headers: Sides<&'a Header>,
    /// Fields that something reads.
    fields: Fields,
}

impl<'a> Pair<'a> {
    fn each<T>(&self, f: impl Fn(&'a Exe, &'a Header) -> T) -> Sides<T> {
        Sides::new(f(self.exes.shipped, self.headers.shipped), f(self.exes.rebuilt, self.headers.rebuilt))
    }

    fn bytes(&self, side: Side, range: &Range<usize>) -> &'a [u8] {
        self.exes.get(side).blob.get(range.clone()).unwrap_or_default()
    }

    /// Explains the bytes of a field of the build, unless something reads them.
    fn take(&self, claims: &mut Claims<'_>, claim: &Claim) -> bool {
        let same = self.bytes(Side::Shipped, &claim.spans.shipped) == self.bytes(Side::Rebuilt, &claim.spans.rebuilt);
        (same || !self.fields.are_read(&claim.spans)) && claims.take(claim)
    }

    fn claim(&self, cause: Cause, spans: Sides<Range<usize>>, text: impl Fn(Side, &[u8]) -> String) -> Claim {
        let value = |side: Side| text(side, self.bytes(side, spans.get(side)));
        let values = Sides::new(value(Side::Shipped), value(Side::Rebuilt));
        Claim { cause, spans, values }
    }

    /// The times of the link: four bytes each, or a hash of the content where the linker says so.
    fn stamps(&self) -> Vec<Claim> {
        let stamps = self.each(marks::stamps);
        let repro = self.each(marks::is_repro);
        let text = |side: Side, raw: &[u8]| {
            let value = N.int(raw, 0, 4).unwrap_or(0);
            match value {
                0 | 0xffff_ffff => format!("none ({value:#x})"),
                _ if *repro.get(side) => format!("reproducible hash {value:08x}"),
                _ => time_text(value.cast_signed()),
            }
        };
        let pairs = stamps.shipped.iter().zip(&stamps.rebuilt).filter(|(x, y)| x.0 == y.0);
        pairs.map(|(x, y)| self.claim(Cause::Timestamp, Sides::new(x.1..x.1 + 4, y.1..y.1 + 4), text)).collect()
    }

    /// The checksum of the file, when it is the right one on both sides. A file without a signature may have none where the
    /// other side has both: signing sets it.
    fn checksum(&self) -> Result<Claim, Option<String>> {
        let at = self.each(|_, h| h.optional + 64..h.optional + 68);
        let stored = Sides::new(Side::Shipped, Side::Rebuilt).map(|s| N.int(self.bytes(s, at.get(s)), 0, 4).unwrap_or(0));
        if stored.shipped == stored.rebuilt {
            return Err(None);
        }
        let real = self.each(|exe, h| u64::from(marks::checksum(&exe.blob, h.optional + 64)));
        let signed = self.each(|exe, h| matches!(marks::certificates(exe, h), Some(Ok(_))));
        let holds = |side: Side, other: Side| {
            stored.get(side) == real.get(side) || *stored.get(side) == 0 && !signed.get(side) && *signed.get(other)
        };
        for (side, other, word) in [(Side::Shipped, Side::Rebuilt, "shipped"), (Side::Rebuilt, Side::Shipped, "rebuilt")] {
            if !holds(side, other) {
                let (field, real) = (stored.get(side), real.get(side));
                return Err(Some(format!("{word}: the PE checksum is {field:#x} and that of the file is {real:#x}")));
            }
        }
        Ok(self.claim(Cause::Derived, at, |_, raw| format!("{:#x}", N.int(raw, 0, 4).unwrap_or(0))))
    }

    fn records(&self) -> Vec<Sides<CodeView>> {
        let records = self.each(marks::codeview);
        if records.shipped.len() != records.rebuilt.len() {
            return Vec::new();
        }
        records.shipped.into_iter().zip(records.rebuilt).map(|(x, y)| Sides::new(x, y)).collect()
    }

    /// The folder of the PDB. A path of another length must not move what is behind it: it fills up with zeros.
    fn paths(&self, claims: &mut Claims<'_>, tried: &mut Vec<Tried>) {
        for record in self.records() {
            let range = record.as_ref().map(|r| r.path.clone());
            let texts = Sides::new(self.bytes(Side::Shipped, &range.shipped), self.bytes(Side::Rebuilt, &range.rebuilt));
            if texts.shipped == texts.rebuilt {
                continue;
            }
            let name = |path: &'a [u8]| path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(path);
            let prefix = BuildPath::propose(texts.shipped, texts.rebuilt).filter(|p| p.makes_equal(texts.shipped, texts.rebuilt));
            let refuse = |why: &str| Tried { cause: Cause::BuildPath, why: format!("path of the PDB: {why}") };
            if prefix.is_none() || name(texts.shipped) != name(texts.rebuilt) || name(texts.shipped).is_empty() {
                tried.push(refuse("it is not the same file in another folder"));
                continue;
            }
            let length = texts.shipped.len().max(texts.rebuilt.len()) + 1;
            let window = range.as_ref().map(|r| r.start..r.start + length);
            let filled = |side: Side| {
                let rest = self.bytes(side, window.get(side)).get(range.get(side).len()..).unwrap_or_default();
                window.get(side).end.next_multiple_of(4) == (range.get(side).end + 1).next_multiple_of(4) && all_are(rest, 0)
            };
            let size = record.as_ref().map(|r| r.entry.at + 16..r.entry.at + 20);
            let before = claims.snapshot();
            let path = self
                .claim(Cause::BuildPath, window.clone(), |side, _| String::from_utf8_lossy(self.bytes(side, range.get(side))).into_owned());
            // The size of the record follows from the path: marks::codeview takes no record with anything behind it.
            let size = self.claim(Cause::Derived, size, |_, _| String::new());
            if !filled(Side::Shipped) || !filled(Side::Rebuilt) || !self.take(claims, &path) || !self.take(claims, &size) {
                claims.restore(before);
                tried.push(refuse("its length moves what is behind it"));
            }
        }
    }

    /// What follows from the rest: the identity of the PDB, the tools' own counts, and a signature.
    fn follow(&self, claims: &mut Claims<'_>, tried: &mut Vec<Tried>) {
        let start = claims.snapshot();
        let signature = self.signature(claims);
        let own = self.identities(claims);
        let everything = claims.residue(&|_| true) == 0;
        let loaded = claims.residue(&is_loaded) == 0;
        match &signature {
            Ok(false) if loaded => return,
            Ok(true) if everything => return,
            _ => {}
        }
        claims.restore(start);
        match signature {
            Ok(true) => tried.push(Tried { cause: Cause::Signature, why: "what is signed differs".to_owned() }),
            Err(why) => tried.push(Tried { cause: Cause::Signature, why }),
            Ok(false) => {}
        }
        let start = claims.snapshot();
        self.identities(claims);
        if claims.residue(&is_loaded) > 0 {
            claims.restore(start);
            for (cause, differs) in own {
                if differs {
                    let why = "it follows from the content, and other content that is loaded differs".to_owned();
                    tried.push(Tried { cause, why });
                }
            }
        }
    }

    /// Claims GUID and age, the hash of a reproducible build, and the Rich header; says which of them differ.
    fn identities(&self, claims: &mut Claims<'_>) -> Vec<(Cause, bool)> {
        let mut out = Vec::new();
        let mut take = |claim: &Claim| {
            let spans = &claim.spans;
            let differs = self.bytes(Side::Shipped, &spans.shipped) != self.bytes(Side::Rebuilt, &spans.rebuilt);
            self.take(claims, claim);
            out.push((claim.cause, differs));
        };
        for record in self.records() {
            let ids = record.as_ref().map(|r| r.id.clone());
            take(&self.claim(Cause::BuildId, ids, |_, raw| marks::identity(raw)));
        }
        if let Sides { shipped: Some(x), rebuilt: Some(y) } = self.each(marks::repro) {
            take(&self.claim(Cause::BuildId, Sides::new(x, y), |_, raw| hex(raw)));
        }
        if let Sides { shipped: Some(x), rebuilt: Some(y) } = self.each(|exe, h| marks::rich(&exe.blob, h))
            && x.valid
            && y.valid
        {
            let list = Sides::new(x.text(), y.text());
            take(&self.claim(Cause::Producer, Sides::new(x.range, y.range), |side, _| list.get(side).clone()));
        }
        out
    }

    /// Claims a signature that one side has, or each its own, with the directory entry that leads to it. `Ok(false)` when
    /// there is none that differs.
    fn signature(&self, claims: &mut Claims<'_>) -> Result<bool, String> {
        let found = self.each(marks::certificates);
        let mut ranges = Sides::default();
        for (side, word) in [(Side::Shipped, "shipped"), (Side::Rebuilt, "rebuilt")] {
            match found.get(side) {
                Some(Err(why)) => return Err(format!("{word}: the certificate table: {why}")),
                Some(Ok(range)) => *ranges.get_mut(side) = Some(range.clone()),
                None => {}
            }
        }
        let entry = self.each(|_, h| h.directories_at + 32..h.directories_at + 40);
        let wide_enough = self.headers.shipped.directories.len() > 4 && self.headers.rebuilt.directories.len() > 4;
        let content = |side: Side| ranges.get(side).as_ref().map(|r: &Range<usize>| self.bytes(side, r));
        if !wide_enough || content(Side::Shipped) == content(Side::Rebuilt) {
            return Ok(false);
        }
        let words = |side: Side| content(side).map_or("not signed".to_owned(), |c| format!("signed, {} bytes", c.len()));
        let values = Sides::new(words(Side::Shipped), words(Side::Rebuilt));
        claims.take(&self.claim(Cause::Signature, entry, |side, _| values.get(side).clone()));
        let padding = |side: Side, r: &Region| {
            let before = ranges.get(side).as_ref().is_some_and(|c: &Range<usize>| c.start == r.range.end);
            before && r.section.is_none() && r.name.starts_with(b"gap after") && r.range.len() < 8 && all_are(self.bytes(side, &r.range), 0)
        };
        let table = |r: &Region| r.section.is_none() && r.name == b"certificate table";
        let own = claims.find(&|sides| match (sides.shipped, sides.rebuilt) {
            (Some(x), Some(y)) => table(x) && table(y),
            (Some(x), None) => table(x) || padding(Side::Shipped, x),
            (None, Some(y)) => table(y) || padding(Side::Rebuilt, y),
            (None, None) => false,
        });
        for n in own {
            claims.take_whole(n, Cause::Signature, Sides::new(&values.shipped, &values.rebuilt));
        }
        Ok(true)
    }

    /// The same PDB belongs to one content only.
    fn alarm(&self, claims: &Claims<'_>) -> Option<String> {
        let records = self.records();
        let id = |side: Side| Some(self.bytes(side, &records.first()?.get(side).id));
        let same = id(Side::Shipped).filter(|x| !all_are(x, 0) && id(Side::Rebuilt) == Some(*x))?;
        (claims.residue(&is_loaded) > 0)
            .then(|| format!("alarm: both sides have the PDB identity {} and their loaded content differs", marks::identity(same)))
    }
}
