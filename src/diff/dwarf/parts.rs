//! The debug sections of both sides in pairs, and the packing of each.

use std::collections::{BTreeMap, BTreeSet};

use super::super::account::raw;
use super::super::exe::RegionPair;
use super::super::image::{Image, Images};
use super::marks::Id;
use super::{Found, proved};
use crate::inspect::budget::Refused;
use crate::inspect::debug::{self, Unpacked};
use crate::inspect::exe::Exe;
use crate::model::{Account, Cause, Node, Side, Sides, Span, Tried};
use crate::text::Untrusted;

/// Bytes that the debug sections of both sides may unpack to.
const MAX_UNPACKED: u64 = 512 << 20;

/// The section of one side.
pub(super) struct Half {
    /// Its index among the pairs of regions.
    pub(super) pair: usize,
    /// Its index among the sections.
    pub(super) section: usize,
    pub(super) packed: Option<Unpacked>,
    /// The alignment of its content, where it is known.
    pub(super) alignment: Option<u64>,
}

/// A debug section of each side.
pub(super) struct Part {
    /// Its name without `z`.
    pub(super) name: Vec<u8>,
    pub(super) id: Option<Id>,
    pub(super) sides: Sides<Half>,
    /// Whether bytes of it are unexplained so far.
    pub(super) differs: bool,
}

impl Half {
    fn raw<'a>(&self, image: &'a Image) -> &'a [u8] {
        image.elf.sections.get(self.section).map(|s| image.elf.data(s)).unwrap_or_default()
    }

    /// What it holds, unpacked.
    pub(super) fn content<'a>(&'a self, image: &'a Image) -> &'a [u8] {
        self.packed.as_ref().map_or_else(|| self.raw(image), |p| &p.bytes)
    }

    fn form(&self, image: &Image) -> String {
        let method = self.packed.as_ref().map_or("plain", |p| p.method);
        format!("{method}, {} bytes", self.raw(image).len())
    }

    fn span(&self, image: &Image) -> Span {
        image.elf.sections.get(self.section).map_or(0..0, |s| s.range.start as u64..s.range.end as u64)
    }
}

/// The name of a debug section as it is without packing.
fn plain_name(name: &[u8]) -> Option<Vec<u8>> {
    match name.strip_prefix(b".zdebug_") {
        Some(rest) => Some([b".debug_", rest].concat()),
        None => name.starts_with(b".debug_").then(|| name.to_vec()),
    }
}

/// The sections of one side by name, and whether bytes of each are unexplained.
type Halves = BTreeMap<Vec<u8>, Vec<(Half, bool)>>;

/// Pairs the debug sections that both sides have once.
pub(super) fn collect(node: &mut Node, a: &Exe, b: &Exe, regions: &[RegionPair]) -> Vec<Part> {
    let mut left = MAX_UNPACKED;
    let mut halves = Sides::<Halves>::default();
    for (pair, region) in regions.iter().enumerate() {
        for (side, exe) in [(Side::Shipped, a), (Side::Rebuilt, b)] {
            let Some(own) = region.regions.get(side).and_then(|i| exe.regions.get(i)).filter(|r| !r.allocated) else { continue };
            let Some((index, section)) = own.section.and_then(|i| Some((i, exe.sections.get(i)?))) else { continue };
            let Some(name) = plain_name(&section.name).filter(|_| own.range == section.range) else { continue };
            let differs = region.account.shipped.unexplained + region.account.rebuilt.unexplained > 0;
            halves.get_mut(side).entry(name).or_default().push((Half { pair, section: index, packed: None, alignment: None }, differs));
        }
    }
    let mut out = Vec::new();
    let Sides { shipped, rebuilt: mut others } = halves;
    for (name, mut own) in shipped {
        let Some(mut theirs) = others.remove(&name) else { continue };
        let (Some((one, differs)), Some((two, _)), true, true) = (own.pop(), theirs.pop(), own.is_empty(), theirs.is_empty()) else {
            continue;
        };
        let id = Id::ALL.into_iter().find(|id| id.name() == name);
        out.push(Part { name, id, sides: Sides::new(one, two), differs });
    }
    if !out.iter().any(|p| p.differs) {
        return out;
    }
    let refuse = |node: &mut Node, name: &[u8], why: Refused| {
        let (Refused::Over(why) | Refused::Odd(why)) = why;
        node.tried.push(Tried { cause: Cause::DebugCompression, why: format!("{}: {why}", Untrusted::from(name).shown()) });
    };
    out.retain_mut(|part| {
        for (side, exe) in [(Side::Shipped, a), (Side::Rebuilt, b)] {
            let half = part.sides.get_mut(side);
            let Some(section) = exe.sections.get(half.section) else { return false };
            match debug::unpack(exe, section, &mut left) {
                None if section.name.starts_with(b".zdebug_") => return false,
                None => half.alignment = alignment(exe, half.section),
                Some(Ok(unpacked)) => {
                    half.alignment = unpacked.alignment;
                    half.packed = Some(unpacked);
                }
                Some(Err(why)) => {
                    refuse(node, &part.name, why);
                    return false;
                }
            }
        }
        true
    });
    out
}

