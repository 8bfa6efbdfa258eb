//! Causes that only ELF files have: build-id and debug link.

use std::ops::Range;

use super::account::{prove, span};
use super::exe::{RegionPair, both};
use super::image::Images;
use super::observed;
use crate::digest::hex;
use crate::inspect::debug;
use crate::inspect::exe::Exe;
use crate::model::{Cause, Node, Side, Sides, Tried};
use crate::text::Untrusted;

/// Size of the header of a note with the name `GNU`, in bytes.
const NOTE: u64 = 16;

/// Whether a debug file is for this binary: the build-id agrees, and so does the place of its code.
pub(super) fn describes(debug: &Exe, elf: &Exe) -> bool {
    let same_code = match (debug.section(".text"), elf.section(".text")) {
        (Some(x), Some(y)) => x.address == y.address && x.size == y.size,
        (None, None) => true,
        _ => false,
    };
    debug.build_id().is_some() && debug.build_id() == elf.build_id() && same_code && debug.machine == elf.machine
}

/// The build-id follows when everything else that is loaded is equal or explained. An equal build-id over different
/// content is an alarm.
pub(super) fn build_id(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some(x), Some(y)) = (a.build_id_range(), b.build_id_range()) else { return };
    let (old, new) = (a.blob.get(x.clone()).unwrap_or_default(), b.blob.get(y.clone()).unwrap_or_default());
    let holds = |elf: &Exe, index: Option<usize>, range: &Range<usize>| {
        index.and_then(|i| elf.regions.get(i)).is_some_and(|r| r.range.start <= range.start && range.end <= r.range.end)
    };
    let allocated = |pair: &RegionPair| {
        let one = pair.regions.shipped.and_then(|i| a.regions.get(i)).is_some_and(|r| r.allocated);
        one || pair.regions.rebuilt.and_then(|j| b.regions.get(j)).is_some_and(|r| r.allocated)
    };
    let mut residue = 0;
    let mut own = None;
    for (n, pair) in regions.iter().enumerate() {
        if holds(a, pair.regions.shipped, &x) && holds(b, pair.regions.rebuilt, &y) {
            own = Some(n);
        } else if allocated(pair) {
            residue += pair.account.shipped.unexplained + pair.account.rebuilt.unexplained;
        }
    }
    if old == new {
        if residue > 0 {
            node.metadata.push(format!("alarm: both sides have the build-id {} and their loaded content differs", hex(old)));
        }
        return;
    }
    let Some(pair) = own.and_then(|n| regions.get_mut(n)) else { return };
    let differing = old.iter().zip(new).filter(|(m, n)| m != n).count() as u64;
    let only_it = pair.account.shipped.unexplained == differing && pair.account.rebuilt.unexplained == differing && old.len() == new.len();
    if residue > 0 || !only_it {
        let why = "it follows from the differing content and cannot be recomputed here".to_owned();
        node.tried.push(Tried { cause: Cause::BuildId, why });
        return;
    }
    // With its header: who has the address of a note finds its content.
    let reader = |side: Side, id: &Range<usize>| {
        let image = images.sides.get(side);
        let start = image.elf.address_of(id.start as u64).and_then(|at| at.checked_sub(NOTE))?;
        observed::reader(image, &(start..start + NOTE + id.len() as u64))
    };
    if let Some(who) = reader(Side::Shipped, &x).or_else(|| reader(Side::Rebuilt, &y)) {
        let why = format!("the program reads it ({who} refers to it): it is data of the program");
        node.tried.push(Tried { cause: Cause::BuildId, why });
        return;
    }
    for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
        account.unexplained = 0;
        account.explain(Cause::BuildId, differing);
    }
    prove(&mut node.proofs, Cause::BuildId, Sides::new(span(&x), span(&y)), Sides::new(&hex(old), &hex(new)));
}

/// The debug link follows when the bundle has the debug file of each side and its CRC-32 is the one in the link.
pub(super) fn debug_link(node: &mut Node, images: &Images, regions: &mut [RegionPair], debug: &[debug::Image]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some(old), Some(new)) = (a.debug_link(), b.debug_link()) else { return };
    let residue = loaded_residue(images, regions);
    let pair = regions.iter_mut().find(|p| both(images, p).is_some_and(|(x, y)| x.range == old.2 && y.range == new.2));
    let Some(pair) = pair.filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0) else { return };
    let mut missing = Vec::new();
    if both(images, pair).is_some_and(|(x, y)| x.allocated || y.allocated) {
        missing.push("the link is loaded: it is data of the program".to_owned());
    }
    // Another name leads debuggers to another file, unless it is made of the build-id.
    let own_id = |elf: &Exe, name: &[u8]| {
        let id = elf.build_id().map(hex).unwrap_or_default();
        let stem = name.strip_suffix(b".debug").unwrap_or_default();
        stem.len() >= 14 && (stem == id.as_bytes() || id.as_bytes().get(2..) == Some(stem))
    };
    let alike = old.0 == new.0 || own_id(a, old.0) && own_id(b, new.0);
    // Where everything that is loaded is accounted for, the link can only follow from debug information.
    for (word, elf, link) in [("shipped", a, &old), ("rebuilt", b, &new)] {
        let file = debug.iter().find(|d| describes(&d.elf, elf));
        match file {
            _ if !is_link_name(link.0) => missing.push(format!("{word}: the link does not name a file beside it")),
            Some(d) if d.crc() == link.1 && d.name == link.0 => {}
            Some(d) => missing.push(format!("{word}: the link is not that of {}", Untrusted::from(d.name.as_slice()).shown())),
            None if residue == 0 && alike => {}
            None if residue == 0 => missing.push("the links name other files".to_owned()),
            None => missing.push(format!("{word}: the bundle has no debug file for it")),
        }
    }
    if !missing.is_empty() {
        node.tried.push(Tried { cause: Cause::DebugLink, why: missing.join("; ") });
        return;
    }
    for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
        let differing = std::mem::take(&mut account.unexplained);
        account.explain(Cause::DebugLink, differing);
    }
    let text = |link: &(&[u8], u32, Range<usize>)| format!("{} {:08x}", String::from_utf8_lossy(link.0), link.1);
    prove(&mut node.proofs, Cause::DebugLink, Sides::new(span(&old.2), span(&new.2)), Sides::new(&text(&old), &text(&new)));
}

