//! Relocatable objects: what a linker would do, done on both sides in one layout, so that what the relocations say is in
//! place and everything is compared as in a linked file. What is not in the object has addresses of its own, the same on both
//! sides for the same name. The layout is nobody's: what would depend on it is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::account::{prove, span};
use super::asm::{self, Form};
use super::exe::{RegionPair, both};
use super::image::{Image, Images};
use crate::inspect::blob::Blob;
use crate::inspect::exe::{Exe, Section};
use crate::inspect::object::{Extern, Object, Puts, Reloc, Symbol};
use crate::model::{Cause, Node, Side, Sides, Tried};

/// Where the first section is put.
const FIRST: u64 = 0x1_0000;
/// Sections start at multiples of this, and at least [`APART`] behind each other.
const ALIGNMENT: u64 = 0x1000;
/// Nothing that a relocation names is so far outside of its section.
const APART: u64 = 0x1000;
/// Bytes around what a relocation names: a number in code counts from the end of its instruction.
const NEAR: i64 = 16;
/// The end of the layout: distances of four bytes must reach everything.
const LAST: u64 = 1 << 30;
/// The furthest that an addend leads from something that is not in the object.
const FARTHEST: i64 = 1 << 24;

/// Lays both objects out. Files that are no objects are left alone.
///
/// # Errors
/// In words, when one of them is not of a form that can be laid out: they are compared section by section.
pub(super) fn link(sides: &mut Sides<Exe>) -> Result<(), &'static str> {
    if sides.shipped.kind != 1 || sides.rebuilt.kind != 1 {
        return Ok(());
    }
    if [&sides.shipped, &sides.rebuilt].iter().any(|exe| exe.sections.iter().any(|s| s.address != 0)) {
        return Err("a section of it has an address already");
    }
    let mut objects = Sides::new(Object::read(&sides.shipped)?, Object::read(&sides.rebuilt)?);
    let end = place_sections(sides)?;
    // Places in packed sections are places in what they unpack to.
    let packed = |exe: &Exe| exe.sections.iter().any(|s| s.flags & 0x800 != 0 || s.name.starts_with(b".zdebug_"));
    let debug = !packed(&sides.shipped) && !packed(&sides.rebuilt);
    let externs = externs(sides.as_ref(), objects.as_ref(), end)?;
    for side in [Side::Shipped, Side::Rebuilt] {
        let (exe, object) = (sides.get_mut(side), objects.get_mut(side));
        object.externs.clone_from(&externs.0);
        object.debug = debug;
        fill(exe, object, &externs.1)?;
    }
    let Sides { shipped, rebuilt } = objects;
    sides.shipped.object = Some(shipped);
    sides.rebuilt.object = Some(rebuilt);
    Ok(())
}

/// Gives the loaded sections of both sides addresses: the same for those that belong together. Returns where they end.
fn place_sections(sides: &mut Sides<Exe>) -> Result<u64, &'static str> {
    type Key = (Vec<u8>, usize);
    let keys = |exe: &Exe| -> Vec<(usize, Key, u64)> {
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        let mut out = Vec::new();
        for (i, s) in exe.sections.iter().enumerate().filter(|(_, s)| s.is_allocated()) {
            let count = seen.entry(&s.name).or_default();
            out.push((i, (s.name.clone(), *count), s.size));
            *count += 1;
        }
        out
    };
    let both = Sides::new(keys(&sides.shipped), keys(&sides.rebuilt));
    let mut sizes: HashMap<&Key, u64> = HashMap::new();
    let mut order: Vec<&Key> = Vec::new();
    for (_, key, size) in both.shipped.iter().chain(&both.rebuilt) {
        let known = sizes.entry(key).or_insert_with(|| {
            order.push(key);
            0
        });
        *known = (*known).max(*size);
    }
    let mut at = FIRST;
    let mut starts: HashMap<&Key, u64> = HashMap::new();
    for key in order {
        starts.insert(key, at);
        let size = sizes.get(key).copied().unwrap_or(0);
        let end = at.checked_add(size).and_then(|e| e.checked_add(APART)).filter(|e| *e < LAST).ok_or("it is too large to lay out")?;
        at = end.next_multiple_of(ALIGNMENT);
    }
    for side in [Side::Shipped, Side::Rebuilt] {
        let exe = sides.get_mut(side);
        for (i, key, _) in both.get(side) {
            if let (Some(s), Some(start)) = (exe.sections.get_mut(*i), starts.get(key)) {
                s.address = *start;
            }
        }
        exe.placed();
    }
    Ok(at)
}

