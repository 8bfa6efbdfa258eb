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
    let mut out = Container { loose: vec![Field::fixed("number of architectures", 0..8)], ..Container::default() };
    for i in 0..count {
        let from = 8 + i * entry;
        let number = |at: usize, size: usize| N.int(bytes, from + at, size).unwrap_or(0);
        let width = if wide { 8 } else { 4 };
        let (offset, size, align) = (number(8, width), number(8 + width, width), number(8 + 2 * width, 4));
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
        let expected = 1usize.checked_shl(align as u32).filter(|_| align <= 24).map(|unit| at.next_multiple_of(unit));
        let gap = bytes.get(at..start).unwrap_or_default();
        let follows = expected == Some(start) && all_are(gap, 0);
        let caused = |what, range: std::ops::Range<usize>, value: String| {
            if follows { Field::caused(what, Cause::Derived, range, value) } else { Field { what, cause: None, range, value } }
        };
        let fields = vec![
            Field::fixed("architecture", from..from + 8),
            caused("place", from + 8..from + 8 + width, offset.to_string()),
            Field::caused("size", Cause::Derived, from + 8 + width..from + 8 + 2 * width, size.to_string()),
            Field::fixed("alignment", from + 8 + 2 * width..from + entry),
            caused("padding", at..start, String::new()),
        ];
        out.members.push(Member { name, nature: Nature::File, fields, held: Held::Plain(start..end) });
        at = end;
    }
    if at < bytes.len() {
        out.loose.push(Field::fixed("trailing data", at..bytes.len()));
    }
    Ok(out)
}
