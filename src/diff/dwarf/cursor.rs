//! Reads numbers and texts of a debug section, strictly: beyond the end there is nothing.

use std::ffi::CStr;
use std::ops::Range;

/// A place in a section.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    pub(super) little: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(size)?;
        let bytes = self.data.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn int(&mut self, size: usize) -> Option<u64> {
        let little = self.little;
        let bytes = self.take(size).filter(|b| b.len() <= 8)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    /// The range of a number of up to ten bytes in base 128.
    fn base_128(&mut self) -> Option<(u64, u32, u8)> {
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let byte = *self.take(1)?.first()?;
            let part = u64::from(byte & 0x7f);
            // Sign bytes of ten-byte numbers reach over the 64th bit.
            if shift >= 70 || (shift == 63 && part > 1 && part != 0x7f) {
                return None;
            }
            value |= part.checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                return Some((value, shift, byte));
            }
        }
    }

    pub(super) fn uleb(&mut self) -> Option<u64> {
        self.base_128().map(|(value, _, _)| value)
    }

    pub(super) fn sleb(&mut self) -> Option<i64> {
        let (value, shift, last) = self.base_128()?;
        let sign = if last & 0x40 != 0 { u64::MAX.checked_shl(shift).unwrap_or(0) } else { 0 };
        Some((value | sign).cast_signed())
    }

    /// The range of a NUL-ended text without its NUL.
    pub(super) fn text(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let length = CStr::from_bytes_until_nul(self.data.get(start..)?).ok()?.count_bytes();
        self.at = start + length + 1;
        Some(start..start + length)
    }

    /// A unit's length: (size of offsets, where the unit ends).
    pub(super) fn length(&mut self) -> Option<(usize, usize)> {
        let (size, length) = match self.int(4)? {
            0xffff_ffff => (8, self.int(8)?),
            length if length < 0xffff_fff0 => (4, length),
            _ => return None,
        };
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.data.len()).then_some((size, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(data: &[u8]) -> Cursor<'_> {
        Cursor { data, at: 0, little: true }
    }

    #[test]
    fn numbers_are_read_as_the_standard_has_them() {
        assert_eq!(at(&[0xe5, 0x8e, 0x26]).uleb(), Some(624_485));
        assert_eq!(at(&[0x80, 0x7f]).sleb(), Some(-128));
        assert_eq!(at(&[0x7f]).sleb(), Some(-1));
        assert_eq!(at(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).uleb(), Some(u64::MAX));
        assert_eq!(at(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]).sleb(), Some(i64::MIN));
        assert_eq!(at(&[0x80]).uleb(), None, "cut off");
        assert_eq!(at(&[0x80; 12]).uleb(), None, "too long");
    }

    #[test]
    fn a_length_beyond_the_section_is_none() {
        assert_eq!(at(&[2, 0, 0, 0, 1, 1]).length(), Some((4, 6)));
        assert_eq!(at(&[3, 0, 0, 0, 1, 1]).length(), None);
        assert_eq!(at(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).length(), None);
        assert_eq!(at(&[0xf5, 0xff, 0xff, 0xff, 1]).length(), None, "reserved");
    }
}
