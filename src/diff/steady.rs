//! What is equal byte for byte means the same only while nothing moved: a distance that did not change, between two things
//! that moved apart, leads to another place. Where anything moved, every reference of unchanged content is followed too.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::account::prove;
use super::asm::{self, Form, Reference};
use super::elf::loaded_residue;
use super::exe::{RegionPair, both};
use super::image::{Image, Images, Target};
use super::layout;
use crate::inspect::exe::Exe;
use crate::inspect::symbols::Bound;
use crate::inspect::symbols::Function;
use crate::model::{Cause, Node, Side, Sides};

/// Entries of one table that are looked at.
const MAX_ENTRIES: u64 = 1 << 16;

/// What two references that stand beside each other mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The same place.
    Same,
    /// Two places that are known to be others.
    Other,
    /// It is not known what one of them is.
    Unknown,
}

impl Images {
    /// Compares two addresses.
    pub(super) fn meaning(&self, shipped: u64, rebuilt: u64) -> Meaning {
        let there = self.counterpart(Side::Shipped, shipped);
        if there == Some(rebuilt) {
            return if self.is_filled_alike(shipped, rebuilt) { Meaning::Same } else { Meaning::Other };
        }
        let (old, new) = (self.target(Side::Shipped, shipped), self.target(Side::Rebuilt, rebuilt));
        let known = |t: &Target| !matches!(t, Target::Unknown(_) | Target::Text(_));
        match (known(&old), known(&new)) {
            (true, true) if old == new => Meaning::Same,
            (true, true) => Meaning::Other,
            // What has a counterpart is nothing else.
            _ if there.is_some() || self.counterpart(Side::Rebuilt, rebuilt).is_some() => Meaning::Other,
            _ => Meaning::Unknown,
        }
    }

    /// Whether the loader puts the same import at two places, or none at either. Where both sides have the same places, each is compared
    /// with its own (see [`Images::rebound`]).
    fn is_filled_alike(&self, shipped: u64, rebuilt: u64) -> bool {
        let import = |side: Side, at: u64| self.sides.get(side).bound(at).map(|b| if let Bound::Import(..) = b { Some(b) } else { None });
        self.same_slots || import(Side::Shipped, shipped) == import(Side::Rebuilt, rebuilt)
    }

    /// Whether no two relocations fill the same bytes, on each side.
    pub(super) fn fills_each_once(&self) -> bool {
        self.sides.as_ref().map(|image| {
            let exe = &image.elf;
            let tables = exe.sections.iter().filter(|s| s.kind == 4 && s.is_allocated());
            let listed = tables.flat_map(|s| exe.data(s).chunks_exact(24)).filter_map(|entry| exe.numbers().int(entry, 0, 8));
            let mut places: Vec<u64> = listed.collect();
            places.sort_unstable();
            let bound: Vec<u64> = image.filled(0..u64::MAX).map(|(at, _)| *at).collect();
            [places, bound].iter().all(|all| all.iter().zip(all.iter().skip(1)).all(|(before, at)| at - before >= 8))
        }) == Sides::new(true, true)
    }

    /// Whether what the shipped side has in that range is one piece of data, or one slot of the loader, and begins at that
    /// address of the rebuilt side.
    fn moves_whole(&self, own: Range<u64>, to: u64) -> bool {
        let data = self.sides.shipped.elf.section_at(own.start).is_some_and(|s| !s.is_code());
        let slot = own.end - own.start <= 8 && matches!(self.target(Side::Shipped, own.start), Target::Slot(..));
        data && (slot || self.shifts().moves_whole(&own, to.wrapping_sub(own.start)))
    }

    /// Whether an address is in the padding between functions.
    fn is_padding(&self, side: Side, address: u64) -> bool {
        let image = self.sides.get(side);
        let after = image.fillers.partition_point(|f| f.address <= address);
        let filler = after.checked_sub(1).and_then(|i| image.fillers.get(i));
        filler.is_some_and(|f| is_inside(f, address) && asm::is_padding(image, f))
    }
}

