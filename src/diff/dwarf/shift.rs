//! Line numbers that moved: one rising map from line to line for each source file, the same wherever the debug information
//! speaks of that file.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::keyed::Map as Numbers;
use super::marks::{Id, Marks, Why};
use crate::model::{Cause, Sides};

/// The map of one file.
#[derive(Default)]
struct Map {
    name: Vec<u8>,
    lines: Numbers<u64, u64>,
    last: Option<(u64, u64)>,
    /// A line that leads to two lines.
    torn: bool,
    /// Whether a row of a line program moved: attributes alone could say anything.
    seen_in_rows: bool,
    /// Some places where lines differ: they are refused when the map does not hold.
    places: Vec<(Id, Range<usize>, Range<usize>)>,
    /// Recorded checksums that differ: they follow from lines that moved, and only from those.
    sums: Vec<(Range<usize>, Range<usize>)>,
}

/// The maps of all files.
#[derive(Default)]
pub(super) struct Maps {
    by_name: HashMap<Vec<u8>, usize>,
    maps: Vec<Map>,
    /// Where lines take another number of bytes than before: that follows from lines that moved, and only from those.
    widened: Vec<(Id, Range<usize>, Range<usize>)>,
}

impl Maps {
    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.maps.len()
    }

    /// The number of a file.
    pub(super) fn file(&mut self, name: Vec<u8>) -> usize {
        let next = self.maps.len();
        let index = *self.by_name.entry(name.clone()).or_insert(next);
        if index == next {
            self.maps.push(Map { name, ..Map::default() });
        }
        index
    }

    /// Notes that a line of the shipped side is that line of the rebuilt side. `place` is where that is said.
    pub(super) fn note(&mut self, file: usize, old: u64, new: u64, place: Option<(Id, Range<usize>, Range<usize>)>) {
        let Some(map) = self.maps.get_mut(file) else { return };
        let mut torn = false;
        if map.last != Some((old, new)) {
            map.last = Some((old, new));
            torn = *map.lines.entry(old).or_insert(new) != new;
            map.torn |= torn;
        }
        if let Some(place) = place.filter(|_| old != new || torn) {
            map.seen_in_rows |= place.0 == Id::Line;
            map.places.push(place);
        }
    }

    /// Notes a place where lines take another number of bytes.
    pub(super) fn widened(&mut self, id: Id, old: Range<usize>, new: Range<usize>) {
        self.widened.push((id, old, new));
    }

    /// Notes checksums of a file that differ.
    pub(super) fn sum(&mut self, file: usize, old: Range<usize>, new: Range<usize>) {
        if let Some(map) = self.maps.get_mut(file) {
            map.sums.push((old, new));
        }
    }

    /// Takes in what was noted later; `None` when a line leads elsewhere than before, which would have been noted otherwise.
    pub(super) fn take_in(&mut self, later: Self) -> Option<()> {
        for map in later.maps {
            let index = self.file(map.name);
            let own = self.maps.get_mut(index)?;
            for (old, new) in map.lines {
                if *own.lines.entry(old).or_insert(new) != new {
                    return None;
                }
            }
            own.last = map.last.or(own.last);
            own.torn |= map.torn;
            own.seen_in_rows |= map.seen_in_rows;
            own.places.extend(map.places);
            own.sums.extend(map.sums);
        }
        self.widened.extend(later.widened);
        Some(())
    }

    /// Refuses what belongs to maps that do not hold, and gives the moved files: name and the first line that moved.
    pub(super) fn settle(self, marks: &mut Marks<'_>) -> Vec<(Vec<u8>, Sides<u64>)> {
        let mut out = Vec::new();
        for map in self.maps {
            let sorted: BTreeMap<u64, u64> = map.lines.into_iter().collect();
            // Rising on both sides: no two lines change places, and none becomes another's. Zero is no line.
            let steps = || sorted.iter().zip(sorted.iter().skip(1));
            let rises = steps().all(|((_, x), (_, y))| x < y);
            // Lines were inserted, or lines were taken out: a single line that moved among others that stayed was neither.
            let first = sorted.iter().find(|(x, _)| **x > 0);
            let inserted = first.is_none_or(|(x, y)| y >= x) && steps().all(|((m, x), (n, y))| y.saturating_sub(*x) >= n - m);
            let taken = first.is_none_or(|(x, y)| y <= x) && steps().all(|((m, x), (n, y))| y.saturating_sub(*x) <= n - m);
            let zero = sorted.iter().all(|(x, y)| (*x == 0) == (*y == 0));
            let holds = rises && (inserted || taken) && zero && map.seen_in_rows && !map.torn;
            let moved = sorted.iter().find(|(x, y)| x != y).map(|(x, y)| Sides::new(*x, *y));
            for (id, old, new) in map.places {
                if !holds {
                    marks.mark(id, old, new, Why::Not);
                }
            }
            for (old, new) in map.sums {
                let why = if holds && moved.is_some() { Why::Because(Cause::LineShift) } else { Why::Not };
                marks.mark(Id::Line, old, new, why);
            }
            if let Some(moved) = moved.filter(|_| holds) {
                out.push((map.name, moved));
            }
        }
        if out.is_empty() {
            for (id, old, new) in self.widened {
                marks.mark(id, old, new, Why::Not);
            }
        }
        out.sort_by(|x, y| x.0.cmp(&y.0));
        out
    }
}