/// The alignment that a section's header states.
fn alignment(exe: &Exe, index: usize) -> Option<u64> {
    let n = exe.numbers();
    let table = n.word(&exe.blob, 32, 40)?;
    let size = n.int(&exe.blob, if exe.wide { 58 } else { 46 }, 2)?;
    let at = usize::try_from(table.checked_add(size.checked_mul(index as u64)?)?).ok()?;
    let header = exe.blob.get(at..)?;
    n.word(header, 32, 48)
}

impl Part {
    pub(super) fn content_differs(&self, images: &Images) -> bool {
        self.sides.shipped.content(&images.sides.shipped) != self.sides.rebuilt.content(&images.sides.rebuilt)
    }

    pub(super) fn packed(&self) -> bool {
        self.sides.shipped.packed.is_some() || self.sides.rebuilt.packed.is_some()
    }

    /// Whether the content is aligned alike, where that is known of both.
    pub(super) fn aligned_alike(&self) -> bool {
        match (self.sides.shipped.alignment, self.sides.rebuilt.alignment) {
            (Some(x), Some(y)) => x == y,
            _ => true,
        }
    }

    /// The plain comparison of the contents, without any walk; `None` when there is nothing to say.
    pub(super) fn compared(&self, images: &Images) -> Option<Found> {
        if self.content_differs(images) {
            return None;
        }
        let sizes = Sides::new(
            self.sides.shipped.content(&images.sides.shipped).len() as u64,
            self.sides.rebuilt.content(&images.sides.rebuilt).len() as u64,
        );
        Some(Found { account: sizes.map(Account::all_identical), causes: Vec::new() })
    }

    /// Nothing is proved.
    pub(super) fn refused(&self, images: &Images) -> Found {
        let own = raw(self.sides.shipped.content(&images.sides.shipped), self.sides.rebuilt.content(&images.sides.rebuilt));
        let account = if own.shipped.unexplained + own.rebuilt.unexplained > 0 {
            own
        } else {
            own.map(|account| Account::all_unexplained(account.total()))
        };
        Found { account, causes: Vec::new() }
    }

    /// Brings what is known of the content into the account of the file.
    pub(super) fn apply(&self, node: &mut Node, regions: &mut [RegionPair], images: &Images, found: Found, causes: &mut BTreeSet<Cause>) {
        let raws = Sides::new(self.sides.shipped.raw(&images.sides.shipped), self.sides.rebuilt.raw(&images.sides.rebuilt));
        let packed_same = self.packed() && raws.shipped == raws.rebuilt;
        let residue = found.account.shipped.unexplained + found.account.rebuilt.unexplained;
        if packed_same && residue == 0 {
            return;
        }
        let repacked = self.packed() && residue == 0 && self.aligned_alike();
        for side in [Side::Shipped, Side::Rebuilt] {
            let half = self.sides.get(side);
            let mut account = found.account.get(side).clone();
            let size = raws.get(side).len() as u64;
            if repacked {
                if half.packed.is_some() {
                    account = Account::default();
                    account.explain(Cause::DebugCompression, size);
                } else {
                    let same = std::mem::take(&mut account.identical);
                    account.explain(Cause::DebugCompression, same);
                }
            } else if self.packed() {
                account = Account::all_unexplained(size);
            }
            if let Some(pair) = regions.get_mut(half.pair) {
                *pair.account.get_mut(side) = account;
            }
        }
        if self.packed() && !repacked {
            return;
        }
        let whole = Sides::new(self.sides.shipped.span(&images.sides.shipped), self.sides.rebuilt.span(&images.sides.rebuilt));
        if repacked {
            let forms = Sides::new(self.sides.shipped.form(&images.sides.shipped), self.sides.rebuilt.form(&images.sides.rebuilt));
            proved(node, Cause::DebugCompression, whole.clone(), &forms.map(String::into_bytes));
            causes.insert(Cause::DebugCompression);
        }
        for (cause, spans, values) in found.causes {
            causes.insert(cause);
            // Inside a packed section there is no place for it but the whole.
            let place = |half: &Half, span: &Span, whole: &Span| {
                if half.packed.is_some() { whole.clone() } else { whole.start + span.start..whole.start + span.end }
            };
            let spans = Sides::new(
                place(&self.sides.shipped, &spans.shipped, &whole.shipped),
                place(&self.sides.rebuilt, &spans.rebuilt, &whole.rebuilt),
            );
            proved(node, cause, spans, &values);
        }
    }
}
