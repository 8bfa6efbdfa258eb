//! x86 in 32 and 64 bits.

use iced_x86::{Decoder, DecoderOptions, FastFormatter, FlowControl, Instruction, OpKind, SymbolResolver, SymbolResult};

use super::{Hole, Insn, Kind};

/// All instructions of some code.
pub(super) fn decode(bits: u32, code: &[u8], address: u64) -> Vec<Insn> {
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
                insn.hole = Hole::bytes(from, size);
            }
        }
        out.push(insn.sealed(insn.bytes(code)));
    }
    out
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
