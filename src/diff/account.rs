//! Counting bytes: what is equal, what a cause explains, what is left.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::inspect::blob::same;
use crate::inspect::container::{Field, Rule};
use crate::model::{Account, Cause, Node, Proof, ResultMark, Side, Sides, Span};
use crate::text::Untrusted;

/// Bytes that are compared at once where most are equal.
const CHUNK: usize = 4096;

/// Bytes that are equal at the same place of two slices of the same size.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let count = |x: &[u8], y: &[u8]| if same(x, y) { x.len() } else { x.iter().zip(y).filter(|(m, n)| m == n).count() };
    a.chunks(CHUNK).zip(b.chunks(CHUNK)).map(|(x, y)| count(x, y)).sum()
}

/// The length of the common start of two slices.
pub(super) fn common_start(a: &[u8], b: &[u8]) -> usize {
    let whole = a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).take_while(|(x, y)| same(x, y)).count() * CHUNK;
    let (x, y) = (a.get(whole..).unwrap_or_default(), b.get(whole..).unwrap_or_default());
    whole + x.iter().zip(y).take_while(|(m, n)| m == n).count()
}

/// The length of the common end of two slices, not longer than `most`.
pub(super) fn common_end(a: &[u8], b: &[u8], most: usize) -> usize {
    let whole = a.rchunks_exact(CHUNK).zip(b.rchunks_exact(CHUNK)).take(most / CHUNK).take_while(|(x, y)| same(x, y)).count() * CHUNK;
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
    for (n, (x, y)) in a.chunks(CHUNK).zip(b.chunks(CHUNK)).enumerate().filter(|(_, (x, y))| !same(x, y)) {
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

/// Largest number of proofs that [`prove`] looks through.
const NEAR: usize = 64;

/// Remembers a proof; equal changes (the same old and new value) share one.
pub(super) fn prove(proofs: &mut Vec<Proof>, cause: Cause, spans: Sides<Span>, values: Sides<&str>) {
    let same = |p: &&mut Proof| p.cause == cause && (silent(cause) || says(p, values));
    match proofs.iter_mut().rev().take(NEAR).find(same) {
        Some(known) => extend(known, spans),
        None => proofs.push(new_proof(cause, spans, values)),
    }
}

/// Whether the values of a cause are of no interest: what they follow from is said elsewhere.
fn silent(cause: Cause) -> bool {
    matches!(cause, Cause::Derived | Cause::Compression)
}

fn says(proof: &Proof, values: Sides<&str>) -> bool {
    proof.values.shipped.as_bytes() == values.shipped.as_bytes() && proof.values.rebuilt.as_bytes() == values.rebuilt.as_bytes()
}

fn extend(proof: &mut Proof, spans: Sides<Span>) {
    proof.spans.shipped.push(spans.shipped);
    proof.spans.rebuilt.push(spans.rebuilt);
}

fn new_proof(cause: Cause, spans: Sides<Span>, values: Sides<&str>) -> Proof {
    let values: Sides<Untrusted> = if silent(cause) { Sides::default() } else { values.map(|v| v.to_owned().into()) };
    Proof { cause, spans: spans.map(|s| vec![s]), values }
}

/// The proofs of a container with any number of members: finds an equal one without looking through all.
#[derive(Default)]
pub(super) struct Ledger {
    known: HashMap<(Cause, String, String), usize>,
}

impl Ledger {
    pub(super) fn prove(&mut self, proofs: &mut Vec<Proof>, cause: Cause, spans: Sides<Span>, values: Sides<&str>) {
        let values = if silent(cause) { Sides::new("", "") } else { values };
        let place = *self.known.entry((cause, values.shipped.to_owned(), values.rebuilt.to_owned())).or_insert(proofs.len());
        match proofs.get_mut(place) {
            Some(known) => extend(known, spans),
            None => proofs.push(new_proof(cause, spans, values)),
        }
    }
}

/// How the place of a member on one side agrees with its place on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The same order.
    Kept,
    /// Another one, which is proved to mean nothing.
    Reordered,
    /// Another one, which may mean something: no cause may be used.
    Moved,
}

/// Header fields of both sides, and how to count them.
pub(super) struct Headers<'a> {
    pub(super) bytes: Sides<&'a [u8]>,
    pub(super) fields: Sides<&'a [Field]>,
    pub(super) place: Place,
    /// Whose headers they are, said only where something differs.
    pub(super) who: &'a dyn Fn() -> String,
}

/// Compares header fields pairwise. A differing field counts whole under its cause; without a cause its differing bytes
/// are unexplained and the change is said in words.
pub(super) fn fields(node: &mut Node, ledger: &mut Ledger, headers: &Headers<'_>) {
    let (left, right) = (headers.fields.shipped, headers.fields.rebuilt);
    let same = |x: &Field, y: &Field| x.what == y.what && x.key == y.key;
    if left.len() == right.len() && left.iter().zip(right).all(|(x, y)| same(x, y)) {
        for (x, y) in left.iter().zip(right) {
            both(node, ledger, headers, x, y);
        }
        return;
    }
    if let Some(what) = out_of_order(left.iter(), right.iter()) {
        node.metadata.push(format!("{}: {what} stands in another order among the fields", (headers.who)()));
    }
    // Another form: the nth field of a name belongs to the nth of that name.
    let mut theirs: HashMap<(&str, u32), VecDeque<&Field>> = HashMap::new();
    for y in right {
        theirs.entry((y.what, y.key)).or_default().push_back(y);
    }
    let mut here = Sides::new(0, 0);
    for x in left {
        match theirs.get_mut(&(x.what, x.key)).and_then(VecDeque::pop_front) {
            Some(y) => {
                both(node, ledger, headers, x, y);
                here = Sides::new(x.range.end, y.range.end);
            }
            None => lone(node, ledger, headers, Side::Shipped, x, here.rebuilt),
        }
    }
    let mut left_over: Vec<&Field> = theirs.into_values().flatten().collect();
    left_over.sort_by_key(|f| f.range.start);
    for y in left_over {
        lone(node, ledger, headers, Side::Rebuilt, y, here.shipped);
    }
}

