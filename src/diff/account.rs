//! Counting bytes: what is equal, what a cause explains, what is left.

use std::ops::Range;

use crate::inspect::container::Field;
use crate::model::{Account, Cause, Node, Proof, ResultMark, Sides, Span};
use crate::text::Untrusted;

/// Bytes that are compared at once where most are equal.
const CHUNK: usize = 4096;

/// Bytes that are equal at the same place of two slices of the same size.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let count = |x: &[u8], y: &[u8]| if x == y { x.len() } else { x.iter().zip(y).filter(|(m, n)| m == n).count() };
    a.chunks(CHUNK).zip(b.chunks(CHUNK)).map(|(x, y)| count(x, y)).sum()
}

/// The length of the common start of two slices.
pub(super) fn common_start(a: &[u8], b: &[u8]) -> usize {
    let whole = a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).take_while(|(x, y)| x == y).count() * CHUNK;
    let (x, y) = (a.get(whole..).unwrap_or_default(), b.get(whole..).unwrap_or_default());
    whole + x.iter().zip(y).take_while(|(m, n)| m == n).count()
}

/// The length of the common end of two slices, not longer than `most`.
pub(super) fn common_end(a: &[u8], b: &[u8], most: usize) -> usize {
    let whole = a.rchunks_exact(CHUNK).zip(b.rchunks_exact(CHUNK)).take(most / CHUNK).take_while(|(x, y)| x == y).count() * CHUNK;
    let rest = |side: &[u8]| side.len().saturating_sub(whole);
    let (x, y) = (a.get(..rest(a)).unwrap_or_default(), b.get(..rest(b)).unwrap_or_default());
    whole + x.iter().rev().zip(y.iter().rev()).take(most - whole).take_while(|(m, n)| m == n).count()
}

/// Compares raw bytes: position by position when both have the same size, else by common start and end.
pub(super) fn raw(a: &[u8], b: &[u8]) -> Sides<Account> {
    let equal = if a.len() == b.len() {
        equal_bytes(a, b)
    } else {
        let start = common_start(a, b);
        start + common_end(a, b, a.len().min(b.len()) - start)
    };
    Sides::new(a, b).map(|side| Account { identical: equal as u64, unexplained: (side.len() - equal) as u64, ..Account::default() })
}

/// Adds both sides.
pub(super) fn add(total: &mut Sides<Account>, more: &Sides<Account>) {
    total.shipped.add(&more.shipped);
    total.rebuilt.add(&more.rebuilt);
}

/// Ranges of differing bytes of two slices of the same size; `None` when there are more than `most`.
pub(super) fn runs(a: &[u8], b: &[u8], most: usize) -> Option<Vec<Range<usize>>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for (n, (x, y)) in a.chunks(CHUNK).zip(b.chunks(CHUNK)).enumerate().filter(|(_, (x, y))| x != y) {
        for i in x.iter().zip(y).enumerate().filter(|(_, (m, n))| m != n).map(|(i, _)| n * CHUNK + i) {
            match out.last_mut() {
                Some(last) if last.end == i => last.end = i + 1,
                _ => out.push(i..i + 1),
            }
            if out.len() > most {
                return None;
            }
        }
    }
    Some(out)
}

pub(super) fn span(range: &Range<usize>) -> Span {
    range.start as u64..range.end as u64
}

/// Remembers a proof; equal changes (the same old and new value) share one.
pub(super) fn prove(proofs: &mut Vec<Proof>, cause: Cause, spans: Sides<Span>, values: Sides<&str>) {
    let values = values.map(|v| v.to_owned().into());
    let merge = |p: &&mut Proof| p.cause == cause && (p.values == values || matches!(cause, Cause::Derived | Cause::Compression));
    if let Some(known) = proofs.iter_mut().find(merge) {
        known.spans.shipped.push(spans.shipped);
        known.spans.rebuilt.push(spans.rebuilt);
    } else {
        let values: Sides<Untrusted> = if matches!(cause, Cause::Derived | Cause::Compression) { Sides::default() } else { values };
        proofs.push(Proof { cause, spans: spans.map(|s| vec![s]), values });
    }
}

