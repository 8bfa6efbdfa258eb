//! Addresses in the data of a PE file that moved: pointers that base relocations cover, and the table of functions for unwinding.

use super::claims::{Claim, Claims};
use super::image::{Image, Images};
use crate::inspect::exe::Section;
use crate::inspect::pe::{Header, N, marks};
use crate::model::{Cause, Sides};

/// Claims every moved address in data that leads to the same place on both sides.
pub(super) fn explain(images: &Images, headers: Sides<&Header>, claims: &mut Claims<'_>) {
    pointers(images, claims);
    functions(images, headers, claims);
}

/// Pointers in full: the loader must move both, and both must lead to the same place.
fn pointers(images: &Images, claims: &mut Claims<'_>) {
    let (a, b) = (&images.sides.shipped, &images.sides.rebuilt);
    for (address, width) in &a.moved {
        if a.elf.section_at(*address).is_none_or(Section::is_code) {
            continue;
        }
        let size = usize::from(*width);
        let Some(x) = offset(a, *address, size) else { continue };
        let Some((y, there)) = claims.counterpart(x) else { continue };
        let (Some(old), Some(new)) = (N.int(&a.elf.blob, x, size), N.int(&b.elf.blob, y, size)) else { continue };
        if old != new && b.moved.get(&there) == Some(width) && images.same_place(old, new) {
            let values = Sides::new(format!("address {old:#x}"), format!("address {new:#x}"));
            claims.take(&Claim { cause: Cause::AddressShift, spans: Sides::new(x..x + size, y..y + size), values });
        }
    }
}

fn offset(image: &Image, address: u64, size: usize) -> Option<usize> {
    let s = image.elf.section_at(address)?;
    let start = s.range.start.checked_add(usize::try_from(address.checked_sub(s.address)?).ok()?)?;
    (start.checked_add(size)? <= s.range.end).then_some(start)
}

/// Entries of three RVAs: start and end of a function, and how to unwind it. Both must be of one size and belong together.
fn functions(images: &Images, headers: Sides<&Header>, claims: &mut Claims<'_>) {
    let (a, b) = (&images.sides.shipped.elf, &images.sides.rebuilt.elf);
    let (Some((p, size)), Some((q, other))) = (headers.shipped.directory(3), headers.rebuilt.directory(3)) else { return };
    let places = (marks::offset_of(a, headers.shipped, p, size as usize), marks::offset_of(b, headers.rebuilt, q, other as usize));
    let (Some(x), Some(y)) = places else { return };
    if size != other || a.machine != 62 || b.machine != 62 {
        return;
    }
    for at in (0..size as usize / 12).map(|i| i * 12) {
        let word = |bytes: &[u8], base: usize, field: usize| N.int(bytes, base + at + field, 4).unwrap_or(0) as u32;
        let entry = |bytes: &[u8], base: usize| [word(bytes, base, 0), word(bytes, base, 4), word(bytes, base, 8)];
        let ([begin, end, info], [start, stop, note]) = (entry(&a.blob, x), entry(&b.blob, y));
        let same = |old: u32, new: u32| images.same_place(headers.shipped.address(old), headers.rebuilt.address(new));
        let sized = end.checked_sub(begin).is_some() && end.checked_sub(begin) == stop.checked_sub(start);
        if [begin, end, info] != [start, stop, note] && sized && same(begin, start) && same(info, note) {
            let values = Sides::new(format!("function at {begin:#x}"), format!("function at {start:#x}"));
            claims.take(&Claim { cause: Cause::AddressShift, spans: Sides::new(x + at..x + at + 12, y + at..y + at + 12), values });
        }
    }
}
