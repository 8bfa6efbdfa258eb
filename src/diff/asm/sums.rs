//! Where x86-64 code jumps to a sum that counts from data: by a number, or by a table in another form than that of `switch`. Nothing
//! says where that leads once the code moves away from the data.

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};

/// What a register holds, as far as the instructions before tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holds {
    #[default]
    Other,
    /// The address of something outside of this code.
    Data,
    /// An address in this code.
    Own,
    /// A number of four bytes from a table: the entries are followed by themselves.
    Entry,
    /// An address of data, and something added that nobody followed.
    Sum,
}

/// The registers of a function, instruction by instruction.
pub(super) struct Sums {
    held: [Holds; 16],
    start: u64,
    length: u64,
    /// Whether a number may be an address.
    fixed: bool,
}

/// What a call may change.
const CALLER_SAVED: [Register; 9] =
    [Register::RAX, Register::RCX, Register::RDX, Register::RSI, Register::RDI, Register::R8, Register::R9, Register::R10, Register::R11];

impl Sums {
    pub(super) fn new(start: u64, length: usize, fixed: bool) -> Self {
        Self { held: [Holds::Other; 16], start, length: length as u64, fixed }
    }

    fn set(&mut self, r: Register, holds: Holds) {
        self.held.get_mut(r.full_register().number()).into_iter().for_each(|slot| *slot = holds);
    }

    fn get(&self, r: Register) -> Holds {
        if r.is_gpr() { self.held.get(r.full_register().number()).copied().unwrap_or_default() } else { Holds::Other }
    }

    /// Takes one instruction; says whether it jumps to, or calls, such a sum.
    pub(super) fn jumps(&mut self, insn: &Instruction) -> bool {
        let register =
            |n: u32| if insn.op_count() > n && insn.op_kind(n) == OpKind::Register { insn.op_register(n) } else { Register::None };
        let first = register(0);
        if matches!(insn.flow_control(), FlowControl::IndirectBranch | FlowControl::IndirectCall) {
            let sum = self.get(first) == Holds::Sum;
            CALLER_SAVED.into_iter().for_each(|r| self.set(r, Holds::Other));
            return sum;
        }
        if insn.flow_control() == FlowControl::Call {
            CALLER_SAVED.into_iter().for_each(|r| self.set(r, Holds::Other));
            return false;
        }
        let reads_only = matches!(insn.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Bt | Mnemonic::Nop);
        if reads_only || !first.is_gpr() {
            return false;
        }
        let (own, other) = (self.get(first), self.get(register(1)));
        let base = || [insn.memory_base(), insn.memory_index()].map(|r| self.get(r));
        let is_address = |h: Holds| matches!(h, Holds::Data | Holds::Sum);
        let now = match insn.mnemonic() {
            Mnemonic::Lea if insn.is_ip_rel_memory_operand() => {
                let inside = insn.ip_rel_memory_address().wrapping_sub(self.start) < self.length;
                if inside { Holds::Own } else { Holds::Data }
            }
            Mnemonic::Lea => match base() {
                [Holds::Own, _] | [_, Holds::Own] => Holds::Own,
                // The sum of a table and its entry.
                [Holds::Data, Holds::Entry] | [Holds::Entry, Holds::Data] if insn.memory_displacement64() == 0 => Holds::Other,
                both if both.into_iter().any(is_address) => Holds::Sum,
                _ => Holds::Other,
            },
            Mnemonic::Mov if register(1) != Register::None => other,
            Mnemonic::Mov if self.fixed && insn.op1_kind() != OpKind::Memory && !first.is_gpr8() => Holds::Data,
            // Without optimisation it is loaded first and extended then.
            Mnemonic::Mov if insn.op1_kind() == OpKind::Memory && first.is_gpr32() => Holds::Entry,
            Mnemonic::Movsxd if insn.op1_kind() == OpKind::Memory => Holds::Entry,
            Mnemonic::Add => match (own, other) {
                (Holds::Own, _) | (_, Holds::Own) => Holds::Own,
                (Holds::Data, Holds::Entry) | (Holds::Entry, Holds::Data) => Holds::Other,
                _ if is_address(own) || is_address(other) => Holds::Sum,
                _ => Holds::Other,
            },
            Mnemonic::Sub
            | Mnemonic::Xor
            | Mnemonic::Or
            | Mnemonic::And
            | Mnemonic::Inc
            | Mnemonic::Dec
            | Mnemonic::Adc
            | Mnemonic::Sbb
                if register(1) != first =>
            {
                match (own, other) {
                    (Holds::Own, _) => Holds::Own,
                    _ if is_address(own) || is_address(other) => Holds::Sum,
                    _ => Holds::Other,
                }
            }
            _ => Holds::Other,
        };
        self.set(first, now);
        false
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn jumps(code: &[&[u8]]) -> bool {
        let code = code.concat();
        let mut decoder = Decoder::with_ip(64, &code, 0x1000, DecoderOptions::NONE);
        let mut sums = Sums::new(0x1000, code.len(), false);
        let mut found = false;
        while decoder.can_decode() {
            found |= sums.jumps(&decoder.decode());
        }
        found
    }

    #[test]
    fn a_jump_to_a_sum_that_counts_from_data_is_found() {
        // lea rdx, [rip + far], or [rip] (here); call rdx; jmp rax.
        const FAR: &[u8] = &[0x48, 0x8d, 0x15, 0, 0x10, 0, 0];
        const HERE: &[u8] = &[0x48, 0x8d, 0x15, 0, 0, 0, 0];
        const CALL: &[u8] = &[0xff, 0xd2];
        const JUMP: &[u8] = &[0xff, 0xe0];
        // add rdx, 0x20; sub rdx, rax; xor rdx, rax; lea rdx, [rdx + rax]; lea rdx, [rdx + 8]; dec rdx.
        let sums: [&[u8]; 6] = [
            &[0x48, 0x83, 0xc2, 0x20],
            &[0x48, 0x29, 0xc2],
            &[0x48, 0x31, 0xc2],
            &[0x48, 0x8d, 0x14, 0x02],
            &[0x48, 0x8d, 0x52, 0x08],
            &[0x48, 0xff, 0xca],
        ];
        for sum in sums {
            assert!(jumps(&[FAR, sum, CALL]) && jumps(&[FAR, sum, &[0x48, 0x89, 0xd0], JUMP]), "{sum:x?}");
            assert!(!jumps(&[HERE, sum, CALL]) && !jumps(&[sum, CALL]), "{sum:x?} from the code");
        }
        assert!(!jumps(&[FAR, CALL]), "the address itself");
        // movsxd rax, [rdx + rdi * 4]; add rax, rdx; jmp rax: the table of a switch. A zero-extended entry is none.
        assert!(!jumps(&[FAR, &[0x48, 0x63, 0x04, 0xba], &[0x48, 0x01, 0xd0], JUMP]));
        // mov eax, [rdx + rax]; cdqe; add rax, rdx; jmp rax.
        assert!(!jumps(&[FAR, &[0x8b, 0x04, 0x02], &[0x48, 0x98], &[0x48, 0x01, 0xd0], JUMP]));
        assert!(jumps(&[FAR, &[0x0f, 0xb7, 0x04, 0x7a], &[0x48, 0x01, 0xd0], JUMP]));
        // mov rdx, [rdx]; call rdx.
        assert!(!jumps(&[FAR, &[0x48, 0x83, 0xc2, 0x20], &[0x48, 0x8b, 0x12], CALL]));
    }
}