/// What a relocation names, when that is not in the object or is not its address.
fn outside(exe: &Exe, object: &Object, reloc: &Reloc) -> Option<Vec<u8>> {
    let symbol = object.symbols.get(reloc.symbol)?;
    let typed = matches!(Puts::of(reloc.kind), Some(Puts::Other(_) | Puts::OtherDistance(_)));
    if reloc.symbol == 0 && !typed {
        return None;
    }
    match (symbol.place(), typed) {
        (Some(_), false) => None,
        (None, false) => Some(symbol.name.clone()),
        (place, true) => {
            let own = || {
                let name = place.and_then(|i| exe.sections.get(i)).map(|s| s.name.clone()).unwrap_or_default();
                [&name[..], b"+", symbol.value.to_string().as_bytes()].concat()
            };
            let name = if symbol.is_local() { own() } else { symbol.name.clone() };
            Some([&name[..], b"%", reloc.kind.to_string().as_bytes()].concat())
        }
    }
}

/// What is outside of both objects, and the address of each name.
type Externs = (Vec<Extern>, HashMap<Vec<u8>, u64>);

/// Addresses for all that is outside of both objects, and the one of each name.
fn externs(exes: Sides<&Exe>, objects: Sides<&Object>, from: u64) -> Result<Externs, &'static str> {
    let mut spans: BTreeMap<Vec<u8>, (i64, i64)> = BTreeMap::new();
    for (exe, object) in [(exes.shipped, objects.shipped), (exes.rebuilt, objects.rebuilt)] {
        for reloc in object.tables.iter().flat_map(|t| &t.relocs) {
            let Some(name) = outside(exe, object, reloc) else { continue };
            if !(-FARTHEST..=FARTHEST).contains(&reloc.addend) {
                return Err("a relocation leads too far from what it names");
            }
            let span = spans.entry(name).or_insert((0, 0));
            *span = (span.0.min(reloc.addend), span.1.max(reloc.addend));
        }
    }
    let mut at = from;
    let (mut out, mut bases) = (Vec::new(), HashMap::new());
    for (name, (low, high)) in spans {
        let start = at;
        let base = at.wrapping_add_signed(-low).wrapping_add(NEAR.unsigned_abs()).next_multiple_of(16);
        at = base.wrapping_add_signed(high).wrapping_add(2 * NEAR.unsigned_abs()).next_multiple_of(16);
        if at >= LAST {
            return Err("it is too large to lay out");
        }
        bases.insert(name.clone(), base);
        out.push(Extern { start, end: at, base, name });
    }
    Ok((out, bases))
}

/// Puts into each place what its relocation says.
fn fill(exe: &mut Exe, object: &mut Object, bases: &HashMap<Vec<u8>, u64>) -> Result<(), &'static str> {
    let mut bytes = exe.blob.to_vec();
    let mut addresses = BTreeMap::new();
    let mut filled = BTreeMap::new();
    for table in &object.tables {
        let Some(target) = exe.sections.get(table.target) else { return Err("a table of relocations has no section") };
        if !target.is_allocated() && !object.debug {
            continue;
        }
        let mut places: Vec<(u64, u64)> = Vec::new();
        for reloc in &table.relocs {
            let puts = Puts::of(reloc.kind).ok_or("a relocation is of a type that is not known")?;
            let size = puts.size();
            if size == 0 {
                continue;
            }
            let start = usize::try_from(reloc.offset).ok().filter(|at| at.checked_add(size).is_some_and(|end| end <= target.range.len()));
            let start = start.ok_or("a relocation is outside of its section")?;
            places.push((reloc.offset, reloc.offset + size as u64));
            let symbol = object.symbols.get(reloc.symbol).ok_or("a relocation names no symbol")?;
            let own = match (outside(exe, object, reloc), symbol.place()) {
                (Some(name), _) => bases.get(&name).copied().ok_or("a relocation names nothing")?,
                (None, Some(section)) => inside(exe, symbol, section, reloc, puts, is_table(target))?,
                // Without a symbol the addend is all.
                (None, None) => 0,
            };
            let address = own.wrapping_add_signed(reloc.addend);
            let place = target.address.wrapping_add(reloc.offset);
            let value = match puts {
                Puts::Distance(_) | Puts::OtherDistance(_) => address.wrapping_sub(place),
                _ => address,
            };
            let at = target.range.start + start;
            let Some(field) = bytes.get_mut(at..at + size) else { return Err("a relocation is outside of its section") };
            // What stands there is overwritten: it must say nothing of its own.
            if field.iter().any(|b| *b != 0) {
                return Err("a place that a relocation fills in is not empty");
            }
            let raw = value.to_le_bytes();
            field.copy_from_slice(raw.get(..size).unwrap_or_default());
            if target.is_allocated() {
                filled.insert(place, symbol.place().filter(|_| outside(exe, object, reloc).is_none()));
                if let Puts::Address(_) = puts {
                    addresses.insert(place, size as u8);
                }
            }
        }
        places.sort_unstable();
        if places.windows(2).any(|w| matches!(w, [x, y] if x.1 > y.0)) {
            return Err("two relocations fill in one place");
        }
    }
    exe.blob = Blob::from(bytes);
    (object.addresses, object.filled) = (addresses, filled);
    Ok(())
}