/// References of one pair of functions that do not lead to the same place: their bytes in both.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Loose {
    pub(super) other: Vec<Range<usize>>,
    pub(super) unknown: Vec<Range<usize>>,
    /// Tables whose entries lead to the same places: address on each side, and how many.
    pub(super) tables: BTreeSet<(u64, u64, u64)>,
    /// Where code of the shipped side reads data among code, or takes the address of something inside of code.
    pub(super) inner: BTreeSet<u64>,
    /// Where jumps and tables of the shipped side lead, other than into the function itself, and whose address its code takes.
    pub(super) entered: BTreeSet<u64>,
    /// Whether the last instruction of a side goes on behind the end.
    pub(super) cut: bool,
}

/// Follows every reference of a pair whose instructions stand at the same offsets.
pub(super) fn code(images: &Images, pair: Sides<&Function>) -> Loose {
    let (x, y) = (pair.shipped, pair.rebuilt);
    let mut out = Loose::default();
    let whole = 0..usize::try_from(x.size).unwrap_or(usize::MAX);
    let Some(old) = asm::scan(&images.sides.shipped, x) else {
        out.unknown.push(whole);
        return out;
    };
    let new = if images.sides.shipped.code(x) == images.sides.rebuilt.code(y) {
        Some(old.moved(y.address.wrapping_sub(x.address)))
    } else {
        asm::scan(&images.sides.rebuilt, y)
    };
    let Some(new) = new.filter(|n| n.references.len() == old.references.len()) else {
        out.unknown.push(whole);
        return out;
    };
    out.cut = old.cut || new.cut;
    let codes = Sides::new(images.sides.shipped.code(x), images.sides.rebuilt.code(y));
    let x86 = images.sides.shipped.elf.machine == 62 && images.sides.rebuilt.elf.machine == 62;
    for (p, q) in old.references.iter().zip(&new.references) {
        if p.bytes != q.bytes || p.form != q.form {
            out.unknown.push(p.bytes.clone());
            continue;
        }
        let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
        if a.address_of(0) == Some(p.to) || b.address_of(0) == Some(q.to) {
            // Anything can be counted from the start of the file: how far is nobody's word but that of the code.
            out.unknown.push(p.bytes.clone());
            continue;
        }
        if is_inner(&images.sides.shipped, p) {
            out.inner.insert(p.to);
        }
        if enters(p) {
            if !is_inside(x, p.to) {
                out.entered.insert(p.to);
            } else if !old.is_entry(codes.shipped, p.to - x.address) {
                out.other.push(p.bytes.clone());
            }
        }
        let idle = || x86 && asm::is_idle(codes.shipped, p.bytes.start) && asm::is_idle(codes.rebuilt, q.bytes.start);
        match follow(images, pair, p, q) {
            Meaning::Same if reads_other(images, p, q) => out.other.push(p.bytes.clone()),
            Meaning::Same => {}
            _ if idle() => {}
            Meaning::Other => out.other.push(p.bytes.clone()),
            Meaning::Unknown => out.unknown.push(p.bytes.clone()),
        }
        if p.form == Form::Address && old.tables && !follow_table(images, pair, (p.to, q.to), &old, &mut out) {
            out.other.push(p.bytes.clone());
        }
    }
    out.unknown.extend(old.counted.iter().chain(&new.counted).cloned());
    let (first, second) = (asm::two_steps(&images.sides.shipped, x), asm::two_steps(&images.sides.rebuilt, y));
    if first.len() != second.len() {
        out.unknown.push(whole);
    }
    for (p, q) in first.iter().zip(&second) {
        let places = (p.to, q.to);
        if p.bytes != q.bytes || follow(images, pair, p, q) != Meaning::Same || !follow_table(images, pair, places, &old, &mut out) {
            out.unknown.push(p.bytes.clone());
        }
    }
    out
}

/// Follows the entries of a table that code of a function refers to, if it is one: whether all lead to the same places.
fn follow_table(images: &Images, pair: Sides<&Function>, places: (u64, u64), scan: &asm::Scan, out: &mut Loose) -> bool {
    let (x, code) = (pair.shipped, images.sides.shipped.code(pair.shipped));
    let mut entered = |to: u64| {
        if is_inside(x, to) {
            scan.is_entry(code, to - x.address)
        } else {
            out.entered.insert(to);
            true
        }
    };
    let found = table(images, pair, places.0, places.1, &mut entered);
    out.tables.extend(found.ok().filter(|count| *count > 0).map(|count| (places.0, places.1, count)));
    found.is_ok()
}

