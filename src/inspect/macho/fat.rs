//! Files of several architectures: each is a member. The header is big-endian.

use crate::inspect::budget::{Budget, Refused};
use crate::inspect::container::{Container, Field, Held, Member, Nature, all_are};
use crate::inspect::exe::Numbers;
use crate::model::Cause;

const N: Numbers = Numbers { wide: true, little: false };

/// Whether it is such a file. A Java class starts alike: where that has its version, from 45 on, this has the number of members.
pub(crate) fn is_fat(bytes: &[u8]) -> bool {
    matches!(bytes, [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, 1..=42, ..])
}

/// Takes the file apart. Members are in the order of the file, each at the next place that its alignment allows.
pub(crate) fn parse(bytes: &[u8], budget: &mut Budget) -> Result<Container, Refused> {
    let odd = |why: &str| Refused::odd(format!("the header of architectures {why}"));
    let wide = bytes.get(3) == Some(&0xbf);
    let count = N.int(bytes, 4, 4).unwrap_or(0) as usize;
    let entry = if wide { 32 } else { 20 };
    let mut at = 8 + count * entry;
    if !is_fat(bytes) || at > bytes.len() {
        return Err(odd("is cut off"));
    }
    let mut out = Container::new(fields);
    out.loose.push(Field::fixed("number of architectures", 0..8));
    for i in 0..count {
        let from = 8 + i * entry;
        let number = |at: usize, size: usize| N.int(bytes, from + at, size).unwrap_or(0);
        let width = if wide { 8 } else { 4 };
        let (offset, size) = (number(8, width), number(8 + width, width));
        let start = usize::try_from(offset).map_err(|_| odd("leads outside the file"))?;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size)).filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| odd("leads outside the file"))?;
        if start < at {
            return Err(odd("has members that overlap or are out of order"));
        }
        let name = match (number(0, 4), number(4, 4) & 0xff_ffff) {
            (0x0100_0007, _) => b"x86_64".to_vec(),
            (0x0100_000c, 2) => b"arm64e".to_vec(),
            (0x0100_000c, _) => b"arm64".to_vec(),
            (7, _) => b"i386".to_vec(),
            (cpu, kind) => format!("cpu {cpu:#x} {kind:#x}").into_bytes(),
        };
        budget.entry(name.len())?;
        out.members.push(Member { name, nature: Nature::File, held: Held::Plain(start..end), head: at..end, entry: from..from + entry });
        at = end;
    }
    if at < bytes.len() {
        out.loose.push(Field::fixed("trailing data", at..bytes.len()));
    }
    Ok(out)
}

/// The entry of one architecture, and the padding before it.
fn fields(bytes: &[u8], member: &Member) -> Vec<Field> {
    let (from, content) = (member.entry.start, member.held.range());
    let width = if member.entry.len() == 32 { 8 } else { 4 };
    let align = N.int(bytes, from + 8 + 2 * width, 4).unwrap_or(u64::MAX);
    let gap = member.head.start..content.start;
    let unit = u32::try_from(align).ok().filter(|a| *a <= 24).and_then(|a| 1usize.checked_shl(a));
    let expected = unit.and_then(|unit| gap.start.checked_next_multiple_of(unit));
    let follows = expected == Some(content.start) && all_are(bytes.get(gap.clone()).unwrap_or_default(), 0);
    let caused = |what, range: std::ops::Range<usize>, value: String| {
        if follows { Field::caused(what, Cause::Derived, range, value) } else { Field::shown(what, range, value) }
    };
    vec![
        Field::fixed("architecture", from..from + 8),
        caused("place", from + 8..from + 8 + width, content.start.to_string()),
        Field::caused("size", Cause::Derived, from + 8 + width..from + 8 + 2 * width, content.len().to_string()),
        Field::fixed("alignment", from + 8 + 2 * width..member.entry.end),
        caused("padding", gap, String::new()),
    ]
}
