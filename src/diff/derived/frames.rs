//! `.eh_frame` and `.eh_frame_hdr`: how the stack is unwound, and whom to ask on the way.

use std::ops::Range;

use gimli::UnwindSection as _;

use super::{Field, Fields, Table};
use crate::inspect::exe::Exe;
use crate::inspect::symbols::Commons;
use crate::model::{Side, Sides};

/// A pointer of four bytes, relative to its own place.
const RELATIVE: u8 = 0x1b;

impl Table<'_> {
    /// `.eh_frame`: where the code of each entry starts, its language-specific data, and the personality routine. Lengths and
    /// instructions must be equal.
    pub(super) fn frames(&self) -> Fields {
        // The entries are those of the first section of that name.
        let first = |side: Side| self.exe(side).section(".eh_frame").is_some_and(|s| std::ptr::eq(s, *self.sections.get(side)));
        let entries = |side: Side| frames_of(self.exe(side)).filter(|_| first(side));
        let (Some(old), Some(new)) = (entries(Side::Shipped), entries(Side::Rebuilt)) else { return self.nothing() };
        let alike = old.len() == new.len() && old.iter().zip(&new).all(|(x, y)| (x.offset, &x.fields) == (y.offset, &y.fields));
        if !alike {
            return self.nothing();
        }
        let mut out = Vec::new();
        for (field, indirect) in old.iter().flat_map(|f| &f.fields) {
            let to = |side: Side| {
                let number = self.word(side, field.start, 4)? as u32;
                (number != 0).then(|| self.address(side, field.start).wrapping_add_signed(i64::from(number.cast_signed())))
            };
            let same = match (to(Side::Shipped), to(Side::Rebuilt)) {
                (Some(x), Some(y)) => self.same(&Sides::new(x, y)),
                // No language-specific data on either side.
                (None, None) => !indirect,
                _ => false,
            };
            out.push(Field::new(field.clone(), same));
        }
        out.sort_by_key(|f| f.range.start);
        out
    }

    /// Nothing in this table is proved.
    pub(super) fn nothing(&self) -> Fields {
        vec![Field::new(0..self.bytes.shipped.len(), false)]
    }

    /// `.eh_frame_hdr`: made anew from the entries of `.eh_frame`, which has its own account.
    pub(super) fn frame_header(&self) -> Fields {
        let holds = |side: Side| -> Option<bool> {
            let exe = self.exe(side);
            let data = self.bytes.get(side);
            if data.get(..4)? != [1, RELATIVE, 3, 0x3b] || !exe.little {
                return None;
            }
            let start = self.address(side, 0);
            let frame = exe.section(".eh_frame")?;
            let signed = |at: usize| -> Option<i64> { Some(i64::from(i32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))) };
            let pointer = start.wrapping_add(4).wrapping_add_signed(signed(4)?);
            let count = usize::try_from(signed(8)?).ok()?;
            if data.len() != count.checked_mul(8)?.checked_add(12)? {
                return None;
            }
            let mut made: Vec<(i64, i64)> = frames_of(exe)?
                .iter()
                .filter_map(|f| {
                    let at = frame.address.wrapping_add(f.offset as u64);
                    Some((f.start?.wrapping_sub(start).cast_signed(), at.wrapping_sub(start).cast_signed()))
                })
                .collect();
            made.sort_unstable();
            let rows: Option<Vec<(i64, i64)>> = (0..count).map(|i| Some((signed(12 + i * 8)?, signed(16 + i * 8)?))).collect();
            Some(pointer == frame.address && rows? == made)
        };
        if holds(Side::Shipped) == Some(true) && holds(Side::Rebuilt) == Some(true) {
            vec![Field::new(4..8, true), Field::new(12..self.bytes.shipped.len(), true)]
        } else {
            self.nothing()
        }
    }
}

/// One entry of `.eh_frame`.
pub(super) struct Frame {
    /// Where it is in the section.
    pub(super) offset: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// Where its common entry is; `None` for a common entry.
    pub(super) common: Option<usize>,
    /// Start of the code that it describes; `None` for a common entry.
    pub(super) start: Option<u64>,
    /// The address of its language-specific data.
    pub(super) data: Option<u64>,
    /// Its pointers, and whether one cannot be left out.
    pub(super) fields: Vec<(Range<usize>, bool)>,
    /// Whether its instructions can be read to their end.
    pub(super) whole: bool,
}

