//! Members in another order: the same members on both sides, and an order that nobody who reads the archive depends on.

use std::collections::HashSet;

use super::archive;
use crate::inspect::armap;
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Member, Nature};
use crate::model::{NodeKind, Sides};
use crate::text::Untrusted;

/// Whether the other order of these pairs means nothing; otherwise why it may.
pub(super) fn check(
    kind: NodeKind,
    blobs: &Sides<&Blob>,
    parsed: &Sides<&Container>,
    pairs: &[Sides<Option<usize>>],
) -> Result<(), String> {
    for pair in pairs {
        let member = |i: Option<usize>, parsed: &Container| i.and_then(|i| parsed.members.get(i).map(|m| m.name.clone()));
        let names = Sides::new(member(pair.shipped, parsed.shipped), member(pair.rebuilt, parsed.rebuilt));
        if names.shipped.is_none() || names.shipped != names.rebuilt {
            return Err("the members are not the same on both sides".to_owned());
        }
    }
    for (blob, parsed) in [(blobs.shipped, parsed.shipped), (blobs.rebuilt, parsed.rebuilt)] {
        match kind {
            NodeKind::Ar => {
                names_are_unique(parsed)?;
                archive::order_is_free(blob, parsed)?;
            }
            NodeKind::Tar | NodeKind::Cpio | NodeKind::Zip => {
                paths_are_independent(parsed)?;
                if parsed.members.iter().any(|m| is_hard_link(blob, parsed, m)) {
                    return Err("the archive has hard links, whose order counts".to_owned());
                }
            }
            _ => return Err("the order of the members is prescribed".to_owned()),
        }
    }
    // Tables go first; a jar's manifest and the type of a document are looked for at the start only.
    for i in 0..parsed.shipped.members.len() {
        let name = |c: &Container| c.members.get(i).map(|m| m.name.clone()).unwrap_or_default();
        let (old, new) = (name(parsed.shipped), name(parsed.rebuilt));
        if old != new && [&old, &new].iter().any(|n| is_placed(kind, n)) {
            let shown = Untrusted::from(if is_placed(kind, &old) { old } else { new }.as_slice()).shown().cut_start(80);
            return Err(format!("the place of {shown} counts"));
        }
    }
    Ok(())
}

/// Names that mean something by their place.
fn is_placed(kind: NodeKind, name: &[u8]) -> bool {
    match kind {
        NodeKind::Ar => armap::is_symbol_table(name) || name == b"//",
        NodeKind::Zip => matches!(name, b"mimetype" | b"META-INF/" | b"META-INF/MANIFEST.MF"),
        _ => false,
    }
}

fn names_are_unique(parsed: &Container) -> Result<(), String> {
    let mut seen = HashSet::new();
    match parsed.members.iter().find(|m| !seen.insert(m.name.as_slice())) {
        Some(twice) => Err(format!("{} occurs more than once", Untrusted::from(twice.name.as_slice()).shown().cut_start(80))),
        None => Ok(()),
    }
}

/// In tar a member of its own type; in cpio a file with several names.
fn is_hard_link(blob: &Blob, parsed: &Container, member: &Member) -> bool {
    let linked = |f: &crate::inspect::container::Field| f.what == "links" && !matches!(f.value.as_str(), "0" | "1");
    member.nature == Nature::HardLink || member.nature != Nature::Directory && parsed.fields(blob, member).iter().any(linked)
}

/// No two members have the same path, and none goes through another that is no folder: then the order in which they are
/// written does not change what is there in the end.
fn paths_are_independent(parsed: &Container) -> Result<(), String> {
    let mut paths: Vec<(Vec<u8>, bool)> = Vec::with_capacity(parsed.members.len());
    for member in &parsed.members {
        let shown = || Untrusted::from(member.name.as_slice()).shown().cut_start(80);
        let parts: Vec<&[u8]> = member.name.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").collect();
        if member.name.starts_with(b"/") || member.name.contains(&0) || parts.contains(&b"..".as_slice()) {
            return Err(format!("the path {} can be read in more than one way", shown()));
        }
        // With NUL between the parts what is inside a folder comes right behind it when sorted.
        paths.push((parts.join(&0), member.nature == Nature::Directory));
    }
    paths.sort_unstable();
    let mut above: Vec<&(Vec<u8>, bool)> = Vec::new();
    for path in &paths {
        let inside = |outer: &[u8]| outer.is_empty() || path.0.get(outer.len()) == Some(&0) && path.0.starts_with(outer);
        while above.last().is_some_and(|outer| outer.0 == path.0 || !inside(&outer.0)) {
            let outer = above.pop();
            if outer.is_some_and(|outer| outer.0 == path.0) {
                return Err("two members have the same path".to_owned());
            }
        }
        if above.last().is_some_and(|outer| !outer.1) {
            return Err("a member goes through another one that is no folder".to_owned());
        }
        above.push(path);
    }
    Ok(())
}
