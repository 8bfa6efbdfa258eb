//! Symbols and debug sections that only one side has: explained when everything that is loaded is accounted for.

use std::collections::BTreeSet;

use super::account::{prove, span};
use super::elf::{describes, is_link_name};
use super::exe::{RegionPair, bytes};
use super::image::Images;
use super::{objects, symtab};
use crate::inspect::debug::Image;
use crate::inspect::exe::{Exe, Region, Section};
use crate::model::{Cause, Node, Side, Sides, Tried};

/// Explains what stripping leaves out, and a debug link on one side only whose file is in the bundle.
pub(super) fn explain(node: &mut Node, images: &Images, regions: &mut [RegionPair], debug: &[Image]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let region = |pair: &RegionPair, side: Side| -> Option<Region> {
        let elf = if side == Side::Shipped { a } else { b };
        pair.regions.get(side).and_then(|i| elf.regions.get(i)).cloned()
    };
    let goes = |elf: &Exe, r: &Region| {
        may_go(r) && !(elf.kind == 1 && r.section.and_then(|i| elf.sections.get(i)).is_some_and(|s| !leaves_object(s)))
            || elf.kind == 1 && r.section.and_then(|i| elf.sections.get(i)).is_some_and(leaves_object)
    };
    let alone = |pair: &RegionPair| pair.regions.shipped.is_none() != pair.regions.rebuilt.is_none();
    if !regions.iter().any(|p| {
        alone(p)
            && [Side::Shipped, Side::Rebuilt]
                .iter()
                .any(|s| region(p, *s).is_some_and(|r| goes(if *s == Side::Shipped { a } else { b }, &r)))
    }) {
        return;
    }
    let loaded = |p: &&RegionPair| [Side::Shipped, Side::Rebuilt].iter().any(|s| region(p, *s).is_some_and(|r| r.allocated));
    let residue: u64 = regions.iter().filter(loaded).map(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained).sum();
    let refuse = |node: &mut Node, why: &str| node.tried.push(Tried { cause: Cause::Strip, why: why.to_owned() });
    if residue > 0 {
        return refuse(node, "content that is loaded differs");
    }
    if !kept_alike(a, b) {
        return refuse(node, "the headers of sections that both sides have differ");
    }
    let objects = a.kind == 1 || b.kind == 1;
    if objects && !objects::headers_alike(a, b, &leaves_object) {
        return refuse(node, "the headers of sections that both sides have refer to others");
    }
    let tables = names_only(a) && names_only(b);
    let fewer_symbols = symtab::is_subset(a, b) || symtab::is_subset(b, a);
    // What an object takes from its symbols is decided by the linker.
    let fewer_symbols = fewer_symbols && (!objects || objects::is_subset(a, b, &leaves_object) || objects::is_subset(b, a, &leaves_object));
    if objects && !fewer_symbols {
        return refuse(node, "a symbol is gone that a linker would find, or relocations name others");
    }
    for pair in regions.iter_mut() {
        if loaded(&&*pair) || pair.account.shipped.unexplained + pair.account.rebuilt.unexplained == 0 {
            continue;
        }
        let sides = Sides::new(region(pair, Side::Shipped), region(pair, Side::Rebuilt));
        let every = |f: &dyn Fn(&Exe, &Region) -> bool| {
            sides.shipped.as_ref().is_none_or(|r| f(a, r)) && sides.rebuilt.as_ref().is_none_or(|r| f(b, r))
        };
        let derived =
            every(&|_, r| r.section.is_none() && (r.name == b"section headers" || r.name.starts_with(b"ELF header: section table")))
                || tables && every(&|elf, r| r.name == b".shstrtab" && is_single(elf, r));
        let gap = every(&|elf, r| r.section.is_none() && r.name.starts_with(b"gap after") && bytes(elf, r).iter().all(|b| *b == 0));
        let gone = alone(pair) && every(&|elf, r| goes(elf, r));
        let table = |elf: &Exe, r: &Region| matches!(r.name.as_slice(), b".symtab" | b".strtab") && !r.allocated && is_single(elf, r);
        let fewer = !alone(pair) && fewer_symbols && every(&table);
        let linked = alone(pair) && every(&|elf, r| r.name == b".gnu_debuglink" && is_single(elf, r) && is_linked(elf, debug));
        // The numbers of symbols changed, and what they are did not.
        let renumbered = objects
            && !alone(pair)
            && every(&|elf, r| r.section.and_then(|i| elf.sections.get(i)).is_some_and(|s| s.kind == 4))
            && sides.shipped.as_ref().zip(sides.rebuilt.as_ref()).is_some_and(|(x, y)| x.range.len() == y.range.len());
        let cause = if derived || gap || gone || fewer || renumbered {
            Cause::Strip
        } else if linked {
            Cause::DebugLink
        } else {
            continue;
        };
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            let differing = std::mem::take(&mut account.unexplained);
            account.explain(cause, differing);
        }
        let range = |r: &Option<Region>| r.as_ref().map_or(0..0, |r| span(&r.range));
        let name =
            sides.shipped.as_ref().or(sides.rebuilt.as_ref()).map(|r| String::from_utf8_lossy(&r.name).into_owned()).unwrap_or_default();
        let words = sides.as_ref().map(|r| if r.is_some() { format!("{name} is there") } else { format!("{name} is not there") });
        let words = Sides::new(words.shipped.as_str(), words.rebuilt.as_str());
        prove(&mut node.proofs, cause, Sides::new(range(&sides.shipped), range(&sides.rebuilt)), words);
    }
}