/// The address of a symbol of the object. What is named must lie in its section, or at its bounds: behind those another
/// section stands in this layout, and something else in another one.
fn inside(exe: &Exe, symbol: &Symbol, section: usize, reloc: &Reloc, puts: Puts, table: bool) -> Result<u64, &'static str> {
    let s = exe.sections.get(section).ok_or("a symbol is in no section")?;
    let slack = if table && matches!(puts, Puts::Distance(_)) { FARTHEST } else { NEAR };
    let to = i128::from(symbol.value) + i128::from(reloc.addend);
    // Numbers in tables count from the start of the table, not from their own place: they reach further.
    if symbol.value > s.size || to < -i128::from(NEAR) || to > i128::from(s.size) + i128::from(slack) {
        return Err("a relocation leads out of the section of its symbol");
    }
    Ok(if s.is_allocated() { s.address } else { 0 }.wrapping_add(symbol.value))
}

/// Whether a section may hold numbers that count from the start of a table in it.
fn is_table(s: &Section) -> bool {
    s.is_allocated() && !s.is_code() && s.name != b".eh_frame" && !s.name.starts_with(b".gcc_except_table")
}

/// The first reference of code that leaves its section and is in no relocation, or leads elsewhere than what its relocation
/// names: where it leads is decided by the linker.
pub(super) fn unbacked(image: &Image) -> Option<u64> {
    let object = image.elf.object.as_ref()?;
    for f in image.functions.iter().chain(&image.fillers) {
        let Some(s) = image.elf.sections.get(f.section) else { continue };
        let Some(scan) = asm::scan(image, f) else { return Some(f.address) };
        for r in &scan.references {
            let at = f.address.wrapping_add(r.bytes.start as u64);
            let within = |s: &Section| r.to >= s.address && r.to <= s.address.saturating_add(s.size);
            let backed = match (object.filled.get(&at), r.form) {
                // A number that no relocation put there is a number.
                (None, Form::Number) => true,
                (None, _) => within(s),
                (Some(Some(section)), _) => image.elf.sections.get(*section).is_some_and(within),
                (Some(None), _) => object.extern_at(r.to).is_some(),
            };
            if !backed {
                return Some(at);
            }
        }
    }
    None
}

/// Whether two relocations are of one type, and name the same: of what other files see, by name; of what is local, by the
/// section, and by the same distance from a symbol in it.
fn same_name(exes: Sides<&Exe>, objects: Sides<&Object>, x: &Reloc, y: &Reloc) -> bool {
    let (Some(p), Some(q)) = (objects.shipped.symbols.get(x.symbol), objects.rebuilt.symbols.get(y.symbol)) else { return false };
    if x.kind != y.kind || (p.info, p.other) != (q.info, q.other) {
        return false;
    }
    let section = |exe: &Exe, s: &Symbol| s.place().and_then(|i| exe.sections.get(i)).map(|s| s.name.clone()).ok_or(s.section);
    if section(exes.shipped, p) != section(exes.rebuilt, q) {
        return false;
    }
    if p.is_local() { p.is_section() || x.addend == y.addend } else { p.name == q.name && x.addend == y.addend }
}

