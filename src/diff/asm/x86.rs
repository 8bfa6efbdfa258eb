//! x86 in 32 and 64 bits.

use std::collections::BTreeMap;

use iced_x86::{Decoder, DecoderOptions, FastFormatter, FlowControl, Instruction, OpKind, SymbolResolver, SymbolResult};

use super::{Insn, Kind};

/// All instructions of some code. `moved` are the places that the loader moves with the image, with their widths.
pub(super) fn decode(bits: u32, code: &[u8], address: u64, moved: &BTreeMap<u64, u8>) -> Vec<Insn> {
    let mut decoder = Decoder::with_ip(bits, code, address, DecoderOptions::NONE);
    let mut raw = Instruction::default();
    let mut out = Vec::with_capacity(code.len() / 4);
    while decoder.can_decode() {
        let at = decoder.position();
        decoder.decode_out(&mut raw);
        let mut insn = Insn {
            ip: address.wrapping_add(at as u64),
            at: u32::try_from(at).unwrap_or(u32::MAX),
            length: u8::try_from(raw.len()).unwrap_or(u8::MAX),
            ..Insn::default()
        };
        if raw.is_invalid() {
            insn.kind = Kind::Invalid;
        } else if let Some((to, hole)) = fixed(moved, &decoder, &raw, insn.bytes(code)) {
            insn.kind = Kind::Reference;
            insn.to = to;
            insn.hole = hole;
        } else if let Some(to) = reference(&raw) {
            let offsets = decoder.get_constant_offsets(&raw);
            let place = if offsets.has_displacement() {
                Some((offsets.displacement_offset(), offsets.displacement_size()))
            } else {
                offsets.has_immediate().then(|| (offsets.immediate_offset(), offsets.immediate_size()))
            };
            if let Some((from, size)) = place {
                insn.kind = Kind::Reference;
                insn.to = to;
                insn.hole = (u8::try_from(from).unwrap_or(u8::MAX), u8::try_from(size).unwrap_or(0));
            }
        }
        out.push(insn.sealed(insn.bytes(code)));
    }
    out
}

/// The one operand that a base relocation covers exactly: the address it holds, and where; none where there are two.
fn fixed(moved: &BTreeMap<u64, u8>, decoder: &Decoder<'_>, raw: &Instruction, bytes: &[u8]) -> Option<(u64, (u8, u8))> {
    if moved.is_empty() {
        return None;
    }
    let (from, to) = (raw.ip(), raw.next_ip());
    let mut inside = moved.range(from..to.max(from));
    let (address, size) = inside.next().filter(|_| inside.next().is_none())?;
    let place = (usize::try_from(address - from).ok()?, usize::from(*size));
    let offsets = decoder.get_constant_offsets(raw);
    let in_memory = offsets.has_displacement() && (offsets.displacement_offset(), offsets.displacement_size()) == place;
    let immediate = offsets.has_immediate() && (offsets.immediate_offset(), offsets.immediate_size()) == place;
    if !in_memory && !immediate {
        return None;
    }
    let numbers = crate::inspect::exe::Numbers { wide: true, little: true };
    Some((numbers.int(bytes, place.0, place.1)?, (u8::try_from(place.0).ok()?, *size)))
}

/// One instruction from its bytes.
pub(super) fn raw(bits: u32, bytes: &[u8], ip: u64) -> Instruction {
    Decoder::with_ip(bits, bytes, ip, DecoderOptions::NONE).decode()
}

/// The address it refers to, relative to itself.
fn reference(raw: &Instruction) -> Option<u64> {
    match raw.op0_kind() {
        _ if raw.is_ip_rel_memory_operand() => Some(raw.ip_rel_memory_address()),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => Some(raw.near_branch_target()),
        _ => None,
    }
}

pub(super) fn is_padding(raw: &Instruction) -> bool {
    use iced_x86::Mnemonic::{Int3, Nop};
    matches!(raw.mnemonic(), Nop | Int3)
}

/// What it does with the address that it refers to.
pub(super) fn verb(raw: &Instruction) -> &'static str {
    match raw.flow_control() {
        FlowControl::Call => "call of",
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => "jump to",
        _ => "reference to",
    }
}

