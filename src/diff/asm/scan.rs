//! What the code of one function refers to, read for itself: to ask whether code that did not change still means the same.

use std::collections::BTreeSet;
use std::ops::Range;

use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::sums::Sums;
use crate::diff::image::Image;
use crate::inspect::symbols::Function;

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::diff) struct Reference {
    /// Its bytes in the function.
    pub(in crate::diff) bytes: Range<usize>,
    /// The address of the instruction that it is relative to; for an absolute one 0.
    base: u64,
    pub(in crate::diff) to: u64,
    pub(in crate::diff) form: Form,
    /// Bytes that the instruction itself reads or writes there; 0 where only the address is taken, or that is not known.
    pub(in crate::diff) reach: u64,
}

impl Reference {
    /// An address that code makes in two steps: the second one adds it up, and reads or writes so many bytes there.
    pub(in crate::diff) fn in_two_steps(bytes: Range<usize>, base: u64, to: u64, reach: u64) -> Self {
        Self { bytes, base, to, form: if reach > 0 { Form::Relative } else { Form::Address }, reach }
    }
}

/// How a reference is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diff) enum Form {
    /// Relative to the instruction, which jumps or calls.
    Branch,
    /// Relative to the instruction, which reads or writes there.
    Relative,
    /// The same, and only the address is taken.
    Address,
    /// The page of 4 KiB that the address is in.
    Page,
    /// A number that is an address if it is one of this file.
    Number,
}

/// All references of a function.
#[derive(Debug, Default)]
pub(in crate::diff) struct Scan {
    pub(in crate::diff) references: Vec<Reference>,
    /// Whether it adds numbers that it reads to addresses: the tables of `switch`.
    pub(in crate::diff) tables: bool,
    /// Whether its last instruction goes on behind its end, or it begins where no instruction can.
    pub(in crate::diff) cut: bool,
    /// Offsets at which an instruction starts, where those have more than one length.
    starts: Vec<u32>,
    /// Bytes of jumps and calls to a sum that does not count from this code (but from a table of data, or from nobody knows where), and of
    /// what goes on from a page to another one.
    pub(in crate::diff) counted: Vec<Range<usize>>,
}

impl Scan {
    /// What the same bytes refer to elsewhere.
    pub(in crate::diff) fn moved(&self, distance: u64) -> Self {
        let page = |a: u64| a & !0xfff;
        let one = |r: &Reference| {
            let base = r.base.wrapping_add(distance);
            let to = match r.form {
                Form::Branch | Form::Relative | Form::Address => r.to.wrapping_add(distance),
                Form::Page => page(base).wrapping_add(r.to.wrapping_sub(page(r.base))),
                Form::Number => r.to,
            };
            Reference { base, to, ..r.clone() }
        };
        let references = self.references.iter().map(one).collect();
        Self { references, tables: self.tables, cut: self.cut, starts: self.starts.clone(), counted: self.counted.clone() }
    }

    /// Whether what is entered at an offset of that code is what was read there: an instruction starts, or only its `lock` or `rep`
    /// is left out. Inside of another one stands code that nobody followed.
    pub(in crate::diff) fn is_entry(&self, code: &[u8], offset: u64) -> bool {
        let Ok(offset) = u32::try_from(offset) else { return false };
        let before = self.starts.partition_point(|s| *s <= offset).checked_sub(1).and_then(|i| self.starts.get(i));
        let skipped = before.and_then(|start| code.get(*start as usize..offset as usize));
        self.starts.is_empty() || skipped.is_some_and(|bytes| bytes.iter().all(|b| matches!(b, 0xf0 | 0xf2 | 0xf3)))
    }

    /// The instruction that an offset of that code is in.
    pub(in crate::diff) fn instruction(&self, code: &[u8], offset: u64) -> Option<Range<usize>> {
        let offset = u32::try_from(offset).ok()?;
        let after = self.starts.partition_point(|s| *s <= offset);
        let start = *self.starts.get(after.checked_sub(1)?)?;
        Some(start as usize..self.starts.get(after).map_or(code.len(), |next| *next as usize))
    }
}