/// Sections of DWARF 2 to 5 and of its GNU forms, without `.debug_` or `.zdebug_`, and without `.dwo`. Not `gdb_scripts`: a debugger
/// runs what is in it.
const DWARF: [&[u8]; 24] = [
    b"abbrev",
    b"addr",
    b"aranges",
    b"cu_index",
    b"frame",
    b"gnu_pubnames",
    b"gnu_pubtypes",
    b"info",
    b"line",
    b"line_str",
    b"loc",
    b"loclists",
    b"macinfo",
    b"macro",
    b"names",
    b"pubnames",
    b"pubtypes",
    b"ranges",
    b"rnglists",
    b"str",
    b"str_offsets",
    b"sup",
    b"tu_index",
    b"types",
];

/// Whether a section has the name of one of DWARF, packed or not, split or not.
fn is_dwarf(name: &[u8]) -> bool {
    let rest = name.strip_prefix(b".debug_").or_else(|| name.strip_prefix(b".zdebug_"));
    rest.is_some_and(|r| DWARF.contains(&r.strip_suffix(b".dwo").unwrap_or(r)))
}

/// What `strip` takes out.
fn may_go(region: &Region) -> bool {
    let name = region.name.as_slice();
    let known = matches!(name, b".symtab" | b".strtab") || is_dwarf(name);
    known && region.section.is_some() && !region.allocated
}

/// What `strip --strip-debug` takes out of an object: debug sections and their relocations.
fn leaves_object(s: &Section) -> bool {
    !s.is_allocated() && (is_dwarf(&s.name) || s.kind == 4 && s.name.strip_prefix(b".rela").is_some_and(is_dwarf))
}

/// Whether the sections that both sides have are described alike, but for their place in the file.
fn kept_alike(a: &Exe, b: &Exe) -> bool {
    let names = |elf: &Exe| -> BTreeSet<Vec<u8>> { elf.sections.iter().map(|s| s.name.clone()).collect() };
    let (known, others) = (names(a), names(b));
    let mut theirs = b.sections.iter().filter(|s| known.contains(&s.name));
    let ours = a.sections.iter().filter(|s| others.contains(&s.name));
    let table = |name: &[u8]| matches!(name, b".shstrtab" | b".symtab" | b".strtab");
    // What is loaded is on both sides, whether the file has bytes of it or not.
    let alone = |elf: &Exe, others: &BTreeSet<Vec<u8>>| elf.sections.iter().any(|s| s.is_allocated() && !others.contains(&s.name));
    let mut alike = !alone(a, &others) && !alone(b, &known);
    // The section that a table belongs to, by its name: its number may change.
    let link = |elf: &'_ Exe, s: &Section| elf.sections.get(s.link).map(|l| l.name.clone());
    for s in ours {
        let t = theirs.next();
        alike &= t.is_some_and(|t| {
            let size = table(&s.name) || s.size == t.size;
            s.name == t.name && size && (s.kind, s.flags, s.address, link(a, s)) == (t.kind, t.flags, t.address, link(b, t))
        });
    }
    alike && theirs.next().is_none()
}

/// Whether a region is the only section of its name: what is read of a table is read of the first.
fn is_single(elf: &Exe, r: &Region) -> bool {
    r.section.is_some() && elf.sections.iter().filter(|s| s.name == r.name).take(2).count() == 1
}

/// Whether the table of section names holds nothing but names of sections.
pub(super) fn names_only(elf: &Exe) -> bool {
    let known: BTreeSet<&[u8]> = elf.sections.iter().map(|s| s.name.as_slice()).filter(|n| !n.is_empty()).collect();
    // Linkers store `.text` as the end of `.rela.text`.
    let used = |text: &[u8]| text.len() <= 256 && (0..text.len()).any(|from| text.get(from..).is_some_and(|end| known.contains(end)));
    elf.named(".shstrtab").split(|b| *b == 0).filter(|t| !t.is_empty()).all(used)
}

/// Whether the debug link is well formed and, where the bundle has the debug file of this build, names it with its CRC-32.
/// Everything that is loaded is accounted for when this is asked.
fn is_linked(elf: &Exe, debug: &[Image]) -> bool {
    let Some((name, crc, _)) = elf.debug_link() else { return false };
    let mut own = debug.iter().filter(|d| describes(&d.elf, elf)).peekable();
    is_link_name(name) && (own.peek().is_none() || own.any(|d| d.name == name && d.crc() == crc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_dwarf_are_debug_information() {
        for name in [&b".debug_info"[..], b".zdebug_line", b".debug_str_offsets.dwo", b".debug_cu_index", b".debug_gnu_pubnames"] {
            assert!(is_dwarf(name), "{}", String::from_utf8_lossy(name));
        }
        for name in [&b".debug_gdb_scripts"[..], b".debug_", b".debug_x", b".debug_info.evil", b".debuginfo", b".rela.debug_info"] {
            assert!(!is_dwarf(name), "{}", String::from_utf8_lossy(name));
        }
    }
}