/// Explains what says where and what to fill in, once the filled sections are accounted for: the tables of relocations, and
/// the groups of sections.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some(one), Some(two)) = (&a.object, &b.object) else { return };
    let named = std::cell::LazyCell::new(|| (numbers(a), numbers(b)));
    let mut clean: BTreeMap<(usize, usize), Option<Cause>> = BTreeMap::new();
    for pair in regions.iter().filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained == 0) {
        let Some((x, y)) = both(images, pair) else { continue };
        if let (Some(i), Some(j)) = (x.section, y.section) {
            let cause = pair.account.shipped.explained.keys().chain(pair.account.rebuilt.explained.keys()).next();
            clean.insert((i, j), cause.copied());
        }
    }
    for pair in regions.iter_mut().filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0) {
        let Some((x, y)) = both(images, pair) else { continue };
        let (Some(i), Some(j)) = (x.section, y.section) else { continue };
        let tables = (one.tables.iter().find(|t| t.section == i), two.tables.iter().find(|t| t.section == j));
        let proved = if let (Some(s), Some(t)) = tables {
            let filled =
                |exe: &Exe, index: usize, object: &Object| exe.sections.get(index).is_some_and(|s| s.is_allocated()) || object.debug;
            let known = clean.get(&(s.target, t.target));
            let ready = filled(a, s.target, one) && filled(b, t.target, two);
            let same = s.relocs.len() == t.relocs.len()
                && s.relocs.iter().zip(&t.relocs).all(|(p, q)| same_name(Sides::new(a, b), Sides::new(one, two), p, q));
            if !same {
                node.tried
                    .push(Tried { cause: Cause::AddressShift, why: "relocations name something else, or are of another type".to_owned() });
            }
            let moved = s.relocs.iter().zip(&t.relocs).any(|(p, q)| (p.offset, p.addend) != (q.offset, q.addend));
            // Nothing but the numbers of symbols, which follow from their table.
            let otherwise = if moved { Cause::AddressShift } else { Cause::Derived };
            known.filter(|_| ready && same).map(|cause| cause.filter(|_| moved).unwrap_or(otherwise))
        } else if a.sections.get(i).is_some_and(|s| s.kind == 17) {
            let groups = (group(a, one, i, &named.0), group(b, two, j, &named.1));
            (groups.0.is_some() && groups.0 == groups.1).then_some(Cause::Derived)
        } else {
            None
        };
        let Some(cause) = proved else { continue };
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            let differing = std::mem::take(&mut account.unexplained);
            account.explain(cause, differing);
        }
        let what = "what a linker fills in, put in place on both sides";
        prove(&mut node.proofs, cause, Sides::new(span(&x.range), span(&y.range)), Sides::new(what, what));
    }
}

/// For each section, how many of its name there are up to it.
fn numbers(exe: &Exe) -> Vec<usize> {
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    let mut out = Vec::with_capacity(exe.sections.len());
    for s in &exe.sections {
        let count = seen.entry(&s.name).or_default();
        *count += 1;
        out.push(*count);
    }
    out
}

/// Flags of a group of sections, its name, and its sections: their names, and which of that name each is.
type Group<'a> = (u64, &'a [u8], Vec<(&'a [u8], usize)>);

/// What a group of sections says (gABI, "Section Groups"): its flags, its name, and the names of its sections.
fn group<'a>(exe: &'a Exe, object: &'a Object, index: usize, numbers: &[usize]) -> Option<Group<'a>> {
    let s = exe.sections.get(index)?;
    let n = exe.numbers();
    let data = exe.data(s);
    let flags = n.int(data, 0, 4)?;
    let member = |raw: &[u8]| {
        let index = usize::try_from(n.int(raw, 0, 4)?).ok()?;
        let name = exe.sections.get(index)?.name.as_slice();
        Some((name, *numbers.get(index)?))
    };
    let members: Option<Vec<_>> = data.get(4..)?.chunks_exact(4).map(member).collect();
    let name = object.symbols.get(s.info).map(|s| s.name.as_slice()).filter(|n| !n.is_empty() && data.len().is_multiple_of(4))?;
    Some((flags, name, members?))
}

/// Whether a relocation of data that holds a distance names the same on both sides, whatever it is counted from.
pub(super) fn same_distance(images: &Images, x: &Reloc, y: &Reloc) -> bool {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some(one), Some(two)) = (&a.object, &b.object) else { return false };
    if x.addend != y.addend || !same_name(Sides::new(a, b), Sides::new(one, two), x, y) {
        return false;
    }
    let Some(p) = one.symbols.get(x.symbol) else { return false };
    match p.place().and_then(|i| a.sections.get(i)) {
        Some(s) if p.is_local() => {
            let same_value = two.symbols.get(y.symbol).is_some_and(|q| q.value == p.value);
            same_value && images.shifts().all_moved(s.address..s.address.saturating_add(s.size), 0)
        }
        _ => true,
    }
}