/// Whether code could run where a reference leads: it jumps there, or takes the address.
pub(super) fn enters(r: &Reference) -> bool {
    r.form == Form::Branch || matches!(r.form, Form::Address | Form::Number) && r.reach == 0
}

/// Whether a reference leads to data among code: something is read there, or its address is taken and no function begins there.
fn is_inner(image: &Image, r: &Reference) -> bool {
    let code = || image.elf.section_at(r.to).is_some_and(|s| s.is_code());
    let starts = || image.function_at(r.to).and_then(|i| image.functions.get(i)).is_some_and(|f| f.address == r.to);
    !matches!(r.form, Form::Branch | Form::Page) && code() && (r.reach > 0 || !starts() && image.import(r.to).is_none())
}

/// Whether what an instruction reads among code has other bytes there than on the other side: an operand that leads to the same place is
/// another number to who reads it.
fn reads_other(images: &Images, p: &Reference, q: &Reference) -> bool {
    let read = |side: Side, r: &Reference| {
        let exe = &images.sides.get(side).elf;
        let reach = usize::try_from(r.reach).unwrap_or(usize::MAX);
        exe.section_at(r.to).filter(|s| s.is_code()).and_then(|_| exe.bytes_at(r.to).get(..reach))
    };
    p.reach > 0 && p.form != Form::Branch && read(Side::Shipped, p) != read(Side::Rebuilt, q)
}

fn is_inside(f: &Function, address: u64) -> bool {
    address >= f.address && address < f.end()
}

/// What a reference means, with every byte that is read there: what begins in one piece may end in the next one.
fn follow(images: &Images, pair: Sides<&Function>, p: &Reference, q: &Reference) -> Meaning {
    let first = lead(images, pair, p, q);
    let placed = |side: Side, to: u64| images.sides.get(side).elf.section_at(to).is_some();
    let number = p.form == Form::Number && !placed(Side::Shipped, p.to) && !placed(Side::Rebuilt, q.to);
    if first != Meaning::Same || number || matches!(p.form, Form::Branch | Form::Page) {
        return first;
    }
    let reach = p.reach.max(q.reach).max(1);
    let within = |f: &Function, to: u64| is_inside(f, to) && to.saturating_add(reach) <= f.end();
    if within(pair.shipped, p.to) && within(pair.rebuilt, q.to) || images.moves_whole(p.to..p.to.saturating_add(reach), q.to) {
        return first;
    }
    let one = |n: u64| {
        let (x, y) = (p.to.wrapping_add(n), q.to.wrapping_add(n));
        let own = is_inside(pair.shipped, x) && is_inside(pair.rebuilt, y);
        if own {
            let same = x - pair.shipped.address == y - pair.rebuilt.address;
            return if same { Meaning::Same } else { Meaning::Other };
        }
        // What padding holds is not compared: only that it does nothing.
        if images.is_padding(Side::Shipped, x) || images.is_padding(Side::Rebuilt, y) { Meaning::Unknown } else { images.meaning(x, y) }
    };
    (0..reach).map(one).find(|m| *m != Meaning::Same).unwrap_or(first)
}

fn lead(images: &Images, pair: Sides<&Function>, p: &Reference, q: &Reference) -> Meaning {
    if is_inside(pair.shipped, p.to) && is_inside(pair.rebuilt, q.to) && p.form != Form::Page {
        let same = p.to - pair.shipped.address == q.to - pair.rebuilt.address;
        return if same { Meaning::Same } else { Meaning::Other };
    }
    match p.form {
        Form::Branch | Form::Relative | Form::Address => images.meaning(p.to, q.to),
        Form::Page => {
            let distance = q.to.wrapping_sub(p.to);
            let whole = images.shifts().all_moved(p.to..p.to.saturating_add(0x1000), distance);
            if whole { Meaning::Same } else { Meaning::Unknown }
        }
        Form::Number => {
            let within = |side: Side, to: u64| images.sides.get(side).elf.section_at(to).is_some();
            if within(Side::Shipped, p.to) || within(Side::Rebuilt, q.to) { images.meaning(p.to, q.to) } else { Meaning::Same }
        }
    }
}