/// The first field that stands before another one on one side, and behind it on the other: which of them a reader takes first it
/// decides itself. Paired as in [`fields`].
pub(super) fn out_of_order<'f>(left: impl Iterator<Item = &'f Field>, right: impl Iterator<Item = &'f Field>) -> Option<&'static str> {
    let mut theirs: HashMap<(&str, u32), VecDeque<&Field>> = HashMap::new();
    for y in right {
        theirs.entry((y.what, y.key)).or_default().push_back(y);
    }
    let mut pairs = Vec::new();
    for x in left {
        let y = theirs.get_mut(&(x.what, x.key)).and_then(VecDeque::pop_front);
        pairs.extend(y.filter(|y| !x.range.is_empty() && !y.range.is_empty()).map(|y| (x.range.start, y.range.start, x.what)));
    }
    pairs.sort_unstable();
    pairs.windows(2).find(|pair| matches!(pair, [one, next] if one.1 > next.1)).and_then(|pair| pair.last()).map(|last| last.2)
}

fn both(node: &mut Node, ledger: &mut Ledger, headers: &Headers<'_>, x: &Field, y: &Field) {
    let old = headers.bytes.shipped.get(x.range.clone()).unwrap_or_default();
    let new = headers.bytes.rebuilt.get(y.range.clone()).unwrap_or_default();
    let spans = Sides::new(span(&x.range), span(&y.range));
    let agree = x.cause == y.cause && (x.rule != Rule::SameValue || x.value == y.value);
    match x.cause {
        _ if old == new && headers.place == Place::Kept => {
            node.account.shipped.identical += old.len() as u64;
            node.account.rebuilt.identical += new.len() as u64;
        }
        _ if old == new && headers.place == Place::Reordered => {
            node.account.shipped.explain(Cause::Reordering, old.len() as u64);
            node.account.rebuilt.explain(Cause::Reordering, new.len() as u64);
        }
        Some(cause) if agree && headers.place != Place::Moved => {
            node.account.shipped.explain(cause, old.len() as u64);
            node.account.rebuilt.explain(cause, new.len() as u64);
            ledger.prove(&mut node.proofs, cause, spans, Sides::new(&x.value, &y.value));
        }
        _ => {
            if headers.place == Place::Moved {
                node.account.shipped.unexplained += old.len() as u64;
                node.account.rebuilt.unexplained += new.len() as u64;
            } else {
                add(&mut node.account, &raw(old, new));
            }
            if old != new {
                let who = (headers.who)();
                node.metadata.push(if x.value == y.value {
                    format!("{who}: {} differs", x.what)
                } else {
                    format!("{who}: {} {} became {}", x.what, shown(&x.value), shown(&y.value))
                });
            }
        }
    }
}

/// A field that the other side lacks; `there` is where it would be.
fn lone(node: &mut Node, ledger: &mut Ledger, headers: &Headers<'_>, side: Side, field: &Field, there: usize) {
    let size = field.range.len() as u64;
    let optional = field.cause.filter(|_| field.rule == Rule::Optional && headers.place != Place::Moved);
    let Some(cause) = optional else {
        node.account.get_mut(side).unexplained += size;
        let word = if side == Side::Shipped { "shipped" } else { "rebuilt" };
        let value = if field.value.is_empty() { String::new() } else { format!(" {}", shown(&field.value)) };
        node.metadata.push(format!("{}: {}{value} only in what was {word}", (headers.who)(), field.what));
        return;
    };
    node.account.get_mut(side).explain(cause, size);
    let none = there as u64..there as u64;
    let (own, value) = (span(&field.range), field.value.as_str());
    let (spans, values) = match side {
        Side::Shipped => (Sides::new(own, none), Sides::new(value, "none")),
        Side::Rebuilt => (Sides::new(none, own), Sides::new("none", value)),
    };
    ledger.prove(&mut node.proofs, cause, spans, values);
}

fn shown(value: &str) -> String {
    Untrusted::from(value).shown().cut(80).as_str().to_owned()
}

/// Fields without a counterpart.
pub(super) fn alone(account: &mut Account, fields: &[Field]) {
    account.unexplained += fields.iter().map(|f| f.range.len() as u64).sum::<u64>();
}

/// Moves bytes that differ from unexplained to a cause.
pub(super) fn reassign(account: &mut Account, cause: Cause, bytes: u64) {
    let bytes = bytes.min(account.unexplained);
    account.unexplained -= bytes;
    account.explain(cause, bytes);
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
