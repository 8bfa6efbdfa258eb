//! `.gcc_except_table`: who catches what. Landing pads are relative to their function; the types that are caught are pointers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::frames::{frames_of, number};
use super::{Field, Fields, Table};
use crate::inspect::exe::Exe;
use crate::model::{Side, Sides};

/// Actions of one function that are followed.
const MAX_ACTIONS: usize = 1 << 16;
/// No such pointer.
const OMITTED: u8 = 0xff;

impl Table<'_> {
    /// The pointers to types, of all functions that have such data.
    pub(super) fn handlers(&self) -> Fields {
        let found = |side: Side| -> Option<BTreeMap<usize, bool>> {
            let starts: BTreeSet<u64> = frames_of(self.exe(side))?.iter().filter_map(|f| f.data).collect();
            let mut out = BTreeMap::new();
            let data = *self.bytes.get(side);
            // Each function has data of its own; where they overlap, the same bytes would be read for each of them.
            let mut left = data.len().saturating_mul(4);
            for start in starts {
                let at = usize::try_from(start.checked_sub(self.address(side, 0))?).ok()?;
                for (field, indirect) in types(data, at, &mut left)? {
                    out.insert(field.start, indirect);
                }
            }
            Some(out)
        };
        let (Some(old), Some(new)) = (found(Side::Shipped), found(Side::Rebuilt)) else { return self.nothing() };
        if old != new {
            return self.nothing();
        }
        let to = |side: Side, at: usize| {
            let number = self.word(side, at, 4)? as u32;
            (number != 0).then(|| self.address(side, at).wrapping_add_signed(i64::from(number.cast_signed())))
        };
        let same = |at: usize| match (to(Side::Shipped, at), to(Side::Rebuilt, at)) {
            (Some(x), Some(y)) => self.same(&Sides::new(x, y)),
            (None, None) => true,
            _ => false,
        };
        let mut out: Fields = Vec::new();
        for at in old.into_keys() {
            if out.last().is_none_or(|f| f.range.end <= at) {
                out.push(Field::new(at..at + 4, same(at)));
            }
        }
        out
    }
}

/// `PT_GNU_EH_FRAME`.
const FRAMES: u32 = 0x6474_e550;

/// Where exceptions go on, of all functions; `None` when that cannot be read.
pub(in crate::diff) fn landing_pads(exe: &Exe) -> Option<Vec<u64>> {
    let none = exe.section(".eh_frame").is_none() && exe.segments.iter().all(|s| s.kind != FRAMES);
    if none {
        return Some(Vec::new());
    }
    let mut out = Vec::new();
    // Each function has data of its own; where they overlap, the same bytes would be read for each of them.
    let mut left = exe.blob.len().saturating_mul(4);
    for frame in frames_of(exe)? {
        if let (Some(start), Some(at)) = (frame.start, frame.data) {
            pads(exe.bytes_at(at), start, &mut left, &mut out)?;
        }
    }
    Some(out)
}

/// Those of the function that starts there.
fn pads(data: &[u8], function: u64, left: &mut usize, out: &mut Vec<u64>) -> Option<()> {
    let mut at = 0;
    let byte = |at: &mut usize| {
        let value = data.get(*at).copied()?;
        *at += 1;
        Some(value)
    };
    if byte(&mut at)? != OMITTED {
        return None;
    }
    if byte(&mut at)? != OMITTED {
        number(data, &mut at)?;
    }
    // Call sites as LEB128 numbers, or as four bytes each.
    let form = byte(&mut at)?;
    let length = usize::try_from(number(data, &mut at)?).ok()?;
    let end = at.checked_add(length).filter(|e| *e <= data.len())?;
    while at < end {
        *left = left.checked_sub(1)?;
        let mut pad = 0;
        for _ in 0..3 {
            pad = match form {
                1 => number(data, &mut at)?,
                3 => {
                    let field = data.get(at..at.checked_add(4)?)?;
                    at += 4;
                    u64::from(u32::from_le_bytes(field.try_into().ok()?))
                }
                _ => return None,
            };
        }
        number(data, &mut at)?;
        if pad != 0 {
            out.push(function.wrapping_add(pad));
        }
    }
    Some(())
}

