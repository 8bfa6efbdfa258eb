//! What kept its order among things that belong together in pairs.

/// For each pair, given by its place on the other side, whether it moved: those that did not are a longest run that rises.
pub(in crate::diff) fn moved(places: &[usize]) -> Vec<bool> {
    // `ends[n]` is the pair with the lowest place that ends a rising run of n + 1 pairs.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(places.len());
    let place = |i: usize| places.get(i).copied().unwrap_or(usize::MAX);
    for (i, at) in places.iter().enumerate() {
        let n = ends.partition_point(|e| place(*e) < *at);
        before.push(n.checked_sub(1).and_then(|n| ends.get(n)).copied());
        match ends.get_mut(n) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut out = vec![true; places.len()];
    let mut at = ends.last().copied();
    while let Some(i) = at {
        if let Some(slot) = out.get_mut(i) {
            *slot = false;
        }
        at = before.get(i).copied().flatten();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn the_longest_rising_run_stayed() {
        assert_eq!(moved(&[0, 1, 2]), [false, false, false]);
        assert_eq!(moved(&[2, 0, 1]), [true, false, false]);
        assert_eq!(moved(&[]), Vec::<bool>::new());
        assert_eq!(moved(&[3, 2, 1]).iter().filter(|m| !**m).count(), 1);
    }
}