/// Whether a debug link names a file and no place: debuggers look for it in several folders.
pub(super) fn is_link_name(name: &[u8]) -> bool {
    let plain = |b: &u8| (0x20..0x7f).contains(b) && !matches!(b, b'/' | b'\\');
    !name.is_empty() && name.len() <= 255 && name.iter().all(plain) && name != b"." && name != b".."
}

/// The link to shared debug information (`dwz`): its build-id follows from debug information of all the files that share it, so
/// it is another one when any of them changed. It is explained where everything that is loaded is accounted for and both sides
/// name a file of the same path.
pub(super) fn alt_link(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some(old), Some(new)) = (a.alt_link(), b.alt_link()) else { return };
    let residue = loaded_residue(images, regions);
    let pair = regions.iter_mut().find(|p| both(images, p).is_some_and(|(x, y)| x.range == old.2 && y.range == new.2));
    let Some(pair) = pair.filter(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained > 0) else { return };
    let loaded = both(images, pair).is_some_and(|(x, y)| x.allocated || y.allocated);
    let refused = if residue > 0 || loaded {
        Some("content that is loaded differs".to_owned())
    } else if old.0 != new.0 || old.1.len() != new.1.len() {
        Some("the links to shared debug information name other files".to_owned())
    } else {
        None
    };
    if let Some(why) = refused {
        node.tried.push(Tried { cause: Cause::DebugLink, why });
        return;
    }
    for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
        let differing = std::mem::take(&mut account.unexplained);
        account.explain(Cause::DebugLink, differing);
    }
    let text = |link: &(&[u8], &[u8], Range<usize>)| format!("{} {}", Untrusted::from(link.0).shown(), hex(link.1));
    prove(&mut node.proofs, Cause::DebugLink, Sides::new(span(&old.2), span(&new.2)), Sides::new(&text(&old), &text(&new)));
}

/// Bytes of loaded content that nothing accounts for, of both sides together.
pub(super) fn loaded_residue(images: &Images, regions: &[RegionPair]) -> u64 {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let loaded = |pair: &&RegionPair| {
        let one = pair.regions.shipped.and_then(|i| a.regions.get(i)).is_some_and(|r| r.allocated);
        one || pair.regions.rebuilt.and_then(|j| b.regions.get(j)).is_some_and(|r| r.allocated)
    };
    regions.iter().filter(loaded).map(|p| p.account.shipped.unexplained + p.account.rebuilt.unexplained).sum()
}

/// What the compiler wrote about itself, when everything that is loaded is accounted for.
pub(super) fn producer(node: &mut Node, images: &Images, regions: &mut [RegionPair]) {
    let residue = loaded_residue(images, regions);
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    for pair in regions {
        let Some((x, y)) = both(images, pair) else { continue };
        let own = matches!(x.name.as_slice(), b".comment" | b".GCC.command.line") && !x.allocated && !y.allocated;
        if !own || pair.account.shipped.unexplained + pair.account.rebuilt.unexplained == 0 {
            continue;
        }
        let text = |exe: &Exe, range: &Range<usize>| {
            let bytes = exe.blob.get(range.clone()).unwrap_or_default();
            let lines = bytes.split(|b| *b == 0).filter(|t| !t.is_empty());
            lines.map(|t| String::from_utf8_lossy(t).into_owned()).collect::<Vec<_>>().join("; ")
        };
        let texts = |exe: &Exe, range: &Range<usize>| {
            exe.blob.get(range.clone()).is_some_and(|t| t.iter().all(|b| matches!(b, 0 | 9 | 0x20..=0x7e)))
        };
        if residue > 0 || !texts(a, &x.range) || !texts(b, &y.range) {
            node.tried.push(Tried { cause: Cause::Producer, why: "content that is loaded differs".to_owned() });
            continue;
        }
        for account in [&mut pair.account.shipped, &mut pair.account.rebuilt] {
            let differing = std::mem::take(&mut account.unexplained);
            account.explain(Cause::Producer, differing);
        }
        prove(
            &mut node.proofs,
            Cause::Producer,
            Sides::new(span(&x.range), span(&y.range)),
            Sides::new(&text(a, &x.range), &text(b, &y.range)),
        );
    }
}
