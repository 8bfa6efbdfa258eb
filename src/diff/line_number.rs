//! Line numbers in code: an operand that is `__LINE__`, passed to a call beside `__FILE__` (`__assert_fail(text, file, line,
//! function)`, `ERR_set_debug(file, line, function)`). A number that merely looks like a line proves nothing.

use super::asm::{self, Immediate};
use super::image::Images;
use super::source::Finder;
use crate::inspect::exe::text_at;
use crate::inspect::symbols::Function;
use crate::model::{Side, Sides};

/// A changed operand that would be a line number, if the line tables of both sides say so.
pub(super) struct Claim {
    at: Sides<u64>,
    line: Sides<u64>,
    file: Vec<u8>,
}

impl Claim {
    /// What the code alone tells: on both sides the operand is loaded for a call, behind the same name of a file.
    pub(super) fn read(images: &Images, pair: Sides<&Function>, changed: &Immediate<'_>) -> Option<Self> {
        let file = |side: Side| -> Option<Vec<u8>> {
            let image = images.sides.get(side);
            let address = asm::argument_before(image, pair.get(side), changed.insns.get(side), *changed.at.get(side))?;
            let bytes = image.elf.bytes_at(address);
            let text = text_at(bytes, 0);
            (!text.is_empty() && text.len() <= 4096 && text.len() < bytes.len()).then(|| text.to_vec())
        };
        let (old, new) = (file(Side::Shipped)?, file(Side::Rebuilt)?);
        (old == new).then_some(Self { at: changed.at, line: changed.value, file: old })
    }

    /// Whether the line table of each side gives that number and that file for that very instruction.
    pub(super) fn holds(&self, finder: &Finder<'_>) -> bool {
        [Side::Shipped, Side::Rebuilt].iter().all(|side| {
            finder.innermost(*side, *self.at.get(*side)).is_some_and(|(file, line)| {
                let named = file.as_bytes().strip_suffix(self.file.as_slice()).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"));
                named && u64::from(line) == *self.line.get(*side)
            })
        })
    }

    /// The number on one side.
    pub(super) fn line(&self, side: Side) -> u64 {
        *self.line.get(side)
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        format!("the line number of {}", crate::text::Untrusted::from(self.file.as_slice()).shown().cut_start(80))
    }
}
