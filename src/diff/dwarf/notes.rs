//! One byte of notes for each byte of a section, in pages: of what is never noted there is no page.

use std::ops::Range;

/// Bytes of one page.
const PAGE: usize = 256 << 10;

/// Nothing is known.
pub(super) const UNKNOWN: u8 = 0;
/// The byte was refused, and stays so.
pub(super) const NOT: u8 = 255;

/// The notes on a section.
pub(super) struct Notes {
    size: usize,
    /// Empty where nothing is known.
    pages: Vec<Vec<u8>>,
}

impl Notes {
    pub(super) fn new(size: usize) -> Self {
        Self { size, pages: vec![Vec::new(); size.div_ceil(PAGE)] }
    }

    pub(super) fn len(&self) -> usize {
        self.size
    }

    fn page(&mut self, n: usize) -> &mut [u8] {
        let size = self.size.saturating_sub(n * PAGE).min(PAGE);
        let Some(page) = self.pages.get_mut(n) else { return &mut [] };
        if page.is_empty() {
            // Written at once: memory that is only reserved is dearer when it is read first.
            page.resize(size, UNKNOWN);
        }
        page
    }

    /// Calls with the notes on a range, page by page.
    fn each(&mut self, range: Range<usize>, mut with: impl FnMut(&mut [u8])) {
        let mut from = range.start;
        while from < range.end {
            let n = from / PAGE;
            let to = range.end.min((n + 1) * PAGE);
            if let Some(part) = self.page(n).get_mut(from - n * PAGE..to - n * PAGE) {
                with(part);
            }
            from = to;
        }
    }

    /// Puts a code everywhere but where bytes were refused.
    pub(super) fn put(&mut self, range: Range<usize>, code: u8) {
        self.each(range, |part| {
            for byte in part {
                *byte = if *byte == NOT { NOT } else { code };
            }
        });
    }

    /// Refuses a range.
    pub(super) fn refuse(&mut self, range: Range<usize>) {
        self.each(range, |part| part.fill(NOT));
    }

    /// Whether nothing is known of any byte of a range in the section.
    pub(super) fn is_unknown(&self, range: Range<usize>) -> bool {
        if range.start > range.end || range.end > self.size {
            return false;
        }
        let mut from = range.start;
        while from < range.end {
            let n = from / PAGE;
            let to = range.end.min((n + 1) * PAGE);
            let part = self.pages.get(n).and_then(|page| page.get(from - n * PAGE..to - n * PAGE)).unwrap_or_default();
            if part.iter().fold(0, |all, byte| all | byte) != 0 {
                return false;
            }
            from = to;
        }
        true
    }

    /// The pages, and where each begins; those of which nothing is known are empty.
    pub(super) fn pages(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let place = |n: usize| (n * PAGE, self.size.saturating_sub(n * PAGE).min(PAGE));
        self.pages.iter().enumerate().map(move |(n, page)| (place(n).0, place(n).1, page.as_slice()))
    }

    /// All pages of two sections of one size side by side, with the bytes of both.
    pub(super) fn side_by_side<'a>(
        &mut self,
        other: &mut Self,
        (x, y): (&'a [u8], &'a [u8]),
        mut with: impl FnMut((&mut [u8], &mut [u8]), (&'a [u8], &'a [u8])),
    ) {
        for (n, (x, y)) in x.chunks(PAGE).zip(y.chunks(PAGE)).enumerate() {
            with((self.page(n), other.page(n)), (x, y));
        }
    }

    /// Refuses all that is unknown.
    pub(super) fn refuse_unknown(&mut self) {
        for n in 0..self.pages.len() {
            self.page(n).iter_mut().filter(|b| **b == UNKNOWN).for_each(|b| *b = NOT);
        }
    }

    /// Takes in other notes on the same section; `None` when a byte is known to both.
    pub(super) fn take_in(&mut self, others: Self) -> Option<()> {
        for (own, other) in self.pages.iter_mut().zip(others.pages) {
            if own.is_empty() {
                *own = other;
                continue;
            }
            let mut both = false;
            for (own, other) in own.iter_mut().zip(other) {
                both |= (*own != UNKNOWN) & (other != UNKNOWN);
                *own |= other;
            }
            if both {
                return None;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_over_pages_is_one_range() {
        let mut notes = Notes::new(3 * PAGE + 5);
        let middle = PAGE - 2..2 * PAGE + 3;
        assert!(notes.is_unknown(0..notes.len()) && !notes.is_unknown(0..notes.len() + 1));
        notes.refuse(PAGE..PAGE + 1);
        notes.put(middle.clone(), 7);
        assert!(notes.is_unknown(0..PAGE - 2) && notes.is_unknown(2 * PAGE + 3..notes.len()));
        assert!(!notes.is_unknown(2 * PAGE..2 * PAGE + 4));
        let known: Vec<(usize, u8)> =
            notes.pages().flat_map(|(at, _, page)| (at..).zip(page.iter().copied())).filter(|n| n.1 != 0).collect();
        assert_eq!(known.len(), middle.len());
        assert!(known.iter().all(|(at, code)| middle.contains(at) && *code == if *at == PAGE { NOT } else { 7 }));
        // Together with what others know of other bytes, and not with what they know of the same.
        let mut others = Notes::new(3 * PAGE + 5);
        others.put(2 * PAGE + 3..notes.len(), 9);
        assert!(notes.take_in(others).is_some());
        assert!(notes.is_unknown(0..PAGE - 2) && !notes.is_unknown(3 * PAGE..notes.len()));
        let mut others = Notes::new(3 * PAGE + 5);
        others.put(2 * PAGE + 2..2 * PAGE + 3, 9);
        assert!(notes.take_in(others).is_none());
    }
}