/// The pointers to types in the data of one function that starts at an offset, and whether they are indirect; `None` for a form
/// that is not read here, and once `left` bytes were read.
fn types(data: &[u8], start: usize, left: &mut usize) -> Option<Vec<(Range<usize>, bool)>> {
    let mut at = start;
    let byte = |at: &mut usize| {
        let value = data.get(*at).copied()?;
        *at += 1;
        Some(value)
    };
    if byte(&mut at)? != OMITTED {
        return None;
    }
    let encoding = byte(&mut at)?;
    let mut end = None;
    if encoding != OMITTED {
        if encoding & 0x7f != 0x1b {
            return None;
        }
        let distance = usize::try_from(number(data, &mut at)?).ok()?;
        end = Some(at.checked_add(distance).filter(|e| *e <= data.len())?);
    }
    // Call sites as LEB128 numbers.
    if byte(&mut at)? != 1 {
        return None;
    }
    let length = usize::try_from(number(data, &mut at)?).ok()?;
    let actions = at.checked_add(length).filter(|e| *e <= data.len())?;
    let Some(end) = end else { return Some(Vec::new()) };
    *left = left.checked_sub(end.max(actions).saturating_sub(start))?;
    let mut pending: Vec<usize> = Vec::new();
    while at < actions {
        for _ in 0..3 {
            number(data, &mut at)?;
        }
        let action = usize::try_from(number(data, &mut at)?).ok()?;
        if action > 0 {
            pending.push(actions.checked_add(action - 1)?);
        }
    }
    let mut seen = BTreeSet::new();
    let mut count = 0;
    while let Some(mut place) = pending.pop() {
        if !seen.insert(place) {
            continue;
        }
        if seen.len() > MAX_ACTIONS {
            return None;
        }
        let filter = signed(data, &mut place)?;
        let here = place;
        let next = signed(data, &mut place)?;
        count = count.max(filter);
        if next != 0 {
            pending.push(here.checked_add_signed(isize::try_from(next).ok()?)?);
        }
    }
    *left = left.checked_sub(seen.len())?;
    let count = usize::try_from(count).ok()?;
    let first = end.checked_sub(count.checked_mul(4)?).filter(|f| *f >= actions)?;
    Some((first..end).step_by(4).map(|at| (at..at + 4, encoding & 0x80 != 0)).collect())
}

fn signed(data: &[u8], at: &mut usize) -> Option<i64> {
    let from = *at;
    let value = number(data, at)?;
    let bits = (*at - from) * 7;
    let unused = 64usize.checked_sub(bits)?;
    Some((value << unused).cast_signed() >> unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_to_types_are_counted_by_the_actions() {
        // No landing pad base, indirect relative types 17 bytes further, one call site of 4 bytes with action 1;
        // actions: (2, next at +1), (1, end), then padding; two pointers.
        let data = [0xff, 0x9b, 0x11, 0x01, 0x04, 0x00, 0x05, 0x10, 0x01, 0x02, 0x01, 0x01, 0x00, 1, 1, 1, 1, 2, 2, 2, 2];
        let shorter = data.len() - 3;
        let mut fitting = data;
        fitting[2] = u8::try_from(shorter).expect("small");
        assert_eq!(types(&fitting, 0, &mut 100), Some(vec![(13..17, true), (17..21, true)]));
        let mut left = data.len() + 2;
        assert!(types(&fitting, 0, &mut left).is_some() && types(&fitting, 0, &mut left).is_none(), "the same bytes once more");
        let absolute = [0xff, 0x00, 0x11, 0x01];
        assert_eq!(types(&absolute, 0, &mut 100), None);
        let nothing = [0xff, 0xff, 0x01, 0x04, 0x00, 0x05, 0x10, 0x00];
        assert_eq!(types(&nothing, 0, &mut 100), Some(Vec::new()));
    }

    #[test]
    fn data_of_a_function_at_the_end_of_all_addresses_is_none() {
        assert_eq!(types(&[0xff, 0xff, 0x01, 0x00], usize::MAX, &mut 100), None);
    }
}
