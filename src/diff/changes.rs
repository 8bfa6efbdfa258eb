//! Changes inside a file that can be undone: taken out on both sides, what is left must be equal byte for byte.

use std::ops::Range;

use super::account::{Ledger, span};
use crate::model::{Account, Cause, Node, Sides};

/// One change with its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) cause: Cause,
    pub(super) ranges: Sides<Range<usize>>,
    pub(super) values: Sides<String>,
}

impl Change {
    /// The change of these ranges, with their bytes as values.
    pub(super) fn of(cause: Cause, bytes: Sides<&[u8]>, ranges: Sides<Range<usize>>) -> Self {
        let text = |bytes: &[u8], range: &Range<usize>| {
            String::from_utf8_lossy(bytes.get(range.clone()).unwrap_or_default()).chars().take(200).collect()
        };
        let values = Sides::new(text(bytes.shipped, &ranges.shipped), text(bytes.rebuilt, &ranges.rebuilt));
        Self { cause, ranges, values }
    }
}

/// Takes the changes out of both sides, in order; the account when the rest is equal.
pub(super) fn undo(bytes: Sides<&[u8]>, changes: &[Change]) -> Option<Sides<Account>> {
    let mut account: Sides<Account> = Sides::default();
    let mut at = Sides::new(0, 0);
    let end = Sides::new(bytes.shipped.len()..bytes.shipped.len(), bytes.rebuilt.len()..bytes.rebuilt.len());
    for (cause, ranges) in changes.iter().map(|c| (Some(c.cause), &c.ranges)).chain([(None, &end)]) {
        let old = bytes.shipped.get(at.shipped..ranges.shipped.start)?;
        let new = bytes.rebuilt.get(at.rebuilt..ranges.rebuilt.start)?;
        if old != new {
            return None;
        }
        account.shipped.identical += old.len() as u64;
        account.rebuilt.identical += new.len() as u64;
        if let Some(cause) = cause {
            let (old, new) = (bytes.shipped.get(ranges.shipped.clone())?, bytes.rebuilt.get(ranges.rebuilt.clone())?);
            let same = if old.len() == new.len() { old.iter().zip(new).filter(|(x, y)| x == y).count() } else { 0 };
            for (account, size) in [(&mut account.shipped, old.len()), (&mut account.rebuilt, new.len())] {
                account.identical += same as u64;
                account.explain(cause, (size - same) as u64);
            }
        }
        at = Sides::new(ranges.shipped.end, ranges.rebuilt.end);
    }
    Some(account)
}

/// Writes the changes down as proofs of the node.
pub(super) fn prove_all(node: &mut Node, changes: &[Change]) {
    let mut ledger = Ledger::default();
    for change in changes {
        let spans = Sides::new(span(&change.ranges.shipped), span(&change.ranges.rebuilt));
        ledger.prove(&mut node.proofs, change.cause, spans, Sides::new(&change.values.shipped, &change.values.rebuilt));
    }
}