/// Where an entry of a table leads that holds distances from its own start.
pub(super) fn entry(exe: &Exe, start: u64, n: u64) -> Option<u64> {
    let raw = exe.bytes_at(start.wrapping_add(n * 4)).get(..4)?;
    let number = i32::from_le_bytes(raw.try_into().ok()?);
    Some(start.wrapping_add_signed(i64::from(number)))
}

/// Numbers that are distances from the start of their own table, as those of `switch` are: how many lead to the same places
/// on both sides. An error when one leads elsewhere, or where `is_entry` says that no instruction starts.
fn table(images: &Images, pair: Sides<&Function>, shipped: u64, rebuilt: u64, is_entry: &mut dyn FnMut(u64) -> bool) -> Result<u64, ()> {
    let data = |exe: &Exe, at: u64| exe.section_at(at).is_some_and(|s| !s.is_code() && !s.is_written() && s.kind == 1);
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    if !data(a, shipped) || !data(b, rebuilt) || images.is_text(shipped) {
        return Ok(0);
    }
    let is_code = |exe: &Exe, to: u64| exe.section_at(to).is_some_and(|s| s.is_code());
    let first = |exe: &Exe, start: u64| entry(exe, start, 0).is_some_and(|to| is_code(exe, to));
    // A table of places in code, or of places in constants.
    let to_code = first(a, shipped) || first(b, rebuilt);
    let leads = |exe: &Exe, to: u64| if to_code { is_code(exe, to) } else { data(exe, to) };
    // Where something else is known to begin, it ends: the pieces on both sides are of one length.
    let room = |side: Side, at: u64| images.next_start(side, at).map_or(u64::MAX, |next| next.wrapping_sub(at) / 4);
    let most = room(Side::Shipped, shipped).min(room(Side::Rebuilt, rebuilt));
    for n in 0..MAX_ENTRIES.min(most) {
        if images.entries.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            // Over the bound nothing is known of where it leads.
            return Err(());
        }
        let (Some(old), Some(new)) = (entry(a, shipped, n), entry(b, rebuilt, n)) else { return Ok(n) };
        // In an object the linker makes each entry: only from a place in the section of the function, wherever that will be.
        for (exe, start, f) in [(a, shipped, pair.shipped), (b, rebuilt, pair.rebuilt)] {
            match exe.object.as_ref().map(|o| o.filled.get(&start.wrapping_add(n * 4))) {
                Some(None) => return Ok(n),
                Some(Some(section)) if *section != Some(f.section) => return Err(()),
                _ => {}
            }
        }
        if !leads(a, old) && !leads(b, new) {
            return Ok(n);
        }
        let local = is_inside(pair.shipped, old) && is_inside(pair.rebuilt, new);
        let same = if local { old - pair.shipped.address == new - pair.rebuilt.address } else { images.meaning(old, new) == Meaning::Same };
        if !same || to_code && !is_entry(old) {
            // Where the table ends is not known: a number behind it that seems to lead elsewhere is taken for an entry.
            return Err(());
        }
    }
    Ok(MAX_ENTRIES.min(most))
}

/// Explains the entries of tables that lead to the same places on both sides; everything else of them was compared.
pub(super) fn explain_tables(node: &mut Node, images: &Images, regions: &mut [RegionPair], tables: &BTreeSet<(u64, u64, u64)>) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let mut owners: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (n, pair) in regions.iter().enumerate() {
        if let Some((x, y)) = both(images, pair)
            && let (Some(s), Some(t)) = (x.section, y.section)
        {
            owners.insert((s, t), n);
        }
    }
    let mut done = BTreeSet::new();
    for (shipped, rebuilt, count) in tables {
        let (Some(s), Some(t)) = (a.section_index_at(*shipped), b.section_index_at(*rebuilt)) else { continue };
        let Some(pair) = owners.get(&(s, t)).and_then(|n| regions.get_mut(*n)) else { continue };
        for n in 0..*count {
            let (x, y) = (shipped.wrapping_add(n * 4), rebuilt.wrapping_add(n * 4));
            let apart = images.shifts().distance(x) == Some(y.wrapping_sub(x));
            let (Some(p), Some(q)) = (a.offset_of(x), b.offset_of(y)) else { break };
            let (Some(old), Some(new)) = (a.bytes_at(x).get(..4), b.bytes_at(y).get(..4)) else { break };
            if !apart || old == new || !done.insert(x) {
                continue;
            }
            let differing = old.iter().zip(new).filter(|(m, n)| m != n).count() as u64;
            if pair.account.shipped.unexplained < differing || pair.account.rebuilt.unexplained < differing {
                break;
            }
            for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
                account.unexplained -= differing;
                account.explain(Cause::AddressShift, differing);
            }
            prove(
                &mut node.proofs,
                Cause::AddressShift,
                Sides::new(p..p + 4, q..q + 4),
                Sides::new("places in a table", "places in a table"),
            );
        }
    }
}

