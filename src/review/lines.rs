//! Which lines of a file were shown: runs of numbers, each number once.

/// A set of line numbers, kept as runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineSet {
    /// First and last of each run; sorted, none next to another.
    runs: Vec<(u64, u64)>,
}

impl LineSet {
    /// Adds the lines from `from` to `to`, both included; nothing when `to` is less.
    pub fn insert(&mut self, from: u64, to: u64) {
        if to < from {
            return;
        }
        let first = self.runs.partition_point(|(_, end)| end.saturating_add(1) < from);
        let after = self.runs.partition_point(|(start, _)| *start <= to.saturating_add(1));
        let touched = self.runs.get(first..after).unwrap_or_default();
        let start = touched.first().map_or(from, |run| run.0.min(from));
        let end = touched.last().map_or(to, |run| run.1.max(to));
        self.runs.splice(first..after.max(first), [(start, end)]);
    }

    /// Takes the lines from `from` to `to` out.
    pub fn remove(&mut self, from: u64, to: u64) {
        let mut left = Vec::with_capacity(self.runs.len() + 1);
        for (start, end) in &self.runs {
            if *end < from || *start > to {
                left.push((*start, *end));
                continue;
            }
            if *start < from {
                left.push((*start, from - 1));
            }
            if *end > to {
                left.push((to + 1, *end));
            }
        }
        self.runs = left;
    }

    /// Adds all lines of another set.
    pub fn extend(&mut self, other: &Self) {
        other.runs.iter().for_each(|(from, to)| self.insert(*from, *to));
    }

    /// Whether that line is in it.
    #[must_use]
    pub fn contains(&self, line: u64) -> bool {
        self.covers(line, line)
    }

    /// Whether all lines from `from` to `to` are in it.
    #[must_use]
    pub fn covers(&self, from: u64, to: u64) -> bool {
        let at = self.runs.partition_point(|(_, end)| *end < from);
        self.runs.get(at).is_some_and(|(start, end)| *start <= from && *end >= to)
    }

    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.runs.iter().fold(0, |sum, (from, to)| sum.saturating_add(to - from).saturating_add(1))
    }

    /// How many lines from `from` to `to` are in it.
    #[must_use]
    pub fn within(&self, from: u64, to: u64) -> u64 {
        let inside = self.runs.iter().filter_map(|(a, b)| Some(((*a).max(from), (*b).min(to))).filter(|(a, b)| a <= b));
        inside.fold(0, |sum, (a, b)| sum.saturating_add(b - a).saturating_add(1))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// First and last line of each run, in order.
    #[must_use]
    pub fn runs(&self) -> &[(u64, u64)] {
        &self.runs
    }

    /// The runs of 1 to `of` that are not in it.
    #[must_use]
    pub fn missing(&self, of: u64) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        let mut next = 1;
        for (from, to) in self.runs.iter().take_while(|(from, _)| *from <= of) {
            if next < *from {
                out.push((next, from - 1));
            }
            match to.checked_add(1) {
                Some(after) => next = after,
                None => return out,
            }
        }
        if next <= of {
            out.push((next, of));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn runs_that_touch_become_one() {
        let mut set = LineSet::default();
        for (from, to) in [(5, 7), (1, 2), (3, 3), (9, 9), (8, 8), (20, 10)] {
            set.insert(from, to);
        }
        assert_eq!(set.runs(), [(1, 3), (5, 9)]);
        assert_eq!((set.len(), set.missing(12)), (8, vec![(4, 4), (10, 12)]));
        assert_eq!((set.within(2, 6), set.within(10, 20), set.within(5, 4)), (4, 0, 0));
        assert!(set.covers(5, 9) && !set.covers(3, 5) && !set.contains(4) && set.missing(0).is_empty());
        set.remove(6, 7);
        assert_eq!(set.runs(), [(1, 3), (5, 5), (8, 9)]);
    }

    #[test]
    fn a_run_without_end_costs_nothing() {
        let mut set = LineSet::default();
        set.insert(1, u64::MAX);
        set.insert(3, u64::MAX);
        assert_eq!((set.len(), set.missing(u64::MAX)), (u64::MAX, Vec::new()));
    }

    #[test]
    fn it_is_the_set_of_its_numbers() {
        let (mut set, mut plain, mut random) = (LineSet::default(), BTreeSet::new(), 7u64);
        for step in 0..500 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (from, length) = (1 + (random >> 33) % 60, (random >> 20) % 6);
            if step % 3 == 2 {
                set.remove(from, from + length);
                plain.retain(|n| *n < from || *n > from + length);
            } else {
                set.insert(from, from + length);
                plain.extend(from..=from + length);
            }
            assert_eq!(set.len(), plain.len() as u64);
            assert!((1..70).all(|n| set.contains(n) == plain.contains(&n)));
            let missing: Vec<u64> = set.missing(70).iter().flat_map(|(a, b)| *a..=*b).collect();
            assert_eq!(missing, (1..=70).filter(|n| !plain.contains(n)).collect::<Vec<_>>());
        }
    }
}