/// What changed between two instructions, in words.
pub(super) fn describe(one: &Instruction, two: &Instruction) -> String {
    if one.mnemonic() != two.mnemonic() {
        let name = |i: &Instruction| format!("{:?}", i.mnemonic()).to_lowercase();
        return match (one.flow_control(), two.flow_control()) {
            (FlowControl::ConditionalBranch, FlowControl::UnconditionalBranch) => {
                format!("a conditional jump ({}) became unconditional", name(one))
            }
            (FlowControl::UnconditionalBranch, FlowControl::ConditionalBranch) => {
                format!("an unconditional jump became conditional ({})", name(two))
            }
            (FlowControl::ConditionalBranch, FlowControl::ConditionalBranch) => format!("the condition {} became {}", name(one), name(two)),
            _ => format!("{} became {}", name(one), name(two)),
        };
    }
    for n in 0..one.op_count().min(two.op_count()) {
        let (Ok(p), Ok(q)) = (one.try_op_kind(n), two.try_op_kind(n)) else { continue };
        if let (Ok(old), Ok(new)) = (one.try_immediate(n), two.try_immediate(n))
            && old != new
        {
            return format!("immediate {old:#x} became {new:#x}");
        }
        if p == OpKind::Register && q == OpKind::Register && one.op_register(n) != two.op_register(n) {
            return format!("register {:?} became {:?}", one.op_register(n), two.op_register(n)).to_lowercase();
        }
        if p == OpKind::Memory && q == OpKind::Memory && one.memory_displacement64() != two.memory_displacement64() {
            return format!("displacement {:#x} became {:#x}", one.memory_displacement64(), two.memory_displacement64());
        }
    }
    "an instruction changed".to_owned()
}

/// The one immediate of an instruction: its value, and where its bytes are. `None` for those with none, with several, or
/// with an operand that refers to an address.
pub(super) fn immediate(bits: u32, bytes: &[u8], ip: u64) -> Option<(u64, (usize, usize))> {
    let mut decoder = Decoder::with_ip(bits, bytes, ip, DecoderOptions::NONE);
    let raw = decoder.decode();
    let offsets = decoder.get_constant_offsets(&raw);
    if raw.is_invalid() || raw.len() != bytes.len() || !offsets.has_immediate() || offsets.has_immediate2() || reference(&raw).is_some() {
        return None;
    }
    let mut values = (0..raw.op_count()).filter_map(|n| raw.try_immediate(n).ok());
    match (values.next(), values.next()) {
        (Some(value), None) => Some((value, (offsets.immediate_offset(), offsets.immediate_size()))),
        _ => None,
    }
}

/// Instructions before and after that are looked at for the arguments of one call.
const RUN: usize = 24;

/// For `mov r32, imm32` that loads an argument of the next call (System V order): the address that `lea` loads the argument
/// before it with, in the same straight run of code.
pub(super) fn argument_before(insns: &[Insn], code: &[u8], index: usize) -> Option<u64> {
    use iced_x86::{Mnemonic, Register};
    const ARGUMENTS: [Register; 6] = [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];
    let at = |i: usize| insns.get(i).map(|insn| raw(64, insn.bytes(code), insn.ip));
    let own = at(index).filter(|i| i.mnemonic() == Mnemonic::Mov && i.op1_kind() == OpKind::Immediate32)?;
    let place = ARGUMENTS.iter().position(|r| *r == own.op0_register().full_register())?;
    let before = *ARGUMENTS.get(place.checked_sub(1)?)?;
    let call = (index + 1..insns.len().min(index + RUN)).find(|i| at(*i).is_none_or(|i| i.flow_control() != FlowControl::Next))?;
    at(call).filter(|i| i.flow_control() == FlowControl::Call)?;
    let start = (index.saturating_sub(RUN)..index).rev().find(|i| at(*i).is_none_or(|i| i.flow_control() != FlowControl::Next));
    let mut found = None;
    for i in start.map_or(0, |s| s + 1)..call {
        let insn = at(i)?;
        let writes = |r: Register| insn.op0_kind() == OpKind::Register && insn.op0_register().full_register() == r;
        if i > index && writes(own.op0_register().full_register()) {
            return None;
        }
        if writes(before) {
            let loads = insn.mnemonic() == Mnemonic::Lea && insn.is_ip_rel_memory_operand();
            found = loads.then(|| insn.ip_rel_memory_address());
        }
    }
    found
}

/// Stands for the address that an instruction refers to, so that no name of the file passes through the formatter.
const MARK: &str = "\u{1}";

struct Marker;

impl SymbolResolver for Marker {
    fn symbol(&mut self, raw: &Instruction, _: u32, _: Option<u32>, address: u64, _: u32) -> Option<SymbolResult<'_>> {
        // Only what the instruction refers to gets a name: a number that looks like an address stays a number.
        (reference(raw) == Some(address)).then(|| SymbolResult::with_str(address, MARK))
    }
}

/// Writes instructions.
pub(super) struct Formatter {
    fast: FastFormatter,
    bits: u32,
}

impl Formatter {
    pub(super) fn new(bits: u32) -> Option<Self> {
        let mut fast = FastFormatter::try_with_options(Some(Box::new(Marker))).ok()?;
        let options = fast.options_mut();
        options.set_use_hex_prefix(true);
        options.set_uppercase_hex(false);
        options.set_space_after_operand_separator(true);
        Some(Self { fast, bits })
    }

    /// The text before and after the place of the address that it refers to; all in the first when there is none.
    pub(super) fn text(&mut self, bytes: &[u8], ip: u64) -> (String, String) {
        let mut out = String::new();
        self.fast.format(&raw(self.bits, bytes, ip), &mut out);
        match out.split_once(MARK) {
            Some((before, after)) => (before.to_owned(), after.to_owned()),
            None => (out, String::new()),
        }
    }
}