/// The name of a section, and what its relocations say.
type Kept = (Vec<u8>, Vec<(u64, u32, usize, i64)>);

/// What a symbol says, with the name of its section.
type Said<'a> = (&'a [u8], u8, u8, Result<(&'a [u8], usize), u64>, u64, u64);

/// Whether the symbols of one object are those of the other without some that nobody can name: local ones that no relocation
/// of a kept section uses. `gone` says which sections are left out.
pub(super) fn is_subset(fewer: &Exe, more: &Exe, gone: &dyn Fn(&Section) -> bool) -> bool {
    let (Ok(one), Ok(two)) = (Object::read(fewer), Object::read(more)) else { return false };
    let (own, theirs) = (numbers(fewer), numbers(more));
    fn said<'a>(exe: &'a Exe, numbers: &[usize], s: &'a Symbol) -> Said<'a> {
        let place = s.place().and_then(|i| Some((exe.sections.get(i)?.name.as_slice(), *numbers.get(i)?))).ok_or(s.section);
        (&s.name, s.info, s.other, place, s.value, s.size)
    }
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for table in two.tables.iter().filter(|t| more.sections.get(t.target).is_some_and(|s| !gone(s))) {
        used.extend(table.relocs.iter().map(|r| r.symbol));
    }
    used.extend(more.sections.iter().filter(|s| s.kind == 17).map(|s| s.info));
    // Each symbol of the one, in order, beside the next of the other that says the same.
    let mut map: Vec<usize> = Vec::new();
    let mut left = one.symbols.iter().peekable();
    for (i, s) in two.symbols.iter().enumerate() {
        match left.peek().filter(|k| said(fewer, &own, k) == said(more, &theirs, s)) {
            Some(_) => {
                map.push(i);
                left.next();
            }
            None if s.is_local() && !used.contains(&i) => {}
            None => return false,
        }
    }
    if left.next().is_some() {
        return false;
    }
    // And the relocations of kept sections use the same ones.
    let kept = |exe: &Exe, object: &Object, map: &dyn Fn(usize) -> usize| -> Vec<Kept> {
        let tables = object.tables.iter().filter_map(|t| Some((exe.sections.get(t.target).filter(|s| !gone(s))?, t)));
        tables.map(|(s, t)| (s.name.clone(), t.relocs.iter().map(|r| (r.offset, r.kind, map(r.symbol), r.addend)).collect())).collect()
    };
    kept(fewer, &one, &|i| map.get(i).copied().unwrap_or(usize::MAX)) == kept(more, &two, &|i| i)
}

/// Whether the headers of the sections that both objects keep say the same, with other sections by their names.
pub(super) fn headers_alike(a: &Exe, b: &Exe, gone: &dyn Fn(&Section) -> bool) -> bool {
    type Header<'a> = (&'a [u8], u32, u64, &'a [u8], Result<&'a [u8], usize>, u64, [u64; 2]);
    fn read<'a>(exe: &'a Exe, gone: &dyn Fn(&Section) -> bool) -> Option<Vec<Header<'a>>> {
        let n = exe.numbers();
        let table = usize::try_from(n.word(&exe.blob, 32, 40)?).ok()?;
        let mut out = Vec::new();
        for (i, s) in exe.sections.iter().enumerate().filter(|(_, s)| !gone(s)) {
            let raw = exe.blob.get(table.checked_add(i * 64)?..)?.get(..64)?;
            let link = exe.sections.get(s.link).map(|l| l.name.as_slice())?;
            let strings = matches!(s.name.as_slice(), b".symtab" | b".strtab" | b".shstrtab");
            // The number of a section, where it is one; of groups it is a symbol, which is compared with its content.
            let info = match s.kind {
                4 | 9 => Ok(exe.sections.get(s.info)?.name.as_slice()),
                2 | 17 => Err(0),
                _ => Err(s.info),
            };
            let size = if strings { 0 } else { s.size };
            out.push((s.name.as_slice(), s.kind, s.flags, link, info, size, [n.int(raw, 48, 8)?, n.int(raw, 56, 8)?]));
        }
        Some(out)
    }
    a.wide && b.wide && matches!((read(a, gone), read(b, gone)), (Some(x), Some(y)) if x == y)
}
