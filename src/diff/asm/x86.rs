//! x86 in 32 and 64 bits.

use std::cell::Cell;
use std::rc::Rc;

use iced_x86::{
    Decoder, DecoderOptions, FastFormatter, FlowControl, Instruction, Mnemonic, OpKind, Register, SymbolResolver, SymbolResult,
};

use super::{Ending, Fixup, Hole, Insn, Kind};

/// How code is to be read.
pub(super) struct Mode {
    /// Size of operands and addresses: 32 or 64.
    pub(super) bits: u32,
    /// Whether absolute addresses in it are those of the file.
    pub(super) fixed: bool,
}

/// Makes the tables of the decoder, which are made once.
pub(super) fn prepare() {
    let _ = Decoder::new(64, &[0x90], DecoderOptions::NONE).decode();
}

/// All instructions of some code. `fixups` are sorted by address.
pub(super) fn decode(mode: &Mode, code: &[u8], address: u64, fixups: &[Fixup]) -> Vec<Insn> {
    let mut decoder = Decoder::with_ip(mode.bits, code, address, DecoderOptions::NONE);
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
        } else if let Some((to, place)) = operand(mode, &decoder, &raw, &insn, code, fixups) {
            (insn.kind, insn.to, insn.hole) = (Kind::Reference, to, Hole::bytes(place.0, place.1));
        }
        out.push(insn.sealed(insn.bytes(code)));
    }
    out
}

/// The one address that an instruction refers to, and where its bytes are: offset in the instruction, and size.
fn operand(
    mode: &Mode,
    decoder: &Decoder<'_>,
    raw: &Instruction,
    insn: &Insn,
    code: &[u8],
    fixups: &[Fixup],
) -> Option<(u64, (usize, usize))> {
    let first = fixups.partition_point(|f| f.at < insn.ip);
    let end = insn.ip.saturating_add(u64::from(insn.length));
    let mut inside = fixups.get(first..).unwrap_or_default().iter().take_while(|f| f.at < end);
    let to = reference(raw).or_else(|| if mode.fixed { absolute(raw) } else { None });
    let fixup = inside.next();
    if to.is_none() && fixup.is_none() {
        return None;
    }
    let offsets = decoder.get_constant_offsets(raw);
    let displacement = offsets.has_displacement().then(|| (offsets.displacement_offset(), offsets.displacement_size()));
    let immediate = offsets.has_immediate().then(|| (offsets.immediate_offset(), offsets.immediate_size()));
    if let Some(fixup) = fixup {
        // What the loader fills in is one whole operand and the only one that is an address, or nothing is known.
        let (size, to) = fixup.address.filter(|_| inside.next().is_none() && reference(raw).is_none())?;
        let place = (usize::try_from(fixup.at - insn.ip).ok()?, usize::from(size));
        return (displacement == Some(place) || immediate == Some(place)).then_some((to, place));
    }
    let place = displacement.or(immediate)?;
    // AMD and Intel disagree how long a branch with this prefix is in 64-bit code.
    let prefixed = mode.bits == 64 && is_branch(raw) && insn.bytes(code).iter().take(place.0).any(|b| *b == 0x66);
    Some((to?, place)).filter(|_| !prefixed)
}

/// One instruction from its bytes.
pub(super) fn raw(bits: u32, bytes: &[u8], ip: u64) -> Instruction {
    Decoder::with_ip(bits, bytes, ip, DecoderOptions::NONE).decode()
}

/// The address it refers to, relative to itself.
fn reference(raw: &Instruction) -> Option<u64> {
    if raw.is_ip_rel_memory_operand() {
        return Some(raw.ip_rel_memory_address());
    }
    is_branch(raw).then(|| raw.near_branch_target())
}

