//! Program headers side by side: what the loader does with the file, whatever its sections say.

use super::image::Images;
use super::lines::mark_of;
use crate::inspect::exe::{Format, Segment, flags_text};
use crate::model::{LineMark, ListingRow, RegionDiff, Side, SideCell, Sides};
use crate::text::{Role, Row, Shown};

/// Program headers that are listed; a hostile file may have 65,535.
const MAX_SEGMENTS: usize = 512;

/// One row a program header, paired by its number.
pub(super) fn rows(images: &Images, regions: &[RegionDiff]) -> Vec<ListingRow> {
    let all = |side: Side| {
        let exe = &images.sides.get(side).elf;
        if exe.format == Format::Elf { exe.segments.as_slice() } else { &[] }
    };
    let (old, new) = (all(Side::Shipped), all(Side::Rebuilt));
    // Where the bytes of the headers are explained, a header that differs is too.
    let explained = regions.iter().filter(|r| r.name.as_bytes() == b"program headers").all(|r| r.result.is_equal());
    (0..old.len().max(new.len()).min(MAX_SEGMENTS))
        .map(|i| {
            let (x, y) = (old.get(i), new.get(i));
            let (one, two) = (x.map(text), y.map(text));
            let equal = one == two;
            let mark = match mark_of(&Sides::new(x.is_some(), y.is_some()), equal) {
                LineMark::Changed if explained => LineMark::Explained,
                mark => mark,
            };
            let cell = |side: Side, segment: Option<&Segment>, text: Option<String>| {
                let role = match (equal, side) {
                    (true, _) => Role::Text,
                    (false, _) if explained => Role::Explained,
                    (false, Side::Shipped) => Role::Shipped,
                    (false, Side::Rebuilt) => Role::Rebuilt,
                };
                let mut row = Row::new();
                row.push(role, Shown::new(&text?));
                Some(SideCell { number: segment?.offset, bytes: Vec::new(), text: row })
            };
            ListingRow { mark, cells: Sides::new(cell(Side::Shipped, x, one), cell(Side::Rebuilt, y, two)), source: None, note: None }
        })
        .collect()
}

fn text(segment: &Segment) -> String {
    let kind = match segment.kind {
        1 => "LOAD".to_owned(),
        2 => "DYNAMIC".to_owned(),
        3 => "INTERP".to_owned(),
        4 => "NOTE".to_owned(),
        6 => "PHDR".to_owned(),
        7 => "TLS".to_owned(),
        0x6474_e550 => "GNU_EH_FRAME".to_owned(),
        0x6474_e551 => "GNU_STACK".to_owned(),
        0x6474_e552 => "GNU_RELRO".to_owned(),
        0x6474_e553 => "GNU_PROPERTY".to_owned(),
        other => format!("{other:#x}"),
    };
    format!("{kind} {} {} bytes at {:#x}", flags_text(segment.flags), segment.size, segment.address)
}