/// References of headers that did not change and do not lead to the same places: the entry point, segments, and the layout of
/// thread-local data. Ranges in both files.
pub(super) fn headers(images: &Images) -> Vec<Sides<Range<usize>>> {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    if images.is_still() || !a.wide || a.kind == 1 {
        return Vec::new();
    }
    let mut out = Vec::new();
    let entry = |exe: &Exe| exe.numbers().int(&exe.blob, 24, 8).unwrap_or(0);
    let (old, new) = (entry(a), entry(b));
    if (old, new) != (0, 0) && images.meaning(old, new) != Meaning::Same {
        out.push(Sides::new(24..32, 24..32));
    }
    out.extend(layout::unproved_segments(a, b));
    // Thread-local data is addressed by its distance from the end of its segment.
    let local = |exe: &Exe| -> Vec<(Vec<u8>, u64, u64)> {
        let mut found = exe.sections.iter().filter(|s| s.flags & 0x400 != 0).peekable();
        let first = found.peek().map_or(0, |s| s.address);
        found.map(|s| (s.name.clone(), s.address.wrapping_sub(first), s.size)).collect()
    };
    let mapped = a.sections.iter().any(|s| s.flags & 0x400 != 0 && images.blocks.contains_key(&s.name));
    if mapped || local(a) != local(b) {
        out.push(Sides::new(24..32, 24..32));
    }
    out
}

/// Once all loaded content is accounted for: what is equal but refers to nobody knows what is not accounted for after all.
/// `places` are ranges in the file of the shipped and of the rebuilt side, both of the same length. False when something else is not
/// accounted for.
pub(super) fn settle(node: &mut Node, images: &Images, regions: &mut [RegionPair], places: &[Sides<Range<usize>>]) -> bool {
    if loaded_residue(images, regions) > build_id_bytes(images) {
        return false;
    }
    let mut first = None;
    let mut count = 0u64;
    for (side, exe) in [(Side::Shipped, &images.sides.shipped.elf), (Side::Rebuilt, &images.sides.rebuilt.elf)] {
        let mut owners: Vec<(Range<usize>, usize)> =
            regions.iter().enumerate().filter_map(|(n, p)| Some((exe.regions.get((*p.regions.get(side))?)?.range.clone(), n))).collect();
        owners.sort_unstable_by_key(|(range, _)| range.start);
        let mut own: Vec<Range<usize>> = places.iter().map(|p| p.get(side).clone()).collect();
        own.sort_unstable_by_key(|r| (r.start, r.end));
        own.dedup();
        let mut end = 0;
        for place in own {
            let bytes = place.end.saturating_sub(place.start.max(end)) as u64;
            end = end.max(place.end);
            let after = owners.partition_point(|(range, _)| range.start <= place.start);
            let Some((_, n)) = after.checked_sub(1).and_then(|i| owners.get(i)).filter(|(r, _)| place.start < r.end) else { continue };
            let Some(account) = regions.get_mut(*n).map(|p| p.account.get_mut(side)) else { continue };
            let taken = bytes.min(account.identical);
            account.identical -= taken;
            account.unexplained += taken;
            if side == Side::Shipped {
                count += 1;
                first.get_or_insert(place.start);
            }
        }
    }
    if let Some(at) = first {
        let what = "of unchanged content are not proved to lead to the same places, and something moved";
        node.metadata.push(format!("{count} references {what}; the first at offset {at:#x} of the file"));
    }
    true
}

/// The build-id is explained last.
fn build_id_bytes(images: &Images) -> u64 {
    let size = |exe: &Exe| exe.build_id().map_or(0, <[u8]>::len) as u64;
    size(&images.sides.shipped.elf) + size(&images.sides.rebuilt.elf)
}
