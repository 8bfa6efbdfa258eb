//! `.debug_frame`: how the stack is unwound, for debuggers (DWARF 5, 6.4). Unlike `.eh_frame` it holds addresses in full.

use gimli::UnwindSection as _;

use super::{Field, Fields, Table};
use crate::inspect::exe::Exe;
use crate::inspect::symbols::Commons;
use crate::model::{Side, Sides};

impl Table<'_> {
    /// Where the code of each entry starts. Lengths and instructions must be equal, and no instruction may hold an address.
    pub(super) fn debug_frames(&self) -> Fields {
        let starts = |side: Side| starts(self.exe(side), self.bytes.get(side));
        let (Some(old), Some(new)) = (starts(Side::Shipped), starts(Side::Rebuilt)) else { return self.nothing() };
        if old != new {
            return self.nothing();
        }
        let field = |at: usize| {
            let words = self.words(at, 8);
            // Code that the linker threw away starts nowhere.
            let same = words.is_some_and(|w| (w.shipped, w.rebuilt) == (0, 0) || self.same(&Sides::new(w.shipped, w.rebuilt)));
            Field::new(at..at + 8, same)
        };
        old.into_iter().map(field).collect()
    }
}

/// Where the entries have the address of their code; `None` when one has a form that is not read here.
fn starts(exe: &Exe, data: &[u8]) -> Option<Vec<usize>> {
    if !exe.wide {
        return None;
    }
    let endian = if exe.little { gimli::RunTimeEndian::Little } else { gimli::RunTimeEndian::Big };
    let mut frames = gimli::DebugFrame::new(data, endian);
    frames.set_address_size(8);
    let bases = gimli::BaseAddresses::default();
    let mut known = Commons::default();
    let mut out = Vec::new();
    let mut entries = frames.entries(&bases);
    let plain = |mut instructions: gimli::CallFrameInstructionIter<'_, _>| -> Option<()> {
        while let Some(instruction) = instructions.next().ok()? {
            if matches!(instruction, gimli::CallFrameInstruction::SetLoc { .. }) {
                return None;
            }
        }
        Some(())
    };
    while let Some(entry) = entries.next().ok()? {
        match entry {
            gimli::CieOrFde::Cie(cie) => {
                // An augmentation may add pointers, and this much is not asked of it.
                if cie.address_size() != 8 || cie.personality().is_some() || cie.has_lsda() {
                    return None;
                }
                plain(cie.instructions(&frames, &bases))?;
            }
            gimli::CieOrFde::Fde(partial) => {
                let fde = partial.parse(|section, bases, at| known.get(section, bases, at)).ok()?;
                plain(fde.instructions(&frames, &bases))?;
                // 64-bit DWARF has its fields elsewhere.
                let at = fde.offset();
                if exe.numbers().int(data, at, 4)? == 0xffff_ffff || exe.numbers().int(data, at + 8, 8)? != fde.initial_address() {
                    return None;
                }
                out.push(at + 8);
            }
        }
    }
    Some(out)
}
