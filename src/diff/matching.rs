//! Which function belongs to which. A match is only a proposal: every byte of both is compared afterwards.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::align::align;
use super::image::Image;
use super::{Share, asm, spread_sides};
use crate::inspect::symbols::Function;
use crate::model::{Side, Sides};

/// Pairs functions by name, by equal code at the same address, by equal code, by code with equal instructions, and then by
/// neighbours; in the order of the shipped side, with those only rebuilt at the end.
/// `None` when it was given up.
pub(super) fn pair(a: &Image, b: &Image, cancelled: &(dyn Fn() -> bool + Sync), share: &Share<'_>) -> Option<Vec<Sides<Option<usize>>>> {
    let go_on = || (!cancelled()).then_some(());
    let mut state = State { left: vec![None; a.functions.len()], right: vec![None; b.functions.len()] };
    state.unique(a, b, &|_, f| f.name.as_deref().map(strip_hash));
    go_on()?;
    state.unique(a, b, &|image, f| Some(mix([&f.address.to_le_bytes()[..], image.code(f)].iter())));
    go_on()?;
    state.unique(a, b, &|image, f| (f.size >= 8).then(|| mix([image.code(f)].iter())));
    go_on()?;
    let shape = |image: &Image, done: &[Option<usize>]| -> Option<Vec<Option<u64>>> {
        let one = |(f, done): (&Function, &Option<usize>)| match done {
            None => go_on().map(|()| asm::shape(image, f)),
            Some(_) => Some(None),
        };
        image.functions.iter().zip(done).map(one).collect()
    };
    let shapes = spread_sides(share, |side| match side {
        Side::Shipped => shape(a, &state.left),
        Side::Rebuilt => shape(b, &state.right),
    })?;
    let shapes = Sides::new(shapes.shipped?, shapes.rebuilt?);
    state.unique_of(&shapes.shipped, &shapes.rebuilt);
    go_on()?;
    state.neighbours(a, b, &shapes);
    go_on()?;
    let mut pairs: Vec<Sides<Option<usize>>> = state.left.iter().enumerate().map(|(i, j)| Sides::new(Some(i), *j)).collect();
    pairs.extend(state.right.iter().enumerate().filter(|(_, i)| i.is_none()).map(|(j, _)| Sides::new(None, Some(j))));
    Some(pairs)
}

struct State {
    left: Vec<Option<usize>>,
    right: Vec<Option<usize>>,
}

impl State {
    fn join(&mut self, i: usize, j: usize) {
        if let (Some(x @ None), Some(y @ None)) = (self.left.get_mut(i), self.right.get_mut(j)) {
            *x = Some(j);
            *y = Some(i);
        }
    }