fn is_branch(raw: &Instruction) -> bool {
    matches!(raw.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}

/// The address of memory that it reads or writes, when no register takes part. `LEA` and `NOP` may mean a mere number, and
/// FS and GS have bases of their own.
fn absolute(raw: &Instruction) -> Option<u64> {
    let memory = raw.op_kinds().any(|kind| kind == OpKind::Memory);
    let bare = raw.memory_base() == Register::None && raw.memory_index() == Register::None;
    let number = matches!(raw.mnemonic(), Mnemonic::Lea | Mnemonic::Nop);
    let segment = matches!(raw.memory_segment(), Register::FS | Register::GS);
    (memory && bare && !number && !segment).then(|| raw.memory_displacement64())
}

/// The numbers of so many bytes and more in the operands of some code: immediates, and displacements that count from a register.
pub(super) fn numbers(bits: u32, code: &[u8], address: u64, least: usize) -> Vec<i64> {
    let mut decoder = Decoder::with_ip(bits, code, address, DecoderOptions::NONE);
    let mut insn = Instruction::default();
    let mut out = Vec::new();
    while decoder.can_decode() {
        decoder.decode_out(&mut insn);
        // What a processor in 64 bits makes eight bytes of has four in the code, but for one form of `mov`.
        if decoder.get_constant_offsets(&insn).displacement_size() >= least && !insn.is_ip_rel_memory_operand() {
            out.push(insn.memory_displacement64().cast_signed());
        }
        let wide = |n: &u32| match insn.op_kind(*n) {
            OpKind::Immediate64 => true,
            OpKind::Immediate32 | OpKind::Immediate32to64 => least <= 4,
            _ => false,
        };
        out.extend((0..insn.op_count()).filter(wide).filter_map(|n| insn.try_immediate(n).ok()).map(u64::cast_signed));
    }
    out
}

/// Whether an instruction that starts inside another one ends with it and has the same operand that refers to an address.
pub(super) fn is_tail(mode: &Mode, whole: &Insn, code: &[u8], offset: u8) -> bool {
    let Some(rest) = whole.bytes(code).get(usize::from(offset)..) else { return false };
    let inner = decode(mode, rest, whole.ip.wrapping_add(u64::from(offset)), &[]);
    let [only] = inner.as_slice() else { return false };
    let hole = match only.hole {
        Hole::Bytes(from, size) => Hole::Bytes(from.saturating_add(offset), size),
        other => other,
    };
    only.kind == whole.kind && only.kind != Kind::Invalid && hole == whole.hole && only.to == whole.to
}

fn is_padding(raw: &Instruction) -> bool {
    matches!(raw.mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
}

/// Whether all instructions do nothing, or trap.
pub(super) fn is_all_padding(bits: u32, code: &[u8]) -> bool {
    Decoder::new(bits, code, DecoderOptions::NONE).iter().all(|insn| is_padding(&insn))
}

/// One instruction of padding in a form that assemblers write (`nop` of the processor manuals, with prefixes), or a trap.
pub(super) fn is_plain_padding(bytes: &[u8]) -> bool {
    const FORMS: [&[u8]; 7] = [
        &[0x90],
        &[0xcc],
        &[0x0f, 0x1f, 0],
        &[0x0f, 0x1f, 0x40, 0],
        &[0x0f, 0x1f, 0x44, 0, 0],
        &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
        &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
    ];
    let start = bytes.iter().position(|b| !matches!(b, 0x66 | 0x2e)).unwrap_or(bytes.len());
    bytes.get(start..).is_some_and(|rest| FORMS.contains(&rest))
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

/// Whether an instruction reads a register, or a part of it, or may.
fn reads(insn: &Instruction, register: iced_x86::Register) -> bool {
    use iced_x86::OpAccess::{CondRead, CondWrite, Read, ReadCondWrite, ReadWrite};
    let mut info = iced_x86::InstructionInfoFactory::new();
    let access = |used: &iced_x86::UsedRegister| matches!(used.access(), Read | CondRead | ReadWrite | ReadCondWrite | CondWrite);
    info.info(insn).used_registers().iter().any(|used| used.register().full_register() == register && access(used))
}

/// For `mov r32, imm32` that loads an argument of the next call (System V order): the address that `lea` loads the argument
/// before it with, in the same straight run of code, and what is called.
pub(super) fn argument_before(insns: &[Insn], code: &[u8], index: usize) -> Option<(u64, Ending)> {
    use iced_x86::{Mnemonic, Register};
    const ARGUMENTS: [Register; 6] = [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];
    let at = |i: usize| insns.get(i).map(|insn| raw(64, insn.bytes(code), insn.ip));
    let own = at(index).filter(|i| i.mnemonic() == Mnemonic::Mov && i.op1_kind() == OpKind::Immediate32)?;
    let place = ARGUMENTS.iter().position(|r| *r == own.op0_register().full_register())?;
    let before = *ARGUMENTS.get(place.checked_sub(1)?)?;
    let next = (index + 1..insns.len().min(index + RUN)).find(|i| at(*i).is_none_or(|i| i.flow_control() != FlowControl::Next))?;
    let call = at(next)?;
    let callee = match call.flow_control() {
        FlowControl::Call => Ending::Calls(call.near_branch_target()),
        FlowControl::IndirectCall if call.is_ip_rel_memory_operand() => Ending::CallsThrough(call.ip_rel_memory_address()),
        _ => return None,
    };
    let start = (index.saturating_sub(RUN)..index).rev().find(|i| at(*i).is_none_or(|i| i.flow_control() != FlowControl::Next));
    let mut found = None;
    for i in start.map_or(0, |s| s + 1)..next {
        let insn = at(i)?;
        let writes = |r: Register| insn.op0_kind() == OpKind::Register && insn.op0_register().full_register() == r;
        // What reads the number on the way may use it for anything.
        if i > index && (writes(own.op0_register().full_register()) || reads(&insn, own.op0_register().full_register())) {
            return None;
        }
        if writes(before) {
            let loads = insn.mnemonic() == Mnemonic::Lea && insn.is_ip_rel_memory_operand();
            found = loads.then(|| insn.ip_rel_memory_address());
        }
    }
    found.map(|address| (address, callee))
}

/// Stands for the address that an instruction refers to, so that no name of the file passes through the formatter.
const MARK: &str = "\u{1}";

/// Only what the instruction refers to gets a name: a number that looks like an address stays a number.
struct Marker(Rc<Cell<Option<u64>>>);

impl SymbolResolver for Marker {
    fn symbol(&mut self, _: &Instruction, _: u32, _: Option<u32>, address: u64, _: u32) -> Option<SymbolResult<'_>> {
        (self.0.get() == Some(address)).then(|| SymbolResult::with_str(address, MARK))
    }
}

/// Writes instructions.
pub(super) struct Formatter {
    fast: FastFormatter,
    bits: u32,
    named: Rc<Cell<Option<u64>>>,
}

impl Formatter {
    pub(super) fn new(bits: u32) -> Option<Self> {
        let named = Rc::new(Cell::new(None));
        let mut fast = FastFormatter::try_with_options(Some(Box::new(Marker(named.clone())))).ok()?;
        let options = fast.options_mut();
        options.set_use_hex_prefix(true);
        options.set_uppercase_hex(false);
        options.set_space_after_operand_separator(true);
        Some(Self { fast, bits, named })
    }

    /// The text before and after the place of the address that it refers to; all in the first when there is none.
    pub(super) fn text(&mut self, insn: &Insn, bytes: &[u8]) -> (String, String) {
        let mut out = String::new();
        self.named.set(insn.named());
        self.fast.format(&raw(self.bits, bytes, insn.ip), &mut out);
        match out.split_once(MARK) {
            Some((before, after)) => (before.to_owned(), after.to_owned()),
            None => (out, String::new()),
        }
    }
}
