//! How far each piece of one side stands from its counterpart: what is equal byte for byte means the same only where all that
//! it refers to moved as far as it did.

use std::ops::Range;

/// Pieces of the shipped side with the distance to their counterparts, in order and without overlaps.
#[derive(Debug, Default)]
pub(super) struct Shifts(Vec<(Range<u64>, u64)>);

impl Shifts {
    /// From pieces: where each is on the shipped side, and where it starts on the rebuilt side.
    pub(super) fn new(mut pieces: Vec<(Range<u64>, u64)>) -> Self {
        pieces.retain(|(own, _)| own.start < own.end);
        pieces.sort_unstable_by_key(|(own, _)| (own.start, own.end));
        let mut out: Vec<(Range<u64>, u64)> = Vec::new();
        for (own, start) in pieces {
            let distance = start.wrapping_sub(own.start);
            match out.last_mut() {
                Some((last, known)) if last.end == own.start && *known == distance => last.end = own.end,
                // Sections that overlap are no place at all: what comes first stays.
                Some((last, _)) if last.end > own.start => {}
                _ => out.push((own, distance)),
            }
        }
        Self(out)
    }

    /// Whether everything stands where it stood.
    pub(super) fn is_still(&self) -> bool {
        self.0.iter().all(|(_, distance)| *distance == 0)
    }

    /// How far the place at an address is from its counterpart.
    pub(super) fn distance(&self, address: u64) -> Option<u64> {
        let after = self.0.partition_point(|(own, _)| own.start <= address);
        self.0.get(after.checked_sub(1)?).filter(|(own, _)| address < own.end).map(|(_, distance)| *distance)
    }

    /// Whether that range is in one piece that moved that far.
    pub(super) fn moves_whole(&self, range: &Range<u64>, distance: u64) -> bool {
        let after = self.0.partition_point(|(own, _)| own.start <= range.start);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|(own, d)| range.end <= own.end && *d == distance)
    }

    /// Whether everything in that range that has a counterpart moved that far.
    pub(super) fn all_moved(&self, range: Range<u64>, distance: u64) -> bool {
        let from = self.0.partition_point(|(own, _)| own.end <= range.start);
        self.0.iter().skip(from).take_while(|(own, _)| own.start < range.end).all(|(_, d)| *d == distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_moved_alike_are_one_and_others_are_apart() {
        let shifts = Shifts::new(vec![(0x2000..0x2010, 0x2010), (0x1000..0x1010, 0x1000), (0x1010..0x1020, 0x1010), (0x1018..0x1030, 0)]);
        assert_eq!(shifts.distance(0x101f), Some(0));
        assert_eq!(shifts.distance(0x1020), None, "a piece over another one is no place");
        assert_eq!(shifts.distance(0x2000), Some(16));
        assert_eq!(shifts.distance(0x2010), None);
        assert!(!shifts.is_still());
        assert!(shifts.moves_whole(&(0x1008..0x1018), 0) && shifts.moves_whole(&(0x2000..0x2010), 16));
        assert!(!shifts.moves_whole(&(0x101f..0x1021), 0) && !shifts.moves_whole(&(0x2000..0x2010), 0));
        assert!(shifts.all_moved(0x1000..0x2000, 0) && !shifts.all_moved(0x1000..0x2001, 0));
        assert!(Shifts::new(vec![(0x1000..0x1010, 0x1000)]).is_still());
    }
}