    fn unique<'f, K: Eq + Hash>(&mut self, a: &'f Image, b: &'f Image, key: &dyn Fn(&'f Image, &'f Function) -> Option<K>) {
        let keys = |image: &'f Image, done: &[Option<usize>]| -> Vec<Option<K>> {
            image.functions.iter().zip(done).map(|(f, done)| if done.is_none() { key(image, f) } else { None }).collect()
        };
        let (left, right) = (keys(a, &self.left), keys(b, &self.right));
        self.unique_of(&left, &right);
    }

    /// Joins those whose key occurs once on each side; equally often repeated names join in order.
    fn unique_of<K: Eq + Hash>(&mut self, left: &[Option<K>], right: &[Option<K>]) {
        let mut numbers: HashMap<&K, usize> = HashMap::new();
        let mut counts: Vec<(usize, usize)> = Vec::new();
        // Those that are left, with the number of their key.
        let mut own: Vec<(usize, usize)> = Vec::new();
        for (i, key) in left.iter().enumerate().filter(|(i, _)| self.left.get(*i) == Some(&None)) {
            let Some(key) = key else { continue };
            let number = *numbers.entry(key).or_insert(counts.len());
            if number == counts.len() {
                counts.push((0, 0));
            }
            if let Some(count) = counts.get_mut(number) {
                count.0 += 1;
            }
            own.push((number, i));
        }
        let mut others: Vec<(usize, usize)> = Vec::new();
        for (j, key) in right.iter().enumerate().filter(|(j, _)| self.right.get(*j) == Some(&None)) {
            let Some(number) = key.as_ref().and_then(|key| numbers.get(key)) else { continue };
            if let Some(count) = counts.get_mut(*number) {
                count.1 += 1;
            }
            others.push((*number, j));
        }
        let even = |number: &usize| counts.get(*number).is_some_and(|(own, others)| own == others);
        own.retain(|(number, _)| even(number));
        others.retain(|(number, _)| even(number));
        own.sort_unstable();
        others.sort_unstable();
        for ((_, i), (_, j)) in own.into_iter().zip(others) {
            self.join(i, j);
        }
    }

    /// Between two neighbouring pairs, functions without a partner pair in order.
    fn neighbours(&mut self, a: &Image, b: &Image, shapes: &Sides<Vec<Option<u64>>>) {
        let mut from = (0, 0);
        let anchors: Vec<(usize, usize)> = self.left.iter().enumerate().filter_map(|(i, j)| j.map(|j| (i, j))).collect();
        let mut joins = Vec::new();
        for (i, j) in anchors.into_iter().chain([(self.left.len(), self.right.len())]) {
            if j < from.1 {
                // A moved function is no anchor.
                continue;
            }
            let left: Vec<usize> = (from.0..i).filter(|x| self.left.get(*x) == Some(&None)).collect();
            let right: Vec<usize> = (from.1..j).filter(|y| self.right.get(*y) == Some(&None)).collect();
            let one: Vec<Option<u64>> = left.iter().map(|x| shapes.shipped.get(*x).copied().flatten()).collect();
            let two: Vec<Option<u64>> = right.iter().map(|y| shapes.rebuilt.get(*y).copied().flatten()).collect();
            for row in align(&one, &two) {
                if let (Some(x), Some(y)) = (row.sides.shipped.and_then(|x| left.get(x)), row.sides.rebuilt.and_then(|y| right.get(y))) {
                    let names = (a.functions.get(*x).and_then(|f| f.name.as_ref()), b.functions.get(*y).and_then(|f| f.name.as_ref()));
                    if row.equal || !matches!(names, (Some(n), Some(m)) if n != m) {
                        joins.push((*x, *y));
                    }
                }
            }
            from = (i + 1, j + 1);
        }
        for (i, j) in joins {
            self.join(i, j);
        }
    }
}

/// Rust's legacy names end in a hash that changes with every build.
fn strip_hash(name: &[u8]) -> &[u8] {
    let text = name.strip_suffix(b"E").unwrap_or(name);
    match text.len().checked_sub(19).map(|at| text.split_at(at)) {
        Some((stem, hash)) if name.starts_with(b"_ZN") && hash.starts_with(b"17h") && hash[3..].iter().all(u8::is_ascii_hexdigit) => stem,
        _ => name,
    }
}

/// A quick number for a sequence. Who makes the file can make two sequences have the same: it only proposes what is looked at
/// together, and what is looked at together is compared in full.
pub(super) fn mix<T: Hash>(items: impl Iterator<Item = T>) -> u64 {
    let mut state = Quick(0);
    for item in items {
        item.hash(&mut state);
    }
    state.finish()
}

/// Folds eight bytes at a time: a tenth of the time of the standard library's hasher, which resists chosen input.
struct Quick(u64);

impl Quick {
    fn add(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|w| self.add(u64::from_le_bytes(*w)));
        self.add(rest.iter().fold(rest.len() as u64, |n, b| n << 8 | u64::from(*b)));
    }

    fn write_u8(&mut self, n: u8) {
        self.add(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.add(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.add(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }

    fn finish(&self) -> u64 {
        let n = self.0 ^ (self.0 >> 32);
        n.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}
