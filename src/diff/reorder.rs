//! Members in another order: the same members on both sides, and an order that nobody who reads the archive depends on.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;

use super::{archive, checksums};
use crate::inspect::blob::Blob;
use crate::inspect::container::{Container, Held, Member, Nature};
use crate::inspect::{armap, installed};
use crate::model::{NodeKind, Sides};
use crate::text::Untrusted;

/// Bytes that names beyond ASCII may become, of all members of a container, as the least exact system reads them: one letter can
/// become eighteen.
const MAX_FOLDED: usize = 16 << 20;

/// Ends of the names of archives that a program in an archive is put together from: Java looks for a class in one after the other.
const NESTED: [&[u8]; 6] = [b".jar", b".war", b".zip", b".aar", b".whl", b".egg"];

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
                // The name of a volume stands at its start.
                let odd = |m: &&Member| kind == NodeKind::Tar && matches!(m.held, Held::Opaque { .. });
                if let Some(member) = parsed.members.iter().find(odd) {
                    let shown = Untrusted::from(member.name.as_slice()).shown().cut_start(80);
                    return Err(format!("{shown} is of a kind whose place may count"));
                }
            }
            _ => return Err("the order of the members is prescribed".to_owned()),
        }
    }
    if kind == NodeKind::Zip && !same_order(parsed, &|name| NESTED.iter().any(|end| name.to_ascii_lowercase().ends_with(end))) {
        return Err("archives in it stand in another order, which may be that in which classes are looked for".to_owned());
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

/// Whether the members of such names have the same order on both sides.
fn same_order(parsed: &Sides<&Container>, which: &dyn Fn(&[u8]) -> bool) -> bool {
    let names = |side: &'_ Container| -> Vec<Vec<u8>> { side.members.iter().map(|m| m.name.clone()).filter(|n| which(n)).collect() };
    names(parsed.shipped) == names(parsed.rebuilt)
}

/// Names that mean something by their place.
fn is_placed(kind: NodeKind, name: &[u8]) -> bool {
    match kind {
        NodeKind::Ar => armap::is_symbol_table(name) || name == b"//",
        NodeKind::Zip => matches!(name, b"mimetype" | b"META-INF/" | b"META-INF/MANIFEST.MF") || checksums::is_of_signature(name),
        // What a package manager reads before the files.
        NodeKind::Tar => {
            let path = installed::inner(name);
            let of_package = path.starts_with(b".") && !path.contains(&b'/');
            // What it takes away may be only what stands before it.
            let takes_away = path.rsplit(|b| *b == b'/').next().is_some_and(|base| base.starts_with(installed::WHITEOUT));
            of_package || takes_away || [&b"debian-binary"[..], b"control.tar", b"data.tar"].iter().any(|start| path.starts_with(start))
        }
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

/// A path as the least exact system reads it: `\` is `/`, and neither case, nor the form of a letter, nor what is not seen counts.
fn folded(name: &[u8]) -> Vec<u8> {
    let slashes = |b: u8| if b == b'\\' { b'/' } else { b };
    let Some(text) = std::str::from_utf8(name).ok().filter(|text| !text.is_ascii()) else {
        return name.iter().map(|b| slashes(b.to_ascii_lowercase())).collect();
    };
    // By capitals first: several small letters have the same one.
    let large: String = text.nfkd().collect::<String>().to_uppercase();
    let small: String = large.to_lowercase().nfkd().filter(|c| !is_ignored(*c)).collect();
    small.bytes().map(slashes).collect()
}

/// Characters that HFS+ does not see in a name.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Windows drops dots and blanks at the end of a name, and has a second name for the content of a file.
fn part_of_path(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"::$data").unwrap_or(part);
    let end = part.iter().rposition(|b| !matches!(b, b'.' | b' ')).map_or(0, |i| i + 1);
    part.get(..end).unwrap_or_default()
}

/// No two members have the same path, none goes through another that is no folder, and each folder stands before what is in it
/// (a kernel that unpacks its first file system makes no folder by itself): then the order in which they are written does not
/// change what is there in the end.
fn paths_are_independent(parsed: &Container) -> Result<(), String> {
    let mut paths: Vec<(Vec<u8>, bool, usize)> = Vec::with_capacity(parsed.members.len());
    let mut left = MAX_FOLDED;
    for (place, member) in parsed.members.iter().enumerate() {
        let shown = || Untrusted::from(member.name.as_slice()).shown().cut_start(80);
        let name = folded(&member.name);
        if !member.name.is_ascii() {
            left = left.checked_sub(name.len()).ok_or("the names are too long for reading them as every system does")?;
        }
        let parts: Vec<&[u8]> = name.split(|b| *b == b'/').map(part_of_path).filter(|p| !p.is_empty()).collect();
        // What only dots are left of leads up, or nowhere that is known; a letter with a colon is a drive.
        let leads_away = name.split(|b| *b == b'/').any(|p| p != b"." && !p.is_empty() && part_of_path(p).is_empty());
        let drive = matches!(name.as_slice(), [letter, b':', ..] if letter.is_ascii_alphabetic());
        if name.starts_with(b"/") || name.contains(&0) || leads_away || drive {
            return Err(format!("the path {} can be read in more than one way", shown()));
        }
        // With NUL between the parts what is inside a folder comes right behind it when sorted.
        paths.push((parts.join(&0), member.nature == Nature::Directory, place));
    }
    paths.sort_unstable();
    let mut above: Vec<&(Vec<u8>, bool, usize)> = Vec::new();
    for path in &paths {
        let inside = |outer: &[u8]| outer.is_empty() || path.0.get(outer.len()) == Some(&0) && path.0.starts_with(outer);
        while above.last().is_some_and(|outer| outer.0 == path.0 || !inside(&outer.0)) {
            let outer = above.pop();
            if outer.is_some_and(|outer| outer.0 == path.0) {
                return Err("two members have the same path, as some systems read it".to_owned());
            }
        }
        if above.last().is_some_and(|outer| !outer.1) {
            return Err("a member goes through another one that is no folder".to_owned());
        }
        if above.last().is_some_and(|outer| outer.2 > path.2) {
            return Err("a folder stands behind something that is in it".to_owned());
        }
        above.push(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> bool {
        let mut parsed = Container::new(|_, _| Vec::new());
        parsed.members = names
            .iter()
            .map(|name| Member { name: name.as_bytes().to_vec(), nature: Nature::File, held: Held::Plain(0..0), head: 0..0, entry: 0..0 })
            .collect();
        paths_are_independent(&parsed).is_ok()
    }

    #[test]
    fn names_that_are_one_on_some_system_depend_on_their_order() {
        let pairs = [
            ["d/x", "d\\x"],
            ["A", "a"],
            ["\u{e9}", "e\u{301}"],
            ["\u{c9}/x", "e\u{301}/x"],
            ["stra\u{df}e", "STRASSE"],
            ["\u{3c3}", "\u{3c2}"],
            ["d/x", "d./x "],
            ["x", "x::$DATA"],
            ["x", "X/y"],
            ["x\u{200d}", "x"],
            ["x", "d\\..\\x"],
            ["x", "\\x"],
            ["x", "c:x"],
            ["x", "d/.. /x"],
        ];
        for names in pairs {
            assert!(!check(&names), "{names:?}");
        }
        assert!(check(&["d/x", "d/y", "./e/x", "D2/x", "e.x", "\u{e9}1", "ab:c", "ab::c", "...x", ".x"]));
        assert!(check(&["d/./x", "d/y"]));
    }
}
