//! Compiled Python: the header holds the time of the source (PEP 552).

use super::changes::Change;
use crate::inspect::container::time_text;
use crate::model::{Cause, Sides};

/// Magic number, flags, time, size of the source.
const HEADER: usize = 16;

/// The time of the source when it is the only difference. A header with a hash of the source instead has no time.
pub(super) fn change(a: &[u8], b: &[u8]) -> Option<Change> {
    let (old, new) = (a.get(..HEADER)?, b.get(..HEADER)?);
    let number = u16::from_le_bytes([old[0], old[1]]);
    // Since 3.7, which brought the flags; then comes a code object.
    let is_compiled = (3390..4500).contains(&number) && old[2..4] == *b"\r\n" && a.get(HEADER).is_some_and(|c| c & 0x7f == b'c');
    if !is_compiled || old[..4] != new[..4] || old[4..8] != [0; 4] || new[4..8] != [0; 4] || a.get(12..) != b.get(12..) {
        return None;
    }
    let time = |raw: &[u8]| time_text(i64::from(u32::from_le_bytes([raw[8], raw[9], raw[10], raw[11]])));
    Some(Change { cause: Cause::Mtime, ranges: Sides::new(8..12, 8..12), values: Sides::new(time(old), time(new)) })
}