/// Reads the code of a function; `None` where the references of a processor, or of such a file, cannot be told from its code.
pub(in crate::diff) fn scan(image: &Image, f: &Function) -> Option<Scan> {
    let code = image.code(f);
    match (image.elf.machine, image.elf.wide, image.elf.little) {
        (62, true, true) => Some(x86(code, f.address, image.elf.kind == 2 || image.elf.object.is_some())),
        // Code without a fixed place; numbers in code are no addresses there.
        (183, true, true) if image.elf.kind == 3 => {
            // Every instruction stands at a multiple of four; of data among code nobody says that it is a function.
            let cut = f.name.is_some() && !f.address.is_multiple_of(4);
            Some(Scan { cut, ..aarch64(code, f.address) })
        }
        _ => None,
    }
}

fn x86(code: &[u8], address: u64, fixed: bool) -> Scan {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut insn = Instruction::default();
    let mut out = Scan::default();
    let mut sums = Sums::new(address, code.len(), fixed);
    while decoder.can_decode() {
        let at = decoder.position();
        out.starts.extend(u32::try_from(at).ok());
        decoder.decode_out(&mut insn);
        if insn.is_invalid() {
            out.cut = decoder.last_error() == DecoderError::NoMoreBytes;
            continue;
        }
        if sums.jumps(&insn) {
            out.counted.push(at..at + insn.len());
        }
        let offsets = || decoder.get_constant_offsets(&insn);
        let near = matches!(insn.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
        let mut push = |from: usize, size: usize, to: u64, form: Form, reach: u64| {
            out.references.push(Reference { bytes: at + from..at + from + size, base: insn.ip(), to, form, reach });
        };
        if insn.is_ip_rel_memory_operand() {
            let place = offsets();
            let form = if insn.mnemonic() == Mnemonic::Lea { Form::Address } else { Form::Relative };
            push(place.displacement_offset(), place.displacement_size(), insn.ip_rel_memory_address(), form, reach(&insn));
        } else if near {
            let place = offsets();
            push(place.immediate_offset(), place.immediate_size(), insn.near_branch_target(), Form::Branch, 0);
            continue;
        } else if fixed && insn.memory_displ_size() >= 4 && insn.segment_prefix() == Register::None {
            let place = offsets();
            let alone = insn.memory_base() == Register::None && insn.memory_index() == Register::None;
            let reach = if alone { reach(&insn) } else { 0 };
            push(place.displacement_offset(), place.displacement_size(), insn.memory_displacement64(), Form::Number, reach);
        }
        if fixed && (0..insn.op_count()).any(|n| is_wide(insn.op_kind(n))) {
            let place = offsets();
            let value = (0..insn.op_count()).find_map(|n| insn.try_immediate(n).ok().filter(|_| is_wide(insn.op_kind(n))));
            push(place.immediate_offset(), place.immediate_size(), value.unwrap_or(0), Form::Number, 0);
        }
        let reads = insn.code() == Code::Movsxd_r64_rm32 && insn.op1_kind() == OpKind::Memory && insn.memory_index() != Register::None;
        let jumps = insn.flow_control() == FlowControl::IndirectBranch && insn.op0_kind() == OpKind::Register;
        out.tables |= reads || jumps;
    }
    out
}

/// Whether something runs up to the end of that code: it falls through from its start (when that is `live`), or from a place in it
/// that is entered otherwise, without a jump or a return before the end. Only of x86-64 there is anything to say.
pub(in crate::diff) fn runs_to_end(image: &Image, f: &Function, mut live: bool, entered: &BTreeSet<u64>) -> bool {
    let Some(scan) = scan(image, f).filter(|_| image.elf.machine == 62) else { return live };
    let own: BTreeSet<u64> = scan.references.iter().map(|r| r.to).filter(|to| (f.address..f.end()).contains(to)).collect();
    let mut decoder = Decoder::with_ip(64, image.code(f), f.address, DecoderOptions::NONE);
    let mut insn = Instruction::default();
    while decoder.can_decode() {
        live |= own.contains(&decoder.ip()) || entered.contains(&decoder.ip());
        decoder.decode_out(&mut insn);
        let ends = matches!(
            insn.flow_control(),
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch | FlowControl::Return | FlowControl::Exception
        );
        // What goes on behind the end is no instruction here, and one all the same.
        live &= !ends || insn.is_invalid() && decoder.last_error() == DecoderError::NoMoreBytes;
    }
    live
}

/// How the start files of GCC and Clang find out that their table of transactional clones is empty (`crtstuff.c`): they take one
/// address twice and go on only when both differ. Each form: the first address, the second, and what compares them.
const IDLE: [(&[u8], &[u8], &[u8]); 2] = [
    (&[0x48, 0x8d, 0x3d], &[0x48, 0x8d, 0x05], &[0x48, 0x39, 0xf8, 0x74]),
    (
        &[0x48, 0x8d, 0x3d],
        &[0x48, 0x8d, 0x35],
        &[0x48, 0x29, 0xfe, 0x48, 0x89, 0xf0, 0x48, 0xc1, 0xee, 0x3f, 0x48, 0xc1, 0xf8, 0x03, 0x48, 0x01, 0xc6, 0x48, 0xd1, 0xfe, 0x74],
    ),
];

/// Whether the bytes at an offset of x86-64 code are the operand of such an address: whatever it is, nobody uses it.
pub(in crate::diff) fn is_idle(code: &[u8], operand: usize) -> bool {
    let number = |at: usize| Some(i32::from_le_bytes(code.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let holds = |start: usize, (one, two, rest): &(&[u8], &[u8], &[u8])| -> Option<bool> {
        let forms = code.get(start..start + 3)? == *one && code.get(start + 7..start + 10)? == *two;
        let compared = code.get(start + 14..)?.starts_with(rest);
        // The jump leads to a return.
        let jump = start + 14 + rest.len();
        let to = (jump + 1).checked_add_signed(isize::from(i8::from_le_bytes([*code.get(jump)?])))?;
        // The second is seven bytes further, and so is what it is relative to.
        let same = number(start + 3)? == number(start + 10)?.checked_add(7)?;
        Some(forms && compared && same && code.get(to) == Some(&0xc3))
    };
    [3, 10].iter().filter_map(|back| operand.checked_sub(*back)).any(|start| IDLE.iter().any(|form| holds(start, form) == Some(true)))
}

/// Bytes of memory that an instruction reads or writes at its operand, and nowhere else.
fn reach(insn: &Instruction) -> u64 {
    // These count bits from there, as far as a register says.
    let bits =
        matches!(insn.mnemonic(), Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc) && insn.op1_kind() == OpKind::Register;
    if bits || insn.mnemonic() == Mnemonic::Lea { 0 } else { insn.memory_size().size() as u64 }
}

fn is_wide(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64)
}

/// Branches, literals and pages. The tables of `switch` that compilers make are relative to the code there, and move with it.
fn aarch64(code: &[u8], address: u64) -> Scan {
    let mut out = Scan { tables: true, ..Scan::default() };
    let sums = super::aarch64::Sums::new(code, address);
    let counted = (0..sums.len()).filter(|i| sums.jumps(*i) || sums.leaves_page(*i));
    out.counted.extend(counted.map(|i| i * 4..i * 4 + 4));
    for (n, raw) in code.chunks_exact(4).enumerate() {
        let word = raw.iter().rev().fold(0u32, |w, b| w << 8 | u32::from(*b));
        let base = address.wrapping_add(n as u64 * 4);
        let signed = |from: u32, bits: u32| i64::from((word << (32 - from - bits)).cast_signed() >> (32 - bits));
        let page = base & !0xfff;
        let pair = signed(5, 19) << 2 | i64::from(word >> 29 & 3);
        let (to, form) = match word {
            _ if word & 0x7c00_0000 == 0x1400_0000 => (base.wrapping_add_signed(signed(0, 26) << 2), Form::Branch),
            _ if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 => {
                (base.wrapping_add_signed(signed(5, 19) << 2), Form::Branch)
            }
            _ if word & 0x3b00_0000 == 0x1800_0000 => (base.wrapping_add_signed(signed(5, 19) << 2), Form::Relative),
            _ if word & 0x7e00_0000 == 0x3600_0000 => (base.wrapping_add_signed(signed(5, 14) << 2), Form::Branch),
            _ if word & 0x9f00_0000 == 0x1000_0000 => (base.wrapping_add_signed(pair), Form::Address),
            _ if word & 0x9f00_0000 == 0x9000_0000 => (page.wrapping_add_signed(pair << 12), Form::Page),
            _ => continue,
        };
        // The size of a literal, as in `LDR (literal)`; a prefetch reads nothing.
        let reach = match (form, word >> 26 & 1, word >> 30) {
            (Form::Relative, 0, 3) => 0,
            (Form::Relative, 0, size) => {
                if size == 1 {
                    8
                } else {
                    4
                }
            }
            (Form::Relative, _, size) => 4 << size.min(2),
            _ => 0,
        };
        out.references.push(Reference { bytes: n * 4..n * 4 + 4, base, to, form, reach });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_compared_with_itself_is_idle() {
        let mut code = vec![0x48, 0x8d, 0x3d, 0x11, 0x2f, 0, 0, 0x48, 0x8d, 0x05, 0x0a, 0x2f, 0, 0, 0x48, 0x39, 0xf8, 0x74, 1, 0x90, 0xc3];
        assert!(is_idle(&code, 3) && is_idle(&code, 10) && !is_idle(&code, 7));
        for (at, value) in [(10, 0x0b), (14, 0x49), (18, 0), (20, 0x90)] {
            let before = std::mem::replace(&mut code[at], value);
            assert!(!is_idle(&code, 3), "byte {at}");
            code[at] = before;
        }
    }

    fn found(scan: &Scan) -> Vec<(usize, u64, Form)> {
        scan.references.iter().map(|r| (r.bytes.start, r.to, r.form)).collect()
    }

    #[test]
    fn references_of_x86_are_found_with_their_bytes() {
        // call +0x10; lea rax, [rip+0x20]; mov edi, 0x402000; movsxd rdx, [rax+rdx*4]; mov eax, [rdx*8+0x403000]
        let code = [
            &[0xe8, 0x10, 0, 0, 0][..],
            &[0x48, 0x8d, 0x05, 0x20, 0, 0, 0],
            &[0xbf, 0, 0x20, 0x40, 0],
            &[0x48, 0x63, 0x14, 0x90],
            &[0x8b, 0x04, 0xd5, 0, 0x30, 0x40, 0],
        ]
        .concat();
        let scan = x86(&code, 0x1000, true);
        assert_eq!(
            found(&scan),
            [(1, 0x1015, Form::Branch), (8, 0x102c, Form::Address), (13, 0x40_2000, Form::Number), (24, 0x40_3000, Form::Number)]
        );
        assert!(scan.tables);
        assert_eq!(found(&x86(&code, 0x1000, false)).len(), 2);
        let moved: Vec<u64> = scan.moved(0x10).references.iter().map(|r| r.to).collect();
        assert_eq!(moved, [0x1025, 0x103c, 0x40_2000, 0x40_3000]);
    }

    #[test]
    fn references_of_aarch64_are_found_with_their_pages() {
        // bl +8; b.eq -4; cbz x0, +12; tbz w1, #0, +8; adr x0, +1; adrp x0, +1 page; ldr x0, +16; add x0, x0, #1
        let words: [u32; 8] = [0x9400_0002, 0x54ff_ffe0, 0xb400_0060, 0x3600_0041, 0x3000_0000, 0xb000_0000, 0x5800_0080, 0x9100_0400];
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let scan = aarch64(&code, 0x1ff0);
        let to: Vec<u64> = scan.references.iter().map(|r| r.to).collect();
        assert_eq!(to, [0x1ff8, 0x1ff0, 0x2004, 0x2004, 0x2001, 0x3000, 0x2018]);
        // Sixteen bytes further the page of the instruction is another one, and so is the page it refers to.
        assert_eq!(scan.moved(0x10).references[5].to, 0x3000);
        assert_eq!(aarch64(&code, 0x1fe0).moved(8).references[5].to, 0x2000);
        assert_eq!(aarch64(&code, 0x1fe0).moved(16).references[5].to, 0x3000);
    }
}
