//! Where the code of a function leads at its end: what stands behind it may be exchanged only when nothing runs into it.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};

use crate::diff::image::Image;
use crate::inspect::symbols::Function;

/// What the last instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diff) enum Ending {
    /// It never goes on to the next one: a jump, a return, a trap.
    Leaves,
    /// It calls that address.
    Calls(u64),
    /// It calls what the word at that address says.
    CallsThrough(u64),
    /// It may go on, or it is not known what it does.
    Open,
}

/// How code is left.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::diff) struct Flow {
    pub(in crate::diff) ending: Ending,
    /// Whether it has a return, or a jump to where a register says.
    pub(in crate::diff) returns: bool,
    /// Where its jumps lead outside of itself.
    pub(in crate::diff) leaves: Vec<u64>,
}

/// Reads how the code of a function is left; `None` for other processors than x86-64, and where a jump leads into the middle of
/// an instruction: then it can be read in two ways.
pub(in crate::diff) fn flow(image: &Image, f: &Function) -> Option<Flow> {
    ((image.elf.machine, image.elf.wide, image.elf.little) == (62, true, true)).then(|| x86(image.code(f), f.address)).flatten()
}

fn x86(code: &[u8], address: u64) -> Option<Flow> {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut insn = Instruction::default();
    let mut out = Flow { ending: Ending::Open, returns: false, leaves: Vec::new() };
    let (mut starts, mut inside, mut last) = (Vec::new(), Vec::new(), address);
    let end = address.wrapping_add(code.len() as u64);
    while decoder.can_decode() {
        decoder.decode_out(&mut insn);
        if insn.is_invalid() {
            return None;
        }
        starts.push(insn.ip());
        let near = matches!(insn.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
        if near {
            let to = insn.near_branch_target();
            if (address..end).contains(&to) {
                inside.push(to);
            } else if insn.flow_control() != FlowControl::Call {
                out.leaves.push(to);
            }
        }
        if matches!(insn.mnemonic(), Mnemonic::Nop | Mnemonic::Int3) {
            continue;
        }
        last = insn.ip();
        out.ending = match insn.flow_control() {
            FlowControl::UnconditionalBranch | FlowControl::Exception => Ending::Leaves,
            FlowControl::Return | FlowControl::IndirectBranch => {
                out.returns = true;
                Ending::Leaves
            }
            FlowControl::Call if near => Ending::Calls(insn.near_branch_target()),
            FlowControl::IndirectCall if insn.is_ip_rel_memory_operand() => Ending::CallsThrough(insn.ip_rel_memory_address()),
            _ if insn.mnemonic() == Mnemonic::Hlt => Ending::Leaves,
            _ => Ending::Open,
        };
    }
    let whole = inside.iter().all(|to| starts.binary_search(to).is_ok());
    if inside.iter().any(|to| *to > last) {
        // Into the padding behind the last one.
        out.ending = Ending::Open;
    }
    whole.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(code: &[u8]) -> Option<Ending> {
        x86(code, 0x1000).map(|f| f.ending)
    }

    #[test]
    fn only_what_never_goes_on_is_an_end() {
        assert_eq!(ending(&[0x31, 0xc0, 0xc3]), Some(Ending::Leaves));
        assert_eq!(ending(&[0xc3, 0x66, 0x90]), Some(Ending::Leaves), "padding behind a return");
        assert_eq!(ending(&[0x0f, 0x0b]), Some(Ending::Leaves));
        assert_eq!(ending(&[0xe8, 0, 0, 0, 0]), Some(Ending::Calls(0x1005)));
        assert_eq!(ending(&[0xff, 0x15, 0x10, 0, 0, 0]), Some(Ending::CallsThrough(0x1016)));
        assert_eq!(ending(&[0xc3, 0x31, 0xc0]), Some(Ending::Open));
        assert_eq!(ending(&[0x74, 0x10]), Some(Ending::Open), "a condition");
        // A jump over the first byte of what looks like an instruction that ends in a return.
        assert_eq!(ending(&[0xeb, 0x01, 0xb8, 0x31, 0xc0, 0x90, 0x90, 0xc3]), None);
        assert_eq!(ending(&[0xc3, 0x06]), None, "no instruction");
        assert_eq!(ending(&[0x74, 0x01, 0xc3, 0x90]), Some(Ending::Open), "a jump over the return into the padding");
        let flow = x86(&[0x75, 0x10, 0xff, 0xe0], 0x1000).expect("read");
        assert!(flow.returns);
        assert_eq!(flow.leaves, [0x1012]);
    }
}