/// Compares header fields pairwise. A differing field counts whole under its cause; without a cause its differing bytes
/// are unexplained and the change is said in words. `blocked` says why no cause may be used.
pub(super) fn fields(node: &mut Node, bytes: Sides<&[u8]>, pair: Sides<&[Field]>, who: &str, blocked: bool) {
    let same_form = pair.shipped.len() == pair.rebuilt.len() && pair.shipped.iter().zip(pair.rebuilt).all(|(x, y)| x.what == y.what);
    if !same_form {
        node.metadata.push(format!("{who}: the header has another form"));
        alone(&mut node.account.shipped, pair.shipped);
        alone(&mut node.account.rebuilt, pair.rebuilt);
        return;
    }
    for (x, y) in pair.shipped.iter().zip(pair.rebuilt) {
        let old = bytes.shipped.get(x.range.clone()).unwrap_or_default();
        let new = bytes.rebuilt.get(y.range.clone()).unwrap_or_default();
        match (x.cause, y.cause) {
            _ if old == new && !blocked => {
                node.account.shipped.identical += old.len() as u64;
                node.account.rebuilt.identical += new.len() as u64;
            }
            (Some(cause), Some(other)) if cause == other && !blocked => {
                node.account.shipped.explain(cause, old.len() as u64);
                node.account.rebuilt.explain(cause, new.len() as u64);
                prove(&mut node.proofs, cause, Sides::new(span(&x.range), span(&y.range)), Sides::new(&x.value, &y.value));
            }
            _ => {
                if blocked {
                    node.account.shipped.unexplained += old.len() as u64;
                    node.account.rebuilt.unexplained += new.len() as u64;
                } else {
                    add(&mut node.account, &raw(old, new));
                }
                if old != new {
                    node.metadata.push(if x.value != y.value {
                        let value = |v: &str| Untrusted::from(v).shown().cut(80).as_str().to_owned();
                        format!("{who}: {} {} became {}", x.what, value(&x.value), value(&y.value))
                    } else {
                        format!("{who}: {} differs", x.what)
                    });
                }
            }
        }
    }
}

/// Fields without a counterpart.
pub(super) fn alone(account: &mut Account, fields: &[Field]) {
    account.unexplained += fields.iter().map(|f| f.range.len() as u64).sum::<u64>();
}

/// The result that the node's own account and metadata give.
pub(super) fn own_result(node: &Node) -> ResultMark {
    let any = |f: fn(&Account) -> u64| f(&node.account.shipped) > 0 || f(&node.account.rebuilt) > 0;
    if any(|a| a.unexplained) || !node.metadata.is_empty() {
        ResultMark::Different
    } else if any(Account::explained_total) {
        ResultMark::Equivalent
    } else {
        ResultMark::Identical
    }
}

/// Sets the result to the worst of its own and its children's, once the children have theirs.
pub(super) fn settle(node: &mut Node) {
    let below = node.children.iter().map(|c| c.result).max().unwrap_or(ResultMark::Identical);
    node.result = own_result(node).max(below);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by single bytes.
    fn plain(a: &[u8], b: &[u8]) -> usize {
        if a.len() == b.len() {
            return a.iter().zip(b).filter(|(x, y)| x == y).count();
        }
        let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let most = a.len().min(b.len()) - start;
        start + a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(x, y)| x == y).count()
    }

    #[test]
    fn chunks_count_as_single_bytes_do() {
        let base: Vec<u8> = (0..3 * CHUNK + 100).map(|i| u8::try_from(i % 251).unwrap()).collect();
        for at in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK, base.len() - 1] {
            let mut flipped = base.clone();
            flipped[at] ^= 1;
            let mut longer = base.clone();
            longer.insert(at, 7);
            let mut shorter = base.clone();
            shorter.drain(at..(at + CHUNK + 3).min(base.len()));
            for other in [&flipped, &longer, &shorter, &base] {
                for (a, b) in [(&base, other), (other, &base)] {
                    assert_eq!(raw(a, b).shipped.identical, plain(a, b) as u64, "at {at}");
                }
            }
            assert!(matches!(runs(&base, &flipped, 1).as_deref(), Some([only]) if *only == (at..at + 1)));
            flipped[at.saturating_sub(1)] ^= 1;
            assert_eq!(runs(&base, &flipped, 1).map(|r| r.len()), Some(usize::from(at > 0)));
        }
        let zeros = [vec![0; CHUNK], vec![0; 3 * CHUNK]];
        assert_eq!(raw(&zeros[0], &zeros[1]).rebuilt.identical, CHUNK as u64);
        assert!(matches!(runs(&[0; 2 * CHUNK], &[1; 2 * CHUNK], 1).as_deref(), Some([only]) if *only == (0..2 * CHUNK)));
        assert_eq!(runs(&[0, 0, 0], &[1, 0, 1], 1), None);
    }
}