/// All entries; `None` when one of them has a form that is not read here.
pub(super) fn frames_of(exe: &Exe) -> Option<Vec<Frame>> {
    let s = exe.section(".eh_frame")?;
    let data = exe.data(s);
    let endian = if exe.little { gimli::RunTimeEndian::Little } else { gimli::RunTimeEndian::Big };
    let mut frames = gimli::EhFrame::new(data, endian);
    frames.set_address_size(if exe.wide { 8 } else { 4 });
    let mut bases = gimli::BaseAddresses::default().set_eh_frame(s.address);
    if let Some(text) = exe.section(".text") {
        bases = bases.set_text(text.address);
    }
    let mut out = Vec::new();
    let mut entries = frames.entries(&bases);
    let mut known = Commons::default();
    // 64-bit DWARF has its fields elsewhere: nothing is claimed of it.
    let plain = |offset: usize| exe.numbers().int(data, offset, 4).is_some_and(|length| length != 0xffff_ffff);
    let end = |offset: usize| {
        let length = exe.numbers().int(data, offset, 4).and_then(|n| usize::try_from(n).ok());
        length.map_or(usize::MAX, |n| offset.saturating_add(4).saturating_add(n))
    };
    while let Some(entry) = entries.next().ok()? {
        match entry {
            gimli::CieOrFde::Cie(cie) => {
                let offset = cie.offset();
                let mut fields = Vec::new();
                if cie.personality().is_some() {
                    fields.push((plain(offset).then(|| personality(data, offset)).flatten()?, true));
                }
                let whole = read(cie.instructions(&frames, &bases));
                out.push(Frame { offset, end: end(offset), common: None, start: None, data: None, fields, whole });
            }
            gimli::CieOrFde::Fde(partial) => {
                let fde = partial.parse(|section, bases, at| known.get(section, bases, at)).ok()?;
                let offset = fde.offset();
                if fde.cie().fde_address_encoding().map(|e| e.0) != Some(RELATIVE) || !plain(offset) {
                    return None;
                }
                let mut fields = vec![(offset + 8..offset + 12, true)];
                let mut handlers = None;
                if let Some(encoding) = fde.cie().lsda_encoding() {
                    if encoding.0 != RELATIVE {
                        return None;
                    }
                    let mut at = offset + 16;
                    number(data, &mut at)?;
                    fields.push((at..at + 4, false));
                    // A zero is no distance: unwinders take it for "none" before they add the place.
                    let some = data.get(at..at + 4)? != [0; 4];
                    handlers = fde.lsda().filter(|_| some).and_then(|p| if let gimli::Pointer::Direct(at) = p { Some(at) } else { None });
                }
                let whole = read(fde.instructions(&frames, &bases));
                let (common, start) = (Some(fde.cie().offset()), Some(fde.initial_address()));
                out.push(Frame { offset, end: end(offset), common, start, data: handlers, fields, whole });
            }
        }
    }
    Some(out)
}

/// Whether all instructions of an entry can be read.
fn read<R: gimli::Reader>(mut instructions: gimli::CallFrameInstructionIter<'_, R>) -> bool {
    loop {
        match instructions.next() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// A LEB128 number, of which only the end matters for signed ones.
pub(super) fn number(data: &[u8], at: &mut usize) -> Option<u64> {
    let mut out = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = *data.get(*at)?;
        *at += 1;
        out |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(out);
        }
    }
    None
}

/// Where a common entry has the pointer to its personality routine, when it is relative to its own place.
fn personality(data: &[u8], offset: usize) -> Option<Range<usize>> {
    let version = *data.get(offset + 8)?;
    let text = data.get(offset + 9..)?;
    let length = text.iter().take(16).position(|b| *b == 0)?;
    let mut letters = text.get(..length)?.iter();
    if letters.next() != Some(&b'z') {
        return None;
    }
    let mut at = offset + 9 + length + 1;
    number(data, &mut at)?;
    number(data, &mut at)?;
    if version == 1 {
        at += 1;
    } else {
        number(data, &mut at)?;
    }
    number(data, &mut at)?;
    for letter in letters {
        match letter {
            b'P' => {
                let encoding = *data.get(at)?;
                return (encoding & 0x7f == RELATIVE).then_some(at + 1..at + 5);
            }
            b'R' | b'L' => at += 1,
            b'S' | b'B' => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_personality_is_found_behind_what_stands_before_it() {
        // Length, id, version, "zPLR", alignments 1 and -8, register 16, 7 bytes: indirect relative pointer, and two encodings.
        let entry = [&[0; 8][..], &[1], b"zPLR\0", &[1, 0x78, 16, 7, 0x9b, 1, 2, 3, 4, 0x1b, 0x1b]].concat();
        assert_eq!(personality(&entry, 0), Some(19..23));
        let absolute = [&[0; 8][..], &[1], b"zPLR\0", &[1, 0x78, 16, 11, 0x00]].concat();
        assert_eq!(personality(&absolute, 0), None);
    }
}
